// Package nag writes down why a finding of cdk-nag is accepted. It decides nothing: each construct accepts its own.
package nag

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Accept accepts a rule's findings on a construct and on what is in it. The reason is one sentence for whoever reviews the
// template, where it stands as metadata.
func Accept(on constructs.Construct, rule, reason string, findings ...string) {
	accepted := &cdknag.NagPackSuppression{Id: &rule, Reason: &reason}
	if len(findings) > 0 {
		of := make([]any, len(findings))
		for i, finding := range findings {
			of[i] = finding
		}
		accepted.AppliesTo = &of
	}
	cdknag.NagSuppressions_AddResourceSuppressions(on, &[]*cdknag.NagPackSuppression{accepted}, jsii.Bool(true))
}

// Package nag writes down why a finding of cdk-nag is accepted. It decides nothing: each construct accepts its own.
package nag

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Accept accepts a rule's findings on a construct and on what is in it. The reason is one sentence for whoever reviews the
// template, where it stands as metadata.
func Accept(on constructs.Construct, rule, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(on, &[]*cdknag.NagPackSuppression{{Id: &rule, Reason: &reason}}, jsii.Bool(true))
}

// AcceptIn accepts a rule's findings in a whole stack of alike resources, so that the reason stands in its template once.
func AcceptIn(stack awscdk.Stack, rule, reason string) {
	cdknag.NagSuppressions_AddStackSuppressions(stack, &[]*cdknag.NagPackSuppression{{Id: &rule, Reason: &reason}}, nil)
}

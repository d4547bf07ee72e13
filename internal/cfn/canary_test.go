package cfn_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

// canary makes a secret that can be told apart from all others, and that no digest or id contains by chance.
func canary(n int) string { return fmt.Sprintf("canary%03d-S3cr3t", n) }

// Every way by which a secret comes to the builder, each with a canary of its own. None may be in anything that the
// package produces: document, verdict, error, warning.
func canaryDescription() (cfn.Description, cfn.ReviewInput) {
	n := 0
	secret := func() string { n++; return canary(n) }
	context := func(format string, args ...any) *string { return aws.String(fmt.Sprintf(format, args...)) }
	fromParameter := func(name, before, after string) types.ResourceChangeDetail {
		d := property(name, before, after)
		d.ChangeSource, d.CausingEntity = types.ChangeSourceParameterReference, aws.String("Hidden")
		return d
	}
	first, second := secret(), secret()
	noEcho := secret()
	given := secret()
	met := secret()

	byCause := modified("ByCause", "AWS::X::Y", "", "", fromParameter("Plain", first, second))
	byCause.BeforeContext, byCause.AfterContext = context(`{"Properties":{"Plain":%q}}`, first), context(`{"Properties":{"Plain":%q}}`, second)

	byTemplate := modified("ByTemplate", "AWS::X::Y", "", "", property("List", "", ""))
	byTemplate.BeforeContext, byTemplate.AfterContext = context(`{"Properties":{"List":[{"V":%q}],"Text":"old"}}`, secret()), context(`{"Properties":{"List":[{"V":%q}],"Text":"new"}}`, secret())
	byTemplate.Details[0].Target.BeforeValue, byTemplate.Details[0].Target.AfterValue = context(`[{"V":%q}]`, secret()), context(`[{"V":%q}]`, secret())

	named := modified("Named", "AWS::RDS::DBInstance", "", "", property("MasterUserPassword", met, secret()))
	named.BeforeContext, named.AfterContext = context(`{"Properties":{"MasterUserPassword":%q}}`, met), context(`{"Properties":{"MasterUserPassword":%q}}`, secret())
	named.PreviousDeploymentContext, named.ResourceDriftStatus = context(`{"Properties":{"MasterUserPassword":%q}}`, secret()), types.StackResourceDriftStatusModified
	named.Details[0].Target.Drift = &types.LiveResourceDrift{ActualValue: aws.String(secret()), PreviousValue: aws.String(secret())}

	script := func() string {
		return base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nexport DB_PASSWORD=" + secret() + "\ncurl https://joe:" + secret() + "@example.com/\nrun --token " + secret() + "\n"))
	}
	instance := modified("Instance", "AWS::EC2::Instance", "", "", property("UserData", "", ""))
	instance.Details[0].Target.BeforeValue, instance.Details[0].Target.AfterValue = aws.String(script()), aws.String(script())
	instance.BeforeContext, instance.AfterContext = context(`{"Properties":{"UserData":%q}}`, script()), context(`{"Properties":{"UserData":%q}}`, script())

	environment := modified("Env", "AWS::Lambda::Function", "", "", property("Environment", "", ""))
	environment.Details[0].Target.BeforeValue = context(`{"Variables":{"API_KEY":%q}}`, secret())
	environment.Details[0].Target.AfterValue = context(`{"Variables":{"API_KEY":%q,"cut`, secret())
	environment.BeforeContext = context(`{"Properties":{"Environment":{"Variables":{"API_KEY":%q,"URL":"postgres://u:%s@h/d"}}}}`, secret(), secret())
	environment.AfterContext = context(`{"Properties":{"Environment":{"Variables":{"API_KEY":%q,"URL":"postgres://u:%s@h/d"}}}}`, secret(), secret())

	containers := types.ResourceChange{Action: "Add", LogicalResourceId: aws.String("Task"), ResourceType: aws.String("AWS::ECS::TaskDefinition")}
	containers.AfterContext = context(`{"Properties":{"ContainerDefinitions":[{"Environment":[{"Name":"DB_PASSWORD","Value":%q}]}]}}`, secret())
	removed := types.ResourceChange{Action: "Remove", PolicyAction: "Delete", LogicalResourceId: aws.String("Gone"), PhysicalResourceId: aws.String("gone"), ResourceType: aws.String("AWS::SecretsManager::Secret")}
	removed.BeforeContext = context(`{"Properties":{"SecretString":"{\"password\":%q}"}}`, secret())
	broken := modified("Broken", "AWS::X::Y", "", "", property("X", "1", "2"))
	broken.BeforeContext, broken.AfterContext = context(`{"Properties":{"Password":%q,`, secret()), context(`{"Properties":{"List":[{"Name":"DB_PASSWORD","Value":%q`, secret())
	policy := types.ResourceChange{Action: "Add", LogicalResourceId: aws.String("Policy"), ResourceType: aws.String("AWS::S3::BucketPolicy")}
	policy.AfterContext = context(`{"Properties":{"PolicyDocument":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:Referer":%q}}}]}}}`, given)
	elsewhere := modified("Elsewhere", "AWS::X::Y", "", "", property("Description", "the password is "+met, "and "+given))
	elsewhere.BeforeContext, elsewhere.AfterContext = context(`{"Properties":{"Description":"the password is %s"}}`, met), context(`{"Properties":{"Description":"and %s"}}`, given)
	tagged := modified("Tagged", "AWS::S3::Bucket", "", "", types.ResourceChangeDetail{Evaluation: "Static", Target: &types.ResourceTargetDefinition{Attribute: "Tags", Path: aws.String("/Tags/0/Value"), BeforeValue: aws.String(met), AfterValue: aws.String(given)}})
	nestedStack := modified("Nested", "AWS::CloudFormation::Stack", "", "", fromParameter("Parameters", "", ""))
	nestedStack.Details[0].Target.Path = aws.String("/Properties/Parameters/Inner")
	nestedStack.Details[0].Target.BeforeValue, nestedStack.Details[0].Target.AfterValue = aws.String(secret()), aws.String(secret())
	nestedStack.ChangeSetId = aws.String("child")
	inner := property("Anything", secret(), secret())
	inner.ChangeSource, inner.CausingEntity = types.ChangeSourceParameterReference, aws.String("Inner")
	child := set("child", resource(modified("Deep", "AWS::X::Y", "", "", inner)))
	child.Parameters = []types.Parameter{{ParameterKey: aws.String("Inner"), ParameterValue: aws.String(secret())}, {ParameterKey: aws.String("AdminPassword"), ParameterValue: aws.String(secret())}}

	s := set("root", resource(byCause), resource(byTemplate), resource(named), resource(instance), resource(environment), resource(containers), resource(removed), resource(broken), resource(policy), resource(elsewhere), resource(tagged), resource(nestedStack))
	s.Parameters = []types.Parameter{
		{ParameterKey: aws.String("Hidden"), ParameterValue: aws.String(noEcho), ResolvedValue: aws.String(secret())},
		{ParameterKey: aws.String("DbPassword"), ParameterValue: aws.String(secret())},
		{ParameterKey: aws.String("Url"), ParameterValue: aws.String("https://joe:" + secret() + "@example.com")},
	}
	s.Description = aws.String("deployed with " + noEcho)
	s.Tags = []types.Tag{{Key: aws.String("note"), Value: aws.String(given)}}
	s.StatusReason = aws.String(noEcho)
	d := cfn.Description{
		Set: s, Nested: map[string]cfn.Description{"child": {Set: child}}, Warnings: []string{"warned of " + noEcho}, Limits: []string{"limited by " + met},
		Findings: []plan.Finding{{Source: "validation", Name: "X", Summary: "value " + met + " is wrong, and AKIAIOSFODNN7EXAMPLE too"}},
	}
	in := cfn.ReviewInput{
		Deployment:    &plan.Deployment{ID: "d", Reason: "because of " + given, CommitSubject: "set " + met},
		Secrets:       []string{given},
		AfterTemplate: []byte("Parameters:\n  Hidden: {Type: String, NoEcho: true}\nResources:\n  ByTemplate:\n    Type: AWS::X::Y\n    Properties:\n      List:\n        - V: !Sub '${Hidden}-x'\n"),
		Before: &types.Stack{
			Parameters: []types.Parameter{{ParameterKey: aws.String("Hidden"), ParameterValue: aws.String(secret())}, {ParameterKey: aws.String("DbPassword"), ParameterValue: aws.String(secret())}, {ParameterKey: aws.String("OldToken"), ParameterValue: aws.String(secret())}},
			Tags:       []types.Tag{{Key: aws.String("note"), Value: aws.String(met)}},
		},
	}
	return d, in
}

func TestNoCanaryLeavesTheBuilder(t *testing.T) {
	d, in := canaryDescription()
	r := review(t, d, in)
	encoded, err := plan.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	text := string(encoded)
	for n := range 200 {
		if at := strings.Index(text, canary(n)); at >= 0 {
			t.Errorf("%s is in the document: …%s…", canary(n), text[max(0, at-200):min(len(text), at+60)])
		}
	}
	// The middle of a canary, and its base64, would be found by whoever looks for them.
	for _, part := range []string{"S3cr3t", base64.StdEncoding.EncodeToString([]byte("DB_PASSWORD=canary"))[:12], "AKIAIOSFODNN7"} {
		if at := strings.Index(text, part); at >= 0 {
			t.Errorf("%q is in the document: …%s…", part, text[max(0, at-200):min(len(text), at+60)])
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(got, "S3cr3t") {
		t.Error("printing the review shows a secret")
	}
	if in.Deployment.Reason != "because of "+canary(4) {
		t.Errorf("the caller's own deployment was changed: %q", in.Deployment.Reason)
	}
	if !strings.Contains(text, `"sensitive":true`) || !strings.Contains(text, plan.TextSensitive) {
		t.Error("nothing in the document says that something is hidden")
	}
}

// A hidden value may change without a trace in any digest: its hash could be guessed.
func TestDigestsDoNotDependOnSecrets(t *testing.T) {
	d, in := canaryDescription()
	r := review(t, d, in)
	changed := func(text *string) *string {
		if text == nil {
			return nil
		}
		return aws.String(strings.ReplaceAll(*text, "S3cr3t", "0th3rx"))
	}
	for _, path := range []string{"ByCause", "Named", "Task", "Gone"} {
		for i, c := range d.Set.Changes {
			if aws.ToString(c.ResourceChange.LogicalResourceId) != path {
				continue
			}
			other := *c.ResourceChange
			other.BeforeContext, other.AfterContext, other.PreviousDeploymentContext = changed(other.BeforeContext), changed(other.AfterContext), changed(other.PreviousDeploymentContext)
			d.Set.Changes[i].ResourceChange = &other
		}
	}
	again := review(t, d, in)
	if r.Digest != again.Digest || r.ContentDigest != again.ContentDigest {
		t.Error("a digest depends on a secret")
	}
}

func TestLoadErrorsShowNoValues(t *testing.T) {
	for _, text := range []string{
		`{"Parameters":[{"ParameterKey":"Pw","ParameterValue":"` + canary(1) + `"`,
		`{"Changes":[{"ResourceChange":{"BeforeContext":{"` + canary(1) + `":1}}}]}`,
		`{"` + canary(1) + `":1}`,
	} {
		if _, err := cfn.LoadDescription(cfn.SavedAnswer{Name: "a.json", Data: []byte(text)}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v", err)
		}
	}
}

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"stackgate/infra/target"
	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/test/iam/policy"
)

// call is what a function's tasks ask of CloudFormation, on which kinds of resources, and in what sort of deployment.
type call struct {
	action  string
	of      []installed.Function
	intents []deployment.Intent
	on      []string
}

// Kinds of resources: the stack, one nested in it, a change set of the deployment, one of a nested stack, a transform,
// the execution role, and what has no resource.
const (
	theStack  = "stack"
	nested    = "nested stack"
	theSet    = "change set"
	nestedSet = "nested change set"
	transform = "transform"
	theRole   = "execution role"
	// theTemplate is what CloudFormation reads with the session's rights.
	theTemplate = "template"
	nothing     = "*"
)

var (
	all     = installed.Functions()
	plans   = []installed.Function{installed.Plan}
	execs   = []installed.Function{installed.Execute}
	reads   = []installed.Function{installed.Events}
	deploys = []deployment.Intent{deployment.IntentDeploy, deployment.IntentPlan}
	recover = []deployment.Intent{deployment.IntentRecover}
	always  = append(append([]deployment.Intent{}, deploys...), recover...)
)

var calls = []call{
	{"DescribeStacks", all, always, []string{theStack, nested}},
	{"DescribeStackEvents", all, always, []string{theStack, nested}},
	{"DescribeEvents", append(plans, installed.Events), always, []string{theStack, theSet}},
	{"ListStackResources", append(plans, installed.Execute), always, []string{theStack, nested}},
	{"ListChangeSets", plans, always, []string{theStack}},
	{"DescribeChangeSet", all, always, []string{theStack, theSet, nestedSet}},
	{"DescribeChangeSetHooks", plans, always, []string{theStack, theSet}},
	{"ListHookResults", reads, always, []string{theStack, theSet}},
	{"GetHookResult", append(plans, installed.Events), always, []string{nothing}},
	{"CreateChangeSet", plans, deploys, []string{theStack, transform}},
	{"s3:GetObject", plans, deploys, []string{theTemplate}},
	{"DeleteChangeSet", plans, deploys, []string{theStack, theSet}},
	{"DeleteStack", plans, deploys, []string{theStack}},
	{"TagResource", plans, deploys, []string{theStack, theSet}},
	{"ExecuteChangeSet", execs, deploys, []string{theStack, theSet}},
	{"TagResource", execs, deploys, []string{theStack}},
	{"ContinueUpdateRollback", execs, recover, []string{theStack}},
	{"RollbackStack", execs, recover, []string{theStack}},
	{"DeleteStack", execs, recover, []string{theStack}},
	{"iam:PassRole", plans, deploys, []string{theRole}},
	{"iam:PassRole", execs, recover, []string{theRole}},
}

// dangerous is what changes something. GetHookResult is not: it reads, but knows no stack.
var dangerous = []string{
	"CreateChangeSet", "DeleteChangeSet", "ExecuteChangeSet", "DeleteStack", "ContinueUpdateRollback", "RollbackStack",
	"CreateStack", "UpdateStack", "SetStackPolicy", "UpdateTerminationProtection", "CancelUpdateStack", "SignalResource",
	"CreateStackSet", "RegisterType", "iam:PassRole", "s3:GetObject", "s3:PutObject",
}

func resourceOf(d service.Definition, kind string) string {
	prefix := "arn:aws:cloudformation:" + d.Region + ":"
	id := d.Service + "-" + d.Environment + "-" + exampleTime
	switch kind {
	case theStack:
		return prefix + d.Account + ":stack/" + d.StackName + "/0e1f"
	case nested:
		return prefix + d.Account + ":stack/" + d.StackName + "-Queue-1ABC/0e1f"
	case theSet:
		return prefix + d.Account + ":changeSet/" + id + "/0e1f"
	case nestedSet:
		return prefix + d.Account + ":changeSet/" + id + "-Queue-1ABC/0e1f"
	case transform:
		return prefix + "aws:transform/Serverless-2016-10-31"
	case theRole:
		return d.ExecutionRole
	case theTemplate:
		return plain.BucketARN() + "/documents/" + recordOf(d).Template
	}
	return nothing
}

func actionOf(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return "cloudformation:" + name
}

// inSession is whether a function, in the role that is installed for a definition and in a session for a deployment of it,
// may do something to what belongs to another definition, or to this one.
func inSession(t *testing.T, made *synthesized, f installed.Function, d service.Definition, intent deployment.Intent, action, resource string) policy.Decision {
	t.Helper()
	role := made.template(t, rolesOf(d)).one(t, "AWS::IAM::Role", "RoleName", target.RoleName(plain, f, d))
	var identity []policy.Document
	for _, inline := range role.Properties["Policies"].([]any) {
		text, err := json.Marshal(inline.(map[string]any)["PolicyDocument"])
		if err != nil {
			t.Fatal(err)
		}
		document, err := policy.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		identity = append(identity, document)
	}
	record := recordOf(d)
	record.Intent = intent
	templates := installed.TemplateBucket{Name: plain.Bucket(), Region: plain.Region}
	text, err := installed.SessionPolicy("aws", f, record, d.NestedStacks, d.ExecutionRole, templates)
	if err != nil {
		t.Fatal(err)
	}
	session, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	decision, err := policy.Policies{Identity: identity, Session: []policy.Document{session}, ResourceAccount: d.Account}.Decide(policy.Request{
		Role: "arn:aws:iam::" + d.Account + ":role/" + target.RoleName(plain, f, d), Action: actionOf(action), Resource: resource,
		Context: policy.Context{"iam:PassedToService": {"cloudformation.amazonaws.com"}, "cloudformation:ChangeSetName": {string(record.ID)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return decision
}

// The installed roles and the sessions in which they are assumed permit together what the tasks call, and nothing that
// changes anything besides.
func TestRolesAndSessionsAgree(t *testing.T) {
	made := example(t)
	definitions, err := exampleDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		for _, f := range installed.Functions() {
			for _, intent := range always {
				permitted := map[string]bool{}
				for _, c := range calls {
					if !slices.Contains(c.of, f) || !slices.Contains(c.intents, intent) {
						continue
					}
					permitted[c.action] = true
					for _, kind := range c.on {
						if kind == nested && !d.NestedStacks {
							continue
						}
						if got := inSession(t, made, f, d, intent, c.action, resourceOf(d, kind)); got != policy.Allowed {
							t.Errorf("%s of %s for %s may not %s on its %s: %s", f, d, intent, c.action, kind, got)
						}
					}
				}
				for _, action := range dangerous {
					for _, kind := range []string{theStack, nested, theSet, nestedSet, transform, theRole, theTemplate, nothing} {
						// What a role could do in another sort of deployment, the session does not let it do in this one.
						passes := action == "iam:PassRole" && f != installed.Events && kind == theRole
						if got := inSession(t, made, f, d, intent, action, resourceOf(d, kind)); got == policy.Allowed && !permitted[action] && !passes {
							t.Errorf("%s of %s for %s may %s on its %s", f, d, intent, action, kind)
						}
					}
				}
			}
		}
	}
}

// No service's role reaches another's stack, whatever the two are called.
func TestRolesKeepToTheirStack(t *testing.T) {
	made := example(t)
	definitions, err := exampleDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		others := slices.DeleteFunc(slices.Clone(definitions), func(o service.Definition) bool { return o.Service == d.Service && o.Environment == d.Environment })
		// One whose names begin like this one's, in the same account.
		alike := d
		alike.Environment, alike.StackName = d.Environment+"x", d.StackName+"x"
		other := d
		other.ExecutionRole = d.ExecutionRole + "-other"
		other.Service, other.StackName = "another", "shop-another-"+d.Environment
		for _, o := range append(others, alike, other) {
			for _, f := range installed.Functions() {
				for _, intent := range always {
					for _, action := range append([]string{"DescribeStacks", "DescribeChangeSet"}, dangerous...) {
						for _, kind := range []string{theStack, nested, theSet, nestedSet, theRole, theTemplate} {
							resource := resourceOf(o, kind)
							if kind == theRole && o.ExecutionRole == d.ExecutionRole {
								continue
							}
							if got := inSession(t, made, f, d, intent, action, resource); got == policy.Allowed {
								t.Errorf("%s of %s may %s on %s", f, d, action, resource)
							}
						}
					}
				}
			}
		}
	}
}

package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stackgate/infra/installation"
	"stackgate/infra/target"
	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

const exampleTime = "20261122T140203Z-7q4k2mxa"

func recordOf(d service.Definition) store.Record {
	return store.Record{
		ID: deployment.ID(d.Service + "-" + d.Environment + "-" + exampleTime), Service: d.Service, Environment: d.Environment,
		Target:   deployment.Target{Account: d.Account, Region: d.Region, StackName: d.StackName},
		Template: fmt.Sprintf("template/%x", sha256.Sum256([]byte(d.Service+"#"+d.Environment))),
	}
}

func rolesOf(d service.Definition) string {
	return target.RolesID(installation.TargetOf(d), installation.Group(d))
}

// statement is a statement of any policy of any template.
type statement struct {
	stack, resource, kind string
	effect                string
	actions, resources    []string
	condition             string
	principal             string
}

func (s statement) String() string {
	return fmt.Sprintf("%s %s: %s %v on %v if %s", s.stack, s.resource, s.effect, s.actions, s.resources, s.condition)
}

// statements lists every statement of every policy.
func statements(t *testing.T, made *synthesized) []statement {
	t.Helper()
	var all []statement
	for stack := range made.texts {
		for id, r := range made.template(t, stack).Resources {
			var walk func(value any)
			walk = func(value any) {
				switch v := value.(type) {
				case []any:
					for _, inner := range v {
						walk(inner)
					}
				case map[string]any:
					if effect, ok := v["Effect"].(string); ok {
						condition, _ := json.Marshal(v["Condition"])
						principal, _ := json.Marshal(v["Principal"])
						all = append(all, statement{stack, id, r.Type, effect, listOf(v["Action"]), listOf(v["Resource"]), string(condition), string(principal)})
						if v["NotAction"] != nil || v["NotResource"] != nil || v["NotPrincipal"] != nil {
							t.Errorf("%s %s: a statement that says what it does not mean", stack, id)
						}
					}
					for _, inner := range v {
						walk(inner)
					}
				}
			}
			walk(r.Properties)
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d statements were found", len(all))
	}
	return all
}

// unbounded are the actions that are allowed on all resources, each because IAM knows no resource for it.
var unbounded = map[string]string{
	"cloudformation:GetHookResult":  "is asked for by the id of a hook's invocation",
	"xray:PutTraceSegments":         "X-Ray has no resources for traces",
	"xray:PutTelemetryRecords":      "X-Ray has no resources for traces",
	"xray:GetSamplingRules":         "X-Ray has no resources for traces",
	"xray:GetSamplingTargets":       "X-Ray has no resources for traces",
	"states:SendTaskSuccess":        "a token belongs to no resource that a policy can name",
	"logs:CreateLogDelivery":        "log delivery has no resources",
	"logs:GetLogDelivery":           "log delivery has no resources",
	"logs:UpdateLogDelivery":        "log delivery has no resources",
	"logs:DeleteLogDelivery":        "log delivery has no resources",
	"logs:ListLogDeliveries":        "log delivery has no resources",
	"logs:PutResourcePolicy":        "resource policies are the account's",
	"logs:DescribeResourcePolicies": "resource policies are the account's",
	"logs:DescribeLogGroups":        "is asked for all groups",
}

func TestNothingIsAllowedWithoutBounds(t *testing.T) {
	for _, made := range []*synthesized{example(t), withEverything(t)} {
		for _, s := range statements(t, made) {
			if s.effect != "Allow" {
				continue
			}
			// A key's policy names the key by a star: it is attached to one.
			ofKey := s.kind == "AWS::KMS::Key"
			for _, action := range s.actions {
				if action == "*" || strings.HasSuffix(action, ":*") && !(ofKey && strings.Contains(s.principal, ":root")) {
					t.Errorf("%s", s)
				}
				if slices.Contains(s.resources, "*") && !ofKey && unbounded[action] == "" {
					t.Errorf("%s on everything: %s", action, s)
				}
			}
			if strings.Contains(s.principal, `"*"`) {
				t.Errorf("everybody: %s", s)
			}
		}
	}
}

// Who may do what is dangerous.
func TestWhoMayWhat(t *testing.T) {
	holders := map[string][]string{}
	made := example(t)
	for _, s := range statements(t, made) {
		if s.effect != "Allow" || s.kind != "AWS::IAM::Role" || s.principal != "null" {
			continue
		}
		name := textOf(made.template(t, s.stack).Resources[s.resource].Properties["RoleName"])
		for _, action := range s.actions {
			if !slices.Contains(holders[action], name) {
				holders[action] = append(holders[action], name)
			}
		}
	}
	only := func(action, pattern string) {
		t.Helper()
		if len(holders[action]) == 0 {
			t.Errorf("nobody may %s", action)
		}
		for _, name := range holders[action] {
			if !regexp.MustCompile("^" + pattern + "$").MatchString(name) {
				t.Errorf("%s may %s", name, action)
			}
		}
	}
	only("cloudformation:ExecuteChangeSet", `stackgate-execute-.*`)
	only("cloudformation:CreateChangeSet", `stackgate-plan-.*`)
	only("cloudformation:ContinueUpdateRollback", `stackgate-execute-.*`)
	only("states:StartExecution", `stackgate-hub-review`)
	only("lambda:InvokeFunction", `stackgate-hub-machine`)
	only("s3:GetObject", `stackgate-(hub-(plan|execute|events|review)|plan-.*)`)
	only("s3:PutObject", `stackgate-hub-(plan|events|review)`)
	only("iam:PassRole", `stackgate-(plan|execute)-.*`)
	only("dynamodb:PutItem", `stackgate-hub-(plan|execute|events|review)`)
	only("events:PutEvents", `stackgate-forward-.*`)
	for action, names := range holders {
		for _, name := range names {
			of, _, _ := strings.Cut(action, ":")
			if strings.HasPrefix(name, "stackgate-hub-") == (of == "cloudformation" || of == "iam") {
				// CloudFormation reads templates with the rights of the role that plans.
				reads := action == "s3:GetObject" && strings.HasPrefix(name, "stackgate-plan-")
				if !strings.HasPrefix(name, "stackgate-forward-") && !reads {
					t.Errorf("%s may %s", name, action)
				}
			}
			changes := !regexp.MustCompile(`:(Describe|List|Get)`).MatchString(action)
			if strings.HasPrefix(name, "stackgate-events-") && changes {
				t.Errorf("%s, which only reads, may %s", name, action)
			}
		}
	}
}

// Of the functions only the front door writes what counts as an approval.
func TestOnlyTheFrontDoorDecides(t *testing.T) {
	made := example(t)
	denied := map[string]bool{}
	for _, s := range statements(t, made) {
		if s.effect == "Deny" && slices.Contains(s.actions, "dynamodb:PutItem") && strings.Contains(s.condition, `"dynamodb:Attributes":["number","asked"]`) {
			denied[textOf(made.template(t, s.stack).Resources[s.resource].Properties["RoleName"])] = true
		}
	}
	for _, f := range installation.AllFunctions() {
		if denied[installation.FunctionRole(f)] == (f == installed.Review) {
			t.Errorf("%s is denied decisions and requests: %v", f, denied[installation.FunctionRole(f)])
		}
	}
}

// Another function with a function's role can do nothing but what Lambda itself must: log, trace, keep what failed, open the
// environment.
func TestRolesServeTheirFunctionOnly(t *testing.T) {
	lambdaItself := regexp.MustCompile(`^(logs:(CreateLogStream|PutLogEvents)|xray:Put(TraceSegments|TelemetryRecords)|sqs:SendMessage|kms:(Decrypt|GenerateDataKey))$`)
	for name, made := range map[string]*synthesized{"plain": example(t), "with everything": withEverything(t)} {
		for _, f := range installation.AllFunctions() {
			t.Run(name+" "+string(f), func(t *testing.T) {
				var allowed, denied []string
				arn := "arn:aws:lambda:eu-west-1:333333333333:function:" + installation.FunctionName(f)
				condition := fmt.Sprintf(`{"ArnNotLike":{"lambda:SourceFunctionArn":[%q,%q]}}`, arn, arn+":*")
				for _, s := range statements(t, made) {
					if s.stack != hub || s.kind != "AWS::IAM::Role" || s.principal != "null" ||
						textOf(made.template(t, hub).Resources[s.resource].Properties["RoleName"]) != installation.FunctionRole(f) {
						continue
					}
					switch {
					case s.effect == "Allow":
						allowed = append(allowed, s.actions...)
					case s.condition == condition && slices.Equal(s.resources, []string{"*"}):
						denied = append(denied, s.actions...)
					}
				}
				if len(allowed) < 8 {
					t.Fatalf("it may only %v", allowed)
				}
				for _, action := range allowed {
					if slices.Contains(denied, action) == lambdaItself.MatchString(action) {
						t.Errorf("%s is denied to other functions: %v", action, slices.Contains(denied, action))
					}
				}
			})
		}
	}
}

// A state machine invokes versions and never what was deployed last.
func TestMachinesInvokeVersionsOnly(t *testing.T) {
	for _, s := range statements(t, example(t)) {
		if slices.Contains(s.actions, "lambda:InvokeFunction") {
			for _, resource := range s.resources {
				if !strings.HasSuffix(resource, ":*") || strings.Contains(resource, "Review") {
					t.Errorf("%s", s)
				}
			}
		}
	}
}

// A function assumes roles of its own kind, in the accounts that hold stacks, and each such role trusts that function for
// one service in one environment and in a session that is named after a deployment of it.
func TestTrust(t *testing.T) {
	for name, made := range map[string]*synthesized{"plain": example(t), "with everything": withEverything(t)} {
		t.Run(name, func(t *testing.T) {
			for _, s := range statements(t, made) {
				if s.stack != hub || s.effect != "Allow" || !slices.Contains(s.actions, "sts:AssumeRole") || s.principal != "null" {
					continue
				}
				role := textOf(made.template(t, hub).Resources[s.resource].Properties["RoleName"])
				f := strings.TrimPrefix(role, "stackgate-hub-")
				want := []string{"arn:aws:iam::111111111111:role/stackgate-" + f + "-*-*", "arn:aws:iam::222222222222:role/stackgate-" + f + "-*-*"}
				if !slices.Equal(s.resources, want) {
					t.Errorf("%s assumes %v", role, s.resources)
				}
			}
			definitions, err := exampleDefinitions()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range definitions {
				for _, f := range installed.Functions() {
					role := made.template(t, rolesOf(d)).one(t, "AWS::IAM::Role", "RoleName", target.RoleName(plain, f, d))
					text, _ := json.Marshal(role.Properties["AssumeRolePolicyDocument"].(map[string]any)["Statement"])
					organization := ""
					if name != "plain" {
						organization = `"aws:PrincipalOrgID":"` + everything.OrganizationID + `",`
					}
					want := fmt.Sprintf(`[{"Action":"sts:AssumeRole","Condition":{"StringEquals":{%s"sts:ExternalId":"%s#%s"},"StringLike":{"sts:RoleSessionName":"%s-%s-????????T??????Z-????????"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:role/stackgate-hub-%s"}}]`,
						organization, d.Service, d.Environment, d.Service, d.Environment, f)
					if string(text) != want {
						t.Errorf("%s trusts %s, not %s", target.RoleName(plain, f, d), text, want)
					}
				}
			}
		})
	}
}

// Only the named role is passed, and to CloudFormation only.
func TestPassedRoles(t *testing.T) {
	n := 0
	for _, s := range statements(t, example(t)) {
		if slices.Contains(s.actions, "iam:PassRole") {
			n++
			if len(s.resources) != 1 || !strings.HasSuffix(s.resources[0], ":role/cfn-exec-shop") || s.condition != `{"StringEquals":{"iam:PassedToService":["cloudformation.amazonaws.com"]}}` {
				t.Errorf("%s", s)
			}
		}
	}
	if n != 6 {
		t.Errorf("%d roles are passed by, not 6", n)
	}
}

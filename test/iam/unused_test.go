package iam_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/installed"
	"stackgate/test/iam/policy"
	"stackgate/test/iam/synth"
)

// unused are permissions that no call of ours needs, by role and action, each with the reason why the role has them.
var unused = map[string]string{
	"hub logs:CreateLogStream":          "the Lambda service writes the function's log with the function's role",
	"hub logs:PutLogEvents":             "the Lambda service writes the function's log with the function's role",
	"hub xray:PutTraceSegments":         "the Lambda service sends the function's traces with the function's role",
	"hub xray:PutTelemetryRecords":      "the Lambda service sends the function's traces with the function's role",
	"hub sqs:SendMessage":               "the Lambda service keeps events that the function failed at with the function's role",
	"execute dynamodb:DeleteItem":       "a waiter that was put for an execution that could not begin is removed again",
	"plan cloudformation:UntagResource": "CloudFormation asks it of the caller where a tag of the stack goes; the simulator does not tell",

	"execute cloudformation:TagResource":   "CloudFormation tags the stack's resources while it executes; without an execution role it does so with the caller's rights",
	"execute cloudformation:UntagResource": "as TagResource",
}

// statements are the actions that a role's policies allow, each once for every statement.
func grants(role synth.Role) map[string][]policy.Statement {
	all := map[string][]policy.Statement{}
	for _, d := range role.Identity {
		for _, s := range d.Statements {
			if s.Effect == policy.Allow {
				for _, action := range s.Actions {
					all[action] = append(all[action], s)
				}
			}
		}
	}
	return all
}

// Every action that a role's statement allows was used by means of that statement, or the table says why it is there.
func TestNoPermissionIsUnused(t *testing.T) {
	in := installation(t)
	used := needs(t)
	claimed := map[string]bool{}
	check := func(who, role string) {
		for action, statements := range grants(in.Roles[role]) {
			for _, s := range statements {
				needed := slices.ContainsFunc(used, func(n need) bool {
					return n.role(in) == role && policy.MatchAction(action, n.Action) && s.Covers(n.Resource)
				})
				reason, group := unused[who+" "+action], who+" "+action
				if reason == "" && strings.HasPrefix(role, hubRole("")) {
					reason, group = unused["hub "+action], "hub "+action
				}
				switch {
				case !needed && reason == "":
					t.Errorf("%s has %s (statement %s), and no call needs it", who, action, s.Sid)
				case !needed:
					claimed[group] = true
				}
			}
		}
	}
	for _, f := range target {
		check(f, hubRole(f))
		check(f, "arn:aws:iam::222222222222:role/stackgate-"+f+"-orders-prod")
	}
	check(review, hubRole(review))
	for what := range unused {
		if !claimed[what] {
			t.Errorf("the table gives a reason for %s, which is used or not there", what)
		}
	}
}

// Roles of services differ in names and nothing else, so that what is proven of one is proven of all.
func TestEveryServiceIsAlike(t *testing.T) {
	in := installation(t)
	name := regexp.MustCompile(`^stackgate-(plan|execute|events)-([a-z0-9-]+)-(staging|prod)$`)
	first := map[string]string{}
	found := 0
	for _, arn := range slices.Sorted(maps.Keys(in.Roles)) {
		role := in.Roles[arn]
		parts := name.FindStringSubmatch(role.Name())
		if parts == nil {
			continue
		}
		found++
		text := strings.NewReplacer(
			"shop-"+parts[2]+"-"+parts[3], "STACK", parts[2]+"-"+parts[3]+"-", "ID", parts[2]+"#"+parts[3], "KEY", strings.Split(arn, ":")[4], "ACCOUNT",
		).Replace(fmt.Sprintf("%+v %+v", role.Trust, role.Identity))
		if first[parts[1]] == "" {
			first[parts[1]] = text
		}
		if text != first[parts[1]] {
			t.Errorf("the role %s is unlike the others of its function (-others +it):\n%s", arn, cmp.Diff(first[parts[1]], text))
		}
	}
	if found != 72 {
		t.Errorf("there are %d roles, not 3 for each of 12 services in 2 environments", found)
	}
}

// What resources forbid, they forbid to whoever may do everything else.
func TestResourcesForbid(t *testing.T) {
	in := installation(t)
	anything, err := policy.Parse([]byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	const administrator = "arn:aws:iam::" + hubAccount + ":role/administrator"
	bucket := "arn:aws:s3:::stackgate-" + hubAccount + "-" + hubRegion
	document := bucket + "/documents/review/" + strings.Repeat("a", 64)
	secure := policy.Context{"aws:SecureTransport": {"true"}, "s3:TlsVersion": {"1.3"}}
	with := func(key, value string) policy.Context {
		c := maps.Clone(secure)
		c[key] = []string{value}
		return c
	}
	for name, row := range map[string]struct {
		action, resource string
		context          policy.Context
		want             policy.Decision
	}{
		"a document is written":      {"s3:PutObject", document, with("s3:if-none-match", "*"), policy.Allowed},
		"a document is written over": {"s3:PutObject", document, secure, policy.Denied},
		"a document is deleted":      {"s3:DeleteObject", document, secure, policy.Denied},
		"a version is deleted":       {"s3:DeleteObjectVersion", document, secure, policy.Denied},
		"a document in clear":        {"s3:GetObject", document, with("aws:SecureTransport", "false"), policy.Denied},
		"a document by old TLS":      {"s3:GetObject", document, with("s3:TlsVersion", "1.1"), policy.Denied},
		"a decision by hand":         {"dynamodb:PutItem", "arn:aws:dynamodb:" + hubRegion + ":" + hubAccount + ":table/stackgate", with("aws:PrincipalArn", administrator), policy.Denied},
		"an announcement in clear":   {"sns:Publish", "arn:aws:sns:" + hubRegion + ":" + hubAccount + ":stackgate-announcements", policy.Context{"aws:SecureTransport": {"false"}}, policy.Denied},
		"an announcement":            {"sns:Publish", "arn:aws:sns:" + hubRegion + ":" + hubAccount + ":stackgate-announcements", secure, policy.Allowed},
	} {
		t.Run(name, func(t *testing.T) {
			own, found := policyOf(in, row.resource)
			if !found {
				t.Fatalf("%s has no policy", row.resource)
			}
			got, err := policy.Policies{Identity: []policy.Document{anything}, Resource: &own, ResourceAccount: hubAccount}.Decide(policy.Request{
				Role: administrator, Action: row.action, Resource: row.resource, Context: row.context,
			})
			if err != nil || got != row.want {
				t.Errorf("%s %v, want %s", got, err, row.want)
			}
		})
	}
}

// The hub's bus takes stack events of the accounts that hold stacks, from the role that forwards them, and nothing else.
func TestTheBusTakesStackEventsOnly(t *testing.T) {
	in := installation(t)
	bus := "arn:aws:events:" + hubRegion + ":" + hubAccount + ":event-bus/stackgate"
	forward := "arn:aws:iam::222222222222:role/stackgate-forward-eu-west-1"
	stackEvent := policy.Context{
		"events:source": {"aws.cloudformation"}, "events:detail-type": {"CloudFormation Stack Status Change"}, "aws:PrincipalOrgID": {"o-a1b2c3d4e5"},
	}
	with := func(key, value string) policy.Context {
		c := maps.Clone(stackEvent)
		c[key] = []string{value}
		return c
	}
	own := in.Policies[bus]
	for name, row := range map[string]struct {
		role    string
		context policy.Context
		want    bool
	}{
		"a stack event":                  {forward, stackEvent, true},
		"an event of another source":     {forward, with("events:source", "shop.orders"), false},
		"another event":                  {forward, with("events:detail-type", "Step Functions Execution Status Change"), false},
		"from outside the organization":  {forward, with("aws:PrincipalOrgID", "o-zzzzzzzzzz"), false},
		"from an account without stacks": {"arn:aws:iam::999999999999:role/stackgate-forward-eu-west-1", stackEvent, false},
	} {
		t.Run(name, func(t *testing.T) {
			bearing := policy.Policies{Identity: in.Roles[forward].Identity, Resource: &own, ResourceAccount: hubAccount}
			got, err := bearing.Decide(policy.Request{Role: row.role, Action: "events:PutEvents", Resource: bus, Context: row.context})
			if err != nil || (got == policy.Allowed) != row.want {
				t.Errorf("%s %v", got, err)
			}
		})
	}
	if got := len(grants(in.Roles[forward])); got != 1 {
		t.Errorf("the role that forwards may do %d things", got)
	}
}

// A function's own role is had by the Lambda service, and the machines' by Step Functions for our machines, and by nobody
// else.
func TestServicesAloneHaveTheHubsRoles(t *testing.T) {
	in := installation(t)
	for arn, role := range in.Roles {
		if !strings.HasPrefix(arn, hubRole("")) {
			continue
		}
		who := "lambda.amazonaws.com"
		context := policy.Context{}
		if role.Name() == "stackgate-hub-machine" {
			who = "states.amazonaws.com"
			context = policy.Context{"aws:SourceAccount": {hubAccount}, "aws:SourceArn": {"arn:aws:states:" + hubRegion + ":" + hubAccount + ":stateMachine:stackgate-orders-prod"}}
		}
		bearing := policy.Policies{Resource: &role.Trust, ResourceAccount: hubAccount, Demanded: true}
		request := policy.Request{Service: who, Action: "sts:AssumeRole", Resource: arn, Context: context}
		if got, err := bearing.Decide(request); err != nil || got != policy.Allowed {
			t.Errorf("%s is not %s's: %s %v", arn, who, got, err)
		}
		for _, s := range role.Trust.Statements {
			if len(s.Principals) != 1 || s.Principals[0] != (policy.PrincipalPattern{Kind: "Service", Name: who}) || len(s.Actions) != 1 || s.Actions[0] != "sts:AssumeRole" {
				t.Errorf("%s trusts %+v for %v", arn, s.Principals, s.Actions)
			}
		}
		if who == "states.amazonaws.com" {
			request.Context["aws:SourceArn"] = []string{"arn:aws:states:" + hubRegion + ":" + hubAccount + ":stateMachine:another"}
			if got, err := bearing.Decide(request); err != nil || got == policy.Allowed {
				t.Errorf("another state machine may have %s: %s %v", arn, got, err)
			}
		}
	}
	// One for each of 12 services in 2 environments, and that for recoveries.
	if len(in.Machines) != 25 {
		t.Errorf("there are %d state machines", len(in.Machines))
	}
	for name, role := range in.Machines {
		if role != hubRole(machine) {
			t.Errorf("%s works with %s", name, role)
		}
	}
}

// A session's policy holds no more than what the role has, so that reading it tells what the session may do.
func TestSessionPoliciesAddNothing(t *testing.T) {
	in := installation(t)
	seen := map[installed.Function]bool{}
	for _, n := range needs(t) {
		if n.session == nil || seen[installed.Function(n.function)] {
			continue
		}
		seen[installed.Function(n.function)] = true
		narrowed, err := policy.Parse([]byte(n.session.Policy))
		if err != nil {
			t.Fatal(err)
		}
		own := grants(in.Roles[n.session.Role])
		for _, s := range narrowed.Statements {
			for _, action := range s.Actions {
				held := slices.ContainsFunc(slices.Collect(maps.Keys(own)), func(has string) bool { return policy.MatchAction(action, has) })
				if !held {
					t.Errorf("the session of %s is given %s, which its role has not", n.function, action)
				}
			}
			if s.Effect != policy.Allow || len(s.NotActions) > 0 {
				t.Errorf("the session of %s has a statement that is not a list of actions: %+v", n.function, s)
			}
		}
	}
	if len(seen) != len(target) {
		t.Errorf("there were sessions of %v", seen)
	}
}

package iam_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stackgate/internal/announcement"
	"stackgate/internal/callback"
	"stackgate/internal/functions"
	"stackgate/internal/installed"
	"stackgate/internal/store/dynamo"
	"stackgate/tasks/changeset"
	"stackgate/tasks/recovery"
	"stackgate/test/iam/calls"
	"stackgate/test/iam/policy"
	"stackgate/test/iam/synth"
)

// hubRole is the ARN of a function's role in the hub.
func hubRole(function string) string {
	return "arn:aws:iam::" + hubAccount + ":role/stackgate-hub-" + function
}

// decide asks the synthesized policies whether a role, in a session where there is one, may do something.
func decide(t *testing.T, in synth.Installation, role string, session *calls.Session, need policy.Request) policy.Decision {
	t.Helper()
	holder, found := in.Roles[role]
	if !found {
		t.Fatalf("the templates make no role %s", role)
	}
	need.Role = role
	need.Context = maps.Clone(need.Context)
	need.Context["aws:PrincipalOrgID"], need.Context["aws:PrincipalArn"] = []string{"o-a1b2c3d4e5"}, []string{role}
	bearing := policy.Policies{Identity: holder.Identity, ResourceAccount: accountOf(need.Resource)}
	if session != nil && session.Policy != "" {
		narrowed, err := policy.Parse([]byte(session.Policy))
		if err != nil {
			t.Fatalf("the session policy of %s: %v", session.Name, err)
		}
		bearing.Session = []policy.Document{narrowed}
	}
	if need.Action == "sts:AssumeRole" {
		target, found := in.Roles[need.Resource]
		if !found {
			t.Fatalf("the templates make no role %s", need.Resource)
		}
		bearing.Resource, bearing.Demanded = &target.Trust, true
	} else if own, found := policyOf(in, need.Resource); found {
		bearing.Resource = &own
	}
	decision, err := bearing.Decide(need)
	if err != nil {
		t.Fatalf("%s on %s: %v", need.Action, need.Resource, err)
	}
	return decision
}

// policyOf is the policy of a resource; that of an object is its bucket's.
func policyOf(in synth.Installation, resource string) (policy.Document, bool) {
	if path, object := strings.CutPrefix(resource, "arn:aws:s3:::"); object {
		name, _, _ := strings.Cut(path, "/")
		resource = "arn:aws:s3:::" + name
	}
	d, found := in.Policies[resource]
	return d, found
}

func accountOf(arn string) string {
	if strings.HasPrefix(arn, "arn:aws:s3:::stackgate-"+hubAccount+"-") {
		return hubAccount
	}
	if parts := strings.Split(arn, ":"); len(parts) > 5 && parts[4] != "" && parts[4] != "aws" {
		return parts[4]
	}
	return ""
}

// need is a permission that a function needs.
type need struct {
	policy.Request
	function string
	session  *calls.Session
}

// role is whose permission it is.
func (n need) role(in synth.Installation) string {
	switch {
	case n.session != nil:
		return n.session.Role
	case n.function == machine:
		for _, role := range in.Machines {
			return role
		}
	}
	return hubRole(n.function)
}

func (n need) String() string {
	as := n.function
	if n.session != nil {
		as = n.session.Role[strings.LastIndexByte(n.session.Role, '/')+1:]
	}
	return fmt.Sprintf("%s: %s on %s %v", as, n.Action, n.Resource, n.Context)
}

// fromFunction adds what Lambda says of every call that a function's code makes with the function's own role ("Using source
// function ARN", Lambda developer guide). A session that the code assumes has it no more.
func fromFunction(context policy.Context, function string) policy.Context {
	context = maps.Clone(context)
	context["lambda:SourceFunctionArn"] = []string{"arn:aws:lambda:" + hubRegion + ":" + hubAccount + ":function:stackgate-" + function}
	return context
}

func TestABorrowedRoleIsDenied(t *testing.T) {
	in := installation(t)
	denied := 0
	for _, n := range needs(t) {
		if n.session != nil || n.function == machine {
			continue
		}
		n.Context = fromFunction(n.Context, "borrower")
		if got := decide(t, in, n.role(in), nil, n.Request); got == policy.Allowed {
			t.Errorf("%s is %s to a function of somebody else's", n, got)
		}
		denied++
	}
	if denied == 0 {
		t.Error("nothing was asked for")
	}
}

// needs are the permissions of all that was called, each once.
func needs(t *testing.T) []need {
	t.Helper()
	var all []need
	seen := map[string]bool{}
	for _, c := range recorded(t) {
		requests, err := c.Needs()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			n := need{Request: r, function: c.Function, session: c.Session}
			if n.session == nil && c.Function != machine {
				n.Context = fromFunction(n.Context, c.Function)
			}
			if text := n.String(); !seen[text] {
				seen[text] = true
				all = append(all, n)
			}
		}
	}
	return all
}

func TestEveryCallIsAllowedInItsOwnRole(t *testing.T) {
	in := installation(t)
	reported := map[string]bool{}
	for _, n := range needs(t) {
		if got := decide(t, in, n.role(in), n.session, n.Request); got != policy.Allowed && !reported[n.function+n.Action] {
			reported[n.function+n.Action] = true
			t.Errorf("%s is %s", n, got)
		}
		if n.session != nil && len(n.session.Policy) > installed.MaxSessionPolicy {
			t.Errorf("the session policy of %s has %d characters", n.session.Name, len(n.session.Policy))
		}
	}
}

// kind is what a permission is about, where the action alone does not say it.
func kind(n need) string {
	switch {
	case n.Action == "s3:GetObject" && n.session != nil:
		return n.Action + " by CloudFormation"
	case n.Action == "s3:PutObject":
		_, path, _ := strings.Cut(n.Resource, "/"+dynamo.DocumentPrefix)
		which, _, _ := strings.Cut(path, "/")
		return n.Action + " " + which
	case n.Action == "dynamodb:PutItem" && slices.Contains(n.Context["dynamodb:Attributes"], dynamo.DecisionNumber):
		return n.Action + " decision"
	case n.Action == "dynamodb:PutItem" && slices.Contains(n.Context["dynamodb:Attributes"], dynamo.RequestMark):
		return n.Action + " request"
	case n.Action == "lambda:InvokeFunction":
		return n.Action + " " + strings.Split(n.Resource, ":")[6]
	}
	return n.Action
}

var (
	everyFunction = []string{"plan", "execute", "events", review}
	target        = []string{"plan", "execute", "events"}
)

// may says which functions may do what; every other must not. A row for everybody is one in which nobody gains by another's
// role.
var may = map[string][]string{
	"cloudformation:CreateChangeSet":        {"plan"},
	"cloudformation:DeleteChangeSet":        {"plan"},
	"cloudformation:ExecuteChangeSet":       {"execute"},
	"cloudformation:ContinueUpdateRollback": {"execute"},
	"cloudformation:RollbackStack":          {"execute"},
	// Planning removes the empty stack that it made, recovery what could not be made.
	"cloudformation:DeleteStack":            {"plan", "execute"},
	"cloudformation:TagResource":            {"plan", "execute"},
	"iam:PassRole":                          {"plan", "execute"},
	"cloudformation:DescribeStacks":         target,
	"cloudformation:DescribeStackEvents":    target,
	"cloudformation:DescribeEvents":         target,
	"cloudformation:DescribeChangeSet":      target,
	"cloudformation:DescribeChangeSetHooks": target,
	"cloudformation:ListChangeSets":         target,
	"cloudformation:ListStackResources":     target,
	"cloudformation:ListHookResults":        target,
	"cloudformation:GetHookResult":          target,

	"dynamodb:GetItem":               everyFunction,
	"dynamodb:Query":                 everyFunction,
	"dynamodb:BatchGetItem":          everyFunction,
	"dynamodb:PutItem":               everyFunction,
	"dynamodb:PutItem decision":      {review},
	"dynamodb:PutItem request":       {review},
	"dynamodb:DeleteItem":            everyFunction,
	"s3:GetObject":                   everyFunction,
	"s3:GetObject by CloudFormation": {"plan"},
	"s3:ListBucket":                  everyFunction,
	"s3:PutObject definition":        {"plan"},
	"s3:PutObject review":            {"plan"},
	"s3:PutObject tail":              {"plan", "events"},
	"s3:PutObject template":          {review},
	"ssm:GetParameter":               everyFunction,
	"states:SendTaskSuccess":         {"plan", "events", review},
	"states:DescribeExecution":       {"plan"},
	"states:GetExecutionHistory":     {"plan"},
	"states:StartExecution":          {review},
	"sns:Publish":                    {"plan", "events", review},
	// Each its own roles: TestRolesAreAssumedForTheirServiceOnly.
	"sts:AssumeRole": target,

	"lambda:InvokeFunction stackgate-plan":    {machine},
	"lambda:InvokeFunction stackgate-execute": {machine},
	"lambda:InvokeFunction stackgate-events":  {machine},
}

func TestNoOtherFunctionMay(t *testing.T) {
	in := installation(t)
	reported := map[string]bool{}
	for _, n := range needs(t) {
		allowed, known := may[kind(n)]
		if !known {
			t.Errorf("%s: the table does not say who may", kind(n))
			continue
		}
		others := everyFunction
		if n.session != nil {
			others = target
		}
		for _, other := range others {
			if slices.Contains(allowed, other) || other == n.function {
				continue
			}
			role := hubRole(other)
			if n.session != nil {
				// Without its session's policy, which a thief of the role would leave away.
				role = strings.Replace(n.session.Role, "stackgate-"+n.function+"-", "stackgate-"+other+"-", 1)
			}
			if got := decide(t, in, role, nil, n.Request); got == policy.Allowed && !reported[other+kind(n)] {
				reported[other+kind(n)] = true
				t.Errorf("the function %s may do what is %s's: %s", other, n.function, n)
			}
		}
	}
	for what, who := range may {
		for _, function := range who {
			if !slices.Contains(append([]string{machine}, everyFunction...), function) {
				t.Errorf("%s: there is no function %s", what, function)
			}
		}
	}
}

// notOfOneStack are permissions that name no stack, each with the reason why another service's role has it too.
var notOfOneStack = map[string]string{
	"cloudformation:GetHookResult": "it knows no resource; the id of a verdict is told only to who may read the stack's events",
	"s3:GetObject":                 "templates lie under the hashes of their contents; the session is given its deployment's alone",
	"iam:PassRole":                 "the services of the example share one execution role; a project may give each its own",
}

func TestOneServiceReachesNoOtherStack(t *testing.T) {
	in := installation(t)
	const own = "-orders-prod"
	tried := 0
	for _, n := range needs(t) {
		if n.session == nil || !strings.HasSuffix(n.session.Role, own) || notOfOneStack[n.Action] != "" || strings.Contains(n.Resource, ":aws:transform/") {
			continue
		}
		tried++
		other := strings.Replace(n.session.Role, own, "-carts-prod", 1)
		if got := decide(t, in, other, nil, n.Request); got == policy.Allowed {
			t.Errorf("the role of carts may act upon the stack of orders: %s", n)
		}
	}
	if tried == 0 {
		t.Error("nothing was called for orders in prod")
	}
}

func TestASessionReachesNoOtherDeployment(t *testing.T) {
	in := installation(t)
	tried := map[string]bool{}
	for _, n := range needs(t) {
		template := n.Action == "s3:GetObject"
		if n.session == nil || !strings.Contains(n.Resource, ":changeSet/") && !template {
			continue
		}
		tried[n.function], tried[n.Action] = true, true
		other := n.Request
		other.Resource = strings.Replace(n.Resource, ":changeSet/"+n.session.Name, ":changeSet/"+n.session.Name[:len(n.session.Name)-8]+"aaaaaaaa", 1)
		if template {
			other.Resource = n.Resource[:strings.LastIndexByte(n.Resource, '/')+1] + strings.Repeat("a", 64)
			review := n.Request
			review.Resource = strings.Replace(n.Resource, "/template/", "/review/", 1)
			if decide(t, in, n.session.Role, nil, review) == policy.Allowed {
				t.Errorf("the role that plans reads what is no template: %s", review.Resource)
			}
		}
		if decide(t, in, n.session.Role, nil, other) != policy.Allowed {
			t.Fatalf("the role itself does not reach %s, so that nothing is proven of its sessions", other.Resource)
		}
		if got := decide(t, in, n.session.Role, n.session, other); got == policy.Allowed {
			t.Errorf("a session reaches what is another deployment's: %s", n)
		}
	}
	if !tried["plan"] || !tried["execute"] || !tried["s3:GetObject"] {
		t.Errorf("change sets and templates were named by %v only", tried)
	}
}

func TestRolesAreAssumedForTheirServiceOnly(t *testing.T) {
	in := installation(t)
	tried := 0
	for _, n := range needs(t) {
		if n.Action != "sts:AssumeRole" {
			continue
		}
		tried++
		refused := func(what, by string, change func(*policy.Request)) {
			other := n.Request
			other.Context = maps.Clone(n.Context)
			change(&other)
			if got := decide(t, in, hubRole(by), nil, other); got == policy.Allowed {
				t.Errorf("%s may be assumed %s", other.Resource, what)
			}
		}
		for _, f := range everyFunction {
			if f != n.function {
				refused("by the function "+f, f, func(*policy.Request) {})
			}
		}
		refused("with the external id of another", n.function, func(r *policy.Request) { r.Context["sts:ExternalId"] = []string{"carts#prod"} })
		refused("without an external id", n.function, func(r *policy.Request) { delete(r.Context, "sts:ExternalId") })
		refused("in a session named for another", n.function, func(r *policy.Request) {
			r.Context["sts:RoleSessionName"] = []string{"carts-prod-20261122T140203Z-7q4k2mxa"}
		})
		stranger := n.Request
		stranger.Role = "arn:aws:iam::999999999999:role/stackgate-hub-" + n.function
		trust := in.Roles[n.Resource].Trust
		anything, err := policy.Parse([]byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (policy.Policies{Identity: []policy.Document{anything}, Resource: &trust, ResourceAccount: accountOf(n.Resource), Demanded: true}).Decide(stranger); err != nil || got == policy.Allowed {
			t.Errorf("%s may be assumed from another account: %v", n.Resource, err)
		}
	}
	if tried == 0 {
		t.Error("no role was assumed")
	}
}

// Every method of what the tasks declare was called by the function that has it, so that no call is missing.
func TestEveryCallIsMade(t *testing.T) {
	made := map[string]bool{}
	for _, c := range recorded(t) {
		made[c.Function+" "+c.Operation] = true
		made["any "+c.Operation] = true
	}
	for who, declared := range map[string][]reflect.Type{
		"plan":    {reflect.TypeFor[functions.Planner]()},
		"execute": {reflect.TypeFor[changeset.Executor](), reflect.TypeFor[recovery.Caller]()},
		"events":  {reflect.TypeFor[functions.Reader]()},
		review:    {reflect.TypeFor[dynamo.Table](), reflect.TypeFor[dynamo.Bucket](), reflect.TypeFor[installed.ExecutionStarter](), reflect.TypeFor[callback.Sender](), reflect.TypeFor[announcement.Publisher]()},
		"any":     {reflect.TypeFor[dynamo.Table](), reflect.TypeFor[dynamo.Bucket](), reflect.TypeFor[installed.Executions](), reflect.TypeFor[installed.History]()},
	} {
		for _, d := range declared {
			for i := range d.NumMethod() {
				if name := d.Method(i).Name; !made[who+" "+name] {
					t.Errorf("%s: %s was never called; add a story in which it is", who, name)
				}
			}
		}
	}
}

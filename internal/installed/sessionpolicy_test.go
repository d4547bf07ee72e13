package installed_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/store"
)

// bucket is where the templates are, encrypted with a key of the customer's.
var bucket = installed.TemplateBucket{
	Name: "stackgate-333333333333-eu-west-1", Region: "eu-west-1", Key: "arn:aws:kms:eu-west-1:333333333333:key/0e1f2a3b-0000-4000-8000-000000000000",
}

const executionRole = "arn:aws:iam::111122223333:role/cfn-exec-shop"

type statement struct {
	Action, NotAction, Resource []string
	Condition                   map[string]map[string]string
}

func policyOf(t *testing.T, function installed.Function, r store.Record, nested bool, role string) []statement {
	t.Helper()
	text, err := installed.SessionPolicy("aws", function, r, nested, role, bucket)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	return policy.Statement
}

// allows says which resources an action is allowed on by name.
func allows(statements []statement, action string) []string {
	var on []string
	for _, s := range statements {
		if slices.Contains(s.Action, action) {
			on = append(on, s.Resource...)
		}
	}
	return on
}

func TestSessionPolicySeparatesFunctions(t *testing.T) {
	for _, row := range []struct {
		action string
		may    []installed.Function
	}{
		{"cloudformation:CreateChangeSet", []installed.Function{installed.Plan}},
		{"cloudformation:DeleteChangeSet", []installed.Function{installed.Plan}},
		{"cloudformation:DeleteStack", []installed.Function{installed.Plan}},
		{"cloudformation:ExecuteChangeSet", []installed.Function{installed.Execute}},
		{"iam:PassRole", []installed.Function{installed.Plan, installed.Execute}},
		{"cloudformation:Describe*", installed.Functions()},
		{"cloudformation:GetHookResult", []installed.Function{installed.Plan, installed.Events}},
		{"cloudformation:*", nil},
		{"*", nil},
	} {
		for _, function := range installed.Functions() {
			got := len(allows(policyOf(t, function, record(), true, executionRole), row.action)) > 0
			if want := slices.Contains(row.may, function); got != want {
				t.Errorf("%s in a session of %s: %v, want %v", row.action, function, got, want)
			}
		}
	}
}

// A recovery is performed by the execute function alone, and by a session that can do nothing else.
func TestSessionPolicySeparatesRecoveries(t *testing.T) {
	recovery := record()
	recovery.Intent = deployment.IntentRecover
	for _, row := range []struct {
		action            string
		deploys, recovers []installed.Function
	}{
		{"cloudformation:CreateChangeSet", []installed.Function{installed.Plan}, nil},
		{"cloudformation:DeleteChangeSet", []installed.Function{installed.Plan}, nil},
		{"cloudformation:ExecuteChangeSet", []installed.Function{installed.Execute}, nil},
		{"cloudformation:ContinueUpdateRollback", nil, []installed.Function{installed.Execute}},
		{"cloudformation:RollbackStack", nil, []installed.Function{installed.Execute}},
		{"cloudformation:DeleteStack", []installed.Function{installed.Plan}, []installed.Function{installed.Execute}},
		{"cloudformation:Describe*", installed.Functions(), installed.Functions()},
		{"cloudformation:List*", installed.Functions(), installed.Functions()},
	} {
		for _, function := range installed.Functions() {
			for intent, c := range map[deployment.Intent]struct {
				r   store.Record
				may []installed.Function
			}{deployment.IntentDeploy: {record(), row.deploys}, deployment.IntentRecover: {recovery, row.recovers}} {
				on := allows(policyOf(t, function, c.r, true, executionRole), row.action)
				if want := slices.Contains(c.may, function); len(on) > 0 != want {
					t.Errorf("%s in a session of %s to %s: %v, want %v", row.action, function, intent, !want, want)
				}
				for _, resource := range on {
					if !strings.Contains(resource, "shop-orders-prod") && !strings.Contains(resource, string(record().ID)) && !strings.HasSuffix(resource, ":aws:transform/*") {
						t.Errorf("%s of %s to %s reaches %s", row.action, function, intent, resource)
					}
				}
			}
		}
	}
}

func TestSessionPolicyIsNarrow(t *testing.T) {
	for _, function := range installed.Functions() {
		for _, s := range policyOf(t, function, record(), true, executionRole) {
			if slices.Equal(s.Action, []string{"cloudformation:GetHookResult"}) {
				// It takes no resource: a statement with one would never match.
				continue
			}
			for _, resource := range s.Resource {
				if !strings.Contains(resource, "shop-orders-prod") && !strings.Contains(resource, string(record().ID)) &&
					!strings.HasSuffix(resource, ":aws:transform/*") && resource != executionRole &&
					resource != bucket.Key && !strings.HasSuffix(resource, "/documents/"+record().Template) {
					t.Errorf("%s: a session reaches %s", function, resource)
				}
			}
		}
		flat := policyOf(t, function, record(), false, executionRole)
		if on := allows(flat, "cloudformation:Describe*"); slices.Contains(on, "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-orders-prod-*/*") {
			t.Errorf("%s: without nested stacks a session reaches stacks whose names begin alike", function)
		}
	}
	passing := policyOf(t, installed.Plan, record(), false, executionRole)
	last := passing[len(passing)-1]
	if !slices.Equal(last.Resource, []string{executionRole}) || last.Condition["StringEquals"]["iam:PassedToService"] != "cloudformation.amazonaws.com" {
		t.Errorf("the execution role is passed by %+v", last)
	}
}

// TestSessionPolicyWithoutExecutionRole: CloudFormation makes resources with the session's rights then.
func TestSessionPolicyWithoutExecutionRole(t *testing.T) {
	for _, function := range installed.Functions() {
		kept := false
		for _, s := range policyOf(t, function, record(), false, "") {
			kept = kept || slices.Equal(s.NotAction, []string{"cloudformation:*"})
			if slices.Contains(s.Action, "iam:PassRole") {
				t.Errorf("%s: a role is passed where there is none", function)
			}
		}
		if want := function != installed.Events; kept != want {
			t.Errorf("%s: keeps the role's other rights: %v, want %v", function, kept, want)
		}
	}
}

func TestSessionPolicyFits(t *testing.T) {
	longest := record()
	longest.ID = deployment.ID(strings.Repeat("s", 24) + "-" + strings.Repeat("e", 12) + "-20261122T140203Z-7q4k2mxa")
	longest.StackName, longest.Region = strings.Repeat("n", 128), "ap-southeast-3"
	role := "arn:aws-us-gov:iam::111122223333:role/" + strings.Repeat("r", 512)
	longestBucket := installed.TemplateBucket{
		Name: "stackgate-333333333333-ap-southeast-3", Region: "ap-southeast-3",
		Key: "arn:aws-us-gov:kms:ap-southeast-3:333333333333:key/mrk-00000000000000000000000000000000",
	}
	for _, function := range installed.Functions() {
		text, err := installed.SessionPolicy("aws-us-gov", function, longest, true, role, longestBucket)
		if err != nil || len(text) > 2048 {
			t.Errorf("%s: %d characters, error %v", function, len(text), err)
		}
	}
	if _, err := installed.SessionPolicy("aws", installed.Plan, longest, true, role+strings.Repeat("r", 2048), bucket); err == nil || !strings.Contains(err.Error(), "STS takes 2048") {
		t.Errorf("a policy that is too long: %v", err)
	}
}

// A session that makes a change set reads its own template and no other, and only that.
func TestSessionPolicyReadsOneTemplate(t *testing.T) {
	recovery := record()
	recovery.Intent = deployment.IntentRecover
	for _, function := range installed.Functions() {
		for intent, r := range map[string]store.Record{"deploy": record(), "recover": recovery} {
			made := policyOf(t, function, r, false, executionRole)
			objects, keys := allows(made, "s3:GetObject"), allows(made, "kms:Decrypt")
			if function != installed.Plan || intent == "recover" {
				if len(objects)+len(keys) > 0 {
					t.Errorf("%s to %s reads %v with %v", function, intent, objects, keys)
				}
				continue
			}
			want := []string{"arn:aws:s3:::stackgate-333333333333-eu-west-1/documents/" + record().Template, bucket.Key}
			if !slices.Equal(objects, want) || !slices.Equal(keys, want) {
				t.Errorf("reads %v with %v, not %v", objects, keys, want)
			}
		}
	}
	managed := bucket
	managed.Key = ""
	text, err := installed.SessionPolicy("aws", installed.Plan, record(), false, executionRole, managed)
	if err != nil || strings.Contains(text, "kms:") {
		t.Errorf("without a key of the customer's: %s, %v", text, err)
	}
	odd := record()
	odd.Template = "template/*"
	if text, err := installed.SessionPolicy("aws", installed.Plan, odd, false, executionRole, bucket); err == nil {
		t.Errorf("every template: %s", text)
	}
}

func TestTemplateURL(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1":     "https://hub.s3.eu-west-1.amazonaws.com/documents/template/abc",
		"us-gov-west-1": "https://hub.s3.us-gov-west-1.amazonaws.com/documents/template/abc",
		"cn-north-1":    "https://hub.s3.cn-north-1.amazonaws.com.cn/documents/template/abc",
	} {
		if got, found := (installed.TemplateBucket{Name: "hub", Region: region}).TemplateURL("template/abc"); got != want || !found {
			t.Errorf("%s: %s %v, want %s", region, got, found, want)
		}
	}
	if got, found := (installed.TemplateBucket{}).TemplateURL("template/abc"); found {
		t.Errorf("no bucket: %s", got)
	}
}

func TestSessionPolicyRefusesPatterns(t *testing.T) {
	for name, change := range map[string]func(*store.Record){
		"every stack":  func(r *store.Record) { r.StackName = "*" },
		"any letter":   func(r *store.Record) { r.StackName = "shop-?" },
		"a variable":   func(r *store.Record) { r.StackName = "${aws:username}" },
		"no stack":     func(r *store.Record) { r.StackName = "" },
		"every region": func(r *store.Record) { r.Region = "*" },
		"any account":  func(r *store.Record) { r.Account = "*" },
	} {
		r := record()
		change(&r)
		if text, err := installed.SessionPolicy("aws", installed.Execute, r, false, executionRole, bucket); err == nil {
			t.Errorf("%s: a policy was made: %s", name, text)
		}
	}
	if _, err := installed.SessionPolicy("aws", installed.Plan, record(), false, "arn:aws:iam::111122223333:role/*", bucket); err == nil {
		t.Error("every role may be passed")
	}
}

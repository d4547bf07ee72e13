package installed_test

import (
	"strings"
	"testing"

	"stackgate/internal/deployment"
	"stackgate/internal/installed"
	"stackgate/internal/store"
)

const pattern = "arn:aws:iam::${account}:role/stackgate-${function}-${service}-${environment}"

const machines = "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-${service}-${environment}"

func environment(changes map[string]string) func(string) string {
	all := map[string]string{
		installed.FunctionVariable: "plan", installed.TableVariable: "stackgate", installed.BucketVariable: "stackgate-documents",
		installed.RolePatternVariable: pattern, installed.SentryParameterVariable: "/stackgate/sentry-dsn",
		installed.MachinePatternVariable: machines, installed.TopicVariable: "arn:aws:sns:eu-west-1:999999999999:stackgate",
	}
	for name, value := range changes {
		all[name] = value
	}
	return func(name string) string { return all[name] }
}

func TestReadSettings(t *testing.T) {
	both, events := []installed.Function{installed.Plan, installed.Execute}, []installed.Function{installed.Events}
	for name, row := range map[string]struct {
		changes  map[string]string
		can      []installed.Function
		function installed.Function
		// wrong are what the error says.
		wrong []string
	}{
		"whole":              {nil, both, installed.Plan, nil},
		"the other":          {map[string]string{installed.FunctionVariable: "execute"}, both, installed.Execute, nil},
		"the only one":       {map[string]string{installed.FunctionVariable: ""}, events, installed.Events, nil},
		"none of two":        {map[string]string{installed.FunctionVariable: ""}, both, "", []string{"STACKGATE_FUNCTION", "plan execute"}},
		"another program's":  {nil, events, "", []string{`STACKGATE_FUNCTION is "plan"`}},
		"a function unknown": {map[string]string{installed.FunctionVariable: "deploy"}, both, "", []string{`"deploy"`}},
		"everything missing": {map[string]string{
			installed.TableVariable: "", installed.BucketVariable: "", installed.RolePatternVariable: "", installed.MachinePatternVariable: "",
		}, both, "", []string{"STACKGATE_TABLE", "STACKGATE_BUCKET", "STACKGATE_ROLE_PATTERN", "STACKGATE_MACHINE_PATTERN"}},
		"no machines, and it starts none": {map[string]string{
			installed.FunctionVariable: "execute", installed.MachinePatternVariable: "",
		}, both, installed.Execute, nil},
		"no topic":   {map[string]string{installed.TopicVariable: ""}, both, installed.Plan, nil},
		"bad topic":  {map[string]string{installed.TopicVariable: "stackgate"}, both, "", []string{"STACKGATE_TOPIC", "not the ARN of an SNS topic"}},
		"no tracker": {map[string]string{installed.SentryParameterVariable: ""}, both, installed.Plan, nil},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := installed.ReadSettings(environment(row.changes), row.can...)
			if (err != nil) != (row.wrong != nil) || settings.Function != row.function {
				t.Fatalf("function %q, error %v", settings.Function, err)
			}
			for _, wrong := range row.wrong {
				if !strings.Contains(err.Error(), wrong) {
					t.Errorf("error %q does not say %q", err, wrong)
				}
			}
		})
	}
}

func TestParseRolePatternRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                               "not the ARN of a role",
		"stackgate-${function}":          "not the ARN of a role",
		pattern + "*":                    "not the ARN of a role",
		pattern + "-${region}":           "no placeholder ${region}",
		pattern + "-${service":           "not closed",
		pattern + "}":                    "not closed",
		"arn:aws:iam::${account}:role/x": "${function} is missing",
		"arn:aws:iam::${account}:role/${function}-${service}":     "${environment} is missing",
		"arn:aws:iam::${account}:role/${function}-${environment}": "${service} is missing",
		"arn:aws:iam::*:role/${function}-${service}":              "not the ARN of a role",
	} {
		if _, err := installed.ParseRolePattern(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one that says %q", text, err, says)
		}
	}
}

func TestRole(t *testing.T) {
	parsed, err := installed.ParseRolePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range installed.Functions() {
		role, err := parsed.Role(function, record())
		if want := "arn:aws:iam::111122223333:role/stackgate-" + string(function) + "-orders-prod"; role != want || err != nil {
			t.Errorf("role %s (%v), want %s", role, err, want)
		}
	}
	longest := record()
	longest.Service, longest.Environment = strings.Repeat("s", 24), strings.Repeat("e", 12)
	if _, err := parsed.Role(installed.Execute, longest); err != nil {
		t.Errorf("the longest names: %v", err)
	}
	for name, change := range map[string]func(*store.Record){
		"another path":     func(r *store.Record) { r.Service = "../admin" },
		"another role":     func(r *store.Record) { r.Environment = "prod,x" },
		"a placeholder":    func(r *store.Record) { r.Service = "${account}" },
		"another account":  func(r *store.Record) { r.Account = "111122223333:role/admin" },
		"no account":       func(r *store.Record) { r.Account = "" },
		"no service":       func(r *store.Record) { r.Service = "" },
		"a service's tail": func(r *store.Record) { r.Service = "orders\n" },
	} {
		r := record()
		change(&r)
		if role, err := parsed.Role(installed.Plan, r); err == nil {
			t.Errorf("%s: role %s was named", name, role)
		}
	}
	long, err := installed.ParseRolePattern(strings.Replace(pattern, "stackgate-", "stackgate-of-the-platform-", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.Role(installed.Execute, longest); err == nil || !strings.Contains(err.Error(), "IAM takes 64") {
		t.Errorf("a role name that is too long: %v", err)
	}
}

func TestMachinePattern(t *testing.T) {
	for _, text := range []string{
		"", "stackgate", "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate",
		"arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-${service}",
		"arn:aws:states:eu-west-1:999999999999:stateMachine:${service}${environment}",
		"arn:aws:states:eu-west-1:999999999999:execution:stackgate-${service}-${environment}", machines + "*", machines + "-${account}",
	} {
		if _, err := installed.ParseMachinePattern(text); err == nil || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	parsed, err := installed.ParseMachinePattern(machines)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := parsed.Machine(record())
	if want := "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-orders-prod"; err != nil || machine != want {
		t.Errorf("machine %s (%v), want %s", machine, err, want)
	}
	execution, err := parsed.Execution(record())
	if want := "arn:aws:states:eu-west-1:999999999999:execution:stackgate-orders-prod:orders-prod-20261122T140203Z-7q4k2mxa"; err != nil || execution != want {
		t.Errorf("execution %s (%v), want %s", execution, err, want)
	}
	recovery := record()
	recovery.Intent = deployment.IntentRecover
	machine, err = parsed.Machine(recovery)
	if want := "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-recover"; err != nil || machine != want {
		t.Errorf("machine of a recovery %s (%v), want %s", machine, err, want)
	}
	other := record()
	other.Service = "orders:x"
	if machine, err := parsed.Execution(other); err == nil {
		t.Errorf("machine %s was named", machine)
	}
	if _, err := (installed.MachinePattern{}).Execution(record()); err == nil || !strings.Contains(err.Error(), "STACKGATE_MACHINE_PATTERN") {
		t.Errorf("without a pattern: %v", err)
	}
	long, err := installed.ParseMachinePattern(strings.Replace(machines, "stackgate-", "stackgate-"+strings.Repeat("x", 70), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.Machine(record()); err == nil || !strings.Contains(err.Error(), "takes 80") {
		t.Errorf("a name that is too long: %v", err)
	}
}

// record is the record of a deployment of orders to prod.
func record() store.Record {
	return store.Record{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", Service: "orders", Environment: "prod",
		Target:   deployment.Target{Account: "111122223333", Region: "eu-west-1", StackName: "shop-orders-prod"},
		Template: "template/" + strings.Repeat("a", 64),
	}
}

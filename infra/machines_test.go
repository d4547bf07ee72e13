package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"stackgate/infra/controlplane"
	"stackgate/infra/installation"
	"stackgate/infra/machines"
	"stackgate/infra/target"
	"stackgate/internal/service"
	"stackgate/statemachines"
)

// Every service and environment has the one definition, with functions in the place of their names.
func TestMachines(t *testing.T) {
	made := example(t)
	definitions, err := exampleDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	if len(definitions) != 3 {
		t.Fatalf("the example has %d definitions", len(definitions))
	}
	for _, d := range definitions {
		t.Run(d.String(), func(t *testing.T) {
			stack := made.template(t, machines.StackName(d.StackGroup))
			machine := stack.one(t, "AWS::StepFunctions::StateMachine", "StateMachineName", "stackgate-"+d.Service+"-"+d.Environment)
			sameDefinition(t, machine, statemachines.Deploy)
			for _, function := range []string{statemachines.PlanFunction, statemachines.ExecuteFunction, statemachines.EventsFunction} {
				substitutions := machine.Properties["DefinitionSubstitutions"].(map[string]any)
				ref := strings.Trim(textOf(substitutions[function]), "<>")
				parameter := stack.Parameters[ref]
				want := "/stackgate/version/" + strings.ToLower(strings.TrimSuffix(function, "Function"))
				if parameter["Type"] != "AWS::SSM::Parameter::Value<String>" || parameter["Default"] != want {
					t.Errorf("%s is %v, not the parameter %s", function, parameter, want)
				}
			}
			logging := machine.Properties["LoggingConfiguration"].(map[string]any)
			if logging["IncludeExecutionData"] != false || logging["Level"] != "ALL" {
				t.Errorf("it logs %v", logging)
			}
			if got := machine.Properties["TracingConfiguration"]; !reflect.DeepEqual(got, map[string]any{"Enabled": true}) {
				t.Errorf("it traces %v", got)
			}
			if got := textOf(machine.Properties["RoleArn"]); got != "arn:aws:iam::333333333333:role/stackgate-hub-machine" {
				t.Errorf("its role is %s", got)
			}
			tags, _ := json.Marshal(machine.Properties["Tags"])
			for key, value := range map[string]string{"service": d.Service, "environment": d.Environment, "owner": d.Owner} {
				if want := fmt.Sprintf(`{"Key":"stackgate:%s","Value":"%s"}`, key, value); !strings.Contains(string(tags), want) {
					t.Errorf("its tags %s lack %s", tags, want)
				}
			}
		})
	}
}

// There is one machine for recoveries; it invokes the versions that are published with it.
func TestTheRecoveryMachine(t *testing.T) {
	hubTemplate := example(t).template(t, hub)
	machine := hubTemplate.one(t, "AWS::StepFunctions::StateMachine", "StateMachineName", "stackgate-recover")
	sameDefinition(t, machine, statemachines.Recover)
	for name, version := range machine.Properties["DefinitionSubstitutions"].(map[string]any) {
		id := strings.Trim(textOf(version), "<>")
		if hubTemplate.Resources[id].Type != "AWS::Lambda::Version" {
			t.Errorf("%s is %s", name, textOf(version))
		}
	}
	if logging := machine.Properties["LoggingConfiguration"].(map[string]any); logging["IncludeExecutionData"] != false {
		t.Errorf("it logs %v", logging)
	}
}

// sameDefinition compares the definition that is installed with the file: white space apart they are equal.
func sameDefinition(t *testing.T, machine resource, source []byte) {
	t.Helper()
	if got := textOf(machine.Properties["DefinitionString"]); got != machines.Compact(source) {
		t.Errorf("the definition is not that of the file: %.200s", got)
	}
	used := map[string]bool{}
	for _, part := range strings.Split(string(source), "${")[1:] {
		name, _, _ := strings.Cut(part, "}")
		used[name] = true
	}
	substitutions := machine.Properties["DefinitionSubstitutions"].(map[string]any)
	if len(substitutions) != len(used) {
		t.Errorf("it substitutes %v where the definition has %v", substitutions, used)
	}
	for name := range used {
		if substitutions[name] == nil {
			t.Errorf("nothing stands for %s", name)
		}
	}
}

// One service adds one state machine to its group and three roles to its target, whatever else there is.
func TestWhatAServiceAdds(t *testing.T) {
	needsNode(t)
	definitions, err := exampleDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	var orders service.Definition
	for _, d := range definitions {
		if d.Service == "orders" && d.Environment == "prod" {
			orders = d
		}
	}
	another := orders
	another.Service, another.StackName = "returns", "shop-returns-prod"
	more, err := synthesizeAll(plain, append(definitions, another), "bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	before := example(t)
	for stack := range more.texts {
		added := map[string]int{}
		for id, r := range more.template(t, stack).Resources {
			if _, found := before.template(t, stack).Resources[id]; !found {
				added[r.Type]++
			}
		}
		for id := range before.template(t, stack).Resources {
			if _, found := more.template(t, stack).Resources[id]; !found {
				t.Errorf("%s loses %s to another service", stack, id)
			}
		}
		want := map[string]int{}
		switch stack {
		case checkout:
			want["AWS::StepFunctions::StateMachine"] = 1
		case prodRoles:
			want["AWS::IAM::Role"] = target.ResourcesPerService
		}
		if !reflect.DeepEqual(added, want) {
			t.Errorf("%s gains %v, not %v", stack, added, want)
		}
	}
}

// A full group fits into a template, and one more is refused with a way out.
func TestFullGroups(t *testing.T) {
	needsNode(t)
	many := func(n int) []service.Definition {
		var all []service.Definition
		for i := range n {
			name := fmt.Sprintf("service-%015d", i)
			all = append(all, service.Definition{
				Service: name, Environment: "productions1", Owner: strings.Repeat("o", 60), StackGroup: "full", Account: "222222222222", Region: "eu-central-1",
				StackName: "shop-" + name + "-production", ExecutionRole: "arn:aws:iam::222222222222:role/cfn-exec-shop", NestedStacks: true,
			})
		}
		return all
	}
	full, err := synthesizeAll(plain, many(machines.MaxMachines()), "bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	for stack, text := range full.texts {
		if len(text) > 1_000_000 {
			t.Errorf("%s has %d bytes, and CloudFormation takes a megabyte", stack, len(text))
		}
		if n := len(full.template(t, stack).Resources); n > 500 {
			t.Errorf("%s has %d resources", stack, n)
		}
	}
	t.Logf("a group holds %d state machines", machines.MaxMachines())
	_, err = synthesizeAll(plain, many(machines.MaxMachines()+1), "bootstrap")
	if err == nil || !strings.Contains(err.Error(), "stack group full") || !strings.Contains(err.Error(), "installation.stackGroups") {
		t.Errorf("a group that is too large: %v", err)
	}
	_, err = synthesizeAll(plain, many(target.MaxServices+1), "bootstrap")
	if err == nil || !strings.Contains(err.Error(), "roles of 166") {
		t.Errorf("a target that is too full: %v", err)
	}
}

// A new program is a new version; the one before it stays, for the executions that began with it.
func TestAnUpgradeKeepsTheVersionsBefore(t *testing.T) {
	before := example(t)
	after, err := synthesize(plain, "another bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	old, renewed := before.template(t, hub).of("AWS::Lambda::Version"), after.template(t, hub).of("AWS::Lambda::Version")
	if len(old) != 4 || len(renewed) != 4 {
		t.Errorf("there are %d and %d versions", len(old), len(renewed))
	}
	for id, version := range old {
		if _, same := renewed[id]; same {
			t.Errorf("version %s is not published anew", id)
		}
		if version.DeletionPolicy != "Retain" || version.UpdateReplacePolicy != "Retain" {
			t.Errorf("version %s goes with the next upgrade: %s", id, version.DeletionPolicy)
		}
	}
	for id, r := range before.template(t, hub).Resources {
		if _, found := after.template(t, hub).Resources[id]; !found && r.Type != "AWS::Lambda::Version" {
			t.Errorf("the upgrade replaces %s %s", r.Type, id)
		}
	}
	// An output that another stack imports could not change.
	for stack := range before.texts {
		for id, output := range before.template(t, stack).Outputs {
			if output["Export"] != nil {
				t.Errorf("%s exports %s", stack, id)
			}
		}
	}
}

// Nothing of the target templates is looked for in a bucket or a bootstrap.
func TestTargetsNeedNoBootstrap(t *testing.T) {
	made := example(t)
	for stack, text := range made.texts {
		if !strings.HasPrefix(stack, base) {
			continue
		}
		for _, needed := range []string{"cdk-hnb659fds", "BootstrapVersion", "AssetParameters"} {
			if strings.Contains(text, needed) {
				t.Errorf("%s needs %s", stack, needed)
			}
		}
		if parameters := made.template(t, stack).Parameters; len(parameters) > 0 {
			t.Errorf("%s has parameters %v", stack, parameters)
		}
	}
	// The base is the same for every account, so that StackSets can bring it to all.
	for _, fixed := range []string{"111111111111", "222222222222", "eu-central-1"} {
		if strings.Contains(made.texts[base], fixed) {
			t.Errorf("%s names %s", base, fixed)
		}
	}
}

func TestNodeIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := run()
	if err == nil || !strings.Contains(err.Error(), "node is not on the PATH") || !strings.Contains(err.Error(), "install Node.js") {
		t.Errorf("without node: %v", err)
	}
}

func TestProgramsAreMissing(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "changeset"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "changeset", "bootstrap"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	err := checkAssets(folder)
	if err == nil || strings.Contains(err.Error(), "changeset") || !strings.Contains(err.Error(), filepath.Join("review", "bootstrap")+" is missing: run make lambdas") {
		t.Errorf("without programs: %v", err)
	}
	if n := len(controlplane.Programs()); n != 3 {
		t.Errorf("there are %d programs", n)
	}
}

// Findings of cdk-nag fail cdk synth too, which tells of one stack after the other.
func TestNag(t *testing.T) {
	for name, made := range map[string]*synthesized{"plain": example(t), "with everything": withEverything(t)} {
		for _, finding := range made.findings {
			t.Errorf("%s: %s", name, finding)
		}
	}
}

// Each accepted finding has a reason that is one sentence.
func TestReasons(t *testing.T) {
	n := 0
	for _, made := range []*synthesized{example(t), withEverything(t)} {
		for stack, text := range made.texts {
			for _, part := range strings.Split(text, `"reason"`)[1:] {
				n++
				_, rest, _ := strings.Cut(part, `"`)
				reason, _, _ := strings.Cut(rest, `"`)
				if len(reason) < 40 || !strings.HasSuffix(reason, ".") || strings.Count(reason, ". ") > 0 {
					t.Errorf("%s: %q is not a sentence", stack, reason)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d reasons were found", n)
	}
}

func TestDefinitionsThatCannotBeInstalled(t *testing.T) {
	good := service.Definition{Service: "orders", Environment: "prod", Account: "222222222222", Region: "eu-west-1", StackName: "shop-orders-prod", ExecutionRole: "arn:aws:iam::222222222222:role/x"}
	for name, bad := range map[string]struct {
		change func(d *service.Definition)
		want   string
	}{
		"no execution role":    {func(d *service.Definition) { d.ExecutionRole = "" }, "orders/prod has no executionRole"},
		"a stack of our own":   {func(d *service.Definition) { d.StackName = "stackgate-target" }, "stack stackgate-target would be taken for one of stackgate's own"},
		"another partition":    {func(d *service.Definition) { d.Region = "cn-north-1" }, "region cn-north-1 is in partition aws-cn"},
		"the recovery machine": {func(d *service.Definition) { d.Service, d.Environment = "re", "cover" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := good
			bad.change(&d)
			err := plain.Check([]service.Definition{d})
			if (err == nil) != (bad.want == "") || err != nil && !strings.Contains(err.Error(), bad.want) {
				t.Errorf("it is refused with %v", err)
			}
		})
	}
	a, b := good, good
	a.Service, a.Environment = "orders-eu", "prod"
	b.Service, b.Environment = "orders", "eu-prod"
	if err := plain.Check([]service.Definition{a, b}); err == nil || !strings.Contains(err.Error(), "orders-eu/prod and orders/eu-prod") || !strings.Contains(err.Error(), "stackgate-orders-eu-prod") && !strings.Contains(err.Error(), "orders-eu-prod") {
		t.Errorf("two machines of one name: %v", err)
	}
}

func TestBadSettings(t *testing.T) {
	for name, bad := range map[string]struct {
		context any
		want    string
	}{
		"missing":            {nil, "context.stackgate: it is missing"},
		"an unknown key":     {map[string]any{"account": exampleAccount, "region": "eu-west-1", "acount": "1"}, `unknown field "acount"`},
		"a number":           {map[string]any{"account": 333333333333.0, "region": "eu-west-1"}, "account"},
		"a short account":    {map[string]any{"account": "333", "region": "eu-west-1"}, `context.stackgate.account: "333" is not an AWS account id of 12 digits`},
		"no region":          {map[string]any{"account": exampleAccount}, `context.stackgate.region: "" is not a region`},
		"an ARN as boundary": {map[string]any{"account": exampleAccount, "region": "eu-west-1", "permissionsBoundary": "arn:aws:iam::1:policy/x"}, "the name of a managed policy"},
		"a bad organization": {map[string]any{"account": exampleAccount, "region": "eu-west-1", "organizationId": "example"}, "organizationId"},
		"a bad parameter":    {map[string]any{"account": exampleAccount, "region": "eu-west-1", "sentryParameter": "dsn"}, "sentryParameter"},
		"a negative span":    {map[string]any{"account": exampleAccount, "region": "eu-west-1", "retainDocumentsDays": -1.0}, "retainDocumentsDays"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := installation.ReadSettings(bad.context)
			if err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("read as %v", err)
			}
		})
	}
	file, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Context map[string]any }
	if err := json.Unmarshal(file, &config); err != nil {
		t.Fatal(err)
	}
	if _, err := installation.ReadSettings(config.Context["stackgate"]); err != nil {
		t.Errorf("the settings of cdk.json: %v", err)
	}
}

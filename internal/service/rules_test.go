package service_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/approval"
	"stackgate/internal/service"
)

// project is a small project whose parts a test may replace.
func project(t testing.TB, replaced fstest.MapFS) *service.Catalog {
	t.Helper()
	files := readTree(t, "testdata/base")
	maps.Copy(files, replaced)
	return mustLoad(t, files)
}

func orders(rest string) fstest.MapFS {
	return fstest.MapFS{"orders.yaml": text("version: 1\nservice: orders\nowner: team\nparameters: { TableName: orders }\n" + rest)}
}

func TestWhatIsBuiltIn(t *testing.T) {
	d := definitionOf(t, project(t, orders("")), "orders", "prod")
	if d.OnFailure != service.Rollback || d.OnFailedCreate != service.RemoveEmpty || !d.NestedStacks {
		t.Errorf("%s, %s, nested %v", d.OnFailure, d.OnFailedCreate, d.NestedStacks)
	}
	if want := (service.Timeouts{Queue: 2 * time.Hour, ChangeSet: 15 * time.Minute, Execution: 2 * time.Hour}); d.Timeouts != want {
		t.Errorf("timeouts %+v", d.Timeouts)
	}
	if d.StackName != "shop-orders-prod" {
		t.Errorf("stack name %s", d.StackName)
	}
}

// A project that says nothing about approval gets the strict policy of package approval.
func TestBuiltInPolicyIsTheDefault(t *testing.T) {
	files := fstest.MapFS{
		"project.yaml": text("version: 1\nproject: shop\nenvironments: { prod: { account: \"222222222222\", region: eu-west-1, rank: 1 } }\n"),
		"a.yaml":       text("version: 1\nservice: a\nowner: team\ntemplate: a.json\n"),
		"a.json":       text(`{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`),
	}
	d := definitionOf(t, mustLoad(t, files), "a", "prod")
	if !cmp.Equal(d.Approval, approval.Default()) || d.AllowParameterOverrides {
		t.Errorf("policy %+v, overrides %v", d.Approval, d.AllowParameterOverrides)
	}
}

func TestMergeRule(t *testing.T) {
	catalog := project(t, orders(`
tags: { project: null, team: orders }
capabilities: [CAPABILITY_IAM]
timeouts: { queue: 1h }
stateful: ["Custom::Ledger"]
environments:
  prod:
    tags: { team: core }
    capabilities: [CAPABILITY_NAMED_IAM]
    stateful: null
`))
	staging, prod := definitionOf(t, catalog, "orders", "staging"), definitionOf(t, catalog, "orders", "prod")
	type result struct {
		Tags         map[string]string
		Capabilities []string
		Stateful     []string
		Queue        time.Duration
		Execution    time.Duration
	}
	of := func(d service.Definition) result {
		return result{d.Tags, d.Capabilities, d.Stateful, d.Timeouts.Queue, d.Timeouts.Execution}
	}
	want := result{map[string]string{"team": "orders"}, []string{"CAPABILITY_IAM"}, []string{"Custom::Ledger"}, time.Hour, 2 * time.Hour}
	if diff := cmp.Diff(want, of(staging)); diff != "" {
		t.Errorf("staging (-want +got):\n%s", diff)
	}
	want = result{map[string]string{"team": "core"}, []string{"CAPABILITY_NAMED_IAM"}, []string{}, time.Hour, 2 * time.Hour}
	if diff := cmp.Diff(want, of(prod)); diff != "" {
		t.Errorf("prod (-want +got):\n%s", diff)
	}
}

func TestListsAreJoinedAndNumbersKeptAsWritten(t *testing.T) {
	d := definitionOf(t, project(t, orders("environments:\n  prod: { parameters: { Zones: [c, a], Ports: [80, 8080], Memory: 512.0 } }\n")), "orders", "prod")
	if d.Parameters["Zones"] != "c,a" || d.Parameters["Ports"] != "80,8080" || d.Parameters["Memory"] != "512.0" {
		t.Errorf("parameters %v", d.Parameters)
	}
}

func TestYAMLIsReadAsVersion12(t *testing.T) {
	d := definitionOf(t, project(t, orders("tags: { country: no, time: 22:22, since: 2026-01-01, exact: \"0123\" }\n")), "orders", "prod")
	want := map[string]string{"project": "shop", "country": "no", "time": "22:22", "since": "2026-01-01", "exact": "0123"}
	if diff := cmp.Diff(want, d.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestPolicyMayBeTightened(t *testing.T) {
	catalog := project(t, orders(`
policy:
  allowParameterOverrides: false
  approval: { when: always, count: 3, expiresAfter: 1h }
`))
	for _, environment := range []string{"staging", "prod"} {
		d := definitionOf(t, catalog, "orders", environment)
		want := approval.Policy{When: approval.Always, Count: 3, ExpiresAfter: time.Hour, Self: approval.SelfForbidden}
		if !cmp.Equal(d.Approval, want) || d.AllowParameterOverrides {
			t.Errorf("%s: %+v, overrides %v", environment, d.Approval, d.AllowParameterOverrides)
		}
	}
}

func TestStackGroups(t *testing.T) {
	files := readTree(t, "testdata/base")
	if groups := mustLoad(t, files).StackGroups(); len(groups) != 0 {
		t.Errorf("a project that declares none has the groups %v", groups)
	}
	files["project.yaml"] = text(string(files["project.yaml"].Data) + "installation: { stackGroups: [late, early] }\n")
	for name, group := range map[string]string{"orders": "early", "invoices": "late"} {
		files[name+".yaml"] = text(string(files[name+".yaml"].Data) + "stackGroup: " + group + "\n")
	}
	catalog := mustLoad(t, files)
	if groups := catalog.StackGroups(); !cmp.Equal(groups, []string{"late", "early"}) {
		t.Errorf("groups %v are not those of the file, in its order", groups)
	}
	for _, d := range catalog.Definitions() {
		want := map[string]string{"orders": "early", "invoices": "late"}[d.Service]
		if d.StackGroup != want || d.Origins["stackGroup"].File != "services/"+d.Service+".yaml" {
			t.Errorf("%s is in the group %q (%s), want %q", d, d.StackGroup, d.Origins["stackGroup"], want)
		}
	}
	for _, s := range catalog.Services() {
		if d := definitionOf(t, catalog, s.Name, "prod"); s.StackGroup != d.StackGroup {
			t.Errorf("%s is listed in the group %q", s.Name, s.StackGroup)
		}
	}
	content, err := catalog.New("returns", "orders")
	if err != nil {
		t.Fatal(err)
	}
	files["returns.yaml"] = text(string(content))
	if d := definitionOf(t, mustLoad(t, files), "returns", "prod"); d.StackGroup != "early" {
		t.Errorf("a service like orders is in the group %q", d.StackGroup)
	}
}

func TestUnknownNames(t *testing.T) {
	catalog := project(t, orders("environments: { staging: { enabled: false } }\n"))
	var unknownService service.ErrUnknownService
	if _, err := catalog.Definition("order", "prod"); !errors.As(err, &unknownService) || unknownService.Suggestion != "orders" {
		t.Errorf("got %v", err)
	}
	if _, err := catalog.Definition("zebra", "prod"); !errors.As(err, &unknownService) || !strings.Contains(err.Error(), "invoices, orders") {
		t.Errorf("got %v", err)
	}
	var unknownEnvironment service.ErrUnknownEnvironment
	if _, err := catalog.Definition("orders", "prd"); !errors.As(err, &unknownEnvironment) || unknownEnvironment.Suggestion != "prod" {
		t.Errorf("got %v", err)
	}
	var disabled service.ErrDisabled
	if _, err := catalog.Definition("orders", "staging"); !errors.As(err, &disabled) || disabled.Origin.Line == 0 {
		t.Errorf("got %v", err)
	}
	for _, s := range catalog.Services() {
		if s.Name == "orders" && !cmp.Equal(s.Environments, []string{"prod"}) {
			t.Errorf("orders is listed in %v", s.Environments)
		}
	}
}

func TestOverrides(t *testing.T) {
	catalog := project(t, orders(""))
	staging := definitionOf(t, catalog, "orders", "staging")
	changed, err := staging.WithOverrides(map[string]string{"Memory": "1024"})
	if err != nil {
		t.Fatal(err)
	}
	if changed.Parameters["Memory"] != "1024" || changed.Origins["parameters.Memory"].String() != service.Override {
		t.Errorf("memory %s from %s", changed.Parameters["Memory"], changed.Origins["parameters.Memory"])
	}
	if staging.Parameters["Memory"] != "256" {
		t.Error("the override reached the shared definition")
	}
	var problems service.Problems
	if _, err := staging.WithOverrides(map[string]string{"Memory": "1", "Cpu": "2", "ApiKey": "hunter2"}); !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("got %v", err)
	} else if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the secret is in the message: %v", err)
	}
	prod := definitionOf(t, catalog, "orders", "prod")
	var forbidden service.ErrOverridesForbidden
	if _, err := prod.WithOverrides(map[string]string{"Memory": "1024"}); !errors.As(err, &forbidden) {
		t.Errorf("got %v", err)
	}
	if same, err := prod.WithOverrides(nil); err != nil || same.Parameters["Memory"] != "256" {
		t.Errorf("no overrides: %v %v", same.Parameters, err)
	}
}

func TestSecretsBecomeReferences(t *testing.T) {
	for secret, want := range map[string]string{
		`{ secretsManager: shop/key }`:                                 "{{resolve:secretsmanager:shop/key:SecretString}}",
		`{ secretsManager: "${project}/key", jsonKey: password }`:      "{{resolve:secretsmanager:shop/key:SecretString:password}}",
		`{ secretsManager: shop/key, versionId: a1b2-c3 }`:             "{{resolve:secretsmanager:shop/key:SecretString:::a1b2-c3}}",
		`{ secretsManager: shop/key, jsonKey: k, versionStage: NEXT }`: "{{resolve:secretsmanager:shop/key:SecretString:k:NEXT}}",
		`{ ssmSecure: /shop/key }`:                                     "{{resolve:ssm-secure:/shop/key}}",
		`{ ssmSecure: /shop/key, version: 3 }`:                         "{{resolve:ssm-secure:/shop/key:3}}",
	} {
		d := definitionOf(t, project(t, orders("secrets: { ApiKey: "+secret+" }\n")), "orders", "prod")
		if got := d.Parameters["ApiKey"]; got != want {
			t.Errorf("%s gives %s, want %s", secret, got, want)
		}
	}
}

func TestCatalogOrder(t *testing.T) {
	catalog := project(t, nil)
	var order []string
	for _, d := range catalog.Definitions() {
		order = append(order, d.String())
	}
	if want := []string{"invoices/staging", "invoices/prod", "orders/staging", "orders/prod"}; !cmp.Equal(order, want) {
		t.Errorf("definitions %v", order)
	}
	if e := catalog.Environments(); len(e) != 2 || e[0].Name != "staging" || e[1].Approval.Count != 2 {
		t.Errorf("environments %+v", e)
	}
	if catalog.Project() != "shop" {
		t.Errorf("project %q", catalog.Project())
	}
}

package local

import (
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

const (
	hookedQueue = oneQueue + `
  Second:
    Type: AWS::SQS::Queue
    Metadata:
      Stackgate::Simulate:
        Hook:
          Type: Acme::Guard::Queues
          On: [create, changeset]
          Status: failed
          Reason: queue Second is not encrypted
          Annotations: [{Name: SQS.1, Status: FAILED, Message: no key, Remediation: Set KmsMasterKeyId., Link: "https://rules.example/sqs1", Severity: HIGH}]
`
	validated = oneQueue + `
  Second:
    Type: AWS::SQS::Queue
    Metadata:
      Stackgate::Simulate:
        Validation: {Name: PROPERTY_VALIDATION, Mode: FAIL, Path: /Properties/Nmae, Reason: "extraneous key [Nmae] is not permitted"}
`
	templateScript = `
Metadata:
  Stackgate::Simulate: `

	objects    = "https://templates.s3.eu-west-1.amazonaws.com/"
	nestedRoot = `
Resources:
  First: {Type: AWS::SQS::Queue}
  Api: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ` + objects + `api.yaml}}
  Web: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ` + objects + `web.yaml}}
`
	nestedAPI = `
Resources:
  Data: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ` + objects + `data.yaml}}
`
	nestedData = `
Resources:
  Second:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 5s, Reason: the second queue is out of order}}
  Slow:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 90s, Reason: never told}}
`
	nestedWeb = `
Resources:
  Site:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 90s, Reason: never told}}
`
)

// objects puts templates where nested stacks find them.
func (w *world) objects(bodies map[string]string) {
	w.t.Helper()
	for name, body := range bodies {
		if err := w.simulator.PutObject(w.t.Context(), objects+name, body); err != nil {
			w.t.Fatal(err)
		}
	}
	w.define(func(d *service.Definition) { d.NestedStacks = true })
}

// findingScenarios fail by what CloudFormation's checks and the account's hooks find.
func findingScenarios() []scenario {
	return []scenario{
		{
			name: "hook denies", deployed: []string{oneQueue}, template: strings.Replace(hookedQueue, "[create, changeset]", "create", 1),
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created because a hook denied it: hook Acme::Guard::Queues: queue Second is not encrypted", path: "Second",
			advice: []string{"SQS.1: Set KmsMasterKeyId. (https://rules.example/sqs1)", sendAgain},
			check: func(w *world, _ store.Record, doc tail.Document) {
				hook := doc.RootCause.Hook
				if hook == nil || hook.Type != "Acme::Guard::Queues" || len(hook.Annotations) != 1 || !strings.Contains(hook.Reason, "queue Second is not encrypted") {
					w.t.Errorf("hook %+v", hook)
				}
			},
		},
		{
			name: "hook denies, and its result may not be read", deployed: []string{oneQueue}, template: strings.Replace(hookedQueue, "[create, changeset]", "create", 1),
			before:  func(w *world) { w.simulator.Deny("GetHookResult") },
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created because a hook denied it: hook Acme::Guard::Queues: queue Second is not encrypted", path: "Second",
			advice: []string{sendAgain}, notes: []string{"cloudformation:GetHookResult"},
		},
		{
			name: "hook denies the change set", template: strings.Replace(hookedQueue, "[create, changeset]", "changeset", 1),
			outcome: deployment.OutcomeFailedBeforeChange, status: "absent",
			headline: "The change set could not be made; the template of stack shop-orders-prod was denied by a hook: hook Acme::Guard::Queues: queue Second is not encrypted", path: ".",
			advice: []string{"SQS.1: Set KmsMasterKeyId.", "Nothing was changed", sendAgain},
		},
		{
			name: "validation stops the change set", deployed: []string{oneQueue}, template: validated,
			outcome: deployment.OutcomeFailedBeforeChange, status: "CREATE_COMPLETE",
			headline: "The change set could not be made; Second (AWS::SQS::Queue) was refused because ", path: "Second",
			advice: []string{"Nothing was changed", sendAgain},
			check: func(w *world, _ store.Record, doc tail.Document) {
				if v := doc.RootCause.Validations; len(v) != 1 || v[0].Path != "/Resources/Second/Properties/Nmae" || doc.RootCause.Message != "extraneous key [Nmae] is not permitted" {
					w.t.Errorf("validations %+v, message %q", v, doc.RootCause.Message)
				}
			},
		},
		{
			name: "validation stops the change set, and may not be read", deployed: []string{oneQueue}, template: validated,
			before:  func(w *world) { w.simulator.Deny("DescribeEvents") },
			outcome: deployment.OutcomeFailedBeforeChange, status: "CREATE_COMPLETE",
			headline: "The change set could not be made; the template of stack shop-orders-prod was refused because CloudFormation's checks before the deployment found a fault", path: ".",
			advice: []string{"Nothing was changed", sendAgain}, notes: []string{"cloudformation:DescribeEvents"},
		},
		{
			name: "a macro fails", deployed: []string{oneQueue}, template: oneQueue + templateScript + `{"Transform": {Name: "Acme::Macro", Reason: the macro is out of order}}`,
			outcome: deployment.OutcomeFailedBeforeChange, status: "CREATE_COMPLETE",
			headline: "The change set could not be made; the template of stack shop-orders-prod could not be transformed: ", path: ".",
		},
		{
			name: "an update's failure only on the stack row", deployed: []string{oneQueue},
			template: oneQueue + "  Second: {Type: AWS::SQS::Queue}\n" + templateScript + `{FailOn: update, Reason: the stack itself is out of order}`,
			outcome:  deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Stack shop-orders-prod was rolled back: the stack itself is out of order", path: ".",
		},
		{
			name: "events arrive late and twice, in another order", deployed: []string{oneQueue}, template: secondFails + templateScript + `{Events: {Late: 3s, Twice: true}}`,
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
		},
	}
}

// nestedScenarios fail within nested stacks.
func nestedScenarios() []scenario {
	return []scenario{
		{
			name: "nested stack fails two levels down while siblings are cancelled", deployed: []string{oneQueue}, template: nestedRoot,
			before: func(w *world) {
				w.objects(map[string]string{"api.yaml": nestedAPI, "data.yaml": nestedData, "web.yaml": nestedWeb})
			},
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Api/Data/Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Api/Data/Second", cancelled: 3,
			check: func(w *world, r store.Record, doc tail.Document) {
				if journal := w.journal(r.ID); !strings.Contains(journal, `"path":"Api/Data/Second"`) {
					w.t.Errorf("the journal does not say in which stack it failed: %s", journal)
				}
				deleted := false
				for _, e := range doc.Events {
					deleted = deleted || e.Path == "Api/Data" && e.Status == "DELETE_COMPLETE"
				}
				if !deleted {
					w.t.Error("the events of a nested stack that was deleted are missing")
				}
			},
		},
		{
			name: "first creation fails in a nested stack", template: nestedRoot,
			before: func(w *world) {
				w.objects(map[string]string{"api.yaml": nestedAPI, "data.yaml": nestedData, "web.yaml": oneQueue})
			},
			outcome: deployment.OutcomeFailedRolledBack, status: "ROLLBACK_COMPLETE",
			headline: "Api/Data/Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Api/Data/Second", cancelled: 2,
		},
		{
			name: "a nested stack fails in its second update", deployed: []string{oneQueue}, template: nestedRoot,
			before: func(w *world) {
				w.objects(map[string]string{"api.yaml": nestedAPI, "data.yaml": oneQueue, "web.yaml": oneQueue})
				w.template(nestedRoot)
				if r := w.attempted(); r.Outcome != deployment.OutcomeDeployed {
					w.t.Fatalf("%s: %s", r.Outcome, r.Cause)
				}
				w.objects(map[string]string{"data.yaml": oneQueue + strings.TrimPrefix(nestedData, "\nResources:\n")})
			},
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Api/Data/Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Api/Data/Second", cancelled: 1,
		},
		{
			name: "a nested change set is refused", deployed: []string{oneQueue}, template: nestedRoot,
			before: func(w *world) {
				w.objects(map[string]string{"api.yaml": nestedAPI, "data.yaml": validated, "web.yaml": oneQueue})
			},
			outcome: deployment.OutcomeFailedBeforeChange, status: "CREATE_COMPLETE",
			headline: "The change set could not be made; Api/Data/Second (AWS::SQS::Queue) was refused because ", path: "Api/Data/Second",
			advice: []string{"Nothing was changed", sendAgain},
		},
	}
}

// journal is what the deployment told while it ran.
func (w *world) journal(id deployment.ID) string {
	w.t.Helper()
	events, err := w.store.Events(w.t.Context(), id, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var text strings.Builder
	for _, e := range events {
		text.Write(e.Body)
	}
	return text.String()
}

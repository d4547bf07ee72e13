package iam_test

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/installed"
	"stackgate/test/iam/calls"
)

// head declares the parameters that the definition of orders gives.
const head = `
Parameters: {TableName: {Type: String}, Memory: {Type: Number}, LogRetentionDays: {Type: Number}, Protection: {Type: String}, AlarmTopicArn: {Type: String, Default: ""}}
`

const (
	topic  = head + "Resources: {First: {Type: AWS::SNS::Topic}}\n"
	topics = head + "Resources: {First: {Type: AWS::SNS::Topic}, Second: {Type: AWS::SNS::Topic}}\n"
	// failing fails where a hook denies a resource, which leaves events, findings and a verdict.
	failing = head + `
Resources:
  First: {Type: AWS::SNS::Topic}
  Second:
    Type: AWS::SQS::Queue
    DependsOn: First
    Metadata: {"Stackgate::Simulate": {Hook: {Type: "Acme::Guard::Queue", On: create, Reason: not encrypted}}}
`
	denied = head + `
Metadata: {"Stackgate::Simulate": {Hook: {Type: "Acme::Review", Reason: frozen}}}
Resources: {First: {Type: AWS::SNS::Topic}}
`
	transformed = head + `
Transform: AWS::LanguageExtensions
Resources: {First: {Type: AWS::SNS::Topic}}
`
	// stuck cannot be rolled back at the first try.
	stuck = head + `
Resources:
  First:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: another}
    Metadata: {"Stackgate::Simulate": {FailOn: rollback, Times: 1, Reason: it cannot go back}}
  Second:
    Type: AWS::SQS::Queue
    DependsOn: First
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: out of order}}
`
	// sticky cannot be removed at the first try.
	sticky = head + `
Resources:
  First:
    Type: AWS::SNS::Topic
    Metadata: {"Stackgate::Simulate": {FailOn: delete, Times: 1, Reason: somebody holds on to it}}
  Second:
    Type: AWS::SQS::Queue
    DependsOn: First
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: out of order}}
`
	innerURL = "https://shop-artifacts.s3.eu-west-1.amazonaws.com/inner.yaml"
	nested   = head + `
Resources: {Inner: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "` + innerURL + `"}}}
`
)

// stories are the ways that a deployment goes. Their calls together are what the policies are held against; that none is
// missing, TestEveryCallIsMade holds.
var stories = map[string]func(w *world){
	"made, changed and not changed": func(w *world) {
		w.ended(w.deploy("orders", "prod", topic), deployment.OutcomeDeployed)
		w.ended(w.deploy("orders", "prod", topics), deployment.OutcomeDeployed)
		same := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(topics)})
		w.ended(w.run(same)(), deployment.OutcomeNoChange)
	},
	"the example's own templates": func(w *world) {
		for _, name := range []string{"orders", "invoices", "nightly-report"} {
			record := w.request(frontdoor.Ask{Service: name, Environment: "prod"})
			wait := w.run(record)
			w.approve(w.reach(record.ID, deployment.StageAwaiting))
			w.ended(wait(), deployment.OutcomeDeployed)
		}
	},
	"of a template that fits no call": func(w *world) {
		w.ended(w.deploy("orders", "prod", topic+strings.Repeat("# as long as it is wide\n", 4000)), deployment.OutcomeDeployed)
	},
	"planned": func(w *world) {
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Intent: deployment.IntentPlan})
		w.ended(w.run(record)(), deployment.OutcomePlanned)
	},
	"rejected": func(w *world) {
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod"})
		wait := w.run(record)
		w.decide(approval.Reject, w.reach(record.ID, deployment.StageAwaiting), "bo")
		w.ended(wait(), deployment.OutcomeRejected)
	},
	"expired": func(w *world) {
		w.ended(w.run(w.request(frontdoor.Ask{Service: "orders", Environment: "prod"}))(), deployment.OutcomeExpired)
	},
	"cancelled": func(w *world) {
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod"})
		wait := w.run(record)
		w.reach(record.ID, deployment.StageAwaiting)
		w.cancel(record)
		w.ended(wait(), deployment.OutcomeCancelled)
	},
	"superseded": func(w *world) {
		older := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(topic)})
		wait := w.run(older)
		w.reach(older.ID, deployment.StageAwaiting)
		time.Sleep(time.Second)
		w.ended(w.deploy("orders", "prod", topics), deployment.OutcomeDeployed)
		w.ended(wait(), deployment.OutcomeSuperseded)
	},
	"failed, and removed by the next": func(w *world) {
		w.ended(w.deploy("orders", "prod", failing), deployment.OutcomeFailedRolledBack)
		w.ended(w.deploy("orders", "prod", topic), deployment.OutcomeDeployed)
		w.ended(w.deploy("orders", "prod", failing), deployment.OutcomeFailedRolledBack)
	},
	"made with a nested stack, and failed in it": func(w *world) {
		w.object(innerURL, "Resources: {First: {Type: AWS::SNS::Topic}}")
		w.ended(w.deploy("orders", "prod", nested), deployment.OutcomeDeployed)
		w.object(innerURL, strings.TrimPrefix(failing, head))
		w.ended(w.deploy("orders", "prod", nested), deployment.OutcomeFailedRolledBack)
	},
	"denied by a hook, and refused for a transform": func(w *world) {
		for _, template := range []string{denied, transformed} {
			record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(template)})
			w.ended(w.run(record)(), deployment.OutcomeFailedBeforeChange)
		}
	},
	"recovered by going on with a rollback": func(w *world) {
		w.ended(w.deploy("orders", "prod", topic), deployment.OutcomeDeployed)
		w.ended(w.deploy("orders", "prod", stuck), deployment.OutcomeFailedNeedsHuman)
		w.ended(w.recover(deployment.Recovery{}), deployment.OutcomeRecovered)
	},
	"recovered by a rollback": func(w *world) {
		w.ended(w.deploy("orders", "prod", topic), deployment.OutcomeDeployed)
		w.byHand(types.ChangeSetTypeUpdate, failing, true)
		w.ended(w.recover(deployment.Recovery{}), deployment.OutcomeRecovered)
	},
	"recovered by removing what was never made": func(w *world) {
		w.byHand(types.ChangeSetTypeCreate, sticky, false)
		w.ended(w.recover(deployment.Recovery{}), deployment.OutcomeRecovered)
	},
	"a stack event wakes": func(w *world) {
		record := w.request(frontdoor.Ask{Service: "orders", Environment: "staging", Template: []byte(topic)})
		wait := w.run(record)
		executing := w.reach(record.ID, deployment.StageExecuting)
		time.Sleep(50 * time.Second)
		event, err := json.Marshal(map[string]any{
			"id": "1", "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change",
			"detail": map[string]any{"stack-id": executing.StackID, "status-details": map[string]any{"status": "CREATE_COMPLETE"}},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.handle(w.t.Context(), installed.Events, event); err != nil {
			w.t.Error(err)
		}
		w.ended(wait(), deployment.OutcomeDeployed)
	},
	"stopped before and after it was executed, and finished from outside": func(w *world) {
		for _, row := range []struct {
			stage    deployment.Stage
			template string
			outcome  deployment.Outcome
		}{
			{deployment.StageAwaiting, topic, deployment.OutcomeFailedBeforeChange},
			{deployment.StageExecuting, failing, deployment.OutcomeFailedRolledBack},
		} {
			record := w.request(frontdoor.Ask{Service: "orders", Environment: "prod", Template: []byte(row.template)})
			_, stop := w.start(record)
			awaiting := w.reach(record.ID, deployment.StageAwaiting)
			if row.stage == deployment.StageExecuting {
				w.approve(awaiting)
				w.reach(record.ID, row.stage)
			}
			stop()
			event, err := json.Marshal(map[string]any{
				"id": "2", "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
				"detail": map[string]any{"executionArn": w.execution(record), "name": record.ID, "status": "ABORTED"},
			})
			if err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.handle(w.t.Context(), installed.Plan, event); err != nil {
				w.t.Error(err)
			}
			for range 10 {
				time.Sleep(5 * time.Minute)
				w.sweep(w.t.Context())
			}
			w.ended(w.record(record.ID), row.outcome)
		}
	},
}

// recorded runs every story once, and returns the calls of all.
func recorded(t *testing.T) []calls.Call {
	t.Helper()
	once.Do(func() {
		every := maps.Clone(stories)
		maps.Copy(every, doorStories)
		for name, run := range every {
			t.Run(name, func(t *testing.T) {
				recorder := &calls.Recorder{}
				story(t, recorder, run)
				all = append(all, recorder.Calls()...)
			})
		}
	})
	if len(all) == 0 {
		t.Fatal("nothing was called")
	}
	return all
}

var (
	once sync.Once
	all  []calls.Call
)

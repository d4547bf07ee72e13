package local

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/tail"
)

// scenario is a deployment that fails, or leaves something behind, and what people are told of it.
type scenario struct {
	name string
	// deployed are the templates that are deployed before; the first of them makes the stack.
	deployed []string
	// template is the one that is deployed then.
	template string
	define   func(*service.Definition)
	// before is done to the world before the last deployment.
	before func(w *world)

	outcome  deployment.Outcome
	status   string
	headline string
	// path is where the root cause lies; a dot is the stack itself. Paths are joined with spaces.
	path, failures, rollback, leftovers string
	cancelled                           int
	// advice and notes must hold these texts, each somewhere.
	advice, notes []string
	// check looks further.
	check func(w *world, r store.Record, doc tail.Document)
}

func TestScenarios(t *testing.T) {
	for _, s := range slices.Concat(scenarios(), findingScenarios(), nestedScenarios()) {
		t.Run(s.name, func(t *testing.T) {
			story(t, func(w *world) { s.run(w) })
		})
	}
}

func (s scenario) run(w *world) {
	for _, template := range s.deployed {
		w.template(template)
		w.attempted()
	}
	if s.define != nil {
		w.define(s.define)
	}
	if s.before != nil {
		s.before(w)
	}
	w.template(s.template)
	r := w.attempted()
	w.clean(r)
	if r.Outcome != s.outcome {
		w.t.Errorf("ended as %s (fault %s, cause %q), want %s", r.Outcome, r.Fault, r.Cause, s.outcome)
	}
	if got := w.stackStatus(); got != s.status {
		w.t.Errorf("stack is %s, want %s", got, s.status)
	}
	doc := w.tailOf(r)
	if !strings.HasPrefix(doc.Headline, s.headline) {
		w.t.Errorf("first line\n got %s\nwant %s…", doc.Headline, s.headline)
	}
	if r.Outcome.Failed() && r.Cause != doc.Headline {
		w.t.Errorf("the record says %q, its tail %q", r.Cause, doc.Headline)
	}
	if got := causeAt(doc.RootCause); got != s.path {
		w.t.Errorf("root cause at %q, want %q", got, s.path)
	}
	for what, c := range map[string][2]string{
		"failures": {pathsOf(doc.Failures), s.failures}, "rollback problems": {pathsOf(doc.RollbackProblems), s.rollback},
		"leftovers": {leftoversOf(doc), s.leftovers}, "recorded leftovers": {strings.Join(r.Leftovers, " "), s.leftovers},
	} {
		if c[0] != c[1] {
			w.t.Errorf("%s %q, want %q", what, c[0], c[1])
		}
	}
	if doc.Cancelled != s.cancelled {
		w.t.Errorf("%d cancelled, want %d", doc.Cancelled, s.cancelled)
	}
	for _, part := range s.advice {
		if !strings.Contains(strings.Join(doc.Advice, "\n"), part) {
			w.t.Errorf("advice %q lacks %q", doc.Advice, part)
		}
	}
	if notes := strings.Join(doc.Notes, "\n"); (notes == "") != (len(s.notes) == 0) {
		w.t.Errorf("notes %q, want %q", doc.Notes, s.notes)
	}
	for _, part := range s.notes {
		if !strings.Contains(strings.Join(doc.Notes, "\n"), part) {
			w.t.Errorf("notes %q lack %q", doc.Notes, part)
		}
	}
	if s.check != nil {
		s.check(w, r, doc)
	}
}

// attempted deploys what is defined, approved by bo where it comes to an approval.
func (w *world) attempted() store.Record {
	w.t.Helper()
	r := w.request(deployment.IntentDeploy)
	wait := w.start(r.ID)
	if waiting := w.until(r.ID, deployment.StageAwaiting); waiting.Stage == deployment.StageAwaiting {
		if err := w.decide("bo", approval.Approve, waiting); err != nil {
			w.t.Fatal(err)
		}
	}
	return wait()
}

// tailOf is the explanation that was stored; an empty one where there is none.
func (w *world) tailOf(r store.Record) tail.Document {
	w.t.Helper()
	var doc tail.Document
	if r.Tail.Document == "" {
		return doc
	}
	content, err := w.store.Document(w.t.Context(), r.Tail.Document)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(content, &doc); err != nil {
		w.t.Fatal(err)
	}
	return doc
}

func causeAt(cause *tail.Failure) string {
	switch {
	case cause == nil:
		return ""
	case cause.Path == "":
		return "."
	}
	return cause.Path
}

func pathsOf(failures []tail.Failure) string {
	var paths []string
	for _, f := range failures {
		paths = append(paths, f.Path)
	}
	return strings.Join(paths, " ")
}

func leftoversOf(doc tail.Document) string {
	var paths []string
	for _, left := range doc.Leftovers {
		paths = append(paths, left.Path)
	}
	return strings.Join(paths, " ")
}

// The templates of the scenarios: queues, whose failures are scripted.
const (
	oneQueue = `
Resources:
  First: {Type: AWS::SQS::Queue}
`
	secondFails = oneQueue + `
  Second:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 5s, Reason: the second queue is out of order}}
  Slow:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 90s, Reason: never told}}
`
	twoFail = oneQueue + `
  Second:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 5s, Reason: the second queue is out of order}}
  Third:
    Type: AWS::SNS::Topic
    Metadata: {"Stackgate::Simulate": {FailOn: create, After: 6s, Reason: the topic has no room}}
`
	rowless = oneQueue + `
Outputs:
  Broken: {Value: !GetAtt First.Nonsense}
`
	keptOnes = `
Resources:
  First: {Type: AWS::SQS::Queue}
  Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Sticky:
    Type: AWS::SQS::Queue
    Metadata: {"Stackgate::Simulate": {FailOn: delete, Reason: somebody holds on to it}}
  Gone: {Type: AWS::SQS::Queue}
`
)

const sendAgain = "`stackgate deploy orders -e prod`"

func scenarios() []scenario {
	return []scenario{
		{
			name: "first create fails", template: secondFails,
			outcome: deployment.OutcomeFailedRolledBack, status: "ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 2,
			advice: []string{"Nothing of the stack is left but its name", sendAgain},
		},
		{
			name: "update fails and rolls back", deployed: []string{oneQueue}, template: secondFails,
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
			advice: []string{"The stack is as it was before", sendAgain},
			check: func(w *world, r store.Record, doc tail.Document) {
				for _, e := range doc.Events {
					if e.LogicalID == "First" && e.Status == "CREATE_COMPLETE" {
						w.t.Error("an event of the first deployment is in the tail")
					}
				}
			},
		},
		{
			name: "two independent failures", deployed: []string{oneQueue}, template: twoFail,
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", failures: "Third",
		},
		{
			name: "rollback fails too", deployed: []string{table("orders", "")}, template: stuck,
			outcome: deployment.OutcomeFailedNeedsHuman, status: "UPDATE_ROLLBACK_FAILED",
			headline: "Queue (AWS::SQS::Queue) could not be created: the queue is out of order", path: "Queue", rollback: "Table",
			advice: []string{"`stackgate recover orders -e prod`.", "`stackgate recover orders -e prod --skip Table`."},
		},
		{
			name: "failure only on the stack row", template: rowless,
			outcome: deployment.OutcomeFailedRolledBack, status: "ROLLBACK_COMPLETE",
			headline: "Stack shop-orders-prod was rolled back because an output or a reference cannot be worked out: ", path: ".",
		},
		{
			name: "delete in clean-up is skipped, another fails", deployed: []string{keptOnes}, template: oneQueue,
			outcome: deployment.OutcomeDeployed, status: "UPDATE_COMPLETE",
			headline: "No failure among the", leftovers: "Kept Sticky",
			advice: []string{"was kept by its deletion policy", "could not be deleted and belongs to no stack any more"},
			check: func(w *world, r store.Record, _ tail.Document) {
				if !strings.Contains(r.Sentence(), "still in the account") || r.Cause != r.Sentence() {
					w.t.Errorf("it ends with %q, cause %q", r.Sentence(), r.Cause)
				}
			},
		},
		{
			name: "the clean-up outlasts the limit", deployed: []string{strings.ReplaceAll(keptOnes, "FailOn: delete,", "FailOn: delete, After: 1h,")}, template: oneQueue,
			define:  func(d *service.Definition) { d.Timeouts.Execution = 10 * time.Minute },
			outcome: deployment.OutcomeDeployed, status: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
			headline: "No failure among the", leftovers: "Kept",
			advice: []string{"was kept by its deletion policy"},
		},
		{
			name: "transform fails", template: "Transform: AWS::Include\n" + oneQueue,
			define:  func(d *service.Definition) { d.Capabilities = []string{"CAPABILITY_AUTO_EXPAND"} },
			outcome: deployment.OutcomeFailedBeforeChange, status: "absent",
			headline: "The change set could not be made; the template of stack shop-orders-prod could not be transformed: ", path: ".",
			advice: []string{"Nothing was changed", sendAgain},
		},
		{
			name: "events arrive late and twice", deployed: []string{oneQueue}, template: secondFails,
			before: func(w *world) {
				held := &late{hidden: 2}
				w.wrap = func(c functions.Client) functions.Client { return held.around(c) }
			},
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
		},
		{
			name: "events never arrive", deployed: []string{oneQueue}, template: secondFails,
			before: func(w *world) {
				held := &late{hidden: 1_000_000}
				w.wrap = func(c functions.Client) functions.Client { return held.around(c) }
			},
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
			notes: []string{"was not there yet; the newest events may be missing"},
		},
		{
			name: "access to DescribeEvents is denied", deployed: []string{oneQueue}, template: secondFails,
			before:  func(w *world) { w.simulator.Deny("DescribeEvents", "GetHookResult", "ListHookResults") },
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
			notes: []string{"Allow cloudformation:DescribeEvents to the role"},
		},
		{
			name: "access to DescribeStackEvents is denied", deployed: []string{oneQueue}, template: secondFails,
			before:  func(w *world) { w.simulator.Deny("DescribeStackEvents") },
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created: the second queue is out of order", path: "Second", cancelled: 1,
			notes: []string{"DescribeEvents stands in for it"},
		},
		{
			name: "an endpoint that knows no DescribeEvents", template: secondFails,
			before:  func(w *world) { w.simulator.Forget("DescribeEvents") },
			outcome: deployment.OutcomeFailedRolledBack, status: "ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created", path: "Second", cancelled: 2,
			notes: []string{"InvalidAction"},
		},
		{
			name: "a recreated stack of the same name", deployed: []string{twoFail}, template: secondFails,
			outcome: deployment.OutcomeFailedRolledBack, status: "ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created", path: "Second", cancelled: 2,
			check: func(w *world, r store.Record, doc tail.Document) {
				for _, e := range doc.Events {
					if e.LogicalID == "Third" {
						w.t.Error("an event of the stack's predecessor is in the tail")
					}
				}
			},
		},
		{
			name: "an old failure of an earlier deployment", deployed: []string{oneQueue, twoFail}, template: secondFails,
			outcome: deployment.OutcomeFailedRolledBack, status: "UPDATE_ROLLBACK_COMPLETE",
			headline: "Second (AWS::SQS::Queue) could not be created", path: "Second", cancelled: 1,
			check: func(w *world, r store.Record, doc tail.Document) {
				for _, e := range doc.Events {
					if e.LogicalID == "Third" || e.Time.Before(r.Times.Executed) {
						w.t.Errorf("%s %s of an earlier deployment is in the tail", e.LogicalID, e.Status)
					}
				}
			},
		},
	}
}

// late gives each event twice, in the wrong order, and the newest one only after it was asked for a number of times
// since the stack came to rest.
type late struct {
	hidden int
}

type tardy struct {
	functions.Client
	late *late
}

func (l *late) around(c functions.Client) functions.Client { return tardy{c, l} }

func (l tardy) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	out, err := l.Client.DescribeStackEvents(ctx, in, opts...)
	if err != nil || len(out.StackEvents) == 0 {
		return out, err
	}
	var rows []types.StackEvent
	for i, row := range out.StackEvents {
		newest := i == 0 && in.NextToken == nil && aws.ToString(row.PhysicalResourceId) == aws.ToString(row.StackId)
		if newest && strings.HasSuffix(string(row.ResourceStatus), "_COMPLETE") && l.late.hidden > 0 {
			l.late.hidden--
			continue
		}
		rows = append([]types.StackEvent{row}, rows...)
		rows = append(rows, row)
	}
	out.StackEvents = rows
	return out, nil
}

package recovery

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/approval"
	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

const (
	id      = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	stackID = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop-orders-prod/1"
	role    = "arn:aws:iam::111111111111:role/cfn-exec-shop"
)

type noon struct{}

func (noon) Now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// ward is CloudFormation with one stack in which a table is stuck, and notes the calls that it is given.
type ward struct {
	status  types.StackStatus
	refuses error
	calls   []string
	token   string
	roles   []string
	event   string
}

func (w *ward) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{
		StackId: aws.String(stackID), StackName: aws.String("shop-orders-prod"), StackStatus: w.status,
	}}}, nil
}

func (w *ward) ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: []types.StackResourceSummary{{
		LogicalResourceId: aws.String("Table"), PhysicalResourceId: aws.String("orders"), ResourceType: aws.String("AWS::DynamoDB::Table"),
		ResourceStatus: types.ResourceStatusUpdateFailed,
	}}}, nil
}

func (w *ward) DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	events := []types.StackEvent{{EventId: aws.String("e1" + w.event), ClientRequestToken: aws.String("theirs")}}
	if w.token != "" {
		events = append([]types.StackEvent{{
			EventId: aws.String("e2"), ClientRequestToken: aws.String(w.token), PhysicalResourceId: aws.String(stackID),
			ResourceType: aws.String("AWS::CloudFormation::Stack"), ResourceStatus: "UPDATE_ROLLBACK_IN_PROGRESS",
		}}, events...)
	}
	return &cloudformation.DescribeStackEventsOutput{StackEvents: events}, nil
}

func (w *ward) ListChangeSets(context.Context, *cloudformation.ListChangeSetsInput, ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	return &cloudformation.ListChangeSetsOutput{}, nil
}

func (w *ward) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return nil, &types.ChangeSetNotFoundException{}
}

func (w *ward) note(call, stack, token, role string, names []string) error {
	w.calls = append(w.calls, strings.Join(append([]string{call, stack, token}, names...), " "))
	w.roles = append(w.roles, role)
	return w.refuses
}

func (w *ward) ContinueUpdateRollback(_ context.Context, in *cloudformation.ContinueUpdateRollbackInput, _ ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	return &cloudformation.ContinueUpdateRollbackOutput{}, w.note("continue", aws.ToString(in.StackName), aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), in.ResourcesToSkip)
}

func (w *ward) RollbackStack(_ context.Context, in *cloudformation.RollbackStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error) {
	return &cloudformation.RollbackStackOutput{}, w.note("roll back", aws.ToString(in.StackName), aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), nil)
}

func (w *ward) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	return &cloudformation.DeleteStackOutput{}, w.note("delete "+string(in.DeletionMode), aws.ToString(in.StackName), aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), in.RetainResources)
}

// verified is a store with a recovery of the ward that is approved and verified, and holds the lock.
func verified(t *testing.T, w *ward, asked deployment.Recovery) *sqlite.Store {
	t.Helper()
	kept, err := sqlite.Open(t.Context(), t.TempDir(), noon{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	definition := service.Definition{Service: "orders", Environment: "prod", StackName: "shop-orders-prod", ExecutionRole: role}
	key, err := service.KeepDefinition(t.Context(), kept, definition)
	if err != nil {
		t.Fatal(err)
	}
	r := store.Record{
		Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Intent: deployment.IntentRecover, Definition: key,
		Target: deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"}, RequestedBy: "ana",
		StackID: stackID, Stage: deployment.StageAwaiting, Policy: approval.Default(), Recovery: store.Recovery{Recovery: asked}, Leftovers: []string{},
	}
	d, err := diagnose(t.Context(), w, r)
	if err != nil {
		t.Fatal(err)
	}
	made, err := propose(d, r, definition)
	if err != nil {
		t.Fatal(err)
	}
	r.Recovery.Action = d.Action
	r.Review = store.Review{Digest: made.Digest, Approval: deployment.ApprovalRequired, Acknowledge: made.Acknowledgements()}
	if err := kept.CreateRecord(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	decide(t, kept, "bo", approval.Approve)
	change(t, kept, func(r *store.Record) { r.Stage, r.Times.Verified = deployment.StageVerifying, noon{}.Now() })
	if _, err := kept.Enqueue(t.Context(), r.Target.Key(), store.Ticket{DeploymentID: id}); err != nil {
		t.Fatal(err)
	}
	return kept
}

func change(t *testing.T, kept *sqlite.Store, how func(r *store.Record)) {
	t.Helper()
	if _, err := kept.UpdateRecord(t.Context(), id, func(r *store.Record) error { how(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func decide(t *testing.T, kept *sqlite.Store, by string, verdict approval.Verdict) {
	t.Helper()
	r, err := kept.Record(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := kept.AddDecision(t.Context(), id, approval.Decision{
		By: by, Verdict: verdict, ChangeSetID: r.StackID, Digest: r.Review.Digest, Acknowledgements: r.Review.Acknowledge,
	}); err != nil {
		t.Fatal(err)
	}
}

// installed is the policy that the record keeps, unchanged since.
func installed(string, string) (approval.Policy, error) { return approval.Default(), nil }

func perform(t *testing.T, kept *sqlite.Store, w *ward) (PerformOut, error) {
	t.Helper()
	task := Perform{Store: kept, Policies: installed, Clock: noon{}, Connect: func(context.Context, store.Record) (Performer, error) { return w, nil }}
	return task.Run(t.Context(), PerformIn{DeploymentID: id, TaskToken: "token"})
}

func TestPerformMakesTheApprovedCall(t *testing.T) {
	for status, c := range map[types.StackStatus]struct {
		asked deployment.Recovery
		call  string
	}{
		"UPDATE_ROLLBACK_FAILED": {deployment.Recovery{Skip: []string{"Table"}}, "continue " + stackID + " " + string(id) + " Table"},
		"UPDATE_FAILED":          {deployment.Recovery{}, "roll back " + stackID + " " + string(id)},
		"CREATE_FAILED":          {deployment.Recovery{}, "roll back " + stackID + " " + string(id)},
		"ROLLBACK_FAILED":        {deployment.Recovery{}, "delete  " + stackID + " " + string(id)},
		"ROLLBACK_COMPLETE":      {deployment.Recovery{}, "delete  " + stackID + " " + string(id)},
		"DELETE_FAILED":          {deployment.Recovery{Retain: []string{"Table"}}, "delete  " + stackID + " " + string(id) + " Table"},
	} {
		w := &ward{status: status}
		kept := verified(t, w, c.asked)
		out, err := perform(t, kept, w)
		if err != nil || out.Adopted || !slices.Equal(w.calls, []string{c.call}) || !slices.Equal(w.roles, []string{role}) {
			t.Errorf("%s: %v, calls %q as %v", status, err, w.calls, w.roles)
		}
		r, err := kept.Record(t.Context(), id)
		if err != nil || r.Stage != deployment.StageExecuting || r.ClientRequestToken != string(id) || r.Times.Executed.IsZero() {
			t.Errorf("%s: %v, recorded %+v", status, err, r)
		}
		if waiter, err := kept.Waiter(t.Context(), id, store.AwaitStack); err != nil || waiter.StackID != stackID || waiter.Token != "token" {
			t.Errorf("%s: waiter %+v, %v", status, waiter, err)
		}
	}
	w := &ward{status: "DELETE_FAILED"}
	if _, err := perform(t, verified(t, w, deployment.Recovery{Force: true}), w); err != nil || !strings.HasPrefix(w.calls[0], "delete FORCE_DELETE_STACK ") {
		t.Errorf("%v, calls %q", err, w.calls)
	}
}

func TestPerformRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, kept *sqlite.Store, w *ward)
		fault  deployment.Fault
	}{
		"a deployment": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.Intent = deployment.IntentDeploy })
		}, deployment.InvalidRequest},
		"what was called off": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.CancelledBy = "ana" })
		}, deployment.Cancelled},
		"what was not verified": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.Times.Verified = time.Time{} })
		}, deployment.NotApproved},
		"another digest": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.Review.Digest = "sha256:0" })
		}, deployment.ReviewStale},
		"more than was approved": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.Recovery.Skip = nil })
		}, deployment.ReviewStale},
		"two approvals wanted": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.Policy.Count = 2 })
		}, deployment.NotApproved},
		"what bo alone asked for": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			change(t, kept, func(r *store.Record) { r.RequestedBy = "bo" })
		}, deployment.NotApproved},
		"a stack that moved":     {func(_ *testing.T, _ *sqlite.Store, w *ward) { w.event = "more" }, deployment.ReviewStale},
		"a stack that recovered": {func(_ *testing.T, _ *sqlite.Store, w *ward) { w.status = "UPDATE_ROLLBACK_COMPLETE" }, deployment.ReviewStale},
		"a stack that is moving": {func(_ *testing.T, _ *sqlite.Store, w *ward) { w.status = "UPDATE_ROLLBACK_IN_PROGRESS" }, deployment.ReviewStale},
		"without the lock": {func(t *testing.T, kept *sqlite.Store, _ *ward) {
			if _, err := kept.Leave(t.Context(), "111111111111#eu-west-1#shop-orders-prod", id); err != nil {
				t.Fatal(err)
			}
		}, deployment.InternalError},
	} {
		w := &ward{status: "UPDATE_ROLLBACK_FAILED"}
		kept := verified(t, w, deployment.Recovery{Skip: []string{"Table"}})
		c.change(t, kept, w)
		if _, err := perform(t, kept, w); deployment.FaultOf(err) != c.fault || len(w.calls) != 0 {
			t.Errorf("%s: %v (%s), want %s; calls %q", name, err, deployment.FaultOf(err), c.fault, w.calls)
		}
	}
}

func TestPerformTellsWhyCloudFormationRefused(t *testing.T) {
	said := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	for name, c := range map[string]struct {
		refuses error
		token   string
		fault   deployment.Fault
		begun   bool
	}{
		"it moved":                {said("ValidationError", "Stack:"+stackID+" is in UPDATE_ROLLBACK_COMPLETE state and can not continue to rollback."), "", deployment.ReviewStale, false},
		"it is gone":              {said("ValidationError", "Stack [shop-orders-prod] does not exist"), "", deployment.ReviewStale, false},
		"a resource is not stuck": {said("ValidationError", "The following resources to skip are not in UPDATE_FAILED state: [Table]"), "", deployment.InvalidRequest, false},
		"denied":                  {said("AccessDenied", "not authorized to perform: cloudformation:ContinueUpdateRollback"), "", deployment.NotPermitted, false},
		"throttled":               {said("Throttling", "Rate exceeded"), "", deployment.Throttled, false},
		"the token was used":      {&types.TokenAlreadyExistsException{}, "", "", true},
		"the answer was lost":     {context.DeadlineExceeded, string(id), "", true},
	} {
		w := &ward{status: "UPDATE_ROLLBACK_FAILED"}
		kept := verified(t, w, deployment.Recovery{})
		w.refuses = c.refuses
		if c.token != "" {
			// The events appear with the call.
			kept2 := &lateEvents{ward: w, token: c.token}
			task := Perform{Store: kept, Policies: installed, Clock: noon{}, Connect: func(context.Context, store.Record) (Performer, error) { return kept2, nil }}
			out, err := task.Run(t.Context(), PerformIn{DeploymentID: id, TaskToken: "token"})
			if err != nil || !out.Adopted {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
			continue
		}
		_, err := perform(t, kept, w)
		r, readErr := kept.Record(t.Context(), id)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if (err == nil) != c.begun || err != nil && deployment.FaultOf(err) != c.fault || (r.Settlement == deployment.SettlementNotStarted) == c.begun {
			t.Errorf("%s: %v (%s), want %s; settled %q", name, err, deployment.FaultOf(err), c.fault, r.Settlement)
		}
		if err != nil && strings.Contains(err.Error(), "template") {
			t.Errorf("%s: a recovery has no template: %v", name, err)
		}
	}
}

// lateEvents shows the events of a call once it was made.
type lateEvents struct {
	*ward
	token string
}

func (l *lateEvents) ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, opts ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	out, err := l.ward.ContinueUpdateRollback(ctx, in, opts...)
	l.ward.token = l.token
	return out, err
}

func TestAnEarlierTryIsAdopted(t *testing.T) {
	w := &ward{status: "UPDATE_ROLLBACK_FAILED"}
	kept := verified(t, w, deployment.Recovery{})
	if _, err := perform(t, kept, w); err != nil {
		t.Fatal(err)
	}
	w.token, w.status = string(id), "UPDATE_ROLLBACK_IN_PROGRESS"
	if out, err := perform(t, kept, w); err != nil || !out.Adopted || len(w.calls) != 1 {
		t.Errorf("%+v, %v, calls %q", out, err, w.calls)
	}
}

func TestWhatMustBeAcknowledgedIsAlwaysApproved(t *testing.T) {
	for _, when := range approval.Whens() {
		r := store.Record{Policy: approval.Policy{When: when}}
		for name, c := range map[string]struct {
			made plan.Review
			want deployment.ApprovalNeed
		}{
			"an empty stack": {plan.Review{Level: plan.LevelLow}, map[bool]deployment.ApprovalNeed{true: deployment.ApprovalRequired, false: deployment.ApprovalNotRequired}[when == approval.Always]},
			"a rollback":     {plan.Review{Level: plan.LevelHigh}, map[bool]deployment.ApprovalNeed{true: deployment.ApprovalRequired, false: deployment.ApprovalNotRequired}[when != approval.Never]},
			"a deletion":     {plan.Review{Level: plan.LevelCritical, Items: []plan.Item{{Ack: 1}}}, deployment.ApprovalRequired},
		} {
			if got := need(r, c.made); got != c.want {
				t.Errorf("%s where approval is %s: %s, want %s", name, when, got, c.want)
			}
		}
	}
}

func TestConfirmWaitsForItsOwnCall(t *testing.T) {
	w := &ward{status: "UPDATE_ROLLBACK_FAILED"}
	kept := verified(t, w, deployment.Recovery{})
	if _, err := perform(t, kept, w); err != nil {
		t.Fatal(err)
	}
	task := Confirm{Store: kept, Clock: noon{}, Connect: func(context.Context, store.Record) (cfn.OperationReader, error) { return w, nil }}
	// The status is that from before the call, of which there are no events yet.
	if _, err := task.Run(t.Context(), In{DeploymentID: id}); deployment.FaultOf(err) != deployment.StackTimedOut && deployment.FaultOf(err) != deployment.StackMoving {
		t.Errorf("%v", err)
	}
}

package cfn_test

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

	"stackgate/internal/cfn"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
)

const (
	rootARN   = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-orders-prod/1"
	nestedARN = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-orders-prod-Network-9X8Y7Z/2"
)

// ward is CloudFormation with one stack and its nested ones, newest event first, one row a page.
type ward struct {
	stack     types.Stack
	absent    bool
	resources map[string][]types.StackResourceSummary
	events    []types.StackEvent
	sets      []types.ChangeSetSummary
}

func (w *ward) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if w.absent {
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id shop-orders-prod does not exist"}
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{w.stack}}, nil
}

func pageOf[T any](rows []T, token *string) ([]T, *string) {
	n := len(aws.ToString(token))
	if n >= len(rows) {
		return nil, nil
	}
	if n+1 < len(rows) {
		return rows[n : n+1], aws.String(strings.Repeat("x", n+1))
	}
	return rows[n : n+1], nil
}

func (w *ward) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	rows, known := w.resources[aws.ToString(in.StackName)]
	if !known {
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id " + aws.ToString(in.StackName) + " does not exist"}
	}
	page, next := pageOf(rows, in.NextToken)
	return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: page, NextToken: next}, nil
}

func (w *ward) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	page, next := pageOf(w.events, in.NextToken)
	return &cloudformation.DescribeStackEventsOutput{StackEvents: page, NextToken: next}, nil
}

func (w *ward) ListChangeSets(_ context.Context, in *cloudformation.ListChangeSetsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	page, next := pageOf(w.sets, in.NextToken)
	return &cloudformation.ListChangeSetsOutput{Summaries: page, NextToken: next}, nil
}

func (w *ward) DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return nil, &types.ChangeSetNotFoundException{}
}

var midday = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func held(id, kind, physical string, status types.ResourceStatus, reason string, minutes int) types.StackResourceSummary {
	row := types.StackResourceSummary{
		LogicalResourceId: aws.String(id), ResourceType: aws.String(kind), ResourceStatus: status,
		LastUpdatedTimestamp: aws.Time(midday.Add(time.Duration(minutes) * time.Minute)),
	}
	if physical != "" {
		row.PhysicalResourceId = aws.String(physical)
	}
	if reason != "" {
		row.ResourceStatusReason = aws.String(reason)
	}
	return row
}

func stackRow(id string, status types.ResourceStatus, token string, minutes int) types.StackEvent {
	return types.StackEvent{
		EventId: aws.String(id), StackId: aws.String(rootARN), PhysicalResourceId: aws.String(rootARN), LogicalResourceId: aws.String("shop-orders-prod"),
		ResourceType: aws.String("AWS::CloudFormation::Stack"), ResourceStatus: status, ClientRequestToken: aws.String(token),
		Timestamp: aws.Time(midday.Add(time.Duration(minutes) * time.Minute)),
	}
}

// stuckWard is stuck after an update: a table of the root and one of a nested stack cannot go back, and a queue was only
// called off.
func stuckWard() *ward {
	return &ward{
		stack: types.Stack{
			StackId: aws.String(rootARN), StackName: aws.String("shop-orders-prod"), StackStatus: "UPDATE_ROLLBACK_FAILED",
			StackStatusReason: aws.String("The following resource(s) failed to update: [Table, Network]. "),
		},
		resources: map[string][]types.StackResourceSummary{
			rootARN: {
				held("Table", "AWS::DynamoDB::Table", "orders", "UPDATE_FAILED", "a backup is running", 10),
				held("Queue", "AWS::SQS::Queue", "queue", "UPDATE_FAILED", "Resource update cancelled", 10),
				held("Topic", "AWS::SNS::Topic", "topic", "CREATE_COMPLETE", "", 0),
				held("Never", "AWS::SNS::Topic", "", "CREATE_FAILED", "quota", 9),
				held("Gone", "AWS::SNS::Topic", "gone", "DELETE_COMPLETE", "", 9),
				held("Network", "AWS::CloudFormation::Stack", nestedARN, "UPDATE_FAILED", "nested", 10),
			},
			nestedARN: {held("Table", "AWS::DynamoDB::Table", "inner", "UPDATE_FAILED", "a backup is running", 10)},
		},
		events: []types.StackEvent{
			stackRow("e3", "UPDATE_ROLLBACK_FAILED", "theirs", 10), stackRow("e2", "UPDATE_ROLLBACK_IN_PROGRESS", "theirs", 9),
			stackRow("e1", "UPDATE_COMPLETE", "before", 1),
		},
	}
}

func diagnosed(t *testing.T, w *ward, asked deployment.Recovery) (cfn.Diagnosis, plan.Review) {
	t.Helper()
	d, err := cfn.Diagnose(t.Context(), w, "shop-orders-prod", ordersStack, asked)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Proposal(cfn.RecoveryInput{Account: "111122223333", Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	return d, r
}

func TestContinuedRollbackNamesWhatStoppedIt(t *testing.T) {
	_, r := diagnosed(t, stuckWard(), deployment.Recovery{})
	var paths []string
	for _, item := range r.Items {
		paths = append(paths, item.Path)
		if item.Ack != 0 || item.Level != plan.LevelHigh {
			t.Errorf("%s: ack %d, level %s", item.Path, item.Ack, item.Level)
		}
	}
	slices.Sort(paths)
	if want := []string{"Network", "Network/Table", "Queue", "Table"}; !slices.Equal(paths, want) {
		t.Errorf("named %v, want %v", paths, want)
	}
	if item, _ := r.Item("Network/Table"); !strings.Contains(strings.Join(item.Notes, "; "), "--skip Network.Table") {
		t.Errorf("notes %q", item.Notes)
	}
	if item, _ := r.Item("Queue"); strings.Contains(strings.Join(item.Notes, "; "), "--skip") {
		t.Errorf("what was only called off is offered: %q", item.Notes)
	}
	if !r.Dangerous() || r.Recovery.Reaches != "UPDATE_ROLLBACK_COMPLETE" || !strings.Contains(r.Verdict, "Network.Table, Table") {
		t.Errorf("%s, reaches %s", r.Verdict, r.Recovery.Reaches)
	}
}

func TestSkippedResourcesAreNamedAsTheCallWants(t *testing.T) {
	for name, c := range map[string]struct {
		skip []string
		call []string
		says string
	}{
		"of the root":           {skip: []string{"Table"}, call: []string{"Table"}},
		"nested, by id":         {skip: []string{"Network.Table"}, call: []string{"shop-orders-prod-Network-9X8Y7Z.Table"}},
		"nested, by path":       {skip: []string{"Network/Table"}, call: []string{"shop-orders-prod-Network-9X8Y7Z.Table"}},
		"nested, by stack name": {skip: []string{"shop-orders-prod-Network-9X8Y7Z.Table"}, call: []string{"shop-orders-prod-Network-9X8Y7Z.Table"}},
		"both, sorted":          {skip: []string{"Network.Table", "Table"}, call: []string{"Table", "shop-orders-prod-Network-9X8Y7Z.Table"}},
		"twice in two ways":     {skip: []string{"Network.Table", "Network/Table"}, says: "named twice"},
		"a nested stack":        {skip: []string{"Network"}, says: "name what failed inside it"},
		"called off":            {skip: []string{"Queue"}, says: "only called off"},
		"not failed":            {skip: []string{"Topic"}, says: "it is CREATE_COMPLETE"},
		"never made":            {skip: []string{"Never"}, says: `no resource "Never" to skip; what can be skipped: Network.Table, Table`},
		"of another case":       {skip: []string{"table"}, says: `no resource "table"`},
	} {
		d, err := cfn.Diagnose(t.Context(), stuckWard(), "shop-orders-prod", ordersStack, deployment.Recovery{Skip: c.skip})
		switch {
		case c.says == "" && (err != nil || !slices.Equal(d.Skip, c.call)):
			t.Errorf("%s: %v, %v", name, d.Skip, err)
		case c.says != "" && (deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want …%s…", name, err, c.says)
		}
	}
}

// Whatever is done to the stack, or asked of it, makes another proposal; reading it again makes the same.
func TestProposalDigestCoversEverything(t *testing.T) {
	_, base := diagnosed(t, stuckWard(), deployment.Recovery{})
	if _, again := diagnosed(t, stuckWard(), deployment.Recovery{}); again.Digest != base.Digest {
		t.Error("the same stack has two digests")
	}
	seen := map[string]string{base.Digest: "nothing"}
	for name, c := range map[string]struct {
		change func(w *ward)
		asked  deployment.Recovery
	}{
		"a newer event": {change: func(w *ward) {
			w.events = append([]types.StackEvent{stackRow("e4", "UPDATE_ROLLBACK_FAILED", "x", 11)}, w.events...)
		}},
		"another stack of the name": {change: func(w *ward) {
			w.stack.StackId = aws.String(rootARN + "0")
			w.resources[rootARN+"0"] = w.resources[rootARN]
		}},
		"a resource's status":       {change: func(w *ward) { w.resources[rootARN][0].ResourceStatus = "UPDATE_COMPLETE" }},
		"another physical resource": {change: func(w *ward) { w.resources[rootARN][2].PhysicalResourceId = aws.String("other") }},
		"one resource more": {change: func(w *ward) {
			w.resources[nestedARN] = append(w.resources[nestedARN], held("X", "T", "x", "CREATE_COMPLETE", "", 0))
		}},
		"a resource to skip":         {asked: deployment.Recovery{Skip: []string{"Table"}}},
		"another resource to skip":   {asked: deployment.Recovery{Skip: []string{"Network.Table"}}},
		"a status of the same phase": {change: func(w *ward) { w.stack.StackStatus = "DELETE_FAILED" }},
	} {
		w := stuckWard()
		if c.change != nil {
			c.change(w)
		}
		_, r := diagnosed(t, w, c.asked)
		if other, taken := seen[r.Digest]; taken {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[r.Digest] = name
	}
}

func TestDeletionNamesEachResource(t *testing.T) {
	w := stuckWard()
	w.stack.StackStatus = "DELETE_FAILED"
	w.resources[rootARN] = append(w.resources[rootARN], held("Kept", "AWS::S3::Bucket", "kept", "DELETE_SKIPPED", "", 1))
	d, r := diagnosed(t, w, deployment.Recovery{Retain: []string{"Network"}})
	if d.Action != deployment.RecoverDelete || len(r.Items) != 6 || len(r.Acknowledgements()) != 6 || r.Recovery.Reaches != "DELETE_COMPLETE" {
		t.Errorf("%s: %d items, to acknowledge %v", d.Action, len(r.Items), r.Acknowledgements())
	}
	want := map[string]plan.Impact{
		"Table": plan.ImpactDestroy, "Queue": plan.ImpactDestroy, "Topic": plan.ImpactDestroy, "Kept": plan.ImpactOrphan,
		"Network": plan.ImpactOrphan, "Network/Table": plan.ImpactOrphan,
	}
	for path, impact := range want {
		if item, found := r.Item(path); !found || item.Impact != impact {
			t.Errorf("%s is %s (found: %t), want %s", path, item.Impact, found, impact)
		}
	}
	for name, asked := range map[string]deployment.Recovery{
		"what is not there":       {Retain: []string{"Bucket"}},
		"what is inside a nested": {Retain: []string{"Network/Table"}},
		"what is deleted":         {Retain: []string{"Gone"}},
	} {
		if _, err := cfn.Diagnose(t.Context(), w, "shop-orders-prod", ordersStack, asked); deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), "to retain") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A nested stack that is gone holds nothing.
	delete(w.resources, nestedARN)
	if _, r := diagnosed(t, w, deployment.Recovery{}); len(r.Items) != 5 {
		t.Errorf("%d items", len(r.Items))
	}
}

func TestAProtectedStackIsNotDeleted(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		w := stuckWard()
		w.stack.StackStatus, w.stack.EnableTerminationProtection = status, aws.Bool(true)
		_, err := cfn.Diagnose(t.Context(), w, "shop-orders-prod", ordersStack, deployment.Recovery{})
		refused := err != nil && strings.Contains(err.Error(), "--no-enable-termination-protection --stack-name shop-orders-prod")
		if want := cfn.WayOf(status).Recovery.Operation() == "DeleteStack"; refused != want || refused && deployment.FaultOf(err) != deployment.StackNeedsHuman {
			t.Errorf("%s: %v", status, err)
		}
	}
}

func TestAnEmptyStackIsRemovedAndAFullOneDeleted(t *testing.T) {
	w := stuckWard()
	w.stack.StackStatus = "ROLLBACK_COMPLETE"
	w.resources[rootARN] = []types.StackResourceSummary{held("Gone", "AWS::SNS::Topic", "gone", "DELETE_COMPLETE", "", 9)}
	d, r := diagnosed(t, w, deployment.Recovery{})
	if d.Action != deployment.RecoverRemoveEmpty || r.Dangerous() || len(r.Items) != 0 || !strings.Contains(r.Verdict, "holds nothing") {
		t.Errorf("%s: %s, level %s", d.Action, r.Verdict, r.Level)
	}
	w.resources[rootARN] = append(w.resources[rootARN], held("Kept", "AWS::S3::Bucket", "kept", "DELETE_SKIPPED", "", 1))
	d, r = diagnosed(t, w, deployment.Recovery{})
	if d.Action != deployment.RecoverDelete || !r.Dangerous() || len(r.Acknowledgements()) != 1 || !strings.Contains(r.Verdict, "leaves 1 resource behind") {
		t.Errorf("%s: %s, level %s", d.Action, r.Verdict, r.Level)
	}
}

func TestShellsOfOthersAreLeftAlone(t *testing.T) {
	const ours = "orders-prod-20261122T140203Z-7q4k2mxa"
	set := func(name, description string, status types.ChangeSetStatus) types.ChangeSetSummary {
		return types.ChangeSetSummary{ChangeSetName: aws.String(name), Description: aws.String(description), Status: status}
	}
	w := stuckWard()
	w.stack.StackStatus, w.resources[rootARN] = "REVIEW_IN_PROGRESS", nil
	w.sets = []types.ChangeSetSummary{
		set(ours, deployment.ID(ours).Description("sg-1", ""), "CREATE_COMPLETE"), set("theirs", "", "DELETE_COMPLETE"),
	}
	d, r := diagnosed(t, w, deployment.Recovery{})
	if d.Action != deployment.RecoverRemoveEmpty || !slices.Equal(d.ChangeSets, []string{ours}) {
		t.Errorf("%s with %v", d.Action, d.ChangeSets)
	}
	w.sets = nil
	if _, without := diagnosed(t, w, deployment.Recovery{}); without.Digest == r.Digest {
		t.Error("the change sets that go with the shell are not in the digest")
	}
	for name, foreign := range map[string]types.ChangeSetSummary{
		"by hand":              set("by-hand", "", "CREATE_COMPLETE"),
		"with our name only":   set(ours, "mine", "CREATE_COMPLETE"),
		"with our words only":  set("other", deployment.ID(ours).Description("sg-1", ""), "CREATE_COMPLETE"),
		"a failed one of them": set("by-hand", "", "FAILED"),
	} {
		w.sets = []types.ChangeSetSummary{foreign}
		if _, err := cfn.Diagnose(t.Context(), w, "shop-orders-prod", ordersStack, deployment.Recovery{}); deployment.FaultOf(err) != deployment.StackNeedsHuman || !strings.Contains(err.Error(), "not ours") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiagnosisOfEveryStatus(t *testing.T) {
	for _, status := range append(types.StackStatus("").Values(), invented, "") {
		w := stuckWard()
		w.stack.StackStatus = status
		d, err := cfn.Diagnose(t.Context(), w, "shop-orders-prod", ordersStack, deployment.Recovery{})
		way := cfn.WayOf(status)
		want := map[cfn.Next]deployment.Fault{
			cfn.NextGoOn: deployment.NothingToRecover, cfn.NextWait: deployment.StackBusy, cfn.NextHuman: deployment.StackNeedsHuman,
		}[way.Next]
		if way.Recovery != deployment.RecoverNothing {
			if err != nil || d.Action == deployment.RecoverNothing || d.Action.Operation() != way.Recovery.Operation() {
				t.Errorf("%q: %s, %v", status, d.Action, err)
			}
			continue
		}
		if deployment.FaultOf(err) != want || !strings.Contains(err.Error(), way.Command(ordersStack)) {
			t.Errorf("%q: %v (%s), want %s", status, err, deployment.FaultOf(err), want)
		}
	}
	if _, err := cfn.Diagnose(t.Context(), &ward{absent: true}, "shop-orders-prod", ordersStack, deployment.Recovery{}); deployment.FaultOf(err) != deployment.NothingToRecover {
		t.Errorf("absent: %v", err)
	}
}

// A stack that nobody remembers as complete may be deleted by RollbackStack, so that all of it is named.
func TestRollBackNamesWhatItDeletes(t *testing.T) {
	w := stuckWard()
	w.stack.StackStatus = "UPDATE_FAILED"
	w.resources[rootARN] = append(w.resources[rootARN], held("New", "AWS::S3::Bucket", "new", "CREATE_COMPLETE", "", 5))
	_, r := diagnosed(t, w, deployment.Recovery{})
	if item, found := r.Item("New"); !found || item.Impact != plan.ImpactDestroy || item.Ack == 0 {
		t.Errorf("what the update made: %+v", item)
	}
	if _, found := r.Item("Topic"); found {
		t.Error("what was there before is named")
	}
	if r.Recovery.Reaches != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("reaches %s", r.Recovery.Reaches)
	}
	w.events = w.events[:2]
	_, r = diagnosed(t, w, deployment.Recovery{})
	if r.Recovery.Reaches != "DELETE_COMPLETE" || len(r.Acknowledgements()) != 6 || !strings.Contains(r.Verdict, "Deletes the stack") {
		t.Errorf("%s, to acknowledge %v", r.Verdict, r.Acknowledgements())
	}
}

func TestRecoverySettlement(t *testing.T) {
	const token = "orders-prod-20261122T140203Z-7q4k2mxa"
	want := func(action deployment.RecoveryAction, status types.StackStatus) deployment.Settlement {
		deletes := action == deployment.RecoverDelete || action == deployment.RecoverRemoveEmpty
		switch cfn.PhaseOf(status) {
		case deployment.PhaseBusy:
			return deployment.SettlementMoving
		case deployment.PhaseStuck, deployment.PhasePaused:
			return deployment.SettlementStuck
		case deployment.PhaseReady, deployment.PhaseFailedCreateEmpty:
			if !deletes {
				return deployment.SettlementSucceeded
			}
		case deployment.PhaseAbsent:
			if action != deployment.RecoverContinueRollback {
				return deployment.SettlementSucceeded
			}
		}
		return deployment.SettlementUnknown
	}
	actions := []deployment.RecoveryAction{deployment.RecoverRemoveEmpty, deployment.RecoverDelete, deployment.RecoverContinueRollback, deployment.RecoverRollBack}
	for _, action := range actions {
		o := deployment.Operation{StackID: rootARN, Recovery: action, Token: token, At: midday}
		for _, status := range append(types.StackStatus("").Values(), invented) {
			w := stuckWard()
			w.stack.StackStatus = status
			// Somebody else's later operation is not ours.
			w.events = []types.StackEvent{stackRow("e9", "UPDATE_IN_PROGRESS", "theirs", 9), stackRow("e8", types.ResourceStatus(status), token, 8), stackRow("e1", "UPDATE_FAILED", "before", 1)}
			got, _, err := cfn.OperationSettlement(t.Context(), w, o, midday.Add(time.Hour))
			if err != nil || got != want(action, status) {
				t.Errorf("%s at %s is %s (%v), want %s", action, status, got, err, want(action, status))
			}
		}
		// Without an event of our own the status is from before the call, and nothing was begun once events cannot be late.
		w := stuckWard()
		for after, settlement := range map[time.Duration]deployment.Settlement{time.Minute: deployment.SettlementMoving, time.Hour: deployment.SettlementNotStarted} {
			if got, _, err := cfn.OperationSettlement(t.Context(), w, o, midday.Add(after)); err != nil || got != settlement {
				t.Errorf("%s without events after %s is %s, %v", action, after, got, err)
			}
		}
		if got, _, err := cfn.OperationSettlement(t.Context(), &ward{absent: true}, o, midday); err != nil || got != want(action, "DELETE_COMPLETE") {
			t.Errorf("%s of a stack that is gone is %s, %v", action, got, err)
		}
	}
}

package cfnsim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
)

// operationRecord is what DescribeEvents says of an operation as a whole, also when it is over. The failed update and
// the rollback that follows it are two of them.
type operationRecord struct {
	ID      string
	Type    types.OperationType
	Token   string `json:",omitempty"`
	Started time.Time
	Ended   *time.Time `json:",omitempty"`
	Failed  bool       `json:",omitempty"`
}

func (o operationRecord) status() types.BeaconStackOperationStatus {
	switch {
	case o.Ended == nil:
		return types.BeaconStackOperationStatusInProgress
	case o.Failed:
		return types.BeaconStackOperationStatusFailed
	default:
		return types.BeaconStackOperationStatusSucceeded
	}
}

// endOperation closes the record of the stack's running operation, if it is still open.
func (s *stack) endOperation(at time.Time, failed bool) {
	if n := len(s.Operations); n > 0 && s.Operations[n-1].Ended == nil {
		s.Operations[n-1].Ended, s.Operations[n-1].Failed = &at, failed
	}
}

// succeededAs says whether an operation of the type has reached what it was for when the stack has the status: an
// update that ends rolled back has not, a rollback has.
func succeededAs(kind types.OperationType, status types.StackStatus) bool {
	switch kind {
	case types.OperationTypeCreateStack:
		return status == types.StackStatusCreateComplete
	case types.OperationTypeUpdateStack:
		return status == types.StackStatusUpdateComplete
	case types.OperationTypeDeleteStack, types.OperationTypeRollback, types.OperationTypeContinueRollback, types.OperationTypeCreateChangeset:
		return strings.HasSuffix(string(status), "_COMPLETE")
	default:
		return false
	}
}

// validationFinding is one finding of early validation.
type validationFinding struct {
	Name, LogicalID, Type, Path, Reason string
	Mode                                types.HookFailureMode
}

func (r *request) describeEvents(in *cloudformation.DescribeEventsInput) (*cloudformation.DescribeEventsOutput, error) {
	s, rows, subject, err := r.operationEvents(in)
	if err != nil {
		return nil, err
	}
	if in.Filters != nil && aws.ToBool(in.Filters.FailedEvents) {
		rows = slices.DeleteFunc(rows, func(row operationEventRow) bool { return !failedEvent(row.show()) })
		subject += "/failed"
	}
	// As with DescribeStackEvents, tokens count from the oldest row: rows that arrive between two pages move nothing.
	newest := len(rows)
	if in.NextToken != nil {
		left, err := readToken(subject, *in.NextToken)
		if err != nil || left > len(rows) {
			return nil, validationError("The specified next token is invalid. Please provide a valid token.")
		}
		newest = left
	}
	out, oldest := &cloudformation.DescribeEventsOutput{OperationEvents: []types.OperationEvent{}}, newest
	for oldest > 0 && len(out.OperationEvents) < r.pageSize(5) {
		oldest--
		shown := rows[oldest].show()
		for range r.seen(s, *shown.EventId, *shown.Timestamp) {
			out.OperationEvents = append(out.OperationEvents, shown)
		}
	}
	if oldest > 0 {
		out.NextToken = writeToken(subject, oldest)
	}
	return out, nil
}

// operationEvents returns the rows that the request names, oldest first, the stack whose they are, and a name for the
// list.
func (r *request) operationEvents(in *cloudformation.DescribeEventsInput) (*stack, []operationEventRow, string, error) {
	switch {
	case in.ChangeSetName != nil && in.OperationId != nil:
		return nil, nil, "", validationError("Only one of ChangeSetName or OperationId may be specified.")
	case in.ChangeSetName != nil:
		set, s, err := r.changeSet(in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, nil, "", err
		}
		return s, changeSetEvents(s, set), set.ID + "/events", nil
	case in.StackName != nil:
		s := r.w.find(r.account, r.region, *in.StackName)
		if s == nil {
			return nil, nil, "", validationError("Stack [%s] does not exist", *in.StackName)
		}
		rows := r.w.operationEvents(s)
		if in.OperationId != nil {
			rows = slices.DeleteFunc(rows, func(row operationEventRow) bool { return row.operationID() != *in.OperationId })
		}
		return s, rows, s.ID + "/operations/" + aws.ToString(in.OperationId), nil
	case in.OperationId != nil:
		return r.eventsOfOperation(*in.OperationId)
	default:
		return nil, nil, "", validationError("One of ChangeSetName, OperationId or StackName must be specified.")
	}
}

func (r *request) eventsOfOperation(id string) (*stack, []operationEventRow, string, error) {
	for _, set := range r.w.ChangeSets {
		if set.Operation.ID == id {
			if s := r.w.stackByID(set.StackID); s.Account == r.account && s.Region == r.region {
				return s, changeSetEvents(s, set), id + "/events", nil
			}
		}
	}
	for _, s := range r.w.Stacks {
		if s.Account != r.account || s.Region != r.region || !slices.ContainsFunc(s.Operations, func(o operationRecord) bool { return o.ID == id }) {
			continue
		}
		rows := slices.DeleteFunc(r.w.operationEvents(s), func(row operationEventRow) bool { return row.operationID() != id })
		return s, rows, id + "/events", nil
	}
	return nil, nil, "", validationError("Operation [%s] does not exist", id)
}

// operationEvents lists everything that happened to a stack, oldest first: its event rows, where its operations begin
// and end, and the making of its change sets.
func (w *world) operationEvents(s *stack) []operationEventRow {
	var others []operationEventRow
	for i := range s.Operations {
		if o := &s.Operations[i]; o.Ended != nil {
			others = append(others, ready(operationRow(s, *o, *o.Ended)))
		}
	}
	for _, set := range w.ChangeSets {
		if set.StackID == s.ID {
			others = append(others, changeSetEvents(s, set)...)
		}
	}
	slices.SortStableFunc(others, func(a, b operationEventRow) int { return a.made.Timestamp.Compare(*b.made.Timestamp) })
	// The event rows are in order already, and there may be thousands.
	rows := make([]operationEventRow, 0, len(s.Events)+len(others))
	for i := range s.Events {
		for len(others) > 0 && others[0].made.Timestamp.Before(s.Events[i].Time) {
			rows, others = append(rows, others[0]), others[1:]
		}
		rows = append(rows, operationEventRow{stack: s, event: &s.Events[i]})
	}
	return append(rows, others...)
}

// operationEventRow is one row of DescribeEvents: an event of the stack, which is written out only where it is shown, or
// one that is written already.
type operationEventRow struct {
	stack *stack
	event *event
	made  *types.OperationEvent
}

func ready(row types.OperationEvent) operationEventRow { return operationEventRow{made: &row} }

func (r operationEventRow) operationID() string {
	if r.made != nil {
		return aws.ToString(r.made.OperationId)
	}
	return r.event.OperationID
}

func (r operationEventRow) show() types.OperationEvent {
	if r.made != nil {
		return *r.made
	}
	for _, o := range r.stack.Operations {
		if o.ID == r.event.OperationID {
			return shownOperationEvent(r.stack, *r.event, o)
		}
	}
	return shownOperationEvent(r.stack, *r.event, operationRecord{})
}

// operationRow is the row of an operation as a whole; it names no resource.
func operationRow(s *stack, o operationRecord, at time.Time) types.OperationEvent {
	started := o.Started
	return types.OperationEvent{
		EventId: aws.String(rules.UUID(o.ID + string(o.status()))), StackId: &s.ID, OperationId: &o.ID, OperationType: o.Type, OperationStatus: o.status(),
		ClientRequestToken: optional(o.Token), EventType: types.EventTypeStackEvent, Timestamp: &at, StartTime: &started, EndTime: o.Ended,
	}
}

func shownOperationEvent(s *stack, e event, o operationRecord) types.OperationEvent {
	shown := types.OperationEvent{
		EventId: &e.ID, StackId: &s.ID, OperationId: optional(e.OperationID), OperationType: o.Type, ClientRequestToken: optional(e.Token),
		EventType: types.EventTypeProgressEvent, Timestamp: &e.Time, DetailedStatus: e.DetailedStatus,
		LogicalResourceId: &e.LogicalID, PhysicalResourceId: aws.String(e.PhysicalID), ResourceType: &e.Type,
		ResourceStatus: types.ResourceStatus(e.Status), ResourceStatusReason: optional(e.Reason), ResourceProperties: optional(e.Properties),
	}
	switch {
	case e.LogicalID == s.Name && e.PhysicalID == s.ID:
		shown.EventType, shown.OperationStatus = types.EventTypeStackEvent, types.BeaconStackOperationStatusInProgress
	case strings.HasSuffix(e.Status, "_FAILED"):
		shown.EventType = types.EventTypeProvisioningError
	case e.Hook != nil && e.Hook.failed():
		shown.EventType = types.EventTypeHookInvocationError
	}
	if e.Hook != nil {
		shown.HookType, shown.HookStatus, shown.HookStatusReason = aws.String(e.Hook.Type), e.Hook.Status, optional(e.Hook.Reason)
		shown.HookFailureMode, shown.HookInvocationPoint = e.Hook.Mode, types.HookInvocationPointPreProvision
	}
	return shown
}

// changeSetEvents are the rows of the making of a change set, oldest first.
func changeSetEvents(s *stack, set *changeSet) []operationEventRow {
	if set.Operation.ID == "" {
		return nil
	}
	begun := set.Operation
	begun.Ended = nil
	rows := []operationEventRow{ready(operationRow(s, begun, set.Operation.Started))}
	if set.Operation.Ended == nil {
		return rows
	}
	at := *set.Operation.Ended
	for i, f := range set.Findings {
		rows = append(rows, ready(types.OperationEvent{
			EventId: aws.String(rules.UUID(set.ID + f.LogicalID + f.Name + string(rune('0'+i)))), StackId: &s.ID, OperationId: &set.Operation.ID,
			OperationType: set.Operation.Type, ClientRequestToken: optional(set.Token), EventType: types.EventTypeValidationError, Timestamp: &at,
			LogicalResourceId: &f.LogicalID, PhysicalResourceId: aws.String(""), ResourceType: &f.Type,
			ValidationName: &f.Name, ValidationStatus: types.ValidationStatusFailed, ValidationStatusReason: &f.Reason,
			ValidationPath: &f.Path, ValidationFailureMode: f.Mode,
		}))
	}
	return append(rows, ready(operationRow(s, set.Operation, at)))
}

// failedEvent is what the filter FailedEvents lets through.
func failedEvent(e types.OperationEvent) bool {
	switch e.EventType {
	case types.EventTypeProvisioningError, types.EventTypeValidationError, types.EventTypeHookInvocationError:
		return true
	case types.EventTypeStackEvent:
		return e.OperationStatus == types.BeaconStackOperationStatusFailed || strings.HasSuffix(string(e.ResourceStatus), "_FAILED")
	case types.EventTypeProgressEvent:
		return false
	default:
		return false
	}
}

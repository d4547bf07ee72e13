package tail

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// older is an operation that failed for another reason before ours began.
const older = `
	App 0 . - UPDATE_IN_PROGRESS User Initiated
	App 1 Old AWS::SNS::Topic UPDATE_FAILED Invalid parameter: TopicName
	App 2 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Old].
	App 3 . - UPDATE_ROLLBACK_COMPLETE`

const ours = `
	App 100 . - UPDATE_IN_PROGRESS User Initiated
	App 101 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
	App 102 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
	App 103 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn].
	App 104 . - UPDATE_ROLLBACK_COMPLETE`

const later = `
	App 200 . - UPDATE_IN_PROGRESS User Initiated
	App 201 New AWS::SQS::Queue UPDATE_FAILED Invalid value for the parameter
	App 202 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [New].
	App 203 . - UPDATE_ROLLBACK_COMPLETE`

// withoutTokens takes what marks the operation off the events.
func withoutTokens(events []Event) []Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Token = ""
	}
	return events
}

func withOperation(events []Event, id, rollbackID string) []Event {
	events = slices.Clone(events)
	undoing := false
	for i := len(events) - 1; i >= 0; i-- {
		undoing = undoing || strings.Contains(events[i].Status, "ROLLBACK")
		events[i].OperationID = id
		if undoing {
			// A rollback is an operation of its own.
			events[i].OperationID = rollbackID
		}
	}
	return events
}

// TestScope shows that only our own operation is explained, whatever marks it.
func TestScope(t *testing.T) {
	all := slices.Concat(script(t, "later", later), script(t, "ours", ours), script(t, "older", older))
	byID := withoutTokens(slices.Concat(withOperation(script(t, "later", later), "op5", "op6"), withOperation(script(t, "ours", ours), "op3", "op4"),
		withOperation(script(t, "older", older), "op1", "op2")))
	app := Operation{StackName: "App", StackID: arn("App")}
	at := func(second int, op Operation) Operation {
		op.Since = begin.Add(time.Duration(second) * time.Second)
		return op
	}
	token := func(token string, op Operation) Operation {
		op.Token = token
		return op
	}
	for _, test := range []struct {
		name   string
		op     Operation
		events []Event
		want   string
	}{
		{"by token", token("ours", app), all, "Fn"},
		{"by token, although others came later", token("older", app), all, "Old"},
		{"by operation id", Operation{StackID: arn("App"), OperationIDs: []string{"op3"}}, byID, "Fn"},
		{"by the operation id of the rollback alone", Operation{StackID: arn("App"), OperationIDs: []string{"op4"}}, byID, "Fn"},
		{"by time", at(100, app), withoutTokens(all), "Fn"},
		{"by time, the clocks differing by a second", at(101, app), withoutTokens(all), "Fn"},
		{"by time, where our token is on no event", token("unseen", at(100, app)), withoutTokens(all), "Fn"},
		{"the last operation where nothing is known", app, all, "New"},
		{"the last operation of a stack that is not named", Operation{}, all, "New"},
		{"none where all events carry other tokens", token("unseen", at(300, app)), all, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := Explain(Input{Operation: test.op, Events: test.events})
			got := ""
			if doc.RootCause != nil {
				got = doc.RootCause.Path
			}
			if got != test.want {
				t.Errorf("root cause %q, want %q; %s", got, test.want, doc.Headline)
			}
			if len(doc.Failures) > 0 {
				t.Errorf("failures of another operation: %s", paths(doc.Failures))
			}
		})
	}
}

// TestRecreatedStack shows that a stack of the same name that was deleted before is another stack.
func TestRecreatedStack(t *testing.T) {
	events := slices.Concat(
		script(t, "new", `
			App#2 200 . - CREATE_IN_PROGRESS User Initiated
			App#2 201 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
			App#2 202 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table]. Rollback requested by user.
			App#2 203 . - ROLLBACK_COMPLETE`),
		script(t, "old", `
			App 0 . - CREATE_IN_PROGRESS User Initiated
			App 1 Topic AWS::SNS::Topic CREATE_FAILED Invalid parameter: TopicName
			App 2 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Topic]. Rollback requested by user.
			App 3 . - ROLLBACK_COMPLETE`))
	for name, op := range map[string]Operation{
		"by id": {StackID: arn("App#2")}, "by name, the latest": {StackName: "App"}, "by token": {StackName: "App", Token: "new"},
	} {
		if doc := Explain(Input{Operation: op, Events: events}); doc.RootCause == nil || doc.RootCause.Path != "Table" {
			t.Errorf("%s: %s", name, doc.Headline)
		}
	}
	for name, op := range map[string]Operation{"by id": {StackID: arn("App")}, "by token": {StackName: "App", Token: "old"}} {
		if doc := Explain(Input{Operation: op, Events: events}); doc.RootCause == nil || doc.RootCause.Path != "Topic" {
			t.Errorf("the old one %s: %s", name, doc.Headline)
		}
	}
}

// TestLastOperationWithItsUndoing shows what is explained of a saved list that ends with clean-up work.
func TestLastOperationWithItsUndoing(t *testing.T) {
	for name, test := range map[string]struct{ events, path, rollback string }{
		"deleted after a failed creation": {`
			App 0 . - CREATE_IN_PROGRESS User Initiated
			App 1 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
			App 2 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table]. Rollback requested by user.
			App 3 . - ROLLBACK_COMPLETE
			App 100 . - DELETE_IN_PROGRESS User Initiated
			App 101 . - DELETE_COMPLETE`, "Table", ""},
		"rolled back by hand after a pause": {`
			App 0 . - UPDATE_IN_PROGRESS User Initiated
			App 1 Table AWS::DynamoDB::Table UPDATE_FAILED Table already exists: orders
			App 2 . - UPDATE_FAILED The following resource(s) failed to update: [Table].
			App 100 . - UPDATE_ROLLBACK_IN_PROGRESS User Initiated
			App 101 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
			App 102 Db AWS::RDS::DBInstance UPDATE_FAILED DB instance db is not in available state
			App 103 . - UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Db].`, "Table", "Db"},
		"a rollback that was continued and worked": {`
			App 0 . - UPDATE_IN_PROGRESS User Initiated
			App 1 Table AWS::DynamoDB::Table UPDATE_FAILED Table already exists: orders
			App 2 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Table].
			App 3 Db AWS::RDS::DBInstance UPDATE_FAILED DB instance db is not in available state
			App 4 . - UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Db].
			App 100 . - UPDATE_ROLLBACK_IN_PROGRESS User Initiated
			App 101 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
			App 102 Db AWS::RDS::DBInstance UPDATE_COMPLETE
			App 103 . - UPDATE_ROLLBACK_COMPLETE`, "Table", ""},
		"a rollback whose beginning is not there": {`
			App 100 . - UPDATE_ROLLBACK_IN_PROGRESS User Initiated
			App 101 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
			App 102 Db AWS::RDS::DBInstance UPDATE_FAILED DB instance db is not in available state
			App 103 . - UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Db].`, "Db", ""},
		"a deletion of a stack that worked": {`
			App 0 . - CREATE_IN_PROGRESS User Initiated
			App 3 . - CREATE_COMPLETE
			App 100 . - DELETE_IN_PROGRESS User Initiated
			App 101 Bucket AWS::S3::Bucket DELETE_IN_PROGRESS
			App 102 Bucket AWS::S3::Bucket DELETE_FAILED The bucket you tried to delete is not empty
			App 103 . - DELETE_FAILED The following resource(s) failed to delete: [Bucket].`, "Bucket", ""},
		"a creation that deletes itself": {`
			App 0 . - CREATE_IN_PROGRESS User Initiated
			App 1 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
			App 2 . - DELETE_IN_PROGRESS The following resource(s) failed to create: [Table]. Delete requested by user.
			App 3 Topic AWS::SNS::Topic DELETE_IN_PROGRESS
			App 4 Topic AWS::SNS::Topic DELETE_FAILED Rate exceeded
			App 5 . - DELETE_FAILED The following resource(s) failed to delete: [Topic].`, "Table", "Topic"},
		"a success after a failure": {older + `
			App 100 . - UPDATE_IN_PROGRESS User Initiated
			App 101 . - UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
			App 102 . - UPDATE_COMPLETE`, "", ""},
	} {
		doc := Explain(Input{Operation: Operation{StackName: "App"}, Events: script(t, "", test.events)})
		path := ""
		if doc.RootCause != nil {
			path = doc.RootCause.Path
		}
		if path != test.path || paths(doc.RollbackProblems) != test.rollback {
			t.Errorf("%s: root cause %q, rollback problems %q; %s", name, path, paths(doc.RollbackProblems), doc.Headline)
		}
	}
}

const nested = `
	App 0 . - UPDATE_IN_PROGRESS User Initiated
	App 1 Api >ApiStack UPDATE_IN_PROGRESS
	App 2 Web >WebStack CREATE_IN_PROGRESS
	ApiStack 3 . - UPDATE_IN_PROGRESS
	ApiStack 4 Data >DataStack UPDATE_IN_PROGRESS
	DataStack 5 . - UPDATE_IN_PROGRESS
	DataStack 6 Table AWS::DynamoDB::Table UPDATE_FAILED Table already exists: orders
	DataStack 7 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Table].
	WebStack 8 . - CREATE_IN_PROGRESS
	WebStack 9 Site AWS::S3::Bucket CREATE_FAILED Resource creation cancelled`

// TestNestedStacks reads stack by stack, as a collector does, until no stack is new.
func TestNestedStacks(t *testing.T) {
	byStack := make(map[string][]Event)
	for _, event := range script(t, "tok", nested) {
		byStack[event.StackID] = append(byStack[event.StackID], event)
	}
	op := Operation{StackID: arn("App"), Token: "tok"}
	events := slices.Clone(byStack[arn("App")])
	var asked []string
	for {
		var fresh []string
		for _, id := range NestedStacks(events, op) {
			if !slices.Contains(asked, id) {
				fresh = append(fresh, id)
			}
		}
		if len(fresh) == 0 {
			break
		}
		for _, id := range fresh {
			asked = append(asked, id)
			events = append(events, byStack[id]...)
		}
	}
	if want := []string{arn("ApiStack"), arn("WebStack"), arn("DataStack")}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if left := NestedStacks(events, op); len(left) > 0 {
		t.Errorf("still missing: %q", left)
	}
	if doc := Explain(Input{Operation: op, Events: events}); doc.RootCause == nil || doc.RootCause.Path != "Api/Data/Table" {
		t.Errorf("%s", doc.Headline)
	}
	if missing := NestedStacks(byStack[arn("App")], Operation{StackID: arn("App"), Token: "another"}); len(missing) > 0 {
		t.Errorf("nested stacks of another operation: %q", missing)
	}
}

// TestNestedStackOfEarlierOperation shows that what a nested stack did before does not count.
func TestNestedStackOfEarlierOperation(t *testing.T) {
	events := script(t, "", `
		ApiStack 0 . - UPDATE_IN_PROGRESS
		ApiStack 1 Old AWS::SNS::Topic UPDATE_FAILED Invalid parameter: TopicName
		ApiStack 2 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Old].
		ApiStack 3 . - UPDATE_ROLLBACK_COMPLETE
		App 100 . - UPDATE_IN_PROGRESS User Initiated
		App 101 Api >ApiStack UPDATE_IN_PROGRESS
		ApiStack 102 . - UPDATE_IN_PROGRESS
		ApiStack 103 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
		ApiStack 104 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn].
		App 105 Api >ApiStack UPDATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/ApiStack/id00000000 was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [Fn].
		App 106 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Api].`)
	for i := range events {
		// Whether a nested stack repeats the root's token is not documented.
		events[i].Token = "ours"
		if events[i].StackName == "ApiStack" {
			events[i].Token = "of CloudFormation's own"
		}
	}
	doc := Explain(Input{Operation: Operation{StackID: arn("App"), Token: "ours"}, Events: events})
	if doc.RootCause == nil || doc.RootCause.Path != "Api/Fn" || len(doc.Failures) > 0 {
		t.Errorf("%s, failures %s", doc.Headline, paths(doc.Failures))
	}
}

// TestOrderDoesNotMatter shows that late, shuffled and repeated events give the same document.
func TestOrderDoesNotMatter(t *testing.T) {
	op := Operation{StackID: arn("App"), Token: "tok"}
	events := script(t, "tok", nested)
	want := Explain(Input{Operation: op, Events: events})
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		shuffled := slices.Concat(events, events[:len(events)/2])
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(want, Explain(Input{Operation: op, Events: shuffled})); diff != "" {
			t.Fatalf("the order changed the document (-sorted +shuffled):\n%s", diff)
		}
	}
	slices.Reverse(events)
	if diff := cmp.Diff(want, Explain(Input{Operation: op, Events: events})); diff != "" {
		t.Errorf("oldest first differs from newest first:\n%s", diff)
	}
}

// TestSameRowOfBothAPIs shows that a row that both event APIs return under different ids counts once.
func TestSameRowOfBothAPIs(t *testing.T) {
	events := script(t, "tok", ours)
	again := slices.Clone(events)
	for i := range again {
		again[i].EventID, again[i].Kind, again[i].OperationID = "other-"+again[i].EventID, kindProvisioning, "op"
	}
	doc := Explain(Input{Operation: Operation{StackID: arn("App"), Token: "tok"}, Events: slices.Concat(events, again)})
	if len(doc.Failures) > 0 || doc.EventCount != len(events) {
		t.Errorf("%d events and failures %s", doc.EventCount, paths(doc.Failures))
	}
}

// TestMissingTimes shows that the order of the list stands in for times.
func TestMissingTimes(t *testing.T) {
	undated := strings.NewReplacer(" 0 ", " - ", " 1 ", " - ", " 2 ", " - ", " 3 ", " - ", " 4 ", " - ", " 5 ", " - ", " 6 ", " - ", " 7 ", " - ", " 8 ", " - ", " 9 ", " - ")
	doc := Explain(Input{Operation: Operation{StackID: arn("App")}, Events: script(t, "", undated.Replace(older))})
	if doc.RootCause == nil || doc.RootCause.Path != "Old" || doc.Status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("without any time: %s, status %s", doc.Headline, doc.Status)
	}
	if len(doc.Notes) == 0 || !strings.Contains(doc.Notes[0], "4 events have no timestamp") {
		t.Errorf("the missing times are not said: %q", doc.Notes)
	}
	doc = Explain(Input{Operation: Operation{StackID: arn("App")}, Events: script(t, "", strings.Replace(older, " 1 ", " - ", 1))})
	if doc.RootCause == nil || doc.RootCause.Path != "Old" || !doc.RootCause.Time.IsZero() {
		t.Errorf("without the time of the cause: %s", doc.Headline)
	}
	if encoded := encodedSize(doc); encoded == 0 {
		t.Error("a document with missing times cannot be encoded")
	}
}

// TestSimultaneousRows shows that rows of one moment keep the order of the operation also when the list is out of order.
func TestSimultaneousRows(t *testing.T) {
	events := script(t, "tok", `
		App 0 . - CREATE_IN_PROGRESS User Initiated
		App 0 Table AWS::DynamoDB::Table CREATE_IN_PROGRESS
		App 1 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
		App 1 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table]. Rollback requested by user.
		App 2 . - ROLLBACK_COMPLETE`)
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		doc := Explain(Input{Operation: Operation{StackID: arn("App"), Token: "tok"}, Events: events})
		if doc.RootCause == nil || doc.RootCause.Path != "Table" || len(doc.RollbackProblems) > 0 || doc.Status != "ROLLBACK_COMPLETE" {
			t.Fatalf("%s, rollback problems %s, status %s", doc.Headline, paths(doc.RollbackProblems), doc.Status)
		}
	}
}

// TestBothEventAPIs explains rows that DescribeStackEvents and DescribeEvents gave, which tell each other's.
func TestBothEventAPIs(t *testing.T) {
	rows := script(t, "tok", `
		App 0 . - UPDATE_IN_PROGRESS User Initiated
		App 1 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
		App 1 Table AWS::DynamoDB::Table UPDATE_IN_PROGRESS
		App 2 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
		App 3 Table AWS::DynamoDB::Table UPDATE_FAILED Resource update cancelled
		App 4 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn, Table].
		App 5 . - UPDATE_ROLLBACK_COMPLETE`)
	only := Explain(Input{Operation: Operation{StackName: "App"}, Events: rows})
	both := slices.Clone(rows)
	for _, row := range rows {
		if row.failed() {
			row.EventID, row.Kind, row.Time, row.OperationType = "other "+row.EventID, kindProvisioning, row.Time.Add(400*time.Millisecond), "UPDATE_STACK"
			both = append(both, row)
		}
	}
	// Somebody else's change set was refused meanwhile.
	both = append(both, Event{
		EventID: "refused", StackID: arn("App"), StackName: "App", LogicalID: "Other", Kind: kindValidationError, OperationType: "CREATE_CHANGESET",
		Time: begin.Add(1500 * time.Millisecond), Validation: &ValidationRow{Name: "N", Status: "FAILED", Reason: "no", Path: "/Resources/Other", FailureMode: "FAIL"},
	})
	for _, events := range [][]Event{both, slices.Concat(both[len(rows):], rows)} {
		if diff := cmp.Diff(only, Explain(Input{Operation: Operation{StackName: "App"}, Events: events})); diff != "" {
			t.Errorf("with both (-one +both):\n%s", diff)
		}
	}
	alone := Explain(Input{Operation: Operation{StackName: "App"}, Events: both[len(both)-1:]})
	if alone.RootCause == nil || alone.RootCause.LogicalID != "Other" {
		t.Errorf("the events of a change set alone: %s", alone.Headline)
	}
}

// TestPaths says where each row lies, deleted nested stacks and strangers included.
func TestPaths(t *testing.T) {
	rows := script(t, "tok", `
		App 0 . - UPDATE_IN_PROGRESS User Initiated
		App 1 Api >ApiStack UPDATE_IN_PROGRESS
		ApiStack 2 . - UPDATE_IN_PROGRESS
		ApiStack 3 Data >DataStack CREATE_IN_PROGRESS
		DataStack 4 Table AWS::DynamoDB::Table CREATE_IN_PROGRESS
		Other 4 Table AWS::DynamoDB::Table CREATE_IN_PROGRESS`)
	pathOf := Paths(rows, Operation{StackName: "App", StackID: arn("App"), Token: "tok"})
	var got []string
	for _, row := range slices.Backward(rows) {
		got = append(got, pathOf(row))
	}
	if want := []string{"", "Api", "Api", "Api/Data", "Api/Data/Table", "Table"}; !slices.Equal(got, want) {
		t.Errorf("paths %q, want %q", got, want)
	}
}

package tail

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// recorded lists the recordings of AWS's own answers, which lie beside the repository where they are there at all.
func recorded(t testing.TB, kind string) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		files, err := filepath.Glob(filepath.Join(dir, "shared", "fixtures", "recorded", kind, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > 0 {
			return files
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("the recorded answers (../shared/fixtures/recorded) are not on this machine")
	return nil
}

// TestRecordedEvents loads and explains every recorded event list; where AWS said why a stack failed, so must we.
func TestRecordedEvents(t *testing.T) {
	causes, leftovers := 0, 0
	for _, path := range recorded(t, "events") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := Load([]File{{Name: path, Data: data}}, "")
			if err != nil {
				t.Fatal(err)
			}
			doc := loaded.Explain()
			about := slices.ContainsFunc(loaded.Events, Event.IsStackRow)
			if doc.StackName == "" || (doc.Status == "") == about || len(doc.Events) == 0 {
				t.Errorf("stack %q, status %q, %d events", doc.StackName, doc.Status, len(doc.Events))
			}
			want := recordedCause(loaded.Events)
			if want == "" {
				if doc.RootCause != nil {
					t.Errorf("a cause was found where none was recorded: %s", doc.Headline)
				}
			} else {
				causes++
				if !strings.Contains(doc.Headline, want) {
					t.Errorf("headline %q does not name %q", doc.Headline, want)
				}
			}
			if slices.ContainsFunc(loaded.Events, func(e Event) bool { return e.Status == "DELETE_SKIPPED" }) {
				leftovers++
				if len(doc.Leftovers) == 0 && doc.EventCount == len(loaded.Events) {
					t.Error("a skipped deletion is no leftover")
				}
			}
		})
	}
	if causes == 0 || leftovers == 0 {
		t.Errorf("%d causes and %d leftovers among the recordings: the test shows nothing", causes, leftovers)
	}
}

// recordedCause is the text that AWS gave when it began to roll back, or when a resource failed.
func recordedCause(events []Event) string {
	for _, event := range events {
		if strings.HasSuffix(event.Status, "_FAILED") || strings.HasSuffix(event.Status, "ROLLBACK_IN_PROGRESS") {
			return strings.TrimRight(strings.TrimSuffix(event.Reason, "Rollback requested by user."), ". ")
		}
	}
	return ""
}

const oneEvent = `{"StackEvents":[{"EventId":"1","StackId":"arn:aws:cloudformation:eu-west-1:1:stack/App/x","StackName":"App",
 "LogicalResourceId":"Table","ResourceType":"AWS::DynamoDB::Table","ResourceStatus":"CREATE_FAILED","ResourceStatusReason":"Table already exists: orders",
 "PhysicalResourceId":null,"ClientRequestToken":null,"Timestamp":%s,"ResourceProperties":"{\"Password\":\"hunter2\"}"},null]}`

// TestLoadForms shows every form in which events are saved.
func TestLoadForms(t *testing.T) {
	plain := fmt.Sprintf(oneEvent, `"2026-11-22T14:00:00.250Z"`)
	list := plain[strings.Index(plain, "[") : len(plain)-1]
	single := strings.TrimSuffix(strings.TrimPrefix(list, "["), ",null]")
	utf16le := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(plain)) {
		utf16le = binary.LittleEndian.AppendUint16(utf16le, unit)
	}
	utf16be := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(plain)) {
		utf16be = binary.BigEndian.AppendUint16(utf16be, unit)
	}
	for name, text := range map[string]string{
		"the answer": plain, "the list": list, "one event": single, "one event a line": strings.ReplaceAll(single, "\n", " ") + "\n",
		"after a byte order mark": "\xef\xbb\xbf" + plain, "UTF-16 of PowerShell": string(utf16le), "UTF-16, the other way": string(utf16be),
		"two answers joined": plain + "\n" + `{"StackEvents":[]}`, "an offset": fmt.Sprintf(oneEvent, `"2026-11-22T15:00:00.250000+01:00"`),
		"an offset without colon": fmt.Sprintf(oneEvent, `"2026-11-22T15:00:00.25+0100"`), "a blank": fmt.Sprintf(oneEvent, `"2026-11-22 14:00:00.25+00:00"`),
		"no zone": fmt.Sprintf(oneEvent, `"2026-11-22T14:00:00.25"`), "seconds": fmt.Sprintf(oneEvent, `1795356000.25`),
		"the other API": strings.Replace(plain, "StackEvents", "OperationEvents", 1),
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := Load([]File{{Name: "events.json", Data: []byte(text)}}, "")
			if err != nil {
				t.Fatal(err)
			}
			if len(loaded.Events) != 1 || loaded.Operation.StackName != "App" {
				t.Fatalf("%+v", loaded)
			}
			event := loaded.Events[0]
			if want := begin.Add(250 * time.Millisecond); !event.Time.Equal(want) {
				t.Errorf("time %s, want %s", event.Time, want)
			}
			if event.LogicalID != "Table" || event.Reason != "Table already exists: orders" {
				t.Errorf("%+v", event)
			}
			if encoded, err := json.Marshal(Explain(Input{Operation: loaded.Operation, Events: loaded.Events})); err != nil || strings.Contains(string(encoded), "hunter2") {
				t.Errorf("resource properties got through, or %v", err)
			}
		})
	}
	loaded, err := Load([]File{{Name: "a", Data: []byte(fmt.Sprintf(oneEvent, "null"))}}, "")
	if err != nil || !loaded.Events[0].Time.IsZero() {
		t.Errorf("no timestamp: %+v, %v", loaded, err)
	}
}

// TestLoadRefuses shows that bad input gets a sentence that says what is wrong, where, and what to do.
func TestLoadRefuses(t *testing.T) {
	twoStacks := `{"StackEvents":[{"EventId":"1","StackName":"A","StackId":"a","ResourceStatus":"CREATE_COMPLETE"},{"EventId":"2","StackName":"B","StackId":"b","ResourceStatus":"CREATE_COMPLETE"}]}`
	circle := `{"StackEvents":[{"EventId":"1","StackName":"A","StackId":"arn:a","PhysicalResourceId":"arn:b","LogicalResourceId":"X","ResourceType":"AWS::CloudFormation::Stack"},
	  {"EventId":"2","StackName":"B","StackId":"arn:b","PhysicalResourceId":"arn:a","LogicalResourceId":"Y","ResourceType":"AWS::CloudFormation::Stack"}]}`
	for name, test := range map[string]struct{ text, stack, want string }{
		"not JSON":                  {"\n\nStackEvents:\n- EventId: x", "", "load events from events.json: line 3: this is not JSON"},
		"a table":                   {"---------\n|  DescribeStackEvents |", "", "save the events with `--output json`"},
		"cut off":                   {`{"StackEvents":[{"EventId":`, "", "the JSON ends in the middle of a value"},
		"empty":                     {"  \n", "", "the file is empty"},
		"no event":                  {`{"StackEvents":[]}`, "", "the list is empty"},
		"null":                      {`null`, "", "the list is empty"},
		"another answer":            {`{"Stacks":[{"StackName":"A"}]}`, "", `neither StackEvents nor OperationEvents but "Stacks"`},
		"an empty object":           {`{}`, "", "neither StackEvents nor OperationEvents"},
		"a number":                  {`42`, "", "this is JSON, but no events"},
		"a list of numbers":         {`[1]`, "", "this is JSON, but no list of events"},
		"a list of other objects":   {`[{"a":1}]`, "", "item 1 is no event"},
		"a wrong member":            {`{"StackEvents":[{"EventId":1}]}`, "", "EventId is a number, wanted a text"},
		"an object for the list":    {`{"StackEvents":{}}`, "", "no list of events"},
		"a time that is none":       {`{"StackEvents":[{"EventId":"1","Timestamp":"yesterday"}]}`, "", `event 1: read Timestamp: "yesterday" is not a time; wanted ISO 8601`},
		"a time far away":           {`{"StackEvents":[{"EventId":"1","Timestamp":1e30}]}`, "", "is not a time in seconds"},
		"a time of another kind":    {`{"StackEvents":[{"EventId":"1","Timestamp":{}}]}`, "", "neither a text nor a number"},
		"two stacks":                {twoStacks, "", "events of 2 stacks that do not contain each other (A, B); give the events of their root as well, or name one with --stack"},
		"a stack that is not there": {twoStacks, "C", `stack "C" is not among A, B`},
		"a circle":                  {circle, "", "none is the root; name it with --stack"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load([]File{{Name: "events.json", Data: []byte(test.text)}}, test.stack)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
		})
	}
	if _, err := Load(nil, ""); err == nil {
		t.Error("no file was taken")
	}
	if loaded, err := Load([]File{{Name: "x", Data: []byte(twoStacks)}}, "B"); err != nil || loaded.Operation.StackName != "B" {
		t.Errorf("the stack that was named: %+v, %v", loaded.Operation, err)
	}
}

// asCLI writes events as the AWS CLI does.
func asCLI(t testing.TB, events []Event) []byte {
	t.Helper()
	rows := make([]map[string]any, 0, len(events))
	for _, event := range events {
		rows = append(rows, map[string]any{
			"EventId": event.EventID, "StackId": event.StackID, "StackName": event.StackName, "LogicalResourceId": event.LogicalID,
			"PhysicalResourceId": event.PhysicalID, "ResourceType": event.Type, "ResourceStatus": event.Status,
			"ResourceStatusReason": event.Reason, "Timestamp": event.Time.Format(time.RFC3339Nano),
		})
	}
	data, err := json.Marshal(map[string]any{"StackEvents": rows})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestLoadNestedStacks shows that several files make one explanation.
func TestLoadNestedStacks(t *testing.T) {
	byStack := make(map[string][]Event)
	for _, event := range script(t, "tok", nested) {
		byStack[event.StackName] = append(byStack[event.StackName], event)
	}
	var files []File
	for _, stack := range []string{"DataStack", "App", "WebStack", "ApiStack"} {
		files = append(files, File{Name: stack + ".json", Data: asCLI(t, byStack[stack])})
	}
	loaded, err := Load(files, "")
	if err != nil {
		t.Fatal(err)
	}
	doc := Explain(Input{Operation: loaded.Operation, Events: loaded.Events})
	if doc.StackName != "App" || doc.RootCause == nil || doc.RootCause.Path != "Api/Data/Table" {
		t.Errorf("stack %s: %s", doc.StackName, doc.Headline)
	}
}

func TestLoadRecreatedStack(t *testing.T) {
	events := slices.Concat(script(t, "", "App#2 100 . - CREATE_IN_PROGRESS"), script(t, "", "App 0 . - CREATE_IN_PROGRESS"))
	loaded, err := Load([]File{{Name: "events.json", Data: asCLI(t, events)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Operation.StackID != arn("App#2") || len(loaded.Notes) != 1 || !strings.Contains(loaded.Notes[0], "2 stacks named App") {
		t.Errorf("%+v", loaded)
	}
}

// TestLoadManyEvents loads and explains more events than a stack can have.
func TestLoadManyEvents(t *testing.T) {
	events := crowd(50, 249)
	slices.Reverse(events)
	if len(events) < 49000 {
		t.Fatalf("only %d events", len(events))
	}
	loaded, err := Load([]File{{Name: "events.json", Data: asCLI(t, events)}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if doc := Explain(Input{Operation: loaded.Operation, Events: loaded.Events}); doc.RootCause == nil || doc.RootCause.Path != "Nested49/R248" || doc.EventCount != len(events) {
		t.Errorf("%s of %d events", doc.Headline, doc.EventCount)
	}
}

// TestSavedEventsOfAChangeSet: describe-events of a change set tells why it was refused, and nothing of an operation.
func TestSavedEventsOfAChangeSet(t *testing.T) {
	const row = `{"EventId":"%s","StackId":"arn:aws:cloudformation:eu-west-1:1:stack/App/x","OperationType":"%s","EventType":"VALIDATION_ERROR","LogicalResourceId":"Bucket",
		"ResourceType":"AWS::S3::Bucket","ValidationName":"N","ValidationStatus":"FAILED","ValidationStatusReason":"no","ValidationPath":"/Resources/Bucket","ValidationFailureMode":"%s"}`
	for name, c := range map[string]struct{ text, headline string }{
		"refused":     {fmt.Sprintf(row, "1", changeSetOperation, "FAIL"), "The change set could not be made; Bucket (AWS::S3::Bucket) was refused"},
		"warned only": {fmt.Sprintf(row, "1", changeSetOperation, "WARN"), "No failure among the 1 events of stack App."},
		"an update":   {fmt.Sprintf(row, "1", "UPDATE_STACK", "FAIL"), "Bucket (AWS::S3::Bucket) failed"},
	} {
		loaded, err := Load([]File{{Name: name, Data: []byte(`{"OperationEvents":[` + c.text + `]}`)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := loaded.Explain().Headline; !strings.HasPrefix(got, c.headline) {
			t.Errorf("%s: %s, want %s…", name, got, c.headline)
		}
	}
}

// FuzzLoad feeds anything to the loader and what it takes to the explanation: neither may panic, and a document must keep
// its bounds.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(oneEvent, `"2026-11-22T14:00:00.250Z"`)))
	f.Add([]byte(`[{"EventId":"1","StackId":"arn:a","ResourceType":"AWS::CloudFormation::Stack","PhysicalResourceId":"arn:a","ResourceStatus":"ROLLBACK_IN_PROGRESS","ResourceStatusReason":"Embedded stack arn:a was not successfully created: x"}]`))
	f.Add([]byte(`{"OperationEvents":[{"EventType":"VALIDATION_ERROR","ValidationPath":"/Resources/","ValidationName":"x"}]}`))
	f.Add(asCLI(f, script(f, "tok", nested)))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		loaded, err := Load([]File{{Name: "fuzz", Data: data}}, "")
		if err != nil {
			return
		}
		doc := loaded.Explain()
		if size := encodedSize(doc); size > MaxDocumentSize {
			t.Errorf("the document has %d bytes", size)
		}
		if size := encodedSize(doc.Summary()); size > MaxSummarySize {
			t.Errorf("the summary has %d bytes", size)
		}
		NestedStacks(loaded.Events, loaded.Operation)
	})
}

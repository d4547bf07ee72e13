package tailtext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"stackgate/internal/golden"
	"stackgate/internal/tail"
)

var begin = time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)

const appARN, apiARN = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-orders-prod/1", "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop-orders-prod-Api/2"

// row makes an event of the root stack; a type of "" stands for the stack itself.
func row(second float64, logicalID, kind, status, reason string) tail.Event {
	event := tail.Event{
		EventID: fmt.Sprint(second, logicalID, status), StackID: appARN, StackName: "shop-orders-prod", LogicalID: logicalID,
		PhysicalID: "shop-" + strings.ToLower(logicalID), Type: kind, Status: status, Reason: reason, Time: begin.Add(time.Duration(second * float64(time.Second))),
	}
	if kind == "" {
		event.LogicalID, event.PhysicalID, event.Type = event.StackName, appARN, "AWS::CloudFormation::Stack"
	}
	return event
}

func inAPI(event tail.Event) tail.Event {
	event.StackID, event.StackName = apiARN, "shop-orders-prod-Api"
	return event
}

func apiStack(event tail.Event) tail.Event {
	event.PhysicalID = apiARN
	return event
}

func explain(status string, events ...tail.Event) tail.Document {
	return tail.Explain(tail.Input{
		Operation: tail.Operation{StackName: "shop-orders-prod", StackID: appARN, Status: status}, Events: events, Outcome: "FailedRolledBack",
		Service: "orders", Environment: "prod",
	})
}

const stackType = "AWS::CloudFormation::Stack"

// stories are the documents that the golden files show.
func stories() map[string]tail.Document {
	nested := explain("UPDATE_ROLLBACK_COMPLETE",
		row(0, "", "", "UPDATE_IN_PROGRESS", "User Initiated"),
		apiStack(row(1, "Api", stackType, "UPDATE_IN_PROGRESS", "")),
		row(1, "Web", "AWS::S3::Bucket", "UPDATE_IN_PROGRESS", ""),
		row(2, "Queue", "AWS::SQS::Queue", "CREATE_IN_PROGRESS", ""),
		inAPI(row(3, "Table", "AWS::DynamoDB::Table", "CREATE_IN_PROGRESS", "")),
		row(4, "Web", "AWS::S3::Bucket", "UPDATE_COMPLETE", ""),
		inAPI(row(65, "Table", "AWS::DynamoDB::Table", "CREATE_FAILED", `Resource handler returned message: "Table already exists: orders (Service: DynamoDb, Status Code: 400, Request ID: 4D)" (RequestToken: 9cd1b34f, HandlerErrorCode: AlreadyExists)`)),
		row(66, "Queue", "AWS::SQS::Queue", "CREATE_FAILED", "Resource creation cancelled"),
		apiStack(row(66, "Api", stackType, "UPDATE_FAILED", "Embedded stack "+apiARN+" was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to create: [Table].")),
		row(67, "", "", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue]. The following resource(s) failed to update: [Api]."),
		row(70, "Web", "AWS::S3::Bucket", "UPDATE_IN_PROGRESS", ""),
		row(75, "Web", "AWS::S3::Bucket", "UPDATE_COMPLETE", ""),
		row(76, "", "", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ""),
		row(80, "Old", "AWS::S3::Bucket", "DELETE_SKIPPED", ""),
		row(81, "", "", "UPDATE_ROLLBACK_COMPLETE", ""))
	stuck := explain("UPDATE_ROLLBACK_FAILED",
		row(0, "", "", "UPDATE_IN_PROGRESS", "User Initiated"),
		row(1, "Role", "AWS::IAM::Role", "UPDATE_FAILED", "User: arn:aws:sts::111122223333:assumed-role/deploy/s is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111122223333:role/x because no identity-based policy allows the iam:CreateRole action"),
		row(2, "Fn", "AWS::Lambda::Function", "UPDATE_FAILED", "Unzipped size must be smaller than 262144000 bytes"),
		row(3, "", "", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Role, Fn]."),
		row(4, "Db", "AWS::RDS::DBInstance", "UPDATE_IN_PROGRESS", ""),
		row(4000, "Db", "AWS::RDS::DBInstance", "UPDATE_FAILED", "DB instance shop-db is not in available state."),
		row(4001, "", "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Db]."))
	denied := tail.ExplainChangeSet(tail.ChangeSetInput{
		ID: "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/orders-prod-1/5b8f", Name: "orders-prod-20261122T140203Z-7q4k2mxa", StackID: appARN,
		StackName: "shop-orders-prod", Status: "FAILED", StatusReason: "Change set creation failed. The following hook(s) failed: [Shop::Tags::Hook]",
		Hooks: []tail.HookResult{
			{Type: "Shop::Tags::Hook", Status: "HOOK_COMPLETE_FAILED", FailureMode: "FAIL", Reason: "2 rules failed",
				Annotations: []tail.Annotation{{Name: "TAG.1", Status: "FAILED", Severity: "HIGH", Message: "Bucket lacks the tag owner", Remediation: "Add the tag owner.", Link: "https://example.com/tags#owner"}}},
			{Type: "Shop::Cost::Hook", Status: "HOOK_COMPLETE_FAILED", FailureMode: "WARN", Reason: "costs 12 USD more a month"},
		},
		Outcome: "FailedBeforeChange", Service: "orders", Environment: "prod",
	})
	return map[string]tail.Document{
		"nested": nested, "stuck": stuck, "denied": denied,
		"stack-row": explain("ROLLBACK_COMPLETE", row(0, "", "", "CREATE_IN_PROGRESS", "User Initiated"),
			row(1, "", "", "ROLLBACK_IN_PROGRESS", "Transform AWS::Include failed with: S3 bucket [doesnotexist] is private.. Rollback requested by user."),
			row(2, "", "", "ROLLBACK_COMPLETE", "")),
		"validation": tail.ExplainChangeSet(tail.ChangeSetInput{
			ID: "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/orders-prod-1/5b8f", Name: "orders-prod-1", StackID: appARN, StackName: "shop-orders-prod",
			StatusReason: "The following validation failed: [AWS::EarlyValidation::PropertyValidation].",
			Events: []tail.Event{{EventID: "1", StackID: appARN, Kind: "VALIDATION_ERROR", Type: "AWS::SQS::Queue", LogicalID: "Queue", Time: begin, Validation: &tail.ValidationRow{
				Name: "PROPERTY_VALIDATION", Status: "FAILED", Reason: "extraneous key [Name] is not permitted", Path: "/Resources/Queue/Properties/Name", FailureMode: "FAIL"}}},
		}),
		"empty":   tail.ExplainChangeSet(tail.ChangeSetInput{StackName: "shop-orders-prod", StatusReason: "No updates are to be performed."}),
		"nothing": tail.Explain(tail.Input{Operation: tail.Operation{StackName: "shop-orders-prod"}}),
		"undated": explain("CREATE_FAILED", tail.Event{StackID: appARN, StackName: "shop-orders-prod", LogicalID: "Fn", Type: "AWS::Lambda::Function", Status: "CREATE_FAILED"}),
		"hostile": hostileDocument(nested),
	}
}

// attack does to a reader what it can: it moves the cursor, hides and reverses text, closes markup, calls people.
const attack = "\x1b[2J\x1b]8;;http://evil\x07x\x07\u202eleft\u2066\u200b\x00\r\n```\n# @everyone <script>alert(1)</script> [a](javascript:x) | `code` ``two`` **b** _c_ #1 https://evil.example"

// hostileDocument puts the attack into every text of a document that comes from outside.
func hostileDocument(doc tail.Document) tail.Document {
	poison(reflect.ValueOf(&doc).Elem())
	return doc
}

// ours are the fields that hold our own words only.
var ours = map[string]bool{"Schema": true, "Summary": true, "Family": true}

func poison(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			copied := reflect.New(value.Type().Elem())
			copied.Elem().Set(value.Elem())
			value.Set(copied)
			poison(value.Elem())
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if !ours[value.Type().Field(i).Name] && value.Type() != reflect.TypeFor[time.Time]() {
				poison(value.Field(i))
			}
		}
	case reflect.Slice:
		copied := reflect.MakeSlice(value.Type(), value.Len(), value.Len())
		reflect.Copy(copied, value)
		value.Set(copied)
		for i := range value.Len() {
			poison(value.Index(i))
		}
	case reflect.String:
		value.SetString(value.String() + attack)
	default:
	}
}

func render(t testing.TB, write func(io.Writer, tail.Document, Options) error, doc tail.Document, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, doc, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	for name, doc := range stories() {
		t.Run(name, func(t *testing.T) {
			golden.Assert(t, name+".txt.golden", []byte(render(t, Terminal, doc, Options{})))
			golden.Assert(t, name+".md.golden", []byte(render(t, Markdown, doc, Options{})))
			golden.Assert(t, name+".html.golden", []byte(withoutStyle(render(t, HTML, doc, Options{}))))
		})
	}
	golden.Assert(t, "nested-color.txt.golden", []byte(render(t, Terminal, stories()["nested"], Options{Color: true})))
	golden.Assert(t, "nested-narrow-ascii.txt.golden", []byte(render(t, Terminal, stories()["nested"], Options{ASCII: true, Width: 60})))
}

// TestHostileTextActsOnNobody shows that no renderer passes on what a terminal or a reader would obey.
func TestHostileTextActsOnNobody(t *testing.T) {
	for name, doc := range stories() {
		doc = hostileDocument(doc)
		for format, write := range map[string]func(io.Writer, tail.Document, Options) error{"terminal": Terminal, "markdown": Markdown} {
			for _, r := range render(t, write, doc, Options{}) {
				if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Bidi_Control)) {
					t.Fatalf("%s of %s passes on %q", format, name, r)
				}
			}
			for _, r := range render(t, write, doc, Options{ASCII: true}) {
				if r > 0x7e || r != '\n' && r < ' ' {
					t.Fatalf("%s of %s in ASCII holds %q", format, name, r)
				}
			}
		}
	}
}

var (
	fencePattern = regexp.MustCompile("(?ms)^(`{3,})\n.*?^(`{3,})$")
)

// TestMarkdownIsOurs shows that outside code nothing is left that is markup, a mention or a link and not ours.
func TestMarkdownIsOurs(t *testing.T) {
	for name, doc := range stories() {
		text := render(t, Markdown, hostileDocument(doc), Options{})
		text = fencePattern.ReplaceAllString(text, "")
		for _, line := range strings.Split(text, "\n") {
			rest := outsideCode(line)
			rest = strings.NewReplacer("<details><summary>", "", "</summary>", "", "</details>", "").Replace(rest)
			rest = strings.TrimLeft(rest, "# ->1.")
			if strings.ContainsAny(rest, "<>[]@#*_|`~\\") || strings.Contains(rest, "://") {
				t.Fatalf("%s: %q is left of %q", name, rest, line)
			}
		}
	}
}

// outsideCode removes code spans as CommonMark finds them: from a run of backticks to the next run of the same length.
func outsideCode(line string) string {
	var out strings.Builder
	for line != "" {
		open := strings.IndexByte(line, '`')
		if open < 0 {
			break
		}
		run := len(line[open:]) - len(strings.TrimLeft(line[open:], "`"))
		out.WriteString(line[:open])
		rest := line[open+run:]
		end := -1
		for i := 0; i < len(rest); {
			if rest[i] != '`' {
				i++
				continue
			}
			n := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
			if n == run {
				end = i
				break
			}
			i += n
		}
		if end < 0 {
			out.WriteString(line[open : open+run])
			line = rest
			continue
		}
		line = rest[end+run:]
	}
	return out.String() + line
}

func TestLinesStayWithinTheWidth(t *testing.T) {
	for name, doc := range stories() {
		for _, width := range []int{40, 80, 200} {
			for _, o := range []Options{{Width: width}, {Width: width, Color: true}, {Width: width, ASCII: true}} {
				for _, line := range strings.Split(render(t, Terminal, doc, o), "\n") {
					// A command, and a word longer than the line, are not broken.
					if got := ansi.StringWidth(line); got > width && !strings.Contains(line, "`") && len(strings.Fields(ansi.Strip(line))) > 2 {
						t.Errorf("%s at %d columns: %d in %q", name, width, got, line)
					}
				}
			}
		}
	}
}

// TestCommandsAreWhole shows that every command of the advice stands on one line.
func TestCommandsAreWhole(t *testing.T) {
	for name, doc := range stories() {
		if name == "hostile" {
			continue
		}
		text, markdown := render(t, Terminal, doc, Options{Width: 40}), render(t, Markdown, doc, Options{})
		for _, line := range doc.Advice {
			for i, part := range strings.Split(line, "`") {
				if i%2 == 1 && (!strings.Contains(text, "`"+part+"`") || !strings.Contains(markdown, "`"+part+"`")) {
					t.Errorf("%s: the command %q is broken", name, part)
				}
			}
		}
	}
}

func TestColorSaysNothingAlone(t *testing.T) {
	for name, doc := range stories() {
		if got, want := ansi.Strip(render(t, Terminal, doc, Options{Color: true})), render(t, Terminal, doc, Options{}); got != want {
			t.Errorf("%s: without colour something else is said", name)
		}
	}
}

// TestSigns has a sign and a word for every value, and shows those it does not know.
func TestSigns(t *testing.T) {
	for _, result := range append(tail.Results(), "NEW") {
		if s := signOf(result); s.mark == "" || s.ascii == "" || s.word == "" {
			t.Errorf("%s: %+v", result, s)
		}
	}
	if signOf("NEW").word != "NEW" || phaseWord("NEW") != "NEW" || leftoverWord("NEW") != "NEW" || signOfStatus("NEW").mark != "?" {
		t.Error("an unknown value is not shown")
	}
	for _, kind := range tail.LeftoverKinds() {
		if leftoverWord(kind) == string(kind) {
			t.Errorf("leftover kind %s has no words", kind)
		}
	}
	for _, phase := range tail.Phases() {
		if phaseWord(phase) == string(phase) {
			t.Errorf("phase %s has no words", phase)
		}
	}
}

func TestLasted(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0.0s", 4.26: "4.3s", 59: "59s", 61: "1m01s", 3599: "59m59s", 7260: "2h01m"} {
		if got := lasted(tail.Span{Seconds: &seconds}); got != want {
			t.Errorf("%v seconds are %q, want %q", seconds, got, want)
		}
	}
	if got := lasted(tail.Span{}); got != "" {
		t.Errorf("an unknown duration is %q", got)
	}
}

// TestMarkdownFitsAComment shows that a long tail gives way to what matters.
func TestMarkdownFitsAComment(t *testing.T) {
	var events []tail.Event
	for i := range 300 {
		events = append(events, row(float64(i), fmt.Sprint("R", i), "AWS::SNS::Topic", "CREATE_FAILED", strings.Repeat(fmt.Sprint("long reason ", i, " "), 60)))
	}
	text := render(t, Markdown, explain("ROLLBACK_COMPLETE", events...), Options{})
	if len(text) > 65536 || !strings.Contains(text, "The events do not fit here") || !strings.Contains(text, "What to do") {
		t.Errorf("%d bytes", len(text))
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrors(t *testing.T) {
	for _, write := range []func(io.Writer, tail.Document, Options) error{Terminal, Markdown, HTML} {
		if err := write(full{}, stories()["nested"], Options{}); err == nil || !strings.Contains(err.Error(), "write the tail of stack shop-orders-prod: disk full") {
			t.Errorf("error %v", err)
		}
	}
}

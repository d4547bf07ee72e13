package cfn_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
)

// recorded finds a folder of the answers recorded on real AWS, which stand beside the checkout.
func recorded(t testing.TB, folder string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", "fixtures", "recorded", folder)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("no ../shared/fixtures/recorded here: the answers recorded on AWS are not part of the repository")
	return ""
}

func readSaved(t testing.TB, path string) cfn.SavedAnswer {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return cfn.SavedAnswer{Name: filepath.Base(path), Data: data}
}

func load(t testing.TB, texts ...string) cfn.Description {
	t.Helper()
	d, err := cfn.LoadDescription(saved(texts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func saved(texts ...string) []cfn.SavedAnswer {
	var files []cfn.SavedAnswer
	for i, text := range texts {
		files = append(files, cfn.SavedAnswer{Name: fmt.Sprintf("%c.json", 'a'+i), Data: []byte(text)})
	}
	return files
}

func review(t testing.TB, d cfn.Description, in cfn.ReviewInput) plan.Review {
	t.Helper()
	r, err := cfn.Review(d, in)
	if err != nil {
		t.Fatal(err)
	}
	if r.Completeness.Reported != r.Completeness.Shown {
		t.Errorf("%d changes reported, %d shown", r.Completeness.Reported, r.Completeness.Shown)
	}
	return r
}

const minimal = `{"ChangeSetId":"arn:aws:cloudformation:eu-west-1:111111111111:changeSet/c/1","StackId":"arn:aws:cloudformation:eu-west-1:111111111111:stack/s/1","ChangeSetName":"c","StackName":"s","Status":"CREATE_COMPLETE","Changes":[{"Type":"Resource","ResourceChange":{"Action":"Add","LogicalResourceId":"A","ResourceType":"AWS::SNS::Topic","Scope":[],"Details":[]}}]}`

func TestLoadRefuses(t *testing.T) {
	other := strings.ReplaceAll(minimal, "changeSet/c/1", "changeSet/c/2")
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"nothing", nil, "no answer"},
		{"empty", []string{""}, "a.json: it is empty"},
		{"blank", []string{" \n"}, "a.json: it is empty"},
		{"no JSON", []string{"Changes:\n- Type: Resource"}, "a.json: not JSON"},
		{"cut off", []string{minimal[:200]}, "not JSON"},
		{"place of the error", []string{minimal + "\n{\n \"Changes\": [,]}"}, "(line 3, column 14)"},
		{"a list of numbers", []string{"[1]"}, "not a JSON object"},
		{"a string", []string{`"Changes"`}, "not a JSON object"},
		{"another answer", []string{`{"Stacks":[]}`}, "DescribeStacks"},
		{"a template", []string{`{"Resources":{}}`}, "a template"},
		{"a review", []string{`{"schema":"stackgate.review/v1"}`}, "schema of its own"},
		{"an odd object", []string{`{"x":1}`}, "neither Changes nor ChangeSetId"},
		{"wrong type", []string{`{"Changes":[{"ResourceChange":{"LogicalResourceId":7}}]}`}, "LogicalResourceId holds a JSON number"},
		{"wrong type of changes", []string{`{"Changes":{"a":1}}`}, "Changes holds a JSON object"},
		{"two change sets", []string{minimal, other}, "do not belong together"},
		{"a circle", []string{
			`{"ChangeSetId":"1","Changes":[{"ResourceChange":{"LogicalResourceId":"A","ChangeSetId":"2"}}]}`,
			`{"ChangeSetId":"2","Changes":[{"ResourceChange":{"LogicalResourceId":"A","ChangeSetId":"1"}}]}`}, "none is the root"},
		{"deep nesting", []string{`{"Changes":` + strings.Repeat("[", 100000)}, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := cfn.LoadDescription(saved(c.files...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestLoadReadsEveryForm(t *testing.T) {
	want := review(t, load(t, minimal), cfn.ReviewInput{}).Digest
	little := func(text string) string {
		data := []byte{0xFF, 0xFE}
		for _, unit := range utf16.Encode([]rune(text)) {
			data = binary.LittleEndian.AppendUint16(data, unit)
		}
		return string(data)
	}
	for name, files := range map[string][]string{
		"as it is":              {minimal},
		"byte order mark":       {"\ufeff" + minimal},
		"UTF-16 of PowerShell":  {little(minimal)},
		"nulls of the CLI":      {strings.Replace(minimal, `"Status"`, `"Parameters":null,"Tags":null,"NextToken":null,"ParentChangeSetId":null,"Status"`, 1)},
		"in a list":             {"[" + minimal + "]"},
		"twice in one file":     {minimal + "\n" + minimal},
		"twice in two files":    {minimal, minimal},
		"time as a number":      {strings.Replace(minimal, `"Status"`, `"CreationTime":1700000000.5,"Status"`, 1)},
		"time with an offset":   {strings.Replace(minimal, `"Status"`, `"CreationTime":"2025-01-01T01:01:01.001000+00:00","Status"`, 1)},
		"members of the future": {strings.Replace(minimal, `"Status"`, `"Brandnew":{"a":[1]},"Status"`, 1)},
		"response metadata":     {strings.Replace(minimal, `"Status"`, `"ResponseMetadata":{"HTTPStatusCode":200},"ResultMetadata":{},"Status"`, 1)},
		"another status":        {strings.Replace(minimal, `CREATE_COMPLETE`, `CREATE_IN_PROGRESS`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			r := review(t, load(t, files...), cfn.ReviewInput{})
			if r.Digest != want || len(r.Items) != 1 || r.Completeness.Partial {
				t.Errorf("digest %s, %d items, partial %v", plan.ShortDigest(r.Digest), len(r.Items), r.Completeness.Partial)
			}
		})
	}
}

func page(id, token string, changes ...string) string {
	if token != "" {
		token = `,"NextToken":"` + token + `"`
	}
	return `{"ChangeSetId":"` + id + `","StackName":"s","Changes":[` + strings.Join(changes, ",") + `]` + token + `}`
}

func add(id string) string {
	return `{"Type":"Resource","ResourceChange":{"Action":"Add","LogicalResourceId":"` + id + `","ResourceType":"AWS::SNS::Topic"}}`
}

func nested(id, set, stack string) string {
	return `{"Type":"Resource","ResourceChange":{"Action":"Modify","Replacement":"False","Scope":["Properties"],"LogicalResourceId":"` + id + `","ResourceType":"AWS::CloudFormation::Stack","PhysicalResourceId":"` + stack + `","ChangeSetId":"` + set + `"}}`
}

func paths(r plan.Review) []string {
	var all []string
	for _, item := range r.Items {
		all = append(all, item.Path)
	}
	slices.Sort(all)
	return all
}

func TestLoadPutsFilesTogether(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   []string
		want    []string
		partial bool
	}{
		{"pages", []string{page("1", "t", add("A")), page("1", "", add("B"))}, []string{"A", "B"}, false},
		{"pages the other way round", []string{page("1", "", add("B")), page("1", "t", add("A"))}, []string{"A", "B"}, false},
		{"a page without its successor", []string{page("1", "t", add("A"))}, []string{"A"}, true},
		{"nested", []string{page("1", "", nested("N", "2", "x")), page("2", "", add("A"))}, []string{"N", "N/A"}, false},
		{"nested in nested", []string{page("3", "", add("A")), page("2", "", nested("M", "3", "y")), page("1", "", nested("N", "2", "x"))}, []string{"N", "N/M", "N/M/A"}, false},
		{"nested that was not given", []string{page("1", "", nested("N", "2", "x"))}, []string{"N"}, true},
		{"nested without its last page", []string{page("1", "", nested("N", "2", "x")), page("2", "t", add("A"))}, []string{"N", "N/A"}, true},
		{"nested by its stack's ARN", []string{page("1", "", nested("N", "", "arn:child")), `{"ChangeSetId":"2","StackId":"arn:child","Changes":[` + add("A") + `]}`}, []string{"N", "N/A"}, false},
		{"the same nested set twice", []string{page("1", "", nested("N", "2", "x"), nested("M", "2", "y")), page("2", "", add("A"))}, []string{"M", "M/A", "N", "N/A"}, false},
		{"nested in itself", []string{page("1", "", nested("N", "2", "x")), page("2", "", nested("M", "2", "y"))}, []string{"N", "N/M"}, true},
		{"the same id twice", []string{page("1", "", add("A"), add("A"))}, []string{"A", "A#2"}, false},
		{"no id", []string{page("1", "", `{"Type":"Resource","ResourceChange":{}}`)}, []string{"(no logical id)"}, false},
		{"no resource", []string{page("1", "", `null`, `{"Type":"Quantum"}`)}, []string{"(change of type Quantum)", "(change of type unknown)"}, false},
		{"an id that looks like a path", []string{page("1", "", nested("N", "2", "x"), add("N/A")), page("2", "", add("A"))}, []string{"N", "N/A", "N/A#2"}, false},
		{"nothing", []string{page("1", "")}, nil, false},
		{"admitted to be incomplete", []string{`{"ChangeSetId":"1","StatusReason":"[WARN] --include-property-values option can return incomplete ChangeSet data because: x","Changes":[` + add("A") + `]}`}, []string{"A"}, true},
		{"completed", []string{`{"ChangeSetId":"1","StatusReason":"[WARN] --include-property-values option can return incomplete ChangeSet data because: x","Changes":[` + add("A") + `]}`, page("1", "", add("A"), add("B"))}, []string{"A", "B"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			forward := review(t, load(t, c.files...), cfn.ReviewInput{})
			if diff := cmp.Diff(c.want, paths(forward)); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if forward.Completeness.Partial != c.partial {
				t.Errorf("partial is %v: %q", forward.Completeness.Partial, forward.Completeness.Warnings)
			}
			if c.partial && (forward.Level != plan.LevelCritical || !forward.Dangerous() || len(forward.Completeness.Warnings) == 0) {
				t.Errorf("a partial review of level %s, warnings %q", forward.Level, forward.Completeness.Warnings)
			}
			slices.Reverse(c.files)
			backward := review(t, load(t, c.files...), cfn.ReviewInput{})
			if forward.Digest != backward.Digest || forward.ContentDigest != backward.ContentDigest {
				t.Error("the digest depends on the order of the files")
			}
		})
	}
}

func TestLoadSaysWhatIsDamaged(t *testing.T) {
	d := load(t, strings.Replace(minimal, `"LogicalResourceId":"A"`, "\"LogicalResourceId\":\"A\xff\"", 1))
	if r := review(t, d, cfn.ReviewInput{}); len(r.Completeness.Warnings) != 1 || !strings.Contains(r.Completeness.Warnings[0], "UTF-8") || !strings.Contains(r.Items[0].LogicalID, "\ufffd") {
		t.Errorf("warnings %q, id %q", r.Completeness.Warnings, r.Items[0].LogicalID)
	}
}

func TestExponentialNestingEnds(t *testing.T) {
	var files []string
	for level := range 14 {
		next := fmt.Sprint(level + 1)
		files = append(files, page(fmt.Sprint(level), "", nested("L", next+"a", "x"), nested("R", next+"b", "y")))
		files = append(files, page(fmt.Sprintf("%da", level), "", nested("L", next+"a", "x"), nested("R", next+"b", "y")))
		files = append(files, page(fmt.Sprintf("%db", level), "", nested("L", next+"a", "x"), nested("R", next+"b", "y")))
	}
	d, err := cfn.LoadDescription(saved(files[0], strings.Join(files[1:], "\n"))...)
	if err == nil {
		t.Fatalf("sets that do not belong together were read: %s", aws.ToString(d.Set.ChangeSetId))
	}
	var linked []string
	for i, file := range files {
		if i == 0 || i%3 != 0 {
			if i != 1 && i != 2 {
				linked = append(linked, file)
			}
		}
	}
	r := review(t, load(t, strings.Join(linked, "\n")), cfn.ReviewInput{})
	if !r.Completeness.Partial || len(r.Items) > 20000 {
		t.Errorf("%d items, partial %v", len(r.Items), r.Completeness.Partial)
	}
}

func FuzzLoadDescription(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(page("1", "t", nested("N", "2", "x")) + page("2", "", add("A"))))
	f.Add([]byte(`{"Changes":[{"ResourceChange":{"Action":"Modify","Details":[{"Target":{"Attribute":"Tags","Path":"/Tags/1/Value","BeforeValue":"{","AfterValue":"[1]"}}],"BeforeContext":"{\"Properties\":{\"Tags\":[{\"Key\":\"a\"}]}}","AfterContext":"nonsense"}}]}`))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := cfn.LoadDescription(cfn.SavedAnswer{Name: "fuzz.json", Data: data})
		if err != nil {
			return
		}
		r, err := cfn.Review(d, cfn.ReviewInput{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Completeness.Reported != r.Completeness.Shown || r.Completeness.Reported != len(r.Items) {
			t.Errorf("%d reported, %d shown, %d items", r.Completeness.Reported, r.Completeness.Shown, len(r.Items))
		}
		encoded, err := plan.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Decode(encoded); err != nil {
			t.Fatal(err)
		}
	})
}

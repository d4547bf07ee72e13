package cfnsim_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

var runIDs = regexp.MustCompile(`(arn:aws:cloudformation:us-east-1:111111111111:stack/)?\bstack(-[0-9a-f]{8})?\b(/[-0-9a-f]{36})?`)

// recordedCase is case.json of a recorded case: how a change set was made and what AWS answered.
type recordedCase struct {
	ChangeSetType    types.ChangeSetType `json:"change_set_type"`
	Before           *string             `json:"before"`
	BeforeParameters map[string]string   `json:"before_parameters"`
	AfterParameters  map[string]string   `json:"after_parameters"`
	Flags            []string            `json:"flags"`
	Responses        map[string]string   `json:"responses"`
}

// recordedFolder finds shared/fixtures/recorded beside the checkout.
func recordedFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		folder := filepath.Join(dir, "shared", "fixtures", "recorded")
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("shared/fixtures/recorded is not beside this checkout: nothing to hold the simulator against")
		}
		dir = parent
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// expectedDifferences reads a list under testdata: a case per line, then why the simulator answers it otherwise.
func expectedDifferences(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, found := strings.Cut(line, ": ")
		if !found || reason == "" {
			t.Fatalf("%s: %q has no reason", file, line)
		}
		expected[name] = reason
	}
	return expected
}

func TestAnswersRecordedOnAWS(t *testing.T) {
	cases := filepath.Join(recordedFolder(t), "cases")
	entries, err := os.ReadDir(cases)
	if err != nil {
		t.Fatal(err)
	}
	expected := expectedDifferences(t, "recorded-differences.txt")
	matched := 0
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			difference := compareWithRecording(t, filepath.Join(cases, entry.Name()))
			reason, listed := expected[entry.Name()]
			switch {
			case difference != "" && !listed:
				t.Errorf("answers otherwise than AWS (-AWS +simulator):\n%s", difference)
			case difference == "" && listed:
				t.Errorf("answers like AWS now; remove it from recorded-differences.txt (%s)", reason)
			case difference == "":
				matched++
			}
		})
		delete(expected, entry.Name())
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		t.Errorf("recorded-differences.txt lists %s, which is no recorded case", name)
	}
	t.Logf("%d of %d recorded cases are answered like AWS does", matched, len(entries))
}

// compareWithRecording plays a case and returns how the answers differ, "" when they do not.
func compareWithRecording(t *testing.T, folder string) string {
	var c recordedCase
	readJSON(t, filepath.Join(folder, "case.json"), &c)
	b := newBench(t)
	b.prepare(folder)
	if c.Before != nil {
		body := readText(t, filepath.Join(folder, "before.template.json"))
		if err := b.try(body, types.ChangeSetTypeCreate, c.BeforeParameters); err != nil {
			return "the stack before cannot be made: " + err.Error()
		}
	}
	b.moveOn(folder)
	for key, value := range caseFacts[filepath.Base(folder)].given {
		c.AfterParameters[key] = value
	}
	in := changeSetInput(readText(t, filepath.Join(folder, "after.template.json")), c.ChangeSetType, c.AfterParameters)
	created, err := b.CreateChangeSet(b.ctx, in)
	if err != nil {
		return "the change set is refused: " + err.Error()
	}
	var differences strings.Builder
	for _, form := range slices.Sorted(maps.Keys(c.Responses)) {
		var aws recordedAnswer
		readJSON(t, filepath.Join(folder, c.Responses[form]), &aws)
		got := b.ready(created.Id, form == "with_property_values")
		if diff := cmp.Diff(summaryOfRecording(aws), summaryOfAnswer(got)); diff != "" {
			differences.WriteString(form + ":\n" + diff)
		}
	}
	return differences.String()
}

func readText(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func changeSetInput(body string, kind types.ChangeSetType, parameters map[string]string) *cloudformation.CreateChangeSetInput {
	in := &cloudformation.CreateChangeSetInput{StackName: aws.String("stack"), ChangeSetName: aws.String("set"), ChangeSetType: kind, TemplateBody: &body,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}}
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		in.Parameters = append(in.Parameters, parameter(key, parameters[key]))
	}
	return in
}

// try deploys a template to the case's stack.
func (b *bench) try(body string, kind types.ChangeSetType, parameters map[string]string) error {
	created, err := b.CreateChangeSet(b.ctx, changeSetInput(body, kind, parameters))
	if err != nil {
		return err
	}
	set := b.ready(created.Id, false)
	if set.Status != types.ChangeSetStatusCreateComplete {
		return errors.New(aws.ToString(set.StatusReason))
	}
	if stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: created.Id}); stack.StackStatus != types.StackStatusCreateComplete {
		return errors.New(string(stack.StackStatus) + "\n" + story(b.events("stack")))
	}
	return nil
}

// caseFacts are what some cases needed from outside their templates: Parameter Store entries before and between, and
// exports of another stack. They are read off the recorded answers.
var caseFacts = map[string]struct {
	parameters, later map[string]string
	exports           map[string]string
	// given replaces values that the recording's anonymisation made longer than the template allows.
	given map[string]string
}{
	"resources.test_cdk.TestCdkInit.test_cdk_bootstrap_redeploy-v20__describe-change-set":                 {given: map[string]string{"Qualifier": "hnb659fds"}},
	"resources.test_cdk.TestCdkInit.test_cdk_bootstrap_redeploy-v28__describe-change-set":                 {given: map[string]string{"Qualifier": "hnb659fds"}},
	"test_change_set_exports_imports.TestChangeSetImportExport.test_describe_change_set_import__describe": {exports: map[string]string{"b-bcaffc53": "value-1ef06f33"}},
	"test_change_sets.test_dynamic_ssm_parameter_lookup__describe-change-set-2": {
		parameters: map[string]string{"parameter-name-c9f912c0": "parameter-value-1-97da4245"}, later: map[string]string{"parameter-name-c9f912c0": "parameter-value-2-bb81270d"}},
	"test_change_sets.test_dynamic_ssm_parameter_lookup__describe-change-set-1":                                         {parameters: map[string]string{"parameter-name-c9f912c0": "parameter-value-1-97da4245"}},
	"test_change_sets.test_dynamic_ssm_parameter_lookup_no_change__describe-change-set-1":                               {parameters: map[string]string{"parameter-name-0774fdeb": "parameter-value-a20e4b53"}},
	"test_change_sets.test_dynamic_ssm_parameter_lookup_no_change__describe-change-set-2":                               {parameters: map[string]string{"parameter-name-0774fdeb": "parameter-value-a20e4b53"}},
	"v2.test_dynamic_resolving.TestSSMParameterValues.test_change_parameter_type__describe-change-set-2":                {parameters: map[string]string{"param-name-8d2e8c2e": "param-value-bb1dbe73"}},
	"v2.test_dynamic_resolving.TestSSMParameterValues.test_update_parameter_between_deployments__describe-change-set-1": {parameters: map[string]string{"param-name-7116c10d": "param-value-1-8dd4be62"}},
	"v2.test_dynamic_resolving.TestSSMParameterValues.test_change_parameter_type__describe-change-set-1":                {parameters: map[string]string{"param-name-8d2e8c2e": "param-value-bb1dbe73"}},
	"v2.test_dynamic_resolving.TestSSMParameterValues.test_update_parameter_between_deployments__describe-change-set-2": {
		parameters: map[string]string{"param-name-7116c10d": "param-value-1-8dd4be62"}, later: map[string]string{"param-name-7116c10d": "param-value-2-5a8b7f1f"}},
}

func (b *bench) prepare(folder string) {
	b.t.Helper()
	facts := caseFacts[filepath.Base(folder)]
	b.putParameters(facts.parameters)
	for name, value := range facts.exports {
		body := `{"Resources": {"P": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"O": {"Value": "` + value + `", "Export": {"Name": "` + name + `"}}}}`
		set := b.create(cloudformation.CreateChangeSetInput{StackName: aws.String("exporter"), TemplateBody: &body})
		b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	}
}

func (b *bench) moveOn(folder string) { b.putParameters(caseFacts[filepath.Base(folder)].later) }

func (b *bench) putParameters(values map[string]string) {
	b.t.Helper()
	for name, value := range values {
		if err := b.sim.PutParameter(b.ctx, "111111111111", "us-east-1", name, value); err != nil {
			b.t.Fatal(err)
		}
	}
}

// recordedAnswer is what is read of a recorded DescribeChangeSet answer.
type recordedAnswer struct {
	Status, StatusReason, ExecutionStatus string
	Changes                               []struct{ ResourceChange recordedChange }
}

type recordedChange struct {
	Action, LogicalResourceId, ResourceType, Replacement, PolicyAction string
	Scope                                                              []string
	BeforeContext, AfterContext                                        string
	Details                                                            []struct {
		ChangeSource, Evaluation, CausingEntity string
		Target                                  struct {
			Attribute, Name, Path, RequiresRecreation, AttributeChangeType string
			BeforeValue, AfterValue                                        string
		}
	}
}

// changeSummary is what the comparison is about. Physical ids and stack names differ by nature.
type changeSummary struct {
	Action, Type, Replacement, PolicyAction string
	Scope, Details                          []string
	Before, After                           string
}

type answerSummary struct {
	Status, Reason, Execution string
	Changes                   map[string]changeSummary
}

func summaryOfRecording(a recordedAnswer) answerSummary {
	s := answerSummary{Status: a.Status, Reason: a.StatusReason, Execution: a.ExecutionStatus, Changes: map[string]changeSummary{}}
	for _, c := range a.Changes {
		r := c.ResourceChange
		change := changeSummary{Action: r.Action, Type: r.ResourceType, Replacement: r.Replacement, PolicyAction: r.PolicyAction,
			Scope: r.Scope, Details: []string{}, Before: neutralContext(r.BeforeContext), After: neutralContext(r.AfterContext)}
		for _, d := range r.Details {
			t := d.Target
			change.Details = append(change.Details, strings.Join([]string{d.ChangeSource, d.Evaluation, d.CausingEntity, t.Attribute, t.Name, t.Path,
				t.RequiresRecreation, t.AttributeChangeType, neutral(t.BeforeValue), neutral(t.AfterValue)}, "|"))
		}
		s.Changes[r.LogicalResourceId] = change.normal()
	}
	return s
}

func summaryOfAnswer(a *cloudformation.DescribeChangeSetOutput) answerSummary {
	s := answerSummary{Status: string(a.Status), Reason: aws.ToString(a.StatusReason), Execution: string(a.ExecutionStatus), Changes: map[string]changeSummary{}}
	for _, c := range a.Changes {
		r := c.ResourceChange
		change := changeSummary{Action: string(r.Action), Type: aws.ToString(r.ResourceType), Replacement: string(r.Replacement), PolicyAction: string(r.PolicyAction),
			Scope: []string{}, Details: []string{}, Before: neutralContext(aws.ToString(r.BeforeContext)), After: neutralContext(aws.ToString(r.AfterContext))}
		for _, scope := range r.Scope {
			change.Scope = append(change.Scope, string(scope))
		}
		for _, d := range r.Details {
			t := d.Target
			change.Details = append(change.Details, strings.Join([]string{string(d.ChangeSource), string(d.Evaluation), aws.ToString(d.CausingEntity), string(t.Attribute),
				aws.ToString(t.Name), aws.ToString(t.Path), string(t.RequiresRecreation), string(t.AttributeChangeType), neutral(aws.ToString(t.BeforeValue)), neutral(aws.ToString(t.AfterValue))}, "|"))
		}
		s.Changes[aws.ToString(r.LogicalResourceId)] = change.normal()
	}
	return s
}

// normal drops what recordings of one behaviour vary in: the order of details and scopes, and the Replacement that
// answers of spring 2025 show on added resources.
func (c changeSummary) normal() changeSummary {
	if c.Action == "Add" {
		c.Replacement = ""
	}
	slices.Sort(c.Scope)
	slices.Sort(c.Details)
	return c
}

// neutral replaces the parts of a value that differ from run to run.
func neutral(text string) string {
	text = runIDs.ReplaceAllString(text, "STACK")
	return strings.ReplaceAll(text, "url_suffix", "amazonaws.com")
}

func neutralContext(text string) string {
	if text == "" {
		return ""
	}
	var v any
	if err := json.Unmarshal([]byte(neutral(text)), &v); err != nil {
		return "not JSON: " + text
	}
	// Encoding sorts the keys, which AWS orders by a hash.
	sorted, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(sorted)
}

package cfn

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// SavedAnswer is a file that holds one or more answers of DescribeChangeSet, one JSON value after the other or in a list.
type SavedAnswer struct {
	// Name is how errors call the file.
	Name string
	Data []byte
}

// LoadDescription reads saved answers of DescribeChangeSet, also those that the AWS CLI printed, with its nulls for
// absent members. Several answers may be pages of one set, the same set with and without property values, and the sets
// of nested stacks, in any order. What is evidently missing makes the description partial; answers that do not belong
// together are an error.
func LoadDescription(files ...SavedAnswer) (Description, error) {
	var answers []savedSet
	var warnings []string
	for _, file := range files {
		read, warning, err := readAnswers(file)
		if err != nil {
			return Description{}, err
		}
		warnings = append(warnings, warning...)
		answers = append(answers, read...)
	}
	if len(answers) == 0 {
		return Description{}, errors.New("read change set: no answer of DescribeChangeSet was given")
	}
	sets := gather(answers)
	root, err := linkSets(sets)
	if err != nil {
		return Description{}, err
	}
	budget := maxSets
	d := assemble(sets, root, nil, &budget)
	d.Warnings = append(warnings, d.Warnings...)
	d.Saved = true
	d.Limits = append(d.Limits, "Read from saved answers: whether the change set still holds, and warnings of hooks and early validation, cannot be told.")
	if parent := aws.ToString(d.Set.ParentChangeSetId); parent != "" {
		d.Limits = append(d.Limits, "This is the change set of a nested stack; what happens in the stacks around it is not shown.")
	}
	return d, nil
}

// savedSet is one answer and the file that it came from.
type savedSet struct {
	cloudformation.DescribeChangeSetOutput
	file string
}

// wireAnswer is an answer as it stands in a file. The time of creation is not needed and comes in several forms.
type wireAnswer struct {
	cloudformation.DescribeChangeSetOutput
	CreationTime   json.RawMessage
	ResultMetadata json.RawMessage
}

func readAnswers(file SavedAnswer) (answers []savedSet, warnings []string, err error) {
	data := decodeText(file.Data)
	if !utf8.Valid(data) {
		warnings = append(warnings, file.Name+" is not valid UTF-8: damaged characters are shown as "+string(utf8.RuneError))
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil, fmt.Errorf("read %s: it is empty; save an answer with `aws cloudformation describe-change-set --include-property-values`", file.Name)
	}
	// Nearly every file is one answer; taking that for granted saves a pass over what can be megabytes.
	if single, err := readAnswer(file.Name, data); err == nil {
		return []savedSet{single}, warnings, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return answers, warnings, nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("read %s: not JSON: %w (%s)", file.Name, err, position(data, err))
		}
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &list); err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", file.Name, err)
			}
		}
		for _, one := range list {
			set, err := readAnswer(file.Name, one)
			if err != nil {
				return nil, nil, err
			}
			answers = append(answers, set)
		}
	}
}

func readAnswer(name string, raw json.RawMessage) (savedSet, error) {
	var wire wireAnswer
	err := json.Unmarshal(raw, &wire)
	if err != nil || wire.Changes == nil && wire.ChangeSetId == nil && wire.ChangeSetName == nil {
		if err := checkAnswer(name, raw); err != nil {
			return savedSet{}, err
		}
	}
	if mismatch := new(json.UnmarshalTypeError); errors.As(err, &mismatch) {
		return savedSet{}, fmt.Errorf("read %s: not an answer of DescribeChangeSet: %s holds a JSON %s", name, cleanField(mismatch.Field), mismatch.Value)
	}
	if err != nil {
		return savedSet{}, fmt.Errorf("read %s: %w", name, err)
	}
	return savedSet{wire.DescribeChangeSetOutput, name}, nil
}

// checkAnswer says what a JSON value is that is no answer of DescribeChangeSet.
func checkAnswer(name string, raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fmt.Errorf("read %s: not an answer of DescribeChangeSet: it is not a JSON object", name)
	}
	if members["Changes"] == nil && members["ChangeSetId"] == nil && members["ChangeSetName"] == nil {
		return fmt.Errorf("read %s: not an answer of DescribeChangeSet: %s; save one with `aws cloudformation describe-change-set --include-property-values`", name, whatElse(members))
	}
	return nil
}

func cleanField(field string) string {
	return strings.TrimPrefix(strings.TrimPrefix(field, "DescribeChangeSetOutput."), "wireAnswer.")
}

// whatElse guesses what a JSON object is that was given in the place of a change set.
func whatElse(members map[string]json.RawMessage) string {
	for _, known := range []struct{ member, text string }{
		{"schema", "it has a schema of its own, as stackgate's documents have"},
		{"Resources", "it looks like a template"},
		{"Stacks", "it looks like an answer of DescribeStacks"},
		{"StackEvents", "it looks like an answer of DescribeStackEvents"},
		{"Summaries", "it looks like an answer of ListChangeSets"},
		{"Id", "it looks like an answer of CreateChangeSet"},
	} {
		if members[known.member] != nil {
			return known.text
		}
	}
	return "it has neither Changes nor ChangeSetId"
}

// decodeText takes a byte order mark off, and turns UTF-16, which PowerShell's redirection writes, into UTF-8.
func decodeText(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// position is the line and column of a syntax error; of the end, where the text ends too early.
func position(data []byte, err error) string {
	offset := len(data)
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		offset = min(int(syntax.Offset), offset)
	}
	before := data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := max(len(before)-bytes.LastIndexByte(before, '\n')-1, 1)
	return fmt.Sprintf("line %d, column %d", line, column)
}

// gathered is one change set, put together of all answers about it.
type gathered struct {
	id     string
	set    cloudformation.DescribeChangeSetOutput
	files  []string
	pages  int  // answers that say that another page follows
	last   bool // an answer after which no page follows
	warned bool // an answer in which CloudFormation admits that it left changes out
	full   bool // an answer in which it does not
	plain  map[string]bool
	nested []string
}

// gather puts the answers about each change set together. The order in which they were given makes no difference.
func gather(answers []savedSet) []*gathered {
	// Answers with values first, so that the others complete them; then by content.
	slices.SortStableFunc(answers, func(a, b savedSet) int {
		if va, vb := hasValues(a.DescribeChangeSetOutput), hasValues(b.DescribeChangeSetOutput); va != vb {
			if va {
				return -1
			}
			return 1
		}
		return strings.Compare(contentKey(a.DescribeChangeSetOutput), contentKey(b.DescribeChangeSetOutput))
	})
	var sets []*gathered
	byID := map[string]*gathered{}
	for _, answer := range answers {
		id := setID(answer.DescribeChangeSetOutput)
		g := byID[id]
		if g == nil {
			g = &gathered{id: id, set: answer.DescribeChangeSetOutput, plain: map[string]bool{}}
			g.set.Changes, g.set.NextToken = nil, nil
			byID[id] = g
			sets = append(sets, g)
		}
		g.add(answer)
	}
	for _, g := range sets {
		for _, change := range g.set.Changes {
			if c := change.ResourceChange; c != nil && aws.ToString(c.ChangeSetId) != "" {
				g.nested = append(g.nested, *c.ChangeSetId)
			}
		}
	}
	return sets
}

func (g *gathered) add(answer savedSet) {
	g.files = append(g.files, answer.file)
	if aws.ToString(answer.NextToken) != "" {
		g.pages++
	} else {
		g.last = true
	}
	if strings.Contains(aws.ToString(answer.StatusReason), incomplete) {
		g.warned = true
	} else {
		g.full, g.set.StatusReason = true, answer.StatusReason
	}
	values := hasValues(answer.DescribeChangeSetOutput)
	var only []int
	g.set.Changes, only = mergeChanges(g.set.Changes, answer.Changes)
	for _, at := range only {
		if c := g.set.Changes[at].ResourceChange; c != nil && !values && hasValues(g.set) && len(c.Details) > 0 {
			g.plain[aws.ToString(c.LogicalResourceId)] = true
		}
	}
	// A later answer about the same set may have what the first lacks.
	if len(g.set.Parameters) == 0 {
		g.set.Parameters = answer.Parameters
	}
	if len(g.set.Tags) == 0 {
		g.set.Tags = answer.Tags
	}
}

// setID is what tells change sets apart: the ARN, or the names where the ARN was taken out.
func setID(set cloudformation.DescribeChangeSetOutput) string {
	if id := aws.ToString(set.ChangeSetId); id != "" {
		return id
	}
	return aws.ToString(set.StackName) + "/" + aws.ToString(set.ChangeSetName)
}

func hasValues(set cloudformation.DescribeChangeSetOutput) bool {
	return slices.ContainsFunc(set.Changes, func(change types.Change) bool {
		c := change.ResourceChange
		if c == nil {
			return false
		}
		return c.BeforeContext != nil || c.AfterContext != nil || slices.ContainsFunc(c.Details, func(d types.ResourceChangeDetail) bool {
			return d.Target != nil && (d.Target.Path != nil || d.Target.BeforeValue != nil || d.Target.AfterValue != nil)
		})
	})
}

// contentKey orders answers without regard to their order in the files.
func contentKey(set cloudformation.DescribeChangeSetOutput) string {
	key, err := json.Marshal(set.Changes)
	if err != nil {
		return setID(set)
	}
	return setID(set) + string(key)
}

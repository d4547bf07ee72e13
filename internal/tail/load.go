package tail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// File is a saved answer of describe-stack-events or describe-events.
type File struct {
	// Name is what errors call the file.
	Name string
	Data []byte
}

// Loaded are the events of one or more files, and the operation that they most likely tell of.
type Loaded struct {
	Events    []Event
	Operation Operation
	// Notes say what is unusual about the files.
	Notes []string
}

// Load reads saved events: one file for each stack, or several stacks in one file. Stack names the root where the files
// hold several stacks none of which contains the others; otherwise it is empty. What AWS adds later is ignored, null
// counts as absent, and ResourceProperties are dropped.
func Load(files []File, stack string) (Loaded, error) {
	if len(files) == 0 {
		return Loaded{}, errors.New("load events: no file given; save them with `aws cloudformation describe-stack-events --stack-name STACK --output json`")
	}
	var loaded Loaded
	for _, file := range files {
		events, err := loadFile(file)
		if err != nil {
			return Loaded{}, fmt.Errorf("load events from %s: %w", file.Name, err)
		}
		loaded.Events = append(loaded.Events, events...)
	}
	if len(loaded.Events) == 0 {
		return Loaded{}, fmt.Errorf("load events from %s: the list is empty; the stack may have been deleted, so ask by its ARN: "+
			"`aws cloudformation describe-stack-events --stack-name STACK_ARN`", fileNames(files))
	}
	root, notes, err := findRoot(loaded.Events, stack)
	if err != nil {
		return Loaded{}, fmt.Errorf("load events from %s: %w", fileNames(files), err)
	}
	loaded.Operation, loaded.Notes = root, notes
	return loaded, nil
}

func fileNames(files []File) string {
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, file.Name)
	}
	if len(names) > 5 {
		names = append(names[:5], fmt.Sprintf("%d more", len(names)-5))
	}
	return strings.Join(names, ", ")
}

// loadFile reads every JSON value of a file: the CLI writes one, but people join the output of several calls.
func loadFile(file File) ([]Event, error) {
	data := decodeText(file.Data)
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty; save the events with `--output json`")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var events []Event
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, notJSON(data, decoder.InputOffset(), err)
		}
		rows, err := rowsIn(value)
		if err != nil {
			return nil, err
		}
		for i, row := range rows {
			event, err := row.event()
			if err != nil {
				return nil, fmt.Errorf("event %d: %w", i+1, err)
			}
			events = append(events, event)
		}
	}
}

// decodeText undoes the encodings in which a Windows shell saves a redirected answer.
func decodeText(data []byte) []byte {
	little := bytes.HasPrefix(data, []byte{0xff, 0xfe})
	big := bytes.HasPrefix(data, []byte{0xfe, 0xff})
	if !little && !big {
		return bytes.TrimPrefix(data, []byte{0xef, 0xbb, 0xbf})
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		low, high := data[i], data[i+1]
		if big {
			low, high = high, low
		}
		units = append(units, uint16(high)<<8|uint16(low))
	}
	return []byte(string(utf16.Decode(units)))
}

func notJSON(data []byte, offset int64, err error) error {
	offset = min(max(offset, 0), int64(len(data)))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = min(max(syntax.Offset-1, 0), int64(len(data)))
	}
	line := 1 + bytes.Count(data[:offset], []byte("\n"))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("line %d: the JSON ends in the middle of a value; save the events again", line)
	}
	return fmt.Errorf("line %d: this is not JSON (%w); save the events with `--output json`", line, err)
}

// rowsIn finds the list of events in a value: an answer, the bare list that --query gives, or one event.
func rowsIn(value json.RawMessage) ([]savedEvent, error) {
	trimmed := bytes.TrimSpace(value)
	switch {
	case bytes.Equal(trimmed, []byte("null")):
		return nil, nil
	case trimmed[0] == '[':
		return decodeRows(trimmed)
	case trimmed[0] != '{':
		return nil, errors.New("this is JSON, but no events: wanted the answer of describe-stack-events or describe-events")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(trimmed, &members); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	for _, name := range []string{"StackEvents", "OperationEvents"} {
		if list, ok := members[name]; ok {
			return decodeRows(list)
		}
	}
	for _, name := range []string{"EventId", "ResourceStatus", "EventType"} {
		if _, ok := members[name]; ok {
			return decodeRows(slices.Concat([]byte("["), trimmed, []byte("]")))
		}
	}
	return nil, fmt.Errorf("this is JSON, but no events: it has neither StackEvents nor OperationEvents%s", saw(members))
}

func saw(members map[string]json.RawMessage) string {
	names := make([]string, 0, len(members))
	for name := range members {
		if len(name) <= 40 {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return " but " + strings.Join(names[:min(len(names), 5)], ", ")
}

func decodeRows(list json.RawMessage) ([]savedEvent, error) {
	var rows []*savedEvent
	if err := json.Unmarshal(list, &rows); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return nil, fmt.Errorf("%s is a %s, wanted a text; this is not an answer of describe-stack-events or describe-events", wrong.Field, wrong.Value)
		}
		return nil, fmt.Errorf("this is JSON, but no list of events: %w", err)
	}
	out := make([]savedEvent, 0, len(rows))
	for i, row := range rows {
		if row == nil {
			continue
		}
		if row.LogicalResourceID == "" && row.ResourceStatus == "" && row.EventID == "" && row.EventType == "" {
			return nil, fmt.Errorf("item %d is no event: it has no LogicalResourceId, no ResourceStatus and no EventId", i+1)
		}
		out = append(out, *row)
	}
	return out, nil
}

// savedEvent is a row as the AWS CLI writes it. ResourceProperties is not among its members, so that it is never read.
type savedEvent struct {
	EventID                string          `json:"EventId"`
	StackID                string          `json:"StackId"`
	StackName              string          `json:"StackName"`
	LogicalResourceID      string          `json:"LogicalResourceId"`
	PhysicalResourceID     string          `json:"PhysicalResourceId"`
	ResourceType           string          `json:"ResourceType"`
	ResourceStatus         string          `json:"ResourceStatus"`
	ResourceStatusReason   string          `json:"ResourceStatusReason"`
	DetailedStatus         string          `json:"DetailedStatus"`
	ClientRequestToken     string          `json:"ClientRequestToken"`
	OperationID            string          `json:"OperationId"`
	OperationType          string          `json:"OperationType"`
	EventType              string          `json:"EventType"`
	Timestamp              json.RawMessage `json:"Timestamp"`
	StartTime              json.RawMessage `json:"StartTime"`
	HookType               string          `json:"HookType"`
	HookStatus             string          `json:"HookStatus"`
	HookStatusReason       string          `json:"HookStatusReason"`
	HookFailureMode        string          `json:"HookFailureMode"`
	HookInvocationID       string          `json:"HookInvocationId"`
	HookInvocationPoint    string          `json:"HookInvocationPoint"`
	ValidationName         string          `json:"ValidationName"`
	ValidationStatus       string          `json:"ValidationStatus"`
	ValidationStatusReason string          `json:"ValidationStatusReason"`
	ValidationPath         string          `json:"ValidationPath"`
	ValidationFailureMode  string          `json:"ValidationFailureMode"`
}

func (row savedEvent) event() (Event, error) {
	at, err := timeOf(row.Timestamp)
	if err != nil {
		return Event{}, fmt.Errorf("read Timestamp: %w", err)
	}
	if at.IsZero() {
		if at, err = timeOf(row.StartTime); err != nil {
			return Event{}, fmt.Errorf("read StartTime: %w", err)
		}
	}
	event := Event{
		EventID: row.EventID, StackID: row.StackID, StackName: row.StackName, LogicalID: row.LogicalResourceID,
		PhysicalID: row.PhysicalResourceID, Type: row.ResourceType, Status: row.ResourceStatus, DetailedStatus: row.DetailedStatus,
		Reason: row.ResourceStatusReason, Time: at, Token: row.ClientRequestToken, OperationID: row.OperationID,
		OperationType: row.OperationType, Kind: row.EventType,
	}
	if event.StackName == "" {
		event.StackName = stackNameOf(event.StackID)
	}
	if row.HookType != "" || row.HookStatus != "" {
		event.Hook = &HookRow{
			Type: row.HookType, Status: row.HookStatus, Reason: row.HookStatusReason, FailureMode: row.HookFailureMode,
			InvocationID: row.HookInvocationID, InvocationPoint: row.HookInvocationPoint,
		}
	}
	if row.ValidationName != "" || row.ValidationStatus != "" {
		event.Validation = &ValidationRow{
			Name: row.ValidationName, Status: row.ValidationStatus, Reason: row.ValidationStatusReason, Path: row.ValidationPath,
			FailureMode: row.ValidationFailureMode,
		}
	}
	return event, nil
}

// timeOf reads a time as the CLI writes it: ISO 8601, or seconds since 1970 with cli_timestamp_format=none of version 1.
func timeOf(raw json.RawMessage) (time.Time, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return time.Time{}, nil
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err == nil {
		// Beyond this range a time cannot be written as RFC 3339.
		if math.IsNaN(seconds) || seconds < 0 || seconds > 253402300799 {
			return time.Time{}, fmt.Errorf("%s is not a time in seconds since 1970", raw)
		}
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(math.Round(part*1e6))*1e3).UTC(), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return time.Time{}, fmt.Errorf("%s is neither a text nor a number", clippedRaw(raw))
	}
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02 15:04:05.999999999-07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil && at.UTC().Year() >= 0 && at.UTC().Year() <= 9999 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; wanted ISO 8601 such as 2026-11-22T14:02:03.456Z", clippedRaw([]byte(text)))
}

func clippedRaw(raw []byte) string {
	if len(raw) > 60 {
		raw = raw[:60]
	}
	return strings.ToValidUTF8(string(raw), "�")
}

// findRoot finds the stack that the files are about: the one named, else the one that contains all others.
func findRoot(events []Event, stack string) (Operation, []string, error) {
	nested, latest := make(map[string]bool), make(map[string]time.Time)
	names := make(map[string]string)
	var ids []string
	for _, event := range events {
		id := stackKey(event)
		if _, known := names[id]; !known {
			ids = append(ids, id)
			names[id] = event.StackName
		}
		if event.Time.After(latest[id]) {
			latest[id] = event.Time
		}
		if event.IsNestedStack() && event.PhysicalID != "" {
			nested[event.PhysicalID] = true
		}
	}
	var roots []string
	for _, id := range ids {
		wanted := stack == "" && !nested[id] || stack != "" && (id == stack || names[id] == stack)
		if wanted {
			roots = append(roots, id)
		}
	}
	if len(roots) == 0 && stack != "" {
		return Operation{}, nil, fmt.Errorf("stack %q is not among %s", stack, listed(ids, names))
	}
	if len(roots) == 0 {
		return Operation{}, nil, fmt.Errorf("each of the stacks %s is nested in another, so that none is the root; name it with --stack", listed(ids, names))
	}
	root, notes := roots[0], []string(nil)
	for _, id := range roots[1:] {
		if names[id] != names[root] {
			return Operation{}, nil, fmt.Errorf("these are events of %d stacks that do not contain each other (%s); give the events of their root as well, or name one with --stack",
				len(roots), listed(roots, names))
		}
		if latest[id].After(latest[root]) {
			root = id
		}
	}
	if len(roots) > 1 {
		notes = append(notes, fmt.Sprintf("The files hold %d stacks named %s, made one after the other; the latest one is explained.", len(roots), names[root]))
	}
	op := Operation{StackName: names[root]}
	if strings.HasPrefix(root, "arn:") {
		op.StackID = root
	}
	return op, notes, nil
}

func listed(ids []string, names map[string]string) string {
	var out []string
	for _, id := range ids {
		if name := names[id]; name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return fmt.Sprintf("%d stacks without a name", len(ids))
	}
	if len(out) > 8 {
		out = append(out[:8], fmt.Sprintf("%d more", len(out)-8))
	}
	return strings.Join(out, ", ")
}

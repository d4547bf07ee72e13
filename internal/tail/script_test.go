package tail

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

var begin = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// arn is the id of a stack in scripts. "App#2" is the second stack of the name App.
func arn(stack string) string {
	name, generation, _ := strings.Cut(stack, "#")
	return fmt.Sprintf("arn:aws:cloudformation:eu-west-1:111122223333:stack/%s/%s00000000", name, "id"+generation)
}

// script reads events from lines of: stack, second, logical id, type, status and reason. A dot as logical id stands for
// the stack itself, a type of >Name for the stack nested under that logical id, a hyphen as second for no timestamp.
// The result is in AWS's order, newest first.
func script(t testing.TB, token, text string) []Event {
	t.Helper()
	var events []Event
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 5 {
			t.Fatalf("script line %d: %q has fewer than 5 columns", i+1, line)
		}
		event := Event{
			EventID: fmt.Sprintf("%s-%s-%d", token, fields[0], i), StackID: arn(fields[0]), StackName: strings.Split(fields[0], "#")[0],
			LogicalID: fields[2], PhysicalID: strings.ToLower(fields[2]) + "-1", Type: fields[3], Status: fields[4], Token: token,
		}
		if fields[1] != "-" {
			second, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				t.Fatalf("script line %d: %v", i+1, err)
			}
			event.Time = begin.Add(time.Duration(second * float64(time.Second)))
		}
		if event.LogicalID == "." {
			event.LogicalID, event.PhysicalID, event.Type = event.StackName, event.StackID, stackType
		}
		if nested, ok := strings.CutPrefix(event.Type, ">"); ok {
			event.PhysicalID, event.Type = arn(nested), stackType
		}
		if _, reason, ok := strings.Cut(line, fields[4]+" "); ok {
			event.Reason = strings.TrimSpace(reason)
		}
		events = append([]Event{event}, events...)
	}
	return events
}

func explained(t testing.TB, token, text string) Document {
	t.Helper()
	return Explain(Input{Operation: Operation{StackName: "App", StackID: arn("App"), Token: token}, Events: script(t, token, text)})
}

func paths(failures []Failure) string {
	var out []string
	for _, failure := range failures {
		out = append(out, failure.Path)
	}
	return strings.Join(out, " ")
}

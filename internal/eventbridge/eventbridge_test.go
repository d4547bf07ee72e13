package eventbridge_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/eventbridge"
)

// maxPattern is how many characters EventBridge takes for a pattern (quotas, "Event pattern size").
const maxPattern = 2048

func TestPatterns(t *testing.T) {
	for name, test := range map[string]struct {
		pattern map[string]any
		want    string
	}{
		"stack": {eventbridge.StackPattern(), `{"detail":{"status-details":{"status":["CREATE_COMPLETE","CREATE_FAILED","DELETE_COMPLETE","DELETE_FAILED",` +
			`"IMPORT_COMPLETE","IMPORT_ROLLBACK_COMPLETE","IMPORT_ROLLBACK_FAILED","ROLLBACK_COMPLETE","ROLLBACK_FAILED","UPDATE_COMPLETE",` +
			`"UPDATE_FAILED","UPDATE_ROLLBACK_COMPLETE","UPDATE_ROLLBACK_FAILED"]}},` +
			`"detail-type":["CloudFormation Stack Status Change"],"source":["aws.cloudformation"]}`},
		"execution": {eventbridge.ExecutionPattern("arn:aws:states:eu-west-1:111111111111:stateMachine:stackgate-"),
			`{"detail":{"stateMachineArn":[{"prefix":"arn:aws:states:eu-west-1:111111111111:stateMachine:stackgate-"}],` +
				`"status":["ABORTED","FAILED","SUCCEEDED","TIMED_OUT"]},"detail-type":["Step Functions Execution Status Change"],"source":["aws.states"]}`},
	} {
		text, err := json.Marshal(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, text, test.want)
		}
		if len(text) > maxPattern {
			t.Errorf("%s: %d characters, and EventBridge takes %d", name, len(text), maxPattern)
		}
	}
}

func TestKinds(t *testing.T) {
	for text, want := range map[string]eventbridge.Kind{
		`{"source":"aws.cloudformation","detail-type":"CloudFormation Stack Status Change"}`:    eventbridge.StackStatus,
		`{"source":"aws.states","detail-type":"Step Functions Execution Status Change"}`:        eventbridge.ExecutionStatus,
		`{"source":"aws.states","detail-type":"CloudFormation Stack Status Change"}`:            eventbridge.Other,
		`{"source":"aws.cloudformation","detail-type":"CloudFormation Resource Status Change"}`: eventbridge.Other,
		`{"source":"my.cloudformation","detail-type":"CloudFormation Stack Status Change"}`:     eventbridge.Other,
		`{}`: eventbridge.Other,
	} {
		var e eventbridge.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if got := e.Kind(); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// The pattern and the code that is woken by it must agree on what an end is.
func TestEnded(t *testing.T) {
	pattern, err := json.Marshal(eventbridge.ExecutionPattern("arn:"))
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range append(types.ExecutionStatus("").Values(), "NEW_STATUS") {
		if got := strings.Contains(string(pattern), `"`+string(status)+`"`); got != eventbridge.Ended(status) {
			t.Errorf("%s: ended is %v, and the pattern says %v", status, eventbridge.Ended(status), got)
		}
	}
}

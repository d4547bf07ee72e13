package interop_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"stackgate/internal/asl"
	"stackgate/internal/deployment"
)

// ended is what is compared of an execution.
type ended struct {
	Status, Output, Error, Cause string
	// History is the event types in their order, those of states with the state's name.
	History []string
}

func endOf(events []asl.Event, id deployment.ID) ended {
	var e ended
	for _, event := range events {
		e.History = append(e.History, strings.TrimSpace(string(event.Type)+" "+entered(string(event.Type), event.State)))
		switch event.Type {
		case asl.ExecutionSucceeded:
			e.Status, e.Output = "SUCCEEDED", string(event.Output)
		case asl.ExecutionFailed:
			e.Status, e.Error, e.Cause = "FAILED", event.Error, event.Cause
		}
	}
	return e.comparable(id)
}

// entered names the state in the events that have one on AWS: where a state begins and ends.
func entered(kind, state string) string {
	if strings.HasSuffix(kind, "StateEntered") || strings.HasSuffix(kind, "StateExited") {
		return state
	}
	return ""
}

var (
	digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	others  = regexp.MustCompile(`[a-z0-9-]+-prod-[0-9]{8}T[0-9]{6}Z-[0-9a-z]{8}`)
)

// comparable leaves out what differs between any two runs: ids, the digests of reviews, which name the change set, and how
// JSON is written.
func (e ended) comparable(id deployment.ID) ended {
	same := func(text string) string {
		text = digests.ReplaceAllString(text, "DIGEST")
		return others.ReplaceAllString(uuids.ReplaceAllString(strings.ReplaceAll(text, id.String(), "ID"), "UUID"), "OTHER")
	}
	var value any
	if err := json.Unmarshal([]byte(e.Output), &value); err == nil {
		if text, err := json.Marshal(value); err == nil {
			e.Output = string(text)
		}
	}
	e.Output, e.Cause = same(e.Output), same(e.Cause)
	return e
}

func awaitEnd(t *testing.T, machines *sfn.Client, execution string, id deployment.ID) ended {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		found, err := machines.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &execution})
		if err != nil {
			t.Fatal(err)
		}
		if found.Status == types.ExecutionStatusRunning {
			continue
		}
		e := ended{Status: string(found.Status), Output: aws.ToString(found.Output), Error: aws.ToString(found.Error), Cause: aws.ToString(found.Cause)}
		pages := sfn.NewGetExecutionHistoryPaginator(machines, &sfn.GetExecutionHistoryInput{ExecutionArn: &execution})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range page.Events {
				state := ""
				if d := event.StateEnteredEventDetails; d != nil {
					state = aws.ToString(d.Name)
				}
				if d := event.StateExitedEventDetails; d != nil {
					state = aws.ToString(d.Name)
				}
				e.History = append(e.History, strings.TrimSpace(string(event.Type)+" "+state))
			}
		}
		return e.comparable(id)
	}
	t.Fatal(fmt.Errorf("execution %s does not end", execution))
	return ended{}
}

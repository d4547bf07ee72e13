package interop_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"stackgate/internal/announcement"
	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/eventbridge"
	"stackgate/internal/store"
)

// call is a call of a service whose client nothing else of ours needs: EventBridge and SQS, both with JSON.
func (e *emulator) call(t *testing.T, service, target string, in any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", target)
	keys, err := e.configuration().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, request, hex.EncodeToString(hash[:]), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d %s (%v)", target, answer.StatusCode, content, err)
	}
	var out map[string]any
	if len(content) > 0 {
		if err := json.Unmarshal(content, &out); err != nil {
			t.Fatalf("%s: %s: %v", target, content, err)
		}
	}
	return out
}

// queue makes a queue and returns its URL and ARN.
func (e *emulator) queue(t *testing.T, name string) (url, arn string) {
	t.Helper()
	url, _ = e.call(t, "sqs", "AmazonSQS.CreateQueue", map[string]any{"QueueName": name})["QueueUrl"].(string)
	return url, "arn:aws:sqs:" + region + ":" + hub + ":" + name
}

// received are the bodies that a queue holds.
func (e *emulator) received(t *testing.T, url string) []string {
	t.Helper()
	var bodies []string
	for {
		messages, _ := e.call(t, "sqs", "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600})["Messages"].([]any)
		if len(messages) == 0 {
			return bodies
		}
		for _, message := range messages {
			body, _ := message.(map[string]any)["Body"].(string)
			bodies = append(bodies, body)
		}
	}
}

// TestRulesDeliver: EventBridge matches our patterns as they are meant, and what it delivers is what the functions read.
func TestRulesDeliver(t *testing.T) {
	e := moto(t)
	prefix := "arn:aws:states:" + region + ":" + hub + ":stateMachine:stackgate-"
	stack := func(status string) string {
		return `{"stack-id": "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop-orders-prod/1", "status-details": {"status": "` + status + `", "status-reason": ""}, "client-request-token": ""}`
	}
	execution := func(machine, status string) string {
		return `{"executionArn": "arn:aws:states:eu-west-1:123456789012:execution:` + machine + `:orders-prod-20261122T140203Z-7q4k2mxa", "stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:` +
			machine + `", "name": "orders-prod-20261122T140203Z-7q4k2mxa", "status": "` + status + `", "startDate": 1, "stopDate": 2, "input": "{}", "output": null}`
	}
	type event struct {
		source, detailType, detail string
		matches                    bool
	}
	for name, row := range map[string]struct {
		pattern map[string]any
		kind    eventbridge.Kind
		events  []event
	}{
		"stack": {eventbridge.StackPattern(), eventbridge.StackStatus, []event{
			{"aws.cloudformation", "CloudFormation Stack Status Change", stack("CREATE_COMPLETE"), true},
			{"aws.cloudformation", "CloudFormation Stack Status Change", stack("UPDATE_ROLLBACK_FAILED"), true},
			{"aws.cloudformation", "CloudFormation Stack Status Change", stack("CREATE_IN_PROGRESS"), false},
			{"aws.cloudformation", "CloudFormation Stack Status Change", stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), false},
			{"aws.cloudformation", "CloudFormation Resource Status Change", stack("CREATE_COMPLETE"), false},
			{"my.app", "CloudFormation Stack Status Change", stack("CREATE_COMPLETE"), false},
		}},
		"execution": {eventbridge.ExecutionPattern(prefix), eventbridge.ExecutionStatus, []event{
			{"aws.states", "Step Functions Execution Status Change", execution("stackgate-orders-prod", "ABORTED"), true},
			{"aws.states", "Step Functions Execution Status Change", execution("stackgate-orders-prod", "SUCCEEDED"), true},
			{"aws.states", "Step Functions Execution Status Change", execution("stackgate-recover", "TIMED_OUT"), true},
			{"aws.states", "Step Functions Execution Status Change", execution("stackgate-orders-prod", "RUNNING"), false},
			{"aws.states", "Step Functions Execution Status Change", execution("somebody-elses", "FAILED"), false},
			{"aws.states", "Step Functions Map Run Status Change", execution("stackgate-orders-prod", "FAILED"), false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url, arn := e.queue(t, "rule-"+name)
			pattern, err := json.Marshal(row.pattern)
			if err != nil {
				t.Fatal(err)
			}
			e.call(t, "events", "AWSEvents.PutRule", map[string]any{"Name": name, "EventPattern": string(pattern)})
			e.call(t, "events", "AWSEvents.PutTargets", map[string]any{"Rule": name, "Targets": []any{map[string]any{"Id": "queue", "Arn": arn}}})
			want := 0
			for i, event := range row.events {
				if event.matches {
					want |= 1 << i
				}
				var detail map[string]any
				if err := json.Unmarshal([]byte(event.detail), &detail); err != nil {
					t.Fatal(err)
				}
				detail["test-number"] = i
				text, err := json.Marshal(detail)
				if err != nil {
					t.Fatal(err)
				}
				e.call(t, "events", "AWSEvents.PutEvents", map[string]any{"Entries": []any{map[string]any{
					"Source": event.source, "DetailType": event.detailType, "Detail": string(text),
				}}})
			}
			got := 0
			for _, body := range e.received(t, url) {
				var delivered eventbridge.Event
				var numbered struct {
					Detail struct {
						Number int `json:"test-number"`
					} `json:"detail"`
				}
				if err := json.Unmarshal([]byte(body), &numbered); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal([]byte(body), &delivered); err != nil {
					t.Fatal(err)
				}
				got |= 1 << numbered.Detail.Number
				if delivered.Kind() != row.kind || delivered.Detail.StackID == "" && delivered.Detail.ExecutionARN == "" {
					t.Errorf("%s is read as %s, %+v", body, delivered.Kind(), delivered.Detail)
				}
			}
			if got != want {
				t.Errorf("delivered %06b, want %06b", got, want)
			}
		})
	}
}

// TestAnnouncementsArrive: a queue gets JSON, with the attributes outside, and so does a web server.
func TestAnnouncementsArrive(t *testing.T) {
	e := moto(t)
	posts := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- string(body)
	}))
	defer server.Close()
	client := sns.NewFromConfig(e.configuration())
	topic, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("stackgate")})
	if err != nil {
		t.Fatal(err)
	}
	url, arn := e.queue(t, "announcements")
	for protocol, endpoint := range map[string]string{"sqs": arn, "http": server.URL} {
		if _, err := client.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: &protocol, Endpoint: &endpoint}); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	to := announcement.Topic{ARN: *topic.TopicArn, Publisher: client, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	r := store.Record{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", Service: "orders", Environment: "prod", RequestedBy: "ana", Outcome: deployment.OutcomeRejected,
		Review: store.Review{Digest: "sha256:1", Verdict: "1 resource will be replaced", Level: "critical"},
	}
	if err := to.ApprovalRequested(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	to.DecisionRecorded(t.Context(), r, approval.Decision{By: "bo", Verdict: approval.Reject, Comment: "not on a Friday"}, approval.Tally{Needed: 1})
	to.Ended(t.Context(), r)
	if log.Len() > 0 {
		t.Errorf("not published: %s", log.String())
	}
	kinds := map[announcement.Kind]int{}
	read := func(body string, attributes bool) {
		t.Helper()
		var envelope struct {
			Type, Message, Subject string
			MessageAttributes      map[string]struct{ Type, Value string }
		}
		if err := json.Unmarshal([]byte(body), &envelope); err != nil {
			t.Fatal(err)
		}
		if envelope.Type == "SubscriptionConfirmation" {
			return
		}
		var message announcement.Message
		if err := json.Unmarshal([]byte(envelope.Message), &message); err != nil {
			t.Fatalf("%s: %v", envelope.Message, err)
		}
		kinds[message.Kind]++
		if message.DeploymentID != r.ID || message.Schema != announcement.Schema || !strings.HasPrefix(envelope.Subject, "orders prod ") ||
			attributes && envelope.MessageAttributes["kind"].Value != string(message.Kind) {
			t.Errorf("%s", body)
		}
	}
	bodies := e.received(t, url)
	for _, body := range bodies {
		read(body, true)
	}
	for _, kind := range announcement.Kinds() {
		if kinds[kind] != 1 {
			t.Errorf("the queue got %d of %s", kinds[kind], kind)
		}
	}
	for deadline := time.After(20 * time.Second); kinds[announcement.ApprovalRequested]+kinds[announcement.DecisionRecorded]+kinds[announcement.DeploymentEnded] < 6; {
		select {
		case body := <-posts:
			// moto leaves the attributes out here, which SNS does not (README.md).
			read(body, false)
		case <-deadline:
			t.Fatalf("the web server did not get everything: %v", kinds)
		}
	}
}

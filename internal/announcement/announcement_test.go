package announcement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"stackgate/internal/announcement"
	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/golden"
	"stackgate/internal/render/hostile"
	"stackgate/internal/store"
)

// published is a topic's messages.
type published struct {
	messages []*sns.PublishInput
	err      error
}

func (p *published) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	p.messages = append(p.messages, in)
	return &sns.PublishOutput{}, p.err
}

func record() store.Record {
	return store.Record{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", CorrelationID: "build/42", Service: "orders", Environment: "prod",
		Target:      deployment.Target{Account: "111122223333", Region: "eu-west-1", StackName: "shop-orders-prod"},
		RequestedBy: "ana@example.com", Reason: "more room", Commit: "0123abc", Outcome: deployment.OutcomeFailedRolledBack,
		Cause: "Queue: the queue is out of order", Leftovers: []string{"Bucket"},
		Review: store.Review{
			Verdict: "1 resource will be replaced", Level: "critical", Changes: 3, Digest: "sha256:0123", Acknowledge: []int{2},
			ExpiresAt: time.Date(2026, 11, 23, 14, 2, 3, 0, time.UTC),
		},
	}
}

// announce makes every announcement of a record.
func announce(t *testing.T, r store.Record, d approval.Decision) []*sns.PublishInput {
	t.Helper()
	to := &published{}
	topic := announcement.Topic{ARN: "arn:aws:sns:eu-west-1:999999999999:stackgate", Publisher: to, Log: slog.New(slog.DiscardHandler)}
	if err := topic.ApprovalRequested(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	topic.DecisionRecorded(t.Context(), r, d, approval.Tally{Given: 1, Needed: 2})
	topic.Ended(t.Context(), r)
	if len(to.messages) != len(announcement.Kinds()) {
		t.Fatalf("%d announcements", len(to.messages))
	}
	return to.messages
}

func forms(t *testing.T, in *sns.PublishInput) map[string]string {
	t.Helper()
	if aws.ToString(in.MessageStructure) != "json" {
		t.Fatalf("structure %q", aws.ToString(in.MessageStructure))
	}
	var forms map[string]string
	if err := json.Unmarshal([]byte(*in.Message), &forms); err != nil {
		t.Fatal(err)
	}
	return forms
}

func TestAnnouncements(t *testing.T) {
	var out bytes.Buffer
	for i, in := range announce(t, record(), approval.Decision{By: "bo", Verdict: approval.Approve, Comment: "looks right"}) {
		forms := forms(t, in)
		var document bytes.Buffer
		if err := json.Indent(&document, []byte(forms["default"]), "", "  "); err != nil {
			t.Fatal(err)
		}
		attributes := []string{}
		for _, name := range []string{"kind", "service", "environment", "outcome", "level"} {
			if value, found := in.MessageAttributes[name]; found {
				attributes = append(attributes, name+"="+*value.StringValue)
			}
		}
		out.WriteString("== " + string(announcement.Kinds()[i]) + " ==\nSubject: " + *in.Subject + "\nAttributes: " + strings.Join(attributes, " ") +
			"\n\n" + forms["email"] + "\n" + document.String() + "\n\n")
	}
	golden.Assert(t, "announcements.golden", out.Bytes())
}

// TestHostileAnnouncements: what people wrote does nothing to those who read it.
func TestHostileAnnouncements(t *testing.T) {
	const evil = "@here <!channel> <https://evil.example|the review> \x1b[31m\u202egnp\u200b\r\nBcc: everybody"
	r := record()
	r.RequestedBy, r.Reason, r.Commit, r.Cause, r.Review.Verdict = evil, evil, evil, strings.Repeat(evil, 1000), evil
	for _, in := range announce(t, r, approval.Decision{By: evil, Verdict: approval.Reject, Comment: evil}) {
		subject := *in.Subject
		if len(subject) > 100 || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) || !unicode.IsLetter(rune(subject[0])) {
			t.Errorf("SNS does not take the subject %q", subject)
		}
		forms := forms(t, in)
		if len(*in.Message) > 32<<10 {
			t.Errorf("the message has %d bytes", len(*in.Message))
		}
		for form, text := range forms {
			if strings.Contains(text, "@here") || strings.Contains(text, "<!") || strings.Contains(text, "<http") {
				t.Errorf("%s has a mention or a link of somebody else's: %s", form, text)
			}
			for line := range strings.Lines(text) {
				for _, r := range strings.TrimSuffix(line, "\n") {
					if hostile.Acts(r) && r != '\u200b' {
						t.Fatalf("%s has the character %U: %q", form, r, line)
					}
				}
				if strings.HasPrefix(line, "Bcc:") {
					t.Errorf("%s has a line of its own by somebody else: %q", form, line)
				}
			}
		}
		for name, attribute := range in.MessageAttributes {
			if *attribute.StringValue == "" {
				t.Errorf("SNS does not take the empty attribute %s", name)
			}
		}
	}
}

func TestWhatIsNotThereIsNotAnnounced(t *testing.T) {
	r := record()
	r.Review, r.Reason, r.Leftovers = store.Review{}, "", nil
	for _, in := range announce(t, r, approval.Decision{By: "bo", Verdict: approval.Reject}) {
		if text := forms(t, in)["default"]; strings.Contains(text, `"review":`) || strings.Contains(text, `"reason"`) {
			t.Error(text)
		}
		if _, found := in.MessageAttributes["level"]; found {
			t.Error("there is a level without a review")
		}
	}
}

// TestAFailedAnnouncementStopsNothing: it is logged, without what was to be said.
func TestAFailedAnnouncementStopsNothing(t *testing.T) {
	var log bytes.Buffer
	topic := announcement.Topic{ARN: "arn", Publisher: &published{err: errors.New("NotFound: Topic does not exist")}, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	if err := topic.ApprovalRequested(t.Context(), record()); err != nil {
		t.Errorf("the deployment learns of it: %v", err)
	}
	topic.Ended(t.Context(), record())
	if text := log.String(); strings.Count(text, "Topic does not exist") != 2 || !strings.Contains(text, "7q4k2mxa") || strings.Contains(text, "out of order") {
		t.Error(text)
	}
}

// Package announcement tells people through an SNS topic that a review waits for them, who has decided, and how a deployment
// ended. It asks nobody for anything: an announcement has no token and no link, and nothing depends on its arrival.
package announcement

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Publisher is SNS as far as announcements are published.
type Publisher interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Kind is what an announcement is about.
type Kind string

// The kinds.
const (
	ApprovalRequested Kind = "approval-requested"
	DecisionRecorded  Kind = "decision-recorded"
	DeploymentEnded   Kind = "deployment-ended"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{ApprovalRequested, DecisionRecorded, DeploymentEnded} }

// Schema is the version of Message. A minor version only adds.
const Schema = "stackgate.announcement/v1"

// Message is what programs that subscribe receive, as JSON. Text in it that people wrote shows what it is and does nothing:
// no control character, no mention.
type Message struct {
	Schema        string        `json:"schema"`
	Kind          Kind          `json:"kind"`
	DeploymentID  deployment.ID `json:"deploymentId"`
	CorrelationID string        `json:"correlationId"`
	Service       string        `json:"service"`
	Environment   string        `json:"environment"`
	deployment.Target
	RequestedBy string `json:"requestedBy"`
	Reason      string `json:"reason,omitempty"`
	Commit      string `json:"commit,omitempty"`

	// Review is of a deployment that has one.
	Review *Review `json:"review,omitempty"`
	// Decision is that of DecisionRecorded.
	Decision *Decision `json:"decision,omitempty"`
	// End is that of DeploymentEnded.
	End *End `json:"end,omitempty"`

	// Command shows what is to be looked at.
	Command string `json:"command"`
}

// Review is the review in brief.
type Review struct {
	Verdict string `json:"verdict"`
	Level   string `json:"level"`
	Changes int    `json:"changes"`
	Digest  string `json:"digest"`
	// Acknowledge are the numbers of the items that an approval must acknowledge.
	Acknowledge []int     `json:"acknowledge,omitempty"`
	ExpiresAt   time.Time `json:"expiresAt,omitzero"`
}

// Decision is a decision in brief.
type Decision struct {
	By      string           `json:"by"`
	Verdict approval.Verdict `json:"verdict"`
	Comment string           `json:"comment,omitempty"`
	// Given of the Needed approvals count.
	Given  int `json:"given"`
	Needed int `json:"needed"`
}

// End is how a deployment ended.
type End struct {
	Outcome   deployment.Outcome `json:"outcome"`
	Failed    bool               `json:"failed"`
	Cause     string             `json:"cause,omitempty"`
	Leftovers int                `json:"leftovers"`
	// Sentence says what is left behind and what to do next.
	Sentence string `json:"sentence"`
}

// Topic publishes announcements. What cannot be published is logged and given up: people can look for themselves.
type Topic struct {
	ARN       string
	Publisher Publisher
	Log       *slog.Logger
}

// ApprovalRequested announces that a review waits for decisions. Its error is always nil.
func (t Topic) ApprovalRequested(ctx context.Context, r store.Record) error {
	t.publish(ctx, message(ApprovalRequested, r))
	return nil
}

// DecisionRecorded announces a decision that was taken in.
func (t Topic) DecisionRecorded(ctx context.Context, r store.Record, d approval.Decision, tally approval.Tally) {
	m := message(DecisionRecorded, r)
	m.Decision = &Decision{By: said(d.By), Verdict: d.Verdict, Comment: said(d.Comment), Given: tally.Given, Needed: tally.Needed}
	t.publish(ctx, m)
}

// Ended announces how a deployment ended.
func (t Topic) Ended(ctx context.Context, r store.Record) {
	m := message(DeploymentEnded, r)
	m.End = &End{Outcome: r.Outcome, Failed: r.Outcome.Failed(), Cause: said(r.Cause), Leftovers: len(r.Leftovers), Sentence: r.Outcome.Sentence()}
	t.publish(ctx, m)
}

func message(kind Kind, r store.Record) Message {
	m := Message{
		Schema: Schema, Kind: kind, DeploymentID: r.ID, CorrelationID: r.CorrelationID, Service: r.Service, Environment: r.Environment,
		Target: r.Target, RequestedBy: said(r.RequestedBy), Reason: said(r.Reason), Commit: said(r.Commit),
		Command: "stackgate " + command(kind) + " " + r.ID.String(),
	}
	if r.Review.Digest != "" {
		m.Review = &Review{
			Verdict: said(r.Review.Verdict), Level: r.Review.Level, Changes: r.Review.Changes, Digest: r.Review.Digest,
			Acknowledge: r.Review.Acknowledge, ExpiresAt: r.Review.ExpiresAt,
		}
	}
	return m
}

func command(kind Kind) string {
	switch kind {
	case ApprovalRequested:
		return "review"
	case DecisionRecorded, DeploymentEnded:
		return "status"
	}
	return "status"
}

func (t Topic) publish(ctx context.Context, m Message) {
	in, err := input(t.ARN, m)
	if err == nil {
		_, err = t.Publisher.Publish(ctx, in)
	}
	if err != nil {
		t.Log.WarnContext(ctx, "an announcement was not published", "kind", string(m.Kind), "deploymentId", m.DeploymentID.String(),
			"correlationId", m.CorrelationID, "error", err.Error())
	}
}

// input gives every kind of subscriber what it can use: mail a text, and whatever is a program the message (API Publish,
// MessageStructure).
func input(topic string, m Message) (*sns.PublishInput, error) {
	document, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	forms, err := json.Marshal(map[string]string{"default": string(document), "email": text(m), "sms": subject(m)})
	if err != nil {
		return nil, err
	}
	return &sns.PublishInput{
		TopicArn: aws.String(topic), Subject: aws.String(subject(m)), Message: aws.String(string(forms)), MessageStructure: aws.String("json"),
		MessageAttributes: attributes(m),
	}, nil
}

// attributes are what a subscription's filter policy can choose by.
func attributes(m Message) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	for name, value := range map[string]string{"kind": string(m.Kind), "service": m.Service, "environment": m.Environment, "outcome": outcome(m), "level": level(m)} {
		// SNS refuses an empty value.
		if value != "" {
			all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
	}
	return all
}

func outcome(m Message) string {
	if m.End == nil {
		return ""
	}
	return string(m.End.Outcome)
}

func level(m Message) string {
	if m.Review == nil {
		return ""
	}
	return m.Review.Level
}

// Package wire holds the forms in which the front door is asked and answers, for the handler and its clients. It checks
// nothing: the handler reads strictly, and the front door judges.
package wire

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/store"
)

// The schemas of the answers.
const (
	// RequestSchema is the version of Requested.
	RequestSchema = "stackgate.request/v1"
	// ListSchema is the version of List.
	ListSchema = "stackgate.list/v1"
	// DecisionSchema is the version of Decided.
	DecisionSchema = "stackgate.decision/v1"
	// EventsSchema is the version of Events.
	EventsSchema = "stackgate.events/v1"
	// ServicesSchema is the version of Services.
	ServicesSchema = "stackgate.services/v1"
)

// IdempotencyKey is the header under which a request may be repeated: 1 to 128 printable ASCII characters, no comma.
const IdempotencyKey = "Idempotency-Key"

// MaxBody is how long the body of a call may be, in bytes. Lambda takes 6 MB, and a template of 1 MB is 1.4 MB in base64.
const MaxBody = 2 << 20

// Ask is the body of POST /deployments.
type Ask struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	// Intent is deploy where it is left out.
	Intent deployment.Intent `json:"intent,omitempty"`
	// Template replaces the definition's; base64 in JSON. TemplateGzip is the same, compressed. At most one is given.
	Template     []byte            `json:"template,omitempty"`
	TemplateGzip []byte            `json:"templateGzip,omitempty"`
	Parameters   map[string]string `json:"parameters,omitempty"`
	Commit       string            `json:"commit,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	// Recovery is what a recovery (intent recover) is to do beyond what its stack's status says.
	Recovery deployment.Recovery `json:"recovery,omitzero"`
	// CorrelationID is made where none is given.
	CorrelationID string `json:"correlationId,omitempty"`
}

// compressFrom is the size of a template in bytes from which compressing is worth its while.
const compressFrom = 8 << 10

// AskOf gives a wish its form, with a large template compressed.
func AskOf(a frontdoor.Ask) (Ask, error) {
	ask := Ask{
		Service: a.Service, Environment: a.Environment, Intent: a.Intent, Template: a.Template, Parameters: a.Parameters,
		Commit: a.Commit, Reason: a.Reason, Recovery: a.Recovery, CorrelationID: a.CorrelationID,
	}
	if len(a.Template) < compressFrom {
		return ask, nil
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(a.Template); err != nil {
		return Ask{}, fmt.Errorf("compress the template: %w", err)
	}
	if err := writer.Close(); err != nil {
		return Ask{}, fmt.Errorf("compress the template: %w", err)
	}
	ask.Template, ask.TemplateGzip = nil, packed.Bytes()
	return ask, nil
}

// maxTemplate is one byte more than CloudFormation takes, so that the front door says what is too large.
const maxTemplate = 1<<20 + 1

// Wish gives the wish back. A template that unpacks to more than CloudFormation takes is cut off beyond that.
func (a Ask) Wish() (frontdoor.Ask, error) {
	wish := frontdoor.Ask{
		Service: a.Service, Environment: a.Environment, Intent: a.Intent, Template: a.Template, Parameters: a.Parameters,
		Commit: a.Commit, Reason: a.Reason, Recovery: a.Recovery, CorrelationID: a.CorrelationID,
	}
	if wish.Intent == "" {
		wish.Intent = deployment.IntentDeploy
	}
	switch {
	case a.Template != nil && a.TemplateGzip != nil:
		return frontdoor.Ask{}, errors.New("give either template or templateGzip")
	case a.Template != nil && len(a.Template) == 0:
		return frontdoor.Ask{}, errors.New("template is empty; leave it out to deploy the definition's")
	case a.TemplateGzip == nil:
		return wish, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(a.TemplateGzip))
	if err == nil {
		wish.Template, err = io.ReadAll(io.LimitReader(reader, maxTemplate))
	}
	if err != nil {
		return frontdoor.Ask{}, fmt.Errorf("templateGzip cannot be unpacked: %w", err)
	}
	if len(wish.Template) == 0 {
		return frontdoor.Ask{}, errors.New("templateGzip is empty; leave it out to deploy the definition's")
	}
	return wish, nil
}

// Requested is the answer to POST /deployments.
type Requested struct {
	Schema string `json:"schema"`
	// Repeated says that an earlier call under the same key had made the deployment.
	Repeated   bool         `json:"repeated"`
	Deployment store.Record `json:"deployment"`
}

// Deployment is the answer to GET /deployments/{id}: the record, whose schema is its own, and the decisions upon it.
type Deployment struct {
	store.Record
	Decisions []approval.Decision `json:"decisions"`
}

// List is the answer to GET /deployments.
type List struct {
	Schema      string         `json:"schema"`
	Deployments []store.Record `json:"deployments"`
}

// Answer is the body of POST /deployments/{id}/decisions.
type Answer struct {
	Verdict          approval.Verdict `json:"verdict"`
	Digest           string           `json:"digest"`
	Acknowledgements []int            `json:"acknowledgements,omitempty"`
	Comment          string           `json:"comment,omitempty"`
}

// Decided is the answer to POST /deployments/{id}/decisions.
type Decided struct {
	Schema       string            `json:"schema"`
	DeploymentID deployment.ID     `json:"deploymentId"`
	Decision     approval.Decision `json:"decision"`
	// Repeated says that the same person had given the same answer before.
	Repeated bool           `json:"repeated"`
	State    approval.State `json:"state"`
	Given    int            `json:"given"`
	Needed   int            `json:"needed"`
}

// Cancellation is the body of POST /deployments/{id}/cancel.
type Cancellation struct {
	Reason string `json:"reason,omitempty"`
}

// Events is the answer to GET /deployments/{id}/events.
type Events struct {
	Schema string               `json:"schema"`
	Events []store.JournalEvent `json:"events"`
	// Over says that no event follows the last one here.
	Over bool `json:"over"`
}

// Services is the answer to GET /services.
type Services struct {
	Schema   string    `json:"schema"`
	Services []Service `json:"services"`
}

// Service is a service, with where it is deployed to.
type Service struct {
	Name         string        `json:"name"`
	Owner        string        `json:"owner"`
	Description  string        `json:"description,omitempty"`
	Environments []Environment `json:"environments"`
}

// Environment is a place to which a service is deployed.
type Environment struct {
	Name string `json:"name"`
	deployment.Target
	Approval approval.Policy `json:"approval"`
}

// Problem is the answer to what is refused or fails (RFC 9457, application/problem+json).
type Problem struct {
	// Type is stable: urn:stackgate:problem: and the reason.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what, why and what to do, in one sentence for people.
	Detail string `json:"detail"`
	// Reason is what programs tell problems apart by; those of the front door are the words of the command line's errors.
	Reason string `json:"reason"`
	// DeploymentID is set where the problem is about one.
	DeploymentID deployment.ID `json:"deploymentId,omitempty"`
}

// ProblemType is what the type of a problem begins with.
const ProblemType = "urn:stackgate:problem:"

// The reasons that are neither a fault nor a refusal. A refusal's is RefusedPrefix and its word; a fault's is the fault.
const (
	RefusedPrefix      = "refused-"
	NotFound           = "deployment-not-found"
	NoReview           = "no-review"
	NoTail             = "no-tail"
	OverridesForbidden = "overrides-forbidden"
	NoRoute            = "no-such-path"
	NoMethod           = "method-not-allowed"
	NotAcceptable      = "not-acceptable"
	MediaType          = "unsupported-media-type"
	TooLarge           = "too-large"
	Malformed          = "malformed"
	Unauthenticated    = "unauthenticated"
	NotStarted         = "not-started"
	Interrupted        = "interrupted"
	Internal           = "internal"
)

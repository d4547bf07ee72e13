package cfnsim

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/template"
)

const stackType = "AWS::CloudFormation::Stack"

// eventTime is how event ids of resources spell the time.
const eventTime = "2006-01-02T15:04:05.000Z"

// setStatus moves a stack and writes the event row for it.
func (w *world) setStatus(s *stack, at time.Time, status types.StackStatus, reason string) {
	s.Status, s.Reason = status, reason
	e := event{ID: w.nextID(), LogicalID: s.Name, PhysicalID: s.ID, Type: stackType, Time: at, Status: string(status), Reason: reason}
	w.addEvent(s, e)
}

// mark moves a resource and writes the event row for it. It does not put the resource into the stack.
func (w *world) mark(s *stack, r *resource, at time.Time, status types.ResourceStatus, reason string) {
	r.Status, r.Reason, r.Changed = status, reason, at
	w.addEvent(s, event{
		ID:        r.LogicalID + "-" + string(status) + "-" + at.Format(eventTime),
		LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, Type: r.Type, Time: at,
		Status: string(status), Reason: reason, Properties: maskedJSON(r.Properties),
	})
}

func (w *world) addEvent(s *stack, e event) {
	if s.Operation != nil {
		e.Token, e.OperationID = s.Operation.Token, s.Operation.ID
	}
	for i := len(s.Events) - 1; i >= 0 && s.Events[i].Time.Equal(e.Time); i-- {
		if s.Events[i].ID == e.ID {
			e.ID += "-" + w.nextID()[:8]
			break
		}
	}
	s.Events = append(s.Events, e)
}

// maskedJSON encodes values as they are shown: without the values of NoEcho parameters.
func maskedJSON(v any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		// Evaluated templates hold nothing but maps, lists and strings, which always encode.
		return ""
	}
	return template.MaskSecrets(strings.TrimSuffix(out.String(), "\n"))
}

package cfnsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
)

// scriptedHook is a hook that a script lets look at a resource or a change set.
type scriptedHook struct {
	Type        string
	On          []string
	Mode        types.HookFailureMode
	Status      types.HookStatus
	Reason      string
	Annotations []types.Annotation `json:",omitempty"`
	// ID is the invocation's, once it has begun.
	ID string `json:",omitempty"`

	times   int
	limited bool
}

// denies says whether the hook stops what it looks at.
func (h scriptedHook) denies() bool {
	return h.Status != types.HookStatusHookCompleteSucceeded && h.Mode == types.HookFailureModeFail
}

// sees says whether the hook is invoked for an action: create, update, delete or changeset.
func (h scriptedHook) sees(word string) bool {
	return slices.ContainsFunc(h.On, func(on string) bool { return strings.EqualFold(on, word) })
}

// hooks reads the scripted hooks; on are the actions of one that names none.
func (s script) hooks(on ...string) []scriptedHook {
	var hooks []scriptedHook
	for _, m := range s.maps("Hook") {
		h := scriptedHook{Type: m.text("Type"), On: m.words("On"), Mode: m.mode(), Status: m.hookStatus(), Reason: m.text("Reason"), Annotations: m.annotations()}
		if h.Type == "" {
			h.Type = "Simulated::Guard::Hook"
		}
		if len(h.On) == 0 {
			h.On = on
		}
		h.times, h.limited = m.times()
		hooks = append(hooks, h)
	}
	return hooks
}

// maps are the maps that a key holds: one, or a list of them.
func (s script) maps(key string) []script {
	switch v := s[key].(type) {
	case map[string]any:
		return []script{v}
	case []any:
		var all []script
		for _, item := range v {
			if m, isMap := item.(map[string]any); isMap {
				all = append(all, m)
			}
		}
		return all
	default:
		return nil
	}
}

func (s script) text(key string) string {
	text, _ := s[key].(string)
	return text
}

func (s script) words(key string) []string {
	switch v := s[key].(type) {
	case string:
		return []string{v}
	case []any:
		var words []string
		for _, item := range v {
			if text, isText := item.(string); isText {
				words = append(words, text)
			}
		}
		return words
	default:
		return nil
	}
}

func (s script) mode() types.HookFailureMode {
	if strings.EqualFold(s.text("Mode"), "warn") {
		return types.HookFailureModeWarn
	}
	return types.HookFailureModeFail
}

func (s script) hookStatus() types.HookStatus {
	switch strings.ToLower(s.text("Status")) {
	case "succeeded":
		return types.HookStatusHookCompleteSucceeded
	case "error":
		return types.HookStatusHookFailed
	default:
		return types.HookStatusHookCompleteFailed
	}
}

func (s script) annotations() []types.Annotation {
	var all []types.Annotation
	for _, m := range s.maps("Annotations") {
		a := types.Annotation{
			AnnotationName: optional(m.text("Name")), StatusMessage: optional(m.text("Message")), RemediationMessage: optional(m.text("Remediation")),
			RemediationLink: optional(m.text("Link")), SeverityLevel: types.AnnotationSeverityLevel(strings.ToUpper(m.text("Severity"))),
			Status: types.AnnotationStatus(strings.ToUpper(m.text("Status"))),
		}
		if a.Status == "" {
			a.Status = types.AnnotationStatusFailed
		}
		all = append(all, a)
	}
	return all
}

// strikeHook turns a hook that has denied as often as its script says into one that succeeds, and counts otherwise.
func (s *stack) strikeHook(h scriptedHook, subject string) scriptedHook {
	if h.Status != types.HookStatusHookCompleteSucceeded && h.limited {
		key := subject + "/hook/" + h.Type
		if s.Struck[key] >= h.times {
			h.Status, h.Annotations, h.Reason = types.HookStatusHookCompleteSucceeded, nil, ""
		} else {
			if s.Struck == nil {
				s.Struck = map[string]int{}
			}
			s.Struck[key]++
		}
	}
	return h
}

// verdict is the reason that the row and the result of an invocation give. That of a hook that only warns ends with
// what AWS adds to it.
func (h scriptedHook) verdict() string {
	switch {
	case h.Status == types.HookStatusHookCompleteSucceeded:
		return "Hook succeeded with message: " + orElse(h.Reason, "Successful validation")
	case h.Status == types.HookStatusHookFailed:
		return orElse(h.Reason, "Hook failed with an internal error: the simulated hook could not be invoked")
	case h.Mode == types.HookFailureModeWarn:
		return "Hook failed with message: " + strings.TrimSuffix(orElse(h.Reason, "the simulated hook does not agree"), ".") + ". Failure was ignored under WARN mode."
	default:
		return "Hook failed with message: " + orElse(h.Reason, "the simulated hook does not agree")
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// invokeHooks lets the hooks of the step's resource begin, and says whether there are any. The step goes on when they
// have given their verdicts.
func (w *world) invokeHooks(s *stack, st *step, word string, at time.Time) bool {
	r := st.New
	if r == nil {
		r = st.Old
	}
	for _, h := range simulated(r.Metadata).hooks("create", "update") {
		if !h.sees(word) {
			continue
		}
		h = s.strikeHook(h, r.LogicalID)
		h.ID = rules.UUID(fmt.Sprint(w.Seed, s.Operation.ID, r.LogicalID, h.Type, len(st.Hooks)))
		st.Hooks = append(st.Hooks, h)
	}
	if len(st.Hooks) == 0 {
		return false
	}
	st.State = stepInvoking
	st.Due = at.Add(w.spread(300*time.Millisecond, s.ID+st.LogicalID+"invoked"))
	st.Ends = st.Due
	return true
}

// tickHooks writes the rows of the step's hooks: first that they are invoked, then their verdicts, after which the
// step fails or goes on.
func (w *world) tickHooks(s *stack, st *step, at time.Time) {
	shown := s.Resources[st.LogicalID]
	if st.Action == stepDelete || shown == nil {
		shown = st.Old
	}
	if !st.Invoked {
		st.Invoked = true
		for _, h := range st.Hooks {
			w.hookEvent(s, shown, at, hookRow{InvocationID: h.ID, Type: h.Type, Status: types.HookStatusHookInProgress, Reason: "Invoking hook", Mode: h.Mode})
		}
		st.Due = at.Add(w.spread(700*time.Millisecond, s.ID+st.LogicalID+"verdict"))
		st.Ends = st.Due
		return
	}
	var denied []string
	for _, h := range st.Hooks {
		w.hookEvent(s, shown, at, hookRow{InvocationID: h.ID, Type: h.Type, Status: h.Status, Reason: h.verdict(), Mode: h.Mode})
		w.HookResults = append(w.HookResults, &hookResult{
			ID: h.ID, Type: h.Type, Account: s.Account, Region: s.Region, Status: h.Status, Reason: h.verdict(), Mode: h.Mode, InvokedAt: at,
			TargetType: types.ListHookResultsTargetTypeResource, Target: st.LogicalID, StackID: s.ID, LogicalID: st.LogicalID,
			ResourceType: shown.Type, Action: hookAction(st.Action), Annotations: h.Annotations,
		})
		if h.denies() {
			denied = append(denied, h.Type)
		}
	}
	st.Hooks = nil
	if len(denied) > 0 {
		w.failStep(s, st, at, hooksFailed(denied), stepFailed)
		w.fail(s, at, "")
		return
	}
	switch st.Action {
	case stepCreate, stepUpdate:
		w.provision(s, st, at)
	case stepDelete:
		w.removeResource(s, st, at)
	case stepRestore, stepRelease:
	}
}

func hooksFailed(names []string) string {
	return fmt.Sprintf("The following hook(s) failed: [%s]", strings.Join(names, ", "))
}

func hookAction(action stepAction) types.HookTargetAction {
	switch action {
	case stepCreate:
		return types.HookTargetActionCreate
	case stepDelete:
		return types.HookTargetActionDelete
	case stepUpdate, stepRestore, stepRelease:
		return types.HookTargetActionUpdate
	default:
		return ""
	}
}

// hookEvent writes a hook's row. It repeats the status that the resource has, and leaves the resource as it is.
func (w *world) hookEvent(s *stack, r *resource, at time.Time, row hookRow) {
	w.addEvent(s, event{
		ID: r.LogicalID + "-" + rules.UUID(row.InvocationID+string(row.Status)), LogicalID: r.LogicalID, PhysicalID: r.PhysicalID, Type: r.Type, Time: at,
		Status: string(r.Status), Hook: &row,
	})
}

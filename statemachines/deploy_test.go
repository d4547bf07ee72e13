package statemachines_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stackgate/internal/asl"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/taskrun"
	"stackgate/statemachines"
)

var write = flag.Bool("write", false, "rewrite the generated part of README.md")

// flow is one definition of this folder, and the intents that it is for.
type flow struct {
	file       string
	definition []byte
	intents    []deployment.Intent
	// executes is the one state that may change what a stack holds.
	executes string
	// without are the faults that no state of it names.
	without []deployment.Fault
}

var flows = []flow{
	{
		file: "deploy.asl.json", definition: statemachines.Deploy, intents: []deployment.Intent{deployment.IntentDeploy, deployment.IntentPlan},
		executes: "ExecuteChangeSet", without: []deployment.Fault{deployment.NothingToRecover},
	},
	{
		file: "recover.asl.json", definition: statemachines.Recover, intents: []deployment.Intent{deployment.IntentRecover},
		executes: "PerformRecovery",
		// They come from change sets.
		without: []deployment.Fault{deployment.ChangeSetPending, deployment.ChangeSetFailed, deployment.QuotaExceeded},
	},
}

// outcomes are the ends that the intents of a flow can have.
func (f flow) outcomes() []deployment.Outcome {
	return slices.DeleteFunc(deployment.Outcomes(), func(o deployment.Outcome) bool {
		return !slices.ContainsFunc(f.intents, func(i deployment.Intent) bool { return slices.Contains(i.Outcomes(), o) })
	})
}

// each runs a test upon every flow.
func each(t *testing.T, test func(t *testing.T, f flow)) {
	for _, f := range flows {
		t.Run(f.file, func(t *testing.T) { test(t, f) })
	}
}

func TestEveryDefinitionOfTheFolderIsTested(t *testing.T) {
	found, err := filepath.Glob("*.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	var tested []string
	var intents []deployment.Intent
	for _, f := range flows {
		tested, intents = append(tested, f.file), append(intents, f.intents...)
	}
	if !slices.Equal(found, tested) {
		t.Errorf("the folder has %v, tested are %v", found, tested)
	}
	if !slices.Equal(intents, deployment.Intents()) {
		t.Errorf("the flows are for %v, the intents are %v", intents, deployment.Intents())
	}
}

func (f flow) machine(t *testing.T) *asl.Machine {
	t.Helper()
	definition, err := asl.Substitute(f.definition, map[string]string{
		statemachines.PlanFunction: statemachines.PlanFunction, statemachines.ExecuteFunction: statemachines.ExecuteFunction,
		statemachines.EventsFunction: statemachines.EventsFunction,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := asl.Parse(definition)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// raw is the file without the interpreter's eyes, for what the interpreter does not tell.
type raw struct {
	TimeoutSeconds int
	States         map[string]struct {
		Type, Resource, Next, Default string
		Parameters                    struct {
			FunctionName string
			Payload      map[string]any
		}
		Result json.RawMessage
		Retry  []struct {
			ErrorEquals    []string
			JitterStrategy string
			BackoffRate    float64
		}
		Catch []struct {
			ErrorEquals []string
			ResultPath  string
			Next        string
		}
	}
}

func (f flow) raw(t *testing.T) raw {
	t.Helper()
	var r raw
	if err := json.Unmarshal(f.definition, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryStateIsReachable(t *testing.T) { each(t, everyStateIsReachable) }

func everyStateIsReachable(t *testing.T, f flow) {
	m := f.machine(t)
	reached := map[string]bool{}
	var walk func(name string)
	walk = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		state, found := m.State(name)
		if !found {
			t.Fatalf("there is no state %s", name)
		}
		for _, transition := range state.Transitions {
			walk(transition.To)
		}
	}
	walk(m.StartAt())
	for _, state := range m.States() {
		if !reached[state.Name] {
			t.Errorf("no way leads to %s", state.Name)
		}
	}
}

// A flow without a circle is bounded by its timeouts and retries.
func TestTheFlowHasNoCircle(t *testing.T) { each(t, theFlowHasNoCircle) }

func theFlowHasNoCircle(t *testing.T, f flow) {
	m := f.machine(t)
	var walk func(name string, way []string)
	walk = func(name string, way []string) {
		if slices.Contains(way, name) {
			t.Fatalf("circle: %s", strings.Join(append(way, name), " → "))
		}
		state, _ := m.State(name)
		seen := map[string]bool{}
		for _, transition := range state.Transitions {
			if !seen[transition.To] {
				seen[transition.To] = true
				walk(transition.To, append(slices.Clone(way), name))
			}
		}
	}
	walk(m.StartAt(), nil)
}

func TestTheMachineAndEveryTaskAreBounded(t *testing.T) { each(t, theMachineAndEveryTaskAreBounded) }

func theMachineAndEveryTaskAreBounded(t *testing.T, f flow) {
	m := f.machine(t)
	if m.Timeout() != service.MaxTotal {
		t.Errorf("the machine's timeout is %s, definitions are held to %s", m.Timeout(), service.MaxTotal)
	}
	for _, state := range m.States() {
		if state.Type != asl.Task {
			continue
		}
		callback := strings.HasSuffix(state.Resource, ".waitForTaskToken")
		if state.TimeoutSeconds == 0 && state.TimeoutSecondsPath == "" {
			t.Errorf("%s has no timeout", state.Name)
		}
		if callback != (state.TimeoutSecondsPath != "") {
			t.Errorf("%s: callbacks, and only they, take their timeout from the definition's limits", state.Name)
		}
		for _, retrier := range state.Retry {
			if retrier.MaxAttempts == 0 || retrier.MaxDelay == 0 || retrier.BackoffRate <= 1 {
				t.Errorf("%s retries %v without bound or back-off", state.Name, retrier.ErrorEquals)
			}
		}
	}
}

// The errors of Lambda itself that AWS asks every Lambda task to retry.
var lambdaErrors = []string{
	"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
	"Lambda.ClientExecutionTimeoutException", "Lambda.Unknown", "Sandbox.Timedout",
}

func TestEveryTaskRetriesAndCatches(t *testing.T) { each(t, everyTaskRetriesAndCatches) }

func everyTaskRetriesAndCatches(t *testing.T, f flow) {
	for name, state := range f.raw(t).States {
		if state.Type != "Task" {
			continue
		}
		var retried []string
		for _, retrier := range state.Retry {
			retried = append(retried, retrier.ErrorEquals...)
			if retrier.JitterStrategy != "FULL" {
				t.Errorf("%s retries %v without jitter", name, retrier.ErrorEquals)
			}
		}
		for _, wanted := range append(lambdaErrors, string(deployment.Throttled), string(deployment.InternalError)) {
			if !slices.Contains(retried, wanted) {
				t.Errorf("%s does not retry %s", name, wanted)
			}
		}
		if len(state.Catch) == 0 {
			t.Errorf("%s catches nothing", name)
			continue
		}
		for i, catcher := range state.Catch {
			all := slices.Contains(catcher.ErrorEquals, "States.ALL")
			if last := i == len(state.Catch)-1; all != last || all && len(catcher.ErrorEquals) != 1 {
				t.Errorf("%s: States.ALL stands last and alone in Catch", name)
			}
			if slices.Contains(catcher.ErrorEquals, "States.TaskFailed") {
				t.Errorf("%s catches States.TaskFailed, which does not match States.Timeout", name)
			}
		}
	}
}

// faultOf is the fault that a Pass state names, "" where it names none.
func (f flow) faultOf(t *testing.T, state string) deployment.Fault {
	t.Helper()
	var named struct {
		States map[string]struct {
			Type       string
			Result     struct{ Error string }
			Parameters json.RawMessage
		}
	}
	if err := json.Unmarshal(f.definition, &named); err != nil {
		t.Fatal(err)
	}
	if named.States[state].Type != "Pass" {
		return ""
	}
	var parameters struct{ Error string }
	if len(named.States[state].Parameters) > 0 {
		if err := json.Unmarshal(named.States[state].Parameters, &parameters); err != nil {
			t.Fatal(err)
		}
	}
	return deployment.Fault(named.States[state].Result.Error + parameters.Error)
}

func TestEveryChoiceHasADefaultThatLeadsToFailure(t *testing.T) {
	each(t, everyChoiceHasADefaultThatLeadsToFailure)
}

func everyChoiceHasADefaultThatLeadsToFailure(t *testing.T, f flow) {
	m := f.machine(t)
	for _, state := range m.States() {
		if state.Type != asl.Choice {
			continue
		}
		i := slices.IndexFunc(state.Transitions, func(tr asl.Transition) bool { return tr.Kind == asl.TransitionDefault })
		if i < 0 {
			t.Errorf("%s has no Default", state.Name)
			continue
		}
		to := state.Transitions[i].To
		target, _ := m.State(to)
		if target.Type != asl.Fail && !f.faultOf(t, to).Outcome().Failed() {
			t.Errorf("the Default of %s leads to %s, which is no failure", state.Name, to)
		}
	}
}

func TestFaultNamesMatchBothWays(t *testing.T) { each(t, faultNamesMatchBothWays) }

func faultNamesMatchBothWays(t *testing.T, f flow) {
	used := map[deployment.Fault]string{}
	for name, state := range f.raw(t).States {
		for _, retrier := range state.Retry {
			note(t, used, name, retrier.ErrorEquals)
		}
		for _, catcher := range state.Catch {
			note(t, used, name, catcher.ErrorEquals)
		}
		if fault := f.faultOf(t, name); fault != "" {
			note(t, used, name, []string{string(fault)})
		}
	}
	for _, fault := range deployment.Faults() {
		if named := used[fault] != ""; named == slices.Contains(f.without, fault) {
			t.Errorf("the definition names the fault %s: %t", fault, named)
		}
	}
}

func note(t *testing.T, used map[deployment.Fault]string, state string, names []string) {
	t.Helper()
	for _, name := range names {
		if strings.HasPrefix(name, "States.") || slices.Contains(lambdaErrors, name) {
			continue
		}
		if !slices.Contains(deployment.Faults(), deployment.Fault(name)) {
			t.Errorf("%s names %s, which is no fault", state, name)
		}
		used[deployment.Fault(name)] = state
	}
}

func TestEveryTaskIsInTheFunctionThatItsStateInvokes(t *testing.T) {
	of := map[string][]taskrun.Task{
		statemachines.PlanFunction:    functions.Plan(functions.Parts{}),
		statemachines.ExecuteFunction: functions.Execute(functions.Parts{}),
		statemachines.EventsFunction:  functions.Events(functions.Parts{}),
	}
	called := map[string]bool{}
	for _, f := range flows {
		f.tasksAreInTheirFunctions(t, of, called)
	}
	for function, tasks := range of {
		for _, task := range tasks {
			if !called[task.Name()] {
				t.Errorf("no state calls %s of %s", task.Name(), function)
			}
		}
	}
}

func (f flow) tasksAreInTheirFunctions(t *testing.T, of map[string][]taskrun.Task, called map[string]bool) {
	t.Helper()
	for name, state := range f.raw(t).States {
		if state.Type != "Task" {
			continue
		}
		if task := state.Parameters.Payload["task"]; task != name {
			t.Errorf("%s calls the task %v", name, task)
		}
		called[name] = true
		function := strings.TrimSuffix(strings.TrimPrefix(state.Parameters.FunctionName, "${"), "}")
		if !slices.ContainsFunc(of[function], func(task taskrun.Task) bool { return task.Name() == name }) {
			t.Errorf("%s invokes %s, which has no such task", name, function)
		}
		for _, wanted := range []string{"deploymentId.$", "correlationId.$", "attempt.$"} {
			if state.Parameters.Payload[wanted] == nil {
				t.Errorf("the payload of %s lacks %s", name, wanted)
			}
		}
	}
}

func TestOnlyOneStateMayExecute(t *testing.T) { each(t, onlyOneStateMayExecute) }

func onlyOneStateMayExecute(t *testing.T, f flow) {
	for name, state := range f.raw(t).States {
		if (state.Parameters.FunctionName == "${"+statemachines.ExecuteFunction+"}") != (name == f.executes) {
			t.Errorf("%s invokes %s", name, state.Parameters.FunctionName)
		}
	}
}

func TestEndStatesAreTheOutcomes(t *testing.T) { each(t, endStatesAreTheOutcomes) }

func endStatesAreTheOutcomes(t *testing.T, f flow) {
	m := f.machine(t)
	report, _ := m.State("ReportOutcome")
	for _, outcome := range f.outcomes() {
		state, found := m.State(string(outcome))
		switch {
		case !found:
			t.Errorf("there is no end state %s", outcome)
		case outcome.Failed() != (state.Type == asl.Fail):
			t.Errorf("%s is a %s state", outcome, state.Type)
		case outcome.Failed() && state.Error != string(outcome):
			t.Errorf("%s fails as %s", outcome, state.Error)
		}
		if !slices.ContainsFunc(report.Transitions, func(tr asl.Transition) bool {
			return tr.Kind == asl.TransitionChoice && tr.To == string(outcome) && strings.Contains(tr.Condition, string(outcome))
		}) {
			t.Errorf("ReportOutcome does not lead to %s", outcome)
		}
	}
	for _, state := range m.States() {
		if state.End && !slices.Contains(f.outcomes(), deployment.Outcome(state.Name)) {
			t.Errorf("%s ends the flow and is no outcome", state.Name)
		}
	}
}

// Every word on which a Choice branches is one that the tasks can say, and every such word but those that raise a fault
// has its branch.
func TestChoicesKnowOurWords(t *testing.T) { each(t, choicesKnowOurWords) }

func choicesKnowOurWords(t *testing.T, f flow) {
	recovery := slices.Contains(f.intents, deployment.IntentRecover)
	text := string(f.definition)
	for _, phase := range deployment.Phases() {
		want := !recovery && phase != deployment.PhaseBusy
		if named := strings.Contains(text, `"$.stack.phase", "StringEquals": "`+string(phase)+`"`); named != want {
			t.Errorf("phase %s: branch is %t", phase, named)
		}
	}
	for _, settlement := range deployment.Settlements() {
		want := settlement != deployment.SettlementMoving && settlement != deployment.SettlementUnknown
		if recovery {
			// What a recovery did not lead out of is stuck: no other settlement is left.
			want = settlement == deployment.SettlementSucceeded || settlement == deployment.SettlementNotStarted || settlement == deployment.SettlementStuck
		}
		if named := strings.Contains(text, `"$.settled.settlement", "StringEquals": "`+string(settlement)+`"`); named != want {
			t.Errorf("settlement %s: branch is %t", settlement, named)
		}
	}
	for _, need := range deployment.ApprovalNeeds() {
		// A recovery is never requested as a plan.
		want := !recovery || need != deployment.ApprovalNotAsked
		if named := strings.Contains(text, `"$.review.approval", "StringEquals": "`+string(need)+`"`); named != want {
			t.Errorf("approval need %s: branch is %t", need, named)
		}
	}
}

const (
	begin = "<!-- made from %s by: go test ./statemachines -write -->\n"
	end   = "<!-- end of the made part -->\n"
)

func TestReadmeShowsTheFlowsAsTheyAre(t *testing.T) { each(t, readmeShowsTheFlow) }

func readmeShowsTheFlow(t *testing.T, f flow) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf(begin, f.file)
	head, rest, found := strings.Cut(string(readme), mark)
	made, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md lacks the marks of the part made from %s", f.file)
	}
	var want bytes.Buffer
	f.draw(&want, f.machine(t))
	if *write {
		if err := os.WriteFile("README.md", []byte(head+mark+want.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if made != want.String() {
		t.Errorf("the part of README.md made from %s is not what it says; run: go test ./statemachines -write", f.file)
	}
}

// draw writes the picture and the meaning of states and ends. Ways taken on errors are dotted.
func (f flow) draw(w *bytes.Buffer, m *asl.Machine) {
	fmt.Fprintf(w, "```mermaid\nflowchart TD\n  start((start)) --> %s\n", m.StartAt())
	for _, state := range m.States() {
		switch {
		case state.End:
			fmt.Fprintf(w, "  %s([%s])\n", state.Name, state.Name)
		case state.Type == asl.Choice:
			fmt.Fprintf(w, "  %s{%s}\n", state.Name, state.Name)
		case strings.HasSuffix(state.Resource, ".waitForTaskToken"):
			fmt.Fprintf(w, "  %s[/%s/]\n", state.Name, state.Name)
		}
		labels := map[string][]string{}
		var order []string
		for _, tr := range state.Transitions {
			label, arrow := "", " --> "
			switch tr.Kind {
			case asl.TransitionCatch:
				label, arrow = strings.Join(tr.ErrorEquals, ", "), " -.-> "
			case asl.TransitionDefault:
				label = "otherwise"
			case asl.TransitionChoice:
				label = answers(tr.Condition)
			}
			key := arrow + tr.To
			if labels[key] == nil {
				order = append(order, key)
			}
			labels[key] = append(labels[key], label)
		}
		for _, key := range order {
			arrow, to := key[:strings.LastIndexByte(key, ' ')], key[strings.LastIndexByte(key, ' ')+1:]
			if label := strings.Join(labels[key], ", "); label != "" {
				fmt.Fprintf(w, "  %s%s|%s| %s\n", state.Name, arrow, label, to)
				continue
			}
			fmt.Fprintf(w, "  %s%s %s\n", state.Name, arrow, to)
		}
	}
	fmt.Fprint(w, "```\n\nRounded boxes are ends, slanted ones wait for a callback, dotted ways are taken on errors.\n\n| state | what is done |\n|---|---|\n")
	for _, state := range m.States() {
		if !state.End {
			fmt.Fprintf(w, "| %s | %s |\n", state.Name, state.Comment)
		}
	}
	fmt.Fprint(w, "\n| end | kind | what is left behind, what to do next |\n|---|---|---|\n")
	for _, outcome := range f.outcomes() {
		kind := "Succeed"
		if outcome.Failed() {
			kind = "Fail"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", outcome, kind, f.intents[0].Sentence(outcome))
	}
}

// answers keeps the words of a condition: what is compared with is what people want to read.
func answers(condition string) string {
	var words []string
	for i, part := range strings.Split(condition, `"`) {
		if i%2 == 1 && !strings.HasPrefix(part, "$") {
			words = append(words, part)
		}
	}
	return strings.Join(words, ", ")
}

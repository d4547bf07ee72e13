package deployment_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stackgate/internal/deployment"
)

func TestEveryFaultHasItsOutcome(t *testing.T) {
	want := map[deployment.Fault]deployment.Outcome{
		deployment.StackBusy: deployment.OutcomeBlocked, deployment.ChangeSetPending: deployment.OutcomeFailedBeforeChange,
		deployment.StackMoving: deployment.OutcomeFailedNeedsHuman, deployment.Throttled: deployment.OutcomeFailedBeforeChange,
		deployment.Rejected: deployment.OutcomeRejected, deployment.Cancelled: deployment.OutcomeCancelled,
		deployment.Superseded: deployment.OutcomeSuperseded, deployment.ApprovalExpired: deployment.OutcomeExpired,
		deployment.NotApproved: deployment.OutcomeBlocked, deployment.ReviewStale: deployment.OutcomeStale,
		deployment.QueueExhausted: deployment.OutcomeBlocked, deployment.InvalidRequest: deployment.OutcomeFailedBeforeChange,
		deployment.NotPermitted: deployment.OutcomeFailedBeforeChange, deployment.StackNotFound: deployment.OutcomeFailedBeforeChange,
		deployment.QuotaExceeded: deployment.OutcomeFailedBeforeChange, deployment.ChangeSetFailed: deployment.OutcomeFailedBeforeChange,
		deployment.StackNeedsHuman: deployment.OutcomeFailedNeedsHuman, deployment.StackTimedOut: deployment.OutcomeFailedNeedsHuman,
		deployment.NothingToRecover: deployment.OutcomeBlocked, deployment.InternalError: deployment.OutcomeFailedBeforeChange,
	}
	for _, f := range deployment.Faults() {
		outcome, listed := want[f]
		if !listed || f.Outcome() != outcome {
			t.Errorf("%s ends as %s, want %s (listed: %t)", f, f.Outcome(), outcome, listed)
		}
		if f.Expected() != (f != deployment.InternalError) {
			t.Errorf("%s expected: %t", f, f.Expected())
		}
	}
	if len(want) != len(deployment.Faults()) {
		t.Errorf("%d outcomes are listed for %d faults", len(want), len(deployment.Faults()))
	}
	for _, unknown := range []deployment.Fault{"", invented} {
		if unknown.Expected() || unknown.Outcome() != deployment.OutcomeFailedNeedsHuman {
			t.Errorf("the unknown fault %q ends as %s, expected %t", unknown, unknown.Outcome(), unknown.Expected())
		}
	}
}

// The lists are written by hand; this holds them against the constants of the source.
func TestListsNameEveryConstant(t *testing.T) {
	lists := map[string][]string{
		"Fault": texts(deployment.Faults()), "Outcome": texts(deployment.Outcomes()), "Phase": texts(deployment.Phases()),
		"Settlement": texts(deployment.Settlements()), "Stage": texts(deployment.Stages()), "Intent": texts(deployment.Intents()),
		"RecoveryAction": texts(deployment.RecoveryActions()),
		"ChangeSetState": texts(deployment.ChangeSetStates()), "ApprovalNeed": texts(deployment.ApprovalNeeds()),
	}
	constants := 0
	for kind, values := range declared(t) {
		list, known := lists[kind]
		for _, value := range values {
			constants++
			if known && !slices.Contains(list, value) {
				t.Errorf("%s %q is not in its list", kind, value)
			}
		}
		if known && len(list) != len(values) {
			t.Errorf("%s: %d constants, %d listed", kind, len(values), len(list))
		}
		delete(lists, kind)
	}
	if constants == 0 || len(lists) > 0 {
		t.Errorf("%d constants were found; none for %v", constants, lists)
	}
}

func texts[T ~string](list []T) []string {
	var all []string
	for _, value := range list {
		all = append(all, string(value))
	}
	return all
}

// declared returns the values of the package's constants by their type.
func declared(t *testing.T) map[string][]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			kind, typed := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if typed && literal {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				all[kind.Name] = append(all[kind.Name], text)
			}
			return true
		})
	}
	return all
}

func TestFaultfKeepsWhatItWraps(t *testing.T) {
	plain := deployment.Faultf(deployment.StackBusy, "stack %s is busy", "orders")
	if plain.Error() != "stack orders is busy" || plain.Advice != "" {
		t.Errorf("%q, advice %q", plain, plain.Advice)
	}
	one := deployment.Faultf(deployment.InternalError, "read: %w", io.ErrUnexpectedEOF).Advise("try %s", "again")
	if !errors.Is(one, io.ErrUnexpectedEOF) || one.Error() != "read: unexpected EOF; try again" {
		t.Errorf("%q", one)
	}
	two := deployment.Faultf(deployment.InternalError, "%w, and then %w", io.ErrUnexpectedEOF, context.Canceled)
	if !errors.Is(two, io.ErrUnexpectedEOF) || !errors.Is(two, context.Canceled) {
		t.Errorf("%q lost what it was made from", two)
	}
}

func TestFaultOf(t *testing.T) {
	busy := deployment.Faultf(deployment.StackBusy, "busy")
	for name, c := range map[string]struct {
		err  error
		want deployment.Fault
	}{
		"itself":          {busy, deployment.StackBusy},
		"wrapped":         {fmt.Errorf("plan: %w", fmt.Errorf("create: %w", busy)), deployment.StackBusy},
		"joined":          {errors.Join(io.EOF, busy), deployment.StackBusy},
		"outermost wins":  {deployment.Faultf(deployment.Rejected, "no: %w", busy), deployment.Rejected},
		"a plain error":   {io.EOF, deployment.InternalError},
		"nothing at all":  {nil, deployment.InternalError},
		"a deadline":      {context.DeadlineExceeded, deployment.InternalError},
		"only its words":  {errors.New(busy.Error()), deployment.InternalError},
		"spelt, not kept": {fmt.Errorf("plan: %v", busy), deployment.InternalError},
	} {
		if got := deployment.FaultOf(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

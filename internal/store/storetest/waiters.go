package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

func waiterOf(n int, purpose store.Purpose, seconds int) store.Waiter {
	return store.Waiter{
		DeploymentID: idOf(n), Purpose: purpose, Token: "token", Since: start.Add(time.Duration(seconds) * time.Second),
	}
}

func waitersIDs(t testing.TB, waiters []store.Waiter, err error) []deployment.ID {
	t.Helper()
	must(t, err)
	ids := make([]deployment.ID, len(waiters))
	for i, waiter := range waiters {
		ids[i] = waiter.DeploymentID
	}
	return ids
}

var waiterRules = []rule[Store]{
	{"a waiter comes back whole, for every purpose", func(t *testing.T, s Store) {
		ctx := t.Context()
		for _, purpose := range store.Purposes() {
			waiter := filled[store.Waiter](t)
			waiter.DeploymentID, waiter.Purpose = idOf(1), purpose
			waiter.Token, waiter.StackID = "token for "+string(purpose), "arn:stack/"+string(purpose)
			must(t, s.PutWaiter(ctx, waiter))
			want := []store.Waiter{waiter}
			if diff := cmp.Diff(waiter, mustGet(s.Waiter(ctx, idOf(1), purpose))(t)); diff != "" {
				t.Errorf("-put +read:\n%s", diff)
			}
			if diff := cmp.Diff(want, mustGet(s.Waiters(ctx, purpose))(t)); diff != "" {
				t.Errorf("-put +listed:\n%s", diff)
			}
			if diff := cmp.Diff(want, mustGet(s.WaitersOfStack(ctx, waiter.StackID))(t)); diff != "" {
				t.Errorf("-put +of stack:\n%s", diff)
			}
		}
	}},
	{"an unknown waiter is not found", func(t *testing.T, s Store) {
		must(t, s.PutWaiter(t.Context(), waiterOf(1, store.AwaitLock, 0)))
		_, err := s.Waiter(t.Context(), idOf(1), store.AwaitStack)
		wantError(t, err, store.ErrNotFound, idOf(1).String())
	}},
	{"a waiter needs a purpose and a token", func(t *testing.T, s Store) {
		for _, waiter := range []store.Waiter{
			{DeploymentID: idOf(1), Token: "t"},
			{DeploymentID: idOf(1), Token: "t", Purpose: "a purpose of the future"},
			{DeploymentID: idOf(1), Purpose: store.AwaitLock},
		} {
			if err := s.PutWaiter(t.Context(), waiter); err == nil {
				t.Errorf("waiter for %q was kept", waiter.Purpose)
			}
		}
	}},
	{"a later waiter takes the earlier one's place", func(t *testing.T, s Store) {
		ctx, first := t.Context(), waiterOf(1, store.AwaitStack, 0)
		first.StackID = "arn:stack/old"
		must(t, s.PutWaiter(ctx, first))
		second := waiterOf(1, store.AwaitStack, 9)
		second.StackID, second.Token = "arn:stack/new", "second"
		must(t, s.PutWaiter(ctx, second))
		want := []store.Waiter{second}
		if diff := cmp.Diff(want, mustGet(s.Waiters(ctx, store.AwaitStack))(t)); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
		if diff := cmp.Diff(want, mustGet(s.WaitersOfStack(ctx, "arn:stack/new"))(t)); diff != "" {
			t.Errorf("-want +of the new stack:\n%s", diff)
		}
		if got := mustGet(s.WaitersOfStack(ctx, "arn:stack/old"))(t); len(got) != 0 {
			t.Errorf("%d waiters of the old stack, want none", len(got))
		}
	}},
	{"the oldest waiter comes first", func(t *testing.T, s Store) {
		ctx := t.Context()
		for n, seconds := range []int{5, 1, 9, 1} {
			waiter := waiterOf(n, store.AwaitStack, seconds)
			waiter.StackID = "arn:stack"
			must(t, s.PutWaiter(ctx, waiter))
		}
		want := []deployment.ID{idOf(1), idOf(3), idOf(0), idOf(2)}
		waiters, err := s.Waiters(ctx, store.AwaitStack)
		if diff := cmp.Diff(want, waitersIDs(t, waiters, err)); diff != "" {
			t.Errorf("-want +listed:\n%s", diff)
		}
		waiters, err = s.WaitersOfStack(ctx, "arn:stack")
		if diff := cmp.Diff(want, waitersIDs(t, waiters, err)); diff != "" {
			t.Errorf("-want +of stack:\n%s", diff)
		}
	}},
	{"waiters of no stack are not those of the empty stack", func(t *testing.T, s Store) {
		must(t, s.PutWaiter(t.Context(), waiterOf(1, store.AwaitApproval, 0)))
		if got := mustGet(s.WaitersOfStack(t.Context(), ""))(t); len(got) != 0 {
			t.Errorf("%d waiters, want none", len(got))
		}
	}},
	{"a waiter is deleted only by who knows its token", func(t *testing.T, s Store) {
		ctx := t.Context()
		must(t, s.PutWaiter(ctx, waiterOf(1, store.AwaitLock, 0)))
		must(t, s.PutWaiter(ctx, waiterOf(1, store.AwaitStack, 0)))
		must(t, s.PutWaiter(ctx, waiterOf(2, store.AwaitLock, 1)))
		must(t, s.DeleteWaiter(ctx, idOf(1), store.AwaitLock, "its predecessor's token"))
		mustGet(s.Waiter(ctx, idOf(1), store.AwaitLock))(t)
		must(t, s.DeleteWaiter(ctx, idOf(1), store.AwaitLock, "token"))
		_, err := s.Waiter(ctx, idOf(1), store.AwaitLock)
		wantError(t, err, store.ErrNotFound, idOf(1).String())
		must(t, s.DeleteWaiter(ctx, idOf(1), store.AwaitLock, "token"))
		must(t, s.DeleteWaiter(ctx, idOf(1), store.AwaitLock, ""))
		mustGet(s.Waiter(ctx, idOf(1), store.AwaitStack))(t)
		must(t, s.DeleteWaiter(ctx, idOf(1), store.AwaitStack, ""))
		waiters, err := s.Waiters(ctx, store.AwaitLock)
		if diff := cmp.Diff([]deployment.ID{idOf(2)}, waitersIDs(t, waiters, err)); diff != "" {
			t.Errorf("-want +left:\n%s", diff)
		}
	}},
	{"a late deletion does not hit the successor", func(t *testing.T, s Store) {
		ctx := t.Context()
		must(t, s.PutWaiter(ctx, waiterOf(1, store.AwaitStack, 0)))
		successor := waiterOf(1, store.AwaitStack, 1)
		successor.Token = "successor"
		together(8, func(i int) {
			var err error
			if i == 3 {
				err = s.PutWaiter(ctx, successor)
			} else {
				err = s.DeleteWaiter(ctx, idOf(1), store.AwaitStack, "token")
			}
			if err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(successor, mustGet(s.Waiter(ctx, idOf(1), store.AwaitStack))(t)); diff != "" {
			t.Errorf("-want +left:\n%s", diff)
		}
	}},
}

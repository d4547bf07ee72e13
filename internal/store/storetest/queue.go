package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

func ticketOf(n int) store.Ticket { return store.Ticket{DeploymentID: idOf(n), EnqueuedAt: start} }

func idsOf(queue []store.Ticket) []deployment.ID {
	ids := make([]deployment.ID, len(queue))
	for i, ticket := range queue {
		ids[i] = ticket.DeploymentID
	}
	return ids
}

func wantQueue(t testing.TB, queue []store.Ticket, want ...int) {
	t.Helper()
	ids := make([]deployment.ID, len(want))
	for i, n := range want {
		ids[i] = idOf(n)
	}
	if diff := cmp.Diff(ids, idsOf(queue)); diff != "" {
		t.Errorf("-want +queue:\n%s", diff)
	}
}

var queueRules = []rule[Store]{
	{"a ticket comes back whole", func(t *testing.T, s Store) {
		ctx, ticket := t.Context(), filled[store.Ticket](t)
		want := []store.Ticket{ticket}
		if diff := cmp.Diff(want, mustGet(s.Enqueue(ctx, "stack", ticket))(t)); diff != "" {
			t.Errorf("-want +enqueued:\n%s", diff)
		}
		if diff := cmp.Diff(want, mustGet(s.Queue(ctx, "stack"))(t)); diff != "" {
			t.Errorf("-want +queue:\n%s", diff)
		}
	}},
	{"first come, first served, whatever the tickets' clocks say", func(t *testing.T, s Store) {
		ctx := t.Context()
		for i, n := range []int{5, 3, 9, 1} {
			ticket := ticketOf(n)
			ticket.EnqueuedAt = start.Add(-time.Duration(i) * time.Hour)
			mustGet(s.Enqueue(ctx, "stack", ticket))(t)
		}
		wantQueue(t, mustGet(s.Queue(ctx, "stack"))(t), 5, 3, 9, 1)
	}},
	{"who enqueues again keeps place and ticket", func(t *testing.T, s Store) {
		ctx := t.Context()
		for n := range 3 {
			mustGet(s.Enqueue(ctx, "stack", ticketOf(n)))(t)
		}
		again := ticketOf(1)
		again.EnqueuedAt, again.Reason = start.Add(time.Hour), "asked again"
		queue := mustGet(s.Enqueue(ctx, "stack", again))(t)
		wantQueue(t, queue, 0, 1, 2)
		if diff := cmp.Diff(ticketOf(1), queue[1]); diff != "" {
			t.Errorf("-first +kept:\n%s", diff)
		}
	}},
	{"who leaves goes from any place, and may come back at the end", func(t *testing.T, s Store) {
		ctx := t.Context()
		for n := range 5 {
			mustGet(s.Enqueue(ctx, "stack", ticketOf(n)))(t)
		}
		wantQueue(t, mustGet(s.Leave(ctx, "stack", idOf(2)))(t), 0, 1, 3, 4)
		wantQueue(t, mustGet(s.Leave(ctx, "stack", idOf(2)))(t), 0, 1, 3, 4)
		wantQueue(t, mustGet(s.Leave(ctx, "stack", idOf(0)))(t), 1, 3, 4)
		wantQueue(t, mustGet(s.Leave(ctx, "stack", idOf(4)))(t), 1, 3)
		wantQueue(t, mustGet(s.Enqueue(ctx, "stack", ticketOf(4)))(t), 1, 3, 4)
		wantQueue(t, mustGet(s.Enqueue(ctx, "stack", ticketOf(0)))(t), 1, 3, 4, 0)
		for _, n := range []int{1, 3, 4, 0} {
			mustGet(s.Leave(ctx, "stack", idOf(n)))(t)
		}
		wantQueue(t, mustGet(s.Enqueue(ctx, "stack", ticketOf(7)))(t), 7)
	}},
	{"each stack has its own queue", func(t *testing.T, s Store) {
		ctx := t.Context()
		mustGet(s.Enqueue(ctx, "1#eu#orders", ticketOf(1)))(t)
		mustGet(s.Enqueue(ctx, "1#eu#orders-2", ticketOf(1)))(t)
		wantQueue(t, mustGet(s.Leave(ctx, "1#eu#orders", idOf(1)))(t))
		wantQueue(t, mustGet(s.Queue(ctx, "1#eu#orders-2"))(t), 1)
		wantQueue(t, mustGet(s.Queue(ctx, "1#eu#order"))(t))
	}},
	{"many at once stand in one order that all agree upon", func(t *testing.T, s Store) {
		const many = 12
		seen := make([][]store.Ticket, many)
		together(many, func(i int) {
			var err error
			if seen[i], err = s.Enqueue(t.Context(), "stack", ticketOf(i)); err != nil {
				t.Error(err)
			}
		})
		final := mustGet(s.Queue(t.Context(), "stack"))(t)
		if len(final) != many {
			t.Fatalf("%d stand in the queue, want %d", len(final), many)
		}
		holders := 0
		for i, queue := range seen {
			if diff := cmp.Diff(final[:len(queue)], queue); diff != "" {
				t.Errorf("what %s saw is not how the queue began:\n%s", idOf(i), diff)
			}
			if !slices.Contains(idsOf(queue), idOf(i)) {
				t.Errorf("%s does not see itself", idOf(i))
			}
			if len(queue) == 1 {
				holders++
			}
		}
		if holders != 1 {
			t.Errorf("%d found the queue empty, want 1", holders)
		}
	}},
	{"the lock has one holder at any time", func(t *testing.T, s Store) {
		// Each works its way to the head, which is the right to touch what has no other protection, and leaves again.
		ctx, inside, passed := t.Context(), make(chan struct{}, 1), 0
		const many = 6
		woken := make([]chan struct{}, many)
		for i := range woken {
			woken[i] = make(chan struct{}, 1)
		}
		together(many, func(i int) {
			queue, err := s.Enqueue(ctx, "stack", ticketOf(i))
			if err != nil {
				t.Error(err)
				return
			}
			if queue[0].DeploymentID != idOf(i) {
				<-woken[i]
			}
			select {
			case inside <- struct{}{}:
			default:
				t.Errorf("%s is let in while another holds the lock", idOf(i))
			}
			passed++
			<-inside
			left, err := s.Leave(ctx, "stack", idOf(i))
			if err != nil {
				t.Error(err)
			}
			for n := range many {
				if len(left) > 0 && left[0].DeploymentID == idOf(n) {
					woken[n] <- struct{}{}
				}
			}
		})
		if passed != many {
			t.Errorf("%d passed, want %d", passed, many)
		}
	}},
	{"queues follow a simple model", checkQueueModel},
}

func checkQueueModel(t *testing.T, s Store) {
	ctx, runs := t.Context(), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		model := map[string][]deployment.ID{}
		drawStack := func(rt *rapid.T) string {
			return fmt.Sprintf("%d#%s", runs, rapid.SampledFrom([]string{"orders", "orders-2", "billing"}).Draw(rt, "stack"))
		}
		drawDeployment := func(rt *rapid.T) int { return rapid.IntRange(0, 5).Draw(rt, "deployment") }
		check := func(rt *rapid.T, stack string, queue []store.Ticket, err error) {
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(append([]deployment.ID{}, model[stack]...), idsOf(queue)); diff != "" {
				rt.Fatalf("%s: -model +store:\n%s", stack, diff)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"enqueue": func(rt *rapid.T) {
				stack, n := drawStack(rt), drawDeployment(rt)
				if !slices.Contains(model[stack], idOf(n)) {
					model[stack] = append(model[stack], idOf(n))
				}
				queue, err := s.Enqueue(ctx, stack, ticketOf(n))
				check(rt, stack, queue, err)
			},
			"leave": func(rt *rapid.T) {
				stack, n := drawStack(rt), drawDeployment(rt)
				model[stack] = slices.DeleteFunc(model[stack], func(id deployment.ID) bool { return id == idOf(n) })
				queue, err := s.Leave(ctx, stack, idOf(n))
				check(rt, stack, queue, err)
			},
			"look": func(rt *rapid.T) {
				stack := drawStack(rt)
				queue, err := s.Queue(ctx, stack)
				check(rt, stack, queue, err)
			},
		})
	})
}

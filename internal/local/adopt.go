package local

import (
	"context"
	"errors"
	"fmt"

	"stackgate/internal/adoption"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// open bounds how many deployments one round of adoption looks at.
const open = 1000

// Adopt finishes the deployments whose process has died, so that none holds a lock for ever: what was not executed is
// discarded, what was executed is concluded once its stack is at rest. It returns those that it finished.
func (h *Host) Adopt(ctx context.Context) ([]store.Record, error) {
	records, err := h.options.Store.Records(ctx, store.Filter{Open: true, Limit: open})
	if err != nil {
		return nil, fmt.Errorf("list the open deployments: %w", err)
	}
	var (
		adopted  []store.Record
		failures []error
	)
	for _, r := range records {
		unfinished := r.Stage != deployment.StageFinished
		if unfinished && (r.Runner.Name == "" || h.options.Clock.Now().Before(r.Runner.AliveUntil)) {
			continue
		}
		narrator := newNarrator(h, r.ID)
		if r.Stage == deployment.StageExecuting {
			narrator.resume(ctx)
			narrator.stackEvents(ctx, r)
		}
		done, err := h.adoption().Close(ctx, r, "the process that ran the flow ended ("+r.Runner.Name+")")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if unfinished && done.Stage == deployment.StageFinished {
			narrator.result(ctx, done)
			adopted = append(adopted, done)
		}
	}
	return adopted, errors.Join(failures...)
}

func (h *Host) adoption() adoption.Adoption {
	return adoption.Adoption{Parts: h.parts, Log: h.options.Log}
}

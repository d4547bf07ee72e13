// Package clock holds the clocks that the program runs on: the machine's own, and a faster one for rehearsals.
// It is not a test clock: tests run on testing/synctest's time.
package clock

import (
	"context"
	"time"
)

// System is the machine's clock.
type System struct{}

// Now returns the current time in UTC.
func (System) Now() time.Time { return time.Now().UTC() }

// Sleep waits for d, or returns the context's error as soon as the context ends.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Scaled runs factor times as fast as the machine's clock, from the time at which it was made. Simulated stacks take
// minutes, and nobody watches a demonstration for minutes.
type Scaled struct {
	start  time.Time
	factor float64
}

// NewScaled makes a clock that starts at the current time and runs factor times as fast. A factor below or equal to
// zero counts as 1.
func NewScaled(factor float64) Scaled {
	if factor <= 0 {
		factor = 1
	}
	return Scaled{start: time.Now(), factor: factor}
}

// Now returns the scaled time in UTC.
func (s Scaled) Now() time.Time {
	return s.start.Add(time.Duration(float64(time.Since(s.start)) * s.factor)).UTC()
}

// Sleep waits until d has passed on this clock.
func (s Scaled) Sleep(ctx context.Context, d time.Duration) error {
	return System{}.Sleep(ctx, time.Duration(float64(d)/s.factor))
}

package clock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSystemSleepTakesItsTimeAndHeedsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := System{}.Now()
		if err := (System{}).Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := (System{}).Now().Sub(start); got != time.Hour {
			t.Errorf("slept %s, want an hour", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := (System{}).Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want deadline exceeded", err)
		}
	})
}

func TestScaledRunsFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scaled := NewScaled(60)
		start, real := scaled.Now(), time.Now()
		if err := scaled.Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := scaled.Now().Sub(start); got != time.Hour {
			t.Errorf("scaled clock moved %s, want an hour", got)
		}
		if got := time.Since(real); got != time.Minute {
			t.Errorf("machine's clock moved %s, want a minute", got)
		}
	})
}

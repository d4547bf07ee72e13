package parallel_test

import (
	"sync/atomic"
	"testing"

	"stackgate/internal/plan/parallel"
)

func TestEachDoesEverythingOnce(t *testing.T) {
	for _, n := range []int{0, 1, 16, 17, 5000} {
		done := make([]atomic.Int64, n)
		parallel.Each(n, func(i int) { done[i].Add(1) })
		for i := range done {
			if done[i].Load() == 1 {
				continue
			}
			t.Errorf("%d: not everything was done once", n)
		}
	}
}

func TestAPanicReachesTheCaller(t *testing.T) {
	for _, n := range []int{1, 100} {
		func() {
			defer func() {
				if cause := recover(); cause != "broken" {
					t.Errorf("%d: recovered %v", n, cause)
				}
			}()
			parallel.Each(n, func(i int) {
				if i == n-1 {
					panic("broken")
				}
			})
		}()
	}
}

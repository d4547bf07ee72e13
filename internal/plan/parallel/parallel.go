// Package parallel spreads pure work over the processors. It knows no work, no errors and no cancellation.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// few items are done sooner than goroutines are started.
const few = 16

// Each calls do for every number below n, in any order and at the same time, and returns when all calls have. A panic of
// one becomes a panic of Each, so that whoever guards the caller guards it too.
func Each(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if n <= few || workers < 2 {
		for i := range n {
			do(i)
		}
		return
	}
	var (
		next    atomic.Int64
		running sync.WaitGroup
		once    sync.Once
		broken  any
	)
	for range workers {
		running.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					once.Do(func() { broken = cause })
				}
			}()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	running.Wait()
	if broken != nil {
		panic(broken)
	}
}

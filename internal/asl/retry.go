package asl

import (
	"math"
	"time"
)

// maxDelay is the longest that a retry waits: no execution lives longer than a year.
const maxDelay = 366 * 24 * time.Hour

// retrier is an entry of Retry.
type retrier struct {
	errorEquals errorNames
	interval    time.Duration // before the first retry
	maxAttempts int           // retries, not counting the first try
	backoffRate float64
	maxDelay    time.Duration // 0 is none
	jitter      JitterStrategy
}

// JitterStrategy says how a retry's delay is spread.
type JitterStrategy string

// The jitter strategies of the States Language.
const (
	JitterNone JitterStrategy = "NONE" // the delay as computed
	JitterFull JitterStrategy = "FULL" // anything from nothing to the delay
)

// The defaults of a retrier.
const (
	defaultRetryInterval = time.Second
	defaultMaxAttempts   = 3
	defaultBackoffRate   = 2.0
)

// retries counts what each retrier of a state has spent during one visit.
type retries struct {
	retriers []retrier
	spent    []int
}

func newRetries(retriers []retrier) *retries {
	return &retries{retriers: retriers, spent: make([]int, len(retriers))}
}

// next says whether an error is retried and after how long. The first retrier that names the error decides; when it is
// exhausted no later one is asked.
func (r *retries) next(errorName string, random Random) (time.Duration, bool) {
	for i, retrier := range r.retriers {
		if !retrier.errorEquals.match(errorName) {
			continue
		}
		if r.spent[i] == retrier.maxAttempts {
			return 0, false
		}
		r.spent[i]++
		return retrier.delay(r.spent[i], random), true
	}
	return 0, false
}

// delay is the wait before the retry of that number, counted from 1.
func (r retrier) delay(attempt int, random Random) time.Duration {
	longest := maxDelay
	if r.maxDelay > 0 {
		longest = min(longest, r.maxDelay)
	}
	delay := float64(r.interval) * math.Pow(r.backoffRate, float64(attempt-1))
	delay = min(delay, float64(longest))
	if r.jitter == JitterFull {
		delay *= random.Float64()
	}
	return time.Duration(delay)
}

// catcher is an entry of Catch.
type catcher struct {
	errorEquals errorNames
	next        string
	resultPath  resultPath
}

// resultPath is the value of a ResultPath field.
type resultPath struct {
	discard bool // null: the result is dropped and the input stays
	path    path
}

// apply combines a state's raw input with its result.
func (p resultPath) apply(input, result any) (any, error) {
	if p.discard {
		return input, nil
	}
	return p.path.write(input, result)
}

func (p resultPath) String() string {
	if p.discard {
		return "null"
	}
	return p.path.source
}

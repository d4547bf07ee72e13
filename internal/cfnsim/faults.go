package cfnsim

import (
	"sync"

	"github.com/aws/smithy-go"
)

// faults are errors that a test has ordered for coming calls. They belong to the process, not to the world.
type faults struct {
	mu      sync.Mutex
	ordered []orderedFault
}

type orderedFault struct {
	operation string
	left      int
	err       error
}

// InjectThrottle makes the next calls of any operation fail with "Throttling: Rate exceeded". The simulator's client
// does not retry as the SDK does: a call stands for what is left after the SDK gave up.
func (s *Simulator) InjectThrottle(calls int) {
	s.InjectError("", calls, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"})
}

// InjectError makes the next calls of the named operation ("" means any) fail with err before they do anything.
func (s *Simulator) InjectError(operation string, calls int, err error) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.ordered = append(s.faults.ordered, orderedFault{operation, calls, err})
}

// take returns the error ordered for this call, nil for none.
func (f *faults) take(operation string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.ordered {
		o := &f.ordered[i]
		if o.left > 0 && (o.operation == "" || o.operation == operation) {
			o.left--
			return o.err
		}
	}
	return nil
}

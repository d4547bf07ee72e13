package cfnsim

import (
	"fmt"
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

// Always is the number of calls that InjectError strikes until Recover.
const Always = -1

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
		if o.left != 0 && (o.operation == "" || o.operation == operation) {
			if o.left > 0 {
				o.left--
			}
			return o.err
		}
	}
	return nil
}

// Deny answers every coming call of the operations as AWS answers a role that lacks the permission.
func (s *Simulator) Deny(operations ...string) {
	for _, operation := range operations {
		s.InjectError(operation, Always, &smithy.GenericAPIError{Code: "AccessDenied", Message: fmt.Sprintf(
			"User: arn:aws:sts::111111111111:assumed-role/deployer/session is not authorized to perform: cloudformation:%[1]s because no identity-based policy allows the cloudformation:%[1]s action", operation)})
	}
}

// Forget answers every coming call of the operations as an endpoint does that does not know them yet.
func (s *Simulator) Forget(operations ...string) {
	for _, operation := range operations {
		s.InjectError(operation, Always, &smithy.GenericAPIError{Code: "InvalidAction", Message: fmt.Sprintf("Could not find operation %s for version 2010-05-15", operation)})
	}
}

// Recover takes back every ordered fault.
func (s *Simulator) Recover() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.ordered = nil
}

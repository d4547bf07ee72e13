package installation

import (
	"errors"
	"fmt"
	"strings"

	"stackgate/internal/service"
)

// Check says everything that keeps the definitions from being installed, beyond what makes them valid: a definition that
// is deployed from one terminal needs less.
func (s Settings) Check(definitions []service.Definition) error {
	var problems []error
	named := map[string]service.Definition{}
	for _, d := range definitions {
		if d.ExecutionRole == "" {
			problems = append(problems, fmt.Errorf("%s has no executionRole: CloudFormation would work with stackgate's own session, "+
				"which may touch nothing but the stack; name the role that may make its resources", d))
		}
		name := MachineName(d.Service, d.Environment)
		if other, taken := named[name]; taken {
			problems = append(problems, fmt.Errorf("%s and %s: the state machine and the roles of both would be named %s-%s; rename one service or environment",
				other, d, d.Service, d.Environment))
		}
		named[name] = d
		if name == RecoveryMachine {
			problems = append(problems, fmt.Errorf("%s: the state machine %s is that for recoveries; rename the service or environment", d, name))
		}
		if d.StackName == StackName || strings.HasPrefix(d.StackName, StackName+"-") {
			problems = append(problems, fmt.Errorf("%s: stack %s would be taken for one of stackgate's own; choose a name that does not begin with %s", d, d.StackName, StackName))
		}
		if partition := (Settings{Region: d.Region}).Partition(); partition != s.Partition() {
			problems = append(problems, fmt.Errorf("%s: region %s is in partition %s and the control plane in %s, and no role reaches from one into the other", d, d.Region, partition, s.Partition()))
		}
	}
	return errors.Join(problems...)
}

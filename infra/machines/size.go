package machines

import (
	"encoding/json"

	"stackgate/statemachines"
)

const (
	// maxTemplate is the most bytes of a template (CloudFormation quotas: template body in an S3 object, 1 MB; CDK takes that
	// for a million).
	maxTemplate = 1_000_000
	// perMachine is what a state machine takes in the template beside its definition, generously.
	perMachine = 2048
	// forStack is what the template has once.
	forStack = 4096
)

// MaxMachines is how many state machines a group's stack holds. The template's size is the limit, long before the 500
// resources of a stack: the definition stands in it once for each, where linters and whoever reads a diff see it.
func MaxMachines() int {
	text, err := json.Marshal(Compact(statemachines.Deploy))
	if err != nil {
		panic(err)
	}
	return (maxTemplate - forStack) / (len(text) + perMachine)
}

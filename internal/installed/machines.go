package installed

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// MachinePattern is the ARN of a state machine with placeholders for the service and the environment that it deploys.
type MachinePattern struct{ text string }

var machinePattern = regexp.MustCompile(`^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]*(\$\{service\}[A-Za-z0-9_-]+\$\{environment\}|\$\{environment\}[A-Za-z0-9_-]+\$\{service\})[A-Za-z0-9_-]*$`)

// ParseMachinePattern reads a pattern such as
// arn:aws:states:eu-west-1:111111111111:stateMachine:stackgate-${service}-${environment}.
func ParseMachinePattern(text string) (MachinePattern, error) {
	if !machinePattern.MatchString(text) {
		return MachinePattern{}, fmt.Errorf("%q is not the ARN of a state machine with ${service} and ${environment} in its name; write it like %s",
			text, "arn:aws:states:eu-west-1:111111111111:stateMachine:stackgate-${service}-${environment}")
	}
	return MachinePattern{text}, nil
}

// maxMachineName is Step Functions' limit on the name of a state machine, in characters (API CreateStateMachine).
const maxMachineName = 80

// recoverMachine stands for service and environment in the name of the one machine that runs every recovery.
const recoverMachine = "recover"

var servicePart = regexp.MustCompile(`\$\{(service|environment)\}.*\$\{(service|environment)\}`)

// Machine returns the ARN of the state machine that runs a record's deployment, or its recovery.
func (p MachinePattern) Machine(r store.Record) (string, error) {
	if p.text == "" {
		return "", fmt.Errorf("%s is not set", MachinePatternVariable)
	}
	if err := errors.Join(deployment.CheckServiceName(r.Service), deployment.CheckEnvironmentName(r.Environment)); err != nil {
		return "", err
	}
	if r.Intent == deployment.IntentRecover {
		return servicePart.ReplaceAllLiteralString(p.text, recoverMachine), nil
	}
	machine := strings.NewReplacer("${service}", r.Service, "${environment}", r.Environment).Replace(p.text)
	if name := machine[strings.LastIndexByte(machine, ':')+1:]; len(name) > maxMachineName {
		return "", fmt.Errorf("state machine name %s has %d characters, and Step Functions takes %d; shorten %s", name, len(name), maxMachineName, MachinePatternVariable)
	}
	return machine, nil
}

// Execution returns the ARN of the execution that runs a record's deployment: its name is the deployment's id.
func (p MachinePattern) Execution(r store.Record) (string, error) {
	machine, err := p.Machine(r)
	if err != nil {
		return "", err
	}
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + r.ID.String(), nil
}

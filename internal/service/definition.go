package service

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"stackgate/internal/approval"
)

// FailureHandling is what becomes of a failed operation.
type FailureHandling string

// The failure handlings.
const (
	// Rollback: CloudFormation rolls back.
	Rollback FailureHandling = "rollback"
	// Keep: rollback is disabled, and the stack stands as it failed.
	Keep FailureHandling = "keep"
)

// FailureHandlings lists every value.
func FailureHandlings() []FailureHandling { return []FailureHandling{Rollback, Keep} }

// FailedCreateHandling is what becomes of an empty stack whose first creation was rolled back.
type FailedCreateHandling string

// The failed-create handlings.
const (
	// RemoveEmpty: the empty stack is removed, and creation is tried again.
	RemoveEmpty FailedCreateHandling = "remove-empty"
	// Stop: a person must look at it.
	Stop FailedCreateHandling = "stop"
)

// FailedCreateHandlings lists every value.
func FailedCreateHandlings() []FailedCreateHandling {
	return []FailedCreateHandling{RemoveEmpty, Stop}
}

// Timeouts bound the parts of a deployment; the wait for approval is bounded by Approval.ExpiresAfter.
type Timeouts struct {
	// Queue bounds the wait for the stack's lock.
	Queue time.Duration `json:"queue"`
	// ChangeSet bounds the making of the change set.
	ChangeSet time.Duration `json:"changeSet"`
	// Execution bounds the stack's operation.
	Execution time.Duration `json:"execution"`
}

// Definition is everything that is known of one service in one environment, with every default applied, nothing left to
// look up and nothing optional but what is said to be.
type Definition struct {
	Project     string `json:"project"`
	Service     string `json:"service"`
	Environment string `json:"environment"`
	// Owner is the team that answers for the service.
	Owner string `json:"owner"`
	// StackGroup is the stack that the service's state machines are installed in, the same in every environment; empty where
	// the project declares no groups.
	StackGroup  string `json:"stackGroup,omitempty"`
	Description string `json:"description,omitempty"`

	// Account is a 12-digit AWS account id.
	Account   string `json:"account"`
	Region    string `json:"region"`
	StackName string `json:"stackName"`
	// Rank is the environment's place in the order of promotion; lower comes first.
	Rank int `json:"rank"`

	// TemplatePath is the template's path below the folder of project.yaml, with slashes.
	TemplatePath string `json:"templatePath"`
	// Template is the template as it stands in its file, at most MaxTemplate bytes. It must not be changed.
	Template []byte `json:"-"`
	// Parameters are those given; CloudFormation fills in the template's own defaults for the rest.
	Parameters   map[string]string `json:"parameters"`
	Tags         map[string]string `json:"tags"`
	Capabilities []string          `json:"capabilities"`
	// ExecutionRole is the ARN of the role that CloudFormation works with; empty where it works with the caller's rights.
	ExecutionRole string `json:"executionRole,omitempty"`
	NestedStacks  bool   `json:"nestedStacks"`

	OnFailure      FailureHandling      `json:"onFailure"`
	OnFailedCreate FailedCreateHandling `json:"onFailedCreate"`
	Approval       approval.Policy      `json:"approval"`
	Timeouts       Timeouts             `json:"timeouts"`
	// AllowParameterOverrides says whether WithOverrides may be used.
	AllowParameterOverrides bool `json:"allowParameterOverrides"`

	// Stateful are further resource types whose loss is a loss of data.
	Stateful []string `json:"stateful,omitempty"`
	// IgnoreChanges are changes that a review folds away.
	IgnoreChanges []string `json:"ignoreChanges,omitempty"`
	// Links are addresses to show, by their name.
	Links map[string]string `json:"links,omitempty"`

	// Origins says where each value was written, by its key: stackName, parameters.Cpu, policy.approval.count.
	Origins map[string]Origin `json:"origins"`

	declared map[string]parameter
}

// String names the definition as orders/prod.
func (d Definition) String() string { return d.Service + "/" + d.Environment }

// ErrOverridesForbidden says that an environment's policy takes no parameters for one deployment.
type ErrOverridesForbidden struct {
	Service, Environment string
	// Origin is where the policy says so.
	Origin Origin
}

func (e ErrOverridesForbidden) Error() string {
	return fmt.Sprintf("parameters of %s cannot be overridden in %s: policy.allowParameterOverrides is false (%s); change the service's file instead",
		e.Service, e.Environment, e.Origin)
}

// WithOverrides returns the definition with some parameters replaced for one deployment. It fails with
// ErrOverridesForbidden where policy does not allow that, and with Problems where the template does not take the values.
func (d Definition) WithOverrides(parameters map[string]string) (Definition, error) {
	if len(parameters) == 0 {
		return d, nil
	}
	if !d.AllowParameterOverrides {
		return Definition{}, ErrOverridesForbidden{d.Service, d.Environment, d.Origins["policy.allowParameterOverrides"]}
	}
	r := newReport()
	d.Parameters, d.Origins = maps.Clone(d.Parameters), maps.Clone(d.Origins)
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		origin := Origin{File: Override}
		checkParameter(d.declared, d.TemplatePath, name, parameters[name], origin, name, r)
		d.Parameters[name] = parameters[name]
		d.Origins["parameters."+name] = origin
	}
	if problems := r.problems(); len(problems) > 0 {
		return Definition{}, problems
	}
	return d, nil
}

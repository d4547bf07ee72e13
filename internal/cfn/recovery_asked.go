package cfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
)

// check holds what was asked for against what the stack takes.
func (d *Diagnosis) check(of Whose) error {
	asked := d.Asked
	if err := asked.Validate(); err != nil {
		return err
	}
	status := d.Stack.StackStatus
	if d.Action.Operation() == deployment.RecoverDelete.Operation() && aws.ToBool(d.Stack.EnableTerminationProtection) {
		return deployment.Faultf(deployment.StackNeedsHuman, "stack %s is protected against deletion, and nothing but that leads out of %s", of.StackName, status).
			Advise("take the protection away yourself, if you mean it: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name %s", of.StackName)
	}
	if len(asked.Skip) > 0 && d.Action != deployment.RecoverContinueRollback {
		return deployment.Faultf(deployment.InvalidRequest, "resources are skipped only while a rollback is continued (UPDATE_ROLLBACK_FAILED), and stack %s is %s", of.StackName, status).
			Advise("leave out --skip")
	}
	// RetainResources and FORCE_DELETE_STACK are taken in DELETE_FAILED only (API reference of DeleteStack).
	if (len(asked.Retain) > 0 || asked.Force) && status != types.StackStatusDeleteFailed {
		return deployment.Faultf(deployment.InvalidRequest, "CloudFormation retains resources, or forces a deletion, only of a stack in DELETE_FAILED, and stack %s is %s", of.StackName, status).
			Advise("recover it without --retain and --force first")
	}
	for _, name := range asked.Skip {
		call, err := d.skipped(name)
		if err != nil {
			return err
		}
		if slices.Contains(d.Skip, call) {
			return deployment.Faultf(deployment.InvalidRequest, "resource %s is named twice; keep one", call)
		}
		d.Skip = append(d.Skip, call)
	}
	slices.Sort(d.Skip)
	for _, name := range asked.Retain {
		// RetainResources takes logical ids of the stack itself.
		if !slices.ContainsFunc(d.Held, func(r HeldResource) bool { return r.StackName == "" && r.LogicalID == name }) {
			return deployment.Faultf(deployment.InvalidRequest, "stack %s holds no resource %q to retain", of.StackName, name).
				Advise("it holds %s", listed(d.Held, func(r HeldResource) bool { return r.StackName == "" }, HeldResource.Name))
		}
	}
	return nil
}

// skipped finds the resource that a name stands for, and returns it as the call names it. The call wants
// NestedStackName.LogicalID for what is in a nested stack, where people know the logical id of that stack; both are taken.
func (d *Diagnosis) skipped(name string) (string, error) {
	dotted := strings.ReplaceAll(name, "/", ".")
	for _, r := range d.Held {
		if dotted != r.Name() && dotted != r.CallName() {
			continue
		}
		if !r.Skippable() {
			return "", deployment.Faultf(deployment.InvalidRequest, "resource %s cannot be skipped: %s", r.Name(), unskippable(r)).
				Advise("%s", d.candidates())
		}
		return r.CallName(), nil
	}
	return "", deployment.Faultf(deployment.InvalidRequest, "there is no resource %q to skip", name).Advise("%s", d.candidates())
}

func unskippable(r HeldResource) string {
	switch {
	case r.Type == nestedStackType:
		return "it is a nested stack; name what failed inside it"
	case r.Status == types.ResourceStatusUpdateFailed:
		return "its update was only called off because another resource failed"
	}
	return fmt.Sprintf("it is %s, and only what is UPDATE_FAILED because it could not be rolled back can be left as it is", r.Status)
}

func (d *Diagnosis) candidates() string {
	names := listed(d.Held, HeldResource.Skippable, HeldResource.Name)
	if names == "" {
		return "nothing can be skipped; leave out --skip"
	}
	return "what can be skipped: " + names
}

// Name is the resource as people name it: Network.Table.
func (r HeldResource) Name() string { return strings.ReplaceAll(r.Path, "/", ".") }

// CallName is the resource as ContinueUpdateRollback names it: a nested stack's own name stands before the logical id.
func (r HeldResource) CallName() string {
	if r.StackName == "" {
		return r.LogicalID
	}
	return r.StackName + "." + r.LogicalID
}

func listed(all []HeldResource, keep func(HeldResource) bool, name func(HeldResource) string) string {
	const most = 10
	var names []string
	for _, r := range all {
		if keep(r) {
			names = append(names, name(r))
		}
	}
	slices.Sort(names)
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

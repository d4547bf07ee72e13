package cfnsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

const (
	reasonNoChanges = "The submitted information didn't contain changes. Submit different information to create a change set."
	warnIncomplete  = "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
)

// changeSet is one change set. What it will say is computed when it is created and shown when it is ready.
type changeSet struct {
	ID, Name, StackID string
	Type              types.ChangeSetType
	Token             string `json:",omitempty"`
	Created           time.Time
	// Operation is the making of the change set, which is an operation of its own; Findings are what early validation
	// found in it.
	Operation operationRecord
	Findings  []validationFinding `json:",omitempty"`
	// Hooks are planned for the execution, HookResults the verdicts on the change set itself. Inspected says that one of
	// them or early validation is why the making fails, so that the changes are known all the same.
	Hooks       []types.ChangeSetHook `json:",omitempty"`
	HookResults []*hookResult         `json:",omitempty"`
	Inspected   bool                  `json:",omitempty"`
	// Nested are the ids of the change sets of nested stacks, by logical id; ParentID and RootID those of a nested one.
	Nested           map[string]string `json:",omitempty"`
	ParentID, RootID string            `json:",omitempty"`
	Description      string            `json:",omitempty"`
	Status           types.ChangeSetStatus
	Reason           string `json:",omitempty"`
	ExecutionStatus  types.ExecutionStatus
	OnStackFailure   types.OnStackFailure `json:",omitempty"`
	IncludeNested    bool                 `json:",omitempty"`
	Target           deployment
	// Changes is the answer without property values, Valued the one with them; Warning then replaces the reason.
	Changes []types.Change `json:",omitempty"`
	Valued  []types.Change `json:",omitempty"`
	Warning string         `json:",omitempty"`
	// Failure is the reason with which the making will end, "" for success.
	Failure string     `json:",omitempty"`
	Due     *time.Time `json:",omitempty"`
	// Named is false once the name no longer leads here: after execution the ARN still does.
	Named bool
}

// tick moves a change set that is being made.
func (c *changeSet) tick(w *world, at time.Time) {
	c.Due = nil
	switch c.Status {
	case types.ChangeSetStatusCreatePending:
		c.Status = types.ChangeSetStatusCreateInProgress
		takes := 2*time.Second + time.Duration(len(c.Changes))*20*time.Millisecond
		if c.Failure == "" || c.ParentID != "" {
			takes += time.Duration(w.descendants(c)) * time.Second
		}
		due := at.Add(w.spread(takes, c.ID))
		c.Due = &due
	case types.ChangeSetStatusCreateInProgress:
		c.Operation.Ended, c.Operation.Failed = &at, c.Failure != ""
		w.HookResults = append(w.HookResults, c.HookResults...)
		c.HookResults = nil
		if c.Failure != "" {
			c.Status, c.Reason = types.ChangeSetStatusFailed, c.Failure
			return
		}
		c.Status, c.ExecutionStatus = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
		if c.ParentID != "" {
			c.ExecutionStatus, c.Reason = types.ExecutionStatusUnavailable, reasonOnlyRoot
		}
	case types.ChangeSetStatusDeletePending:
		c.Status = types.ChangeSetStatusDeleteInProgress
		due := at.Add(w.spread(time.Second, c.ID+"gone"))
		c.Due = &due
	case types.ChangeSetStatusDeleteInProgress:
		w.remove(at, c)
	default:
	}
}

// dropChangeSets removes the stack's change sets but the named one, as an execution does.
func (w *world) dropChangeSets(s *stack, at time.Time, keep string) {
	var dropped []*changeSet
	for _, c := range w.ChangeSets {
		ended := c.ExecutionStatus == types.ExecutionStatusExecuteComplete || c.ExecutionStatus == types.ExecutionStatusExecuteFailed
		if c.StackID == s.ID && c.ID != keep && !ended {
			dropped = append(dropped, c)
		}
	}
	w.remove(at, dropped...)
}

// stackChangeSets returns the change sets that the stack still lists.
func (w *world) stackChangeSets(s *stack) []*changeSet {
	var sets []*changeSet
	for _, c := range w.ChangeSets {
		if c.StackID == s.ID && c.Named {
			sets = append(sets, c)
		}
	}
	return sets
}

func (r *request) createChangeSet(in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	if in.ChangeSetType == "" {
		in.ChangeSetType = types.ChangeSetTypeUpdate
	}
	if in.ChangeSetType == types.ChangeSetTypeImport {
		return nil, notSimulated("change sets of type IMPORT")
	}
	if in.OnStackFailure == types.OnStackFailureDelete && in.ChangeSetType != types.ChangeSetTypeCreate {
		return nil, validationError("OnStackFailure DELETE is only valid for change sets of type CREATE")
	}
	s := r.w.find(r.account, r.region, *in.StackName)
	if set, err := r.adopt(s, in); set != nil || err != nil {
		return set, err
	}
	if err := r.checkChangeSetState(s, in); err != nil {
		return nil, err
	}
	target, parsed, err := r.target(s, in)
	if err != nil {
		return nil, asAPIError(err)
	}
	shell := s
	if s == nil {
		shell = &stack{Name: *in.StackName, Account: r.account, Region: r.region, Resources: map[string]*resource{}}
		shell.ID = stackARN(r.account, r.region, shell.Name, r.w.nextID())
	}
	set := &changeSet{
		Name: *in.ChangeSetName, StackID: shell.ID, Type: in.ChangeSetType, Token: aws.ToString(in.ClientToken), Created: r.now,
		Description: aws.ToString(in.Description), Status: types.ChangeSetStatusCreatePending, ExecutionStatus: types.ExecutionStatusUnavailable,
		OnStackFailure: in.OnStackFailure, IncludeNested: aws.ToBool(in.IncludeNestedStacks), Target: target, Named: true,
	}
	set.ID = changeSetARN(r.account, r.region, set.Name, r.w.nextID())
	set.Operation = operationRecord{ID: rules.UUID(r.w.Seed + set.ID), Type: types.OperationTypeCreateChangeset, Token: set.Token, Started: r.now}
	if err := r.plan(shell, set, parsed, !aws.ToBool(in.DisableValidation)); err != nil {
		return nil, asAPIError(err)
	}
	if s == nil {
		shell.Created = r.now
		r.w.Stacks = append(r.w.Stacks, shell)
		r.w.setStatus(shell, r.now, types.StackStatusReviewInProgress, "User Initiated")
	}
	due := r.now.Add(r.w.spread(500*time.Millisecond, set.ID+"pending"))
	set.Due = &due
	r.enter(set)
	r.changed = true
	return &cloudformation.CreateChangeSetOutput{Id: &set.ID, StackId: &shell.ID}, nil
}

// adopt recognises a retried call by its token, and refuses a name that is taken.
func (r *request) adopt(s *stack, in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	if s == nil {
		return nil, nil
	}
	sets := r.w.stackChangeSets(s)
	for _, set := range sets {
		if set.Name != *in.ChangeSetName {
			continue
		}
		if set.Token != "" && set.Token == aws.ToString(in.ClientToken) {
			return &cloudformation.CreateChangeSetOutput{Id: &set.ID, StackId: &s.ID}, nil
		}
		return nil, &types.AlreadyExistsException{Message: aws.String(fmt.Sprintf("ChangeSet [%s] already exists", *in.ChangeSetName))}
	}
	if len(sets) >= r.options.MaxChangeSets {
		return nil, &types.LimitExceededException{Message: aws.String("ChangeSet limit exceeded for stack " + s.ID)}
	}
	return nil, nil
}

// checkChangeSetState refuses a change set that does not fit what the stack is.
func (r *request) checkChangeSetState(s *stack, in *cloudformation.CreateChangeSetInput) error {
	name := *in.StackName
	if in.ChangeSetType == types.ChangeSetTypeCreate {
		if s == nil && strings.HasPrefix(name, "arn:") {
			return validationError("Stack [%s] does not exist", name)
		}
		if s != nil && s.Status != types.StackStatusReviewInProgress {
			return validationError("Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, *in.ChangeSetName)
		}
		return nil
	}
	if s == nil {
		return validationError("Stack [%s] does not exist", name)
	}
	if !updatable(s.Status) {
		// Recorded on AWS: the text repeats the stack as the caller named it, where it was deleted.
		subject := s.ID
		if s.Status == types.StackStatusDeleteComplete {
			subject = name
		}
		return validationError("Stack:%s is in %s state and can not be updated.", subject, s.Status)
	}
	return nil
}

// updatable says whether a stack in this state accepts a change set of type UPDATE.
func updatable(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete,
		types.StackStatusCreateFailed, types.StackStatusUpdateFailed:
		return true
	default:
		return false
	}
}

// target reads what the change set would make of the stack.
func (r *request) target(s *stack, in *cloudformation.CreateChangeSetInput) (deployment, *template.Template, error) {
	var previous deployment
	if s != nil {
		previous = s.Deployed
	}
	body, err := r.templateBody(in, previous)
	if err != nil {
		return deployment{}, nil, err
	}
	parsed, err := template.Parse(body)
	if err != nil {
		return deployment{}, nil, err
	}
	if err := checkScripts(parsed); err != nil {
		return deployment{}, nil, err
	}
	given := make([]template.Given, 0, len(in.Parameters))
	for _, p := range in.Parameters {
		given = append(given, template.Given{Key: aws.ToString(p.ParameterKey), Value: p.ParameterValue, UsePrevious: aws.ToBool(p.UsePreviousValue)})
	}
	values, err := r.w.resolve(parsed, given, previous.Parameters, r.account, r.region)
	if err != nil {
		return deployment{}, nil, err
	}
	d := deployment{Template: body, Parameters: values, Tags: in.Tags, Capabilities: in.Capabilities,
		NotificationARNs: in.NotificationARNs, RollbackConfiguration: in.RollbackConfiguration, RoleARN: aws.ToString(in.RoleARN)}
	if in.Tags == nil {
		d.Tags = previous.Tags
	}
	if in.NotificationARNs == nil {
		d.NotificationARNs = previous.NotificationARNs
	}
	if d.RoleARN == "" {
		d.RoleARN = previous.RoleARN
	}
	return d, parsed, r.w.checkCapabilities(parsed, in.Capabilities)
}

// resolve decides the values of a template's parameters, and hides those of NoEcho.
func (w *world) resolve(parsed *template.Template, given []template.Given, previous map[string]template.Value, account, region string) (map[string]template.Value, error) {
	store := func(name string) (string, bool) { return w.parameter(account, region, name) }
	values, err := parsed.ResolveParameters(given, previous, store)
	if err != nil {
		return nil, err
	}
	for name, value := range values {
		if value.NoEcho {
			value.Text = template.Secret(w.Seed+name, value.Text)
			values[name] = value
		}
	}
	return values, nil
}

func (r *request) templateBody(in *cloudformation.CreateChangeSetInput, previous deployment) (string, error) {
	if aws.ToBool(in.UsePreviousTemplate) {
		if in.TemplateBody != nil || in.TemplateURL != nil {
			return "", validationError("Only one of template body, template URL and use previous template may be specified.")
		}
		if previous.Template == "" {
			return "", validationError("No previous template exists for this stack.")
		}
		return previous.Template, nil
	}
	return r.bodyOrURL(in.TemplateBody, in.TemplateURL)
}

// plan computes what the change set will answer.
func (r *request) plan(s *stack, set *changeSet, parsed *template.Template, validates bool) error {
	whole := r.w.templateScript(s, parsed, set.Target)
	if failing := whole.maps("Transform"); len(failing) > 0 {
		set.Failure = fmt.Sprintf("Transform %s failed with: %s", orElse(failing[0].text("Name"), "Simulated::Macro"), orElse(failing[0].text("Reason"), "the simulated transform broke."))
		return nil
	}
	if len(parsed.Transforms) > 0 {
		set.Failure = r.transformFailure(parsed.Transforms[0], parsed)
		return nil
	}
	scope, err := parsed.Bind(set.Target.Parameters, r.w.environment(s, set.Target))
	if err != nil {
		return err
	}
	c := &comparison{w: r.w, stack: s, target: set.Target, scope: scope, plans: map[string]*resourcePlan{},
		nested: func(plan *resourcePlan) { r.planNested(s, set, plan, validates) }}
	if err := c.run(); err != nil {
		return err
	}
	set.Changes, set.Valued = c.changes(false), c.changes(true)
	set.Warning = c.warning
	if set.Type == types.ChangeSetTypeUpdate && c.empty() {
		set.Failure = reasonNoChanges
		return nil
	}
	r.inspect(s, set, whole, c, validates)
	return nil
}

// transformFailure is why a transform cannot be run: the simulated account has no macros and no S3.
func (r *request) transformFailure(name string, parsed *template.Template) string {
	if !strings.HasPrefix(name, "AWS::") {
		return fmt.Sprintf("No transform named %s::%s found.", r.account, name)
	}
	if bucket := parsed.IncludedBucket(); name == "AWS::Include" && bucket != "" {
		return fmt.Sprintf("Transform AWS::Include failed with: S3 bucket [%s] does not exist.", bucket)
	}
	return fmt.Sprintf("Transform %s failed with: the simulator does not run transforms; deploy this template with the solo mode.", name)
}

// checkCapabilities refuses IAM resources that the caller has not acknowledged.
func (w *world) checkCapabilities(parsed *template.Template, acknowledged []types.Capability) error {
	needed, _ := w.requiredCapability(parsed)
	if needed == "" || slices.Contains(acknowledged, types.CapabilityCapabilityNamedIam) ||
		(needed == types.CapabilityCapabilityIam && slices.Contains(acknowledged, types.CapabilityCapabilityIam)) {
		return nil
	}
	return &types.InsufficientCapabilitiesException{Message: aws.String(fmt.Sprintf("Requires capabilities : [%s]", needed))}
}

// requiredCapability is what the template's IAM resources need, with the types that need it.
func (w *world) requiredCapability(parsed *template.Template) (types.Capability, []string) {
	var needed types.Capability
	var because []string
	for _, id := range sortedIDs(parsed.Resources) {
		source := parsed.Resources[id]
		t := w.catalog.Lookup(source.Type)
		if t.Capability == "" {
			continue
		}
		if !slices.Contains(because, source.Type) {
			because = append(because, source.Type)
		}
		if needed == "" {
			needed = types.CapabilityCapabilityIam
		}
		if _, named := source.Properties[t.NameProperty]; named && t.Capability == "NAMED" {
			needed = types.CapabilityCapabilityNamedIam
		}
	}
	return needed, because
}

// changeSet finds the change set that a request names: by ARN alone, or by name within a stack.
func (r *request) changeSet(name, stackName *string) (*changeSet, *stack, error) {
	if strings.HasPrefix(*name, "arn:") {
		if set := r.w.changeSetByID(*name); set != nil && strings.Contains(set.ID, ":"+r.region+":"+r.account+":") {
			return set, r.w.stackByID(set.StackID), nil
		}
		return nil, nil, changeSetNotFound(*name)
	}
	if aws.ToString(stackName) == "" {
		return nil, nil, validationError("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	s := r.w.find(r.account, r.region, *stackName)
	if s == nil {
		return nil, nil, validationError("Stack [%s] does not exist", *stackName)
	}
	for _, set := range r.w.stackChangeSets(s) {
		if set.Name == *name {
			return set, s, nil
		}
	}
	return nil, s, changeSetNotFound(*name)
}

func changeSetNotFound(name string) error {
	return &types.ChangeSetNotFoundException{Message: aws.String(fmt.Sprintf("ChangeSet [%s] does not exist", name))}
}

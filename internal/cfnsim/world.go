package cfnsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/rules"
	"stackgate/internal/cfnsim/template"
)

// worldVersion changes when stored worlds can no longer be read.
const worldVersion = 1

// world is everything the simulator knows. Its exported part is stored as JSON; together with a time it determines
// every later state, so a process may be killed at any moment and another one may continue.
type world struct {
	Version int
	Seed    string
	// Counter makes ids: the n-th id of a world is always the same.
	Counter    uint64
	Stacks     []*stack
	ChangeSets []*changeSet
	Parameters map[string]string `json:",omitempty"`
	Objects    map[string]object `json:",omitempty"`
	// HookResults are the invocations of hooks, oldest first.
	HookResults []*hookResult `json:",omitempty"`
	// Orphans are named resources that stacks have let go of and kept: their names stay taken.
	Orphans []string `json:",omitempty"`

	catalog    *rules.Catalog
	pace       float64
	staleReads int
	// nestedTokens lets the operations of nested stacks repeat the root's request token.
	nestedTokens bool
}

// deployment is what a stack is told to be.
type deployment struct {
	Template              string
	Parameters            map[string]template.Value    `json:",omitempty"`
	Tags                  []types.Tag                  `json:",omitempty"`
	Capabilities          []types.Capability           `json:",omitempty"`
	NotificationARNs      []string                     `json:",omitempty"`
	RollbackConfiguration *types.RollbackConfiguration `json:",omitempty"`
	RoleARN               string                       `json:",omitempty"`
}

type stack struct {
	ID, Name, Account, Region string
	// ParentID and RootID are those of a nested stack.
	ParentID string `json:",omitempty"`
	RootID   string `json:",omitempty"`
	Status   types.StackStatus
	Reason   string `json:",omitempty"`
	Created  time.Time
	Updated  *time.Time `json:",omitempty"`
	Deleted  *time.Time `json:",omitempty"`
	// Deployed is what the running or last operation aims at; a rollback puts the earlier one back.
	Deployed        deployment
	DisableRollback bool               `json:",omitempty"`
	RetainNew       bool               `json:",omitempty"`
	ChangeSetID     string             `json:",omitempty"`
	DeletionMode    types.DeletionMode `json:",omitempty"`
	Resources       map[string]*resource
	// Debris is what operations that paused have made without success and what later attempts have taken the place of.
	Debris         []*resource            `json:",omitempty"`
	Outputs        []types.Output         `json:",omitempty"`
	Events         []event                `json:",omitempty"`
	LastOperations []types.OperationEntry `json:",omitempty"`
	Operations     []operationRecord      `json:",omitempty"`
	Operation      *operation             `json:",omitempty"`
	// Paused is an operation that stopped half-way (rollback disabled, or a rollback that failed) and can be resumed.
	Paused *operation `json:",omitempty"`
	// Struck counts how often a simulated failure has struck a resource.
	Struck map[string]int `json:",omitempty"`
	Stale  *staleRead     `json:",omitempty"`
	// EventsLate and EventsTwice are how the deployed template scripts that event rows are seen.
	EventsLate  time.Duration `json:",omitempty"`
	EventsTwice bool          `json:",omitempty"`
	// Tokens are the ClientRequestTokens of this stack's operations.
	Tokens []string `json:",omitempty"`

	scope *template.Scope
}

// resource is one resource as deployed.
type resource struct {
	LogicalID, Type  string
	PhysicalID, Name string `json:",omitempty"`
	Salt             string
	Status           types.ResourceStatus
	Reason           string `json:",omitempty"`
	Changed          time.Time
	Properties       map[string]any
	// StackTags are the stack's tags when the resource was last written.
	StackTags           []types.Tag `json:",omitempty"`
	Metadata            any         `json:",omitempty"`
	CreationPolicy      any         `json:",omitempty"`
	UpdatePolicy        any         `json:",omitempty"`
	DeletionPolicy      any         `json:",omitempty"`
	UpdateReplacePolicy any         `json:",omitempty"`
	DependsOn           []string    `json:",omitempty"`
}

// event is one row of DescribeStackEvents.
type event struct {
	ID, LogicalID, Type string
	PhysicalID          string `json:",omitempty"`
	Time                time.Time
	Status              string
	Reason              string               `json:",omitempty"`
	Properties          string               `json:",omitempty"`
	Token               string               `json:",omitempty"`
	OperationID         string               `json:",omitempty"`
	DetailedStatus      types.DetailedStatus `json:",omitempty"`
	Hook                *hookRow             `json:",omitempty"`
}

// staleRead is what DescribeStacks still answers for a few calls after an execution began.
type staleRead struct {
	Left        int
	Status      types.StackStatus
	Reason      string
	ChangeSetID string
}

// nextID returns a fresh UUID. Ids look random and are a function of the seed and of how many there were before.
func (w *world) nextID() string {
	w.Counter++
	return rules.UUID(w.Seed + strconv.FormatUint(w.Counter, 10))
}

// spread varies a duration by up to a tenth, so that parallel resources do not move in lockstep.
func (w *world) spread(d time.Duration, salt string) time.Duration {
	sum := sha256.Sum256([]byte(w.Seed + salt))
	share := 0.9 + 0.2*float64(sum[0])/255
	return w.paced(time.Duration(float64(d) * share))
}

func (w *world) paced(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)*w.pace).Truncate(time.Millisecond), time.Millisecond)
}

func (w *world) stackByID(id string) *stack {
	for _, s := range w.Stacks {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// find returns the stack that a name or ARN means. A deleted stack is found only by its ARN.
func (w *world) find(account, region, nameOrARN string) *stack {
	for _, s := range w.Stacks {
		if s.Account != account || s.Region != region {
			continue
		}
		if s.ID == nameOrARN || (s.Name == nameOrARN && s.Status != types.StackStatusDeleteComplete) {
			return s
		}
	}
	return nil
}

func (w *world) changeSetByID(id string) *changeSet {
	for _, c := range w.ChangeSets {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// export looks an output's export name up among the stacks of an account and region.
func (w *world) export(account, region, name string) (string, bool) {
	for _, s := range w.Stacks {
		if s.Account != account || s.Region != region || s.Status == types.StackStatusDeleteComplete {
			continue
		}
		for _, output := range s.Outputs {
			if output.ExportName != nil && *output.ExportName == name {
				return *output.OutputValue, true
			}
		}
	}
	return "", false
}

// parameter answers what the Parameter Store of an account and region holds.
func (w *world) parameter(account, region, name string) (string, bool) {
	if value, found := w.Parameters[account+"/"+region+"/"+name]; found {
		return value, true
	}
	for _, s := range w.Stacks {
		if s.Account != account || s.Region != region {
			continue
		}
		for _, r := range s.Resources {
			if r.Type == "AWS::SSM::Parameter" && r.PhysicalID == name {
				value, ok := r.Properties["Value"].(string)
				return value, ok
			}
		}
	}
	return "", false
}

func partition(region string) (name, suffix string) {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov", "amazonaws.com"
	default:
		return "aws", "amazonaws.com"
	}
}

func stackARN(account, region, name, id string) string {
	part, _ := partition(region)
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", part, region, account, name, id)
}

func changeSetARN(account, region, name, id string) string {
	part, _ := partition(region)
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:changeSet/%s/%s", part, region, account, name, id)
}

// environment is what the stack's template sees of the world.
func (w *world) environment(s *stack, d deployment) template.Environment {
	part, suffix := partition(s.Region)
	return template.Environment{
		AccountID: s.Account, Region: s.Region, Partition: part, URLSuffix: suffix,
		StackID: s.ID, StackName: s.Name, NotificationARNs: d.NotificationARNs,
		Export: func(name string) (string, bool) { return w.export(s.Account, s.Region, name) },
	}
}

// identity is what the physical id and attributes of a resource are made from.
func (s *stack) identity(r *resource) rules.Identity {
	part, suffix := partition(s.Region)
	return rules.Identity{AccountID: s.Account, Region: s.Region, Partition: part, URLSuffix: suffix,
		StackName: s.Name, LogicalID: r.LogicalID, Salt: r.Salt, Name: r.Name, PhysicalID: r.PhysicalID, Properties: r.Properties}
}

// attribute is Fn::GetAtt of a deployed resource.
func (w *world) attribute(s *stack, r *resource, name string) (any, error) {
	if r.Type == stackType {
		return w.outputOf(r, name)
	}
	value, ok := w.catalog.Lookup(r.Type).Attribute(name, s.identity(r))
	if !ok {
		return nil, &template.Error{Message: fmt.Sprintf("Resource type %s does not support attribute {%s}", r.Type, name)}
	}
	return value, nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

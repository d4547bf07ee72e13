package stack_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/deployment"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/tasks/stack"
)

const (
	id  = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	arn = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop-orders-prod/1"
)

var (
	target = deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "shop-orders-prod"}
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// ticking is a clock on which only sleeping takes time.
type ticking struct{ now time.Time }

func (c *ticking) Now() time.Time { return c.now }

func (c *ticking) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

// account is CloudFormation with one stack, whose resources come one a page.
type account struct {
	status    types.StackStatus
	resources []types.StackResourceSummary
	deletions int
	// becomes is the status from the second look at the stack after its deletion began.
	becomes types.StackStatus
	looks   int
}

func (a *account) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if a.status == types.StackStatusDeleteInProgress {
		if a.looks++; a.looks > 1 && a.becomes != "" {
			a.status = a.becomes
		}
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{
		StackId: aws.String(arn), StackName: aws.String(target.StackName), StackStatus: a.status, StackStatusReason: aws.String("because"),
	}}}, nil
}

func (a *account) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	page := len(aws.ToString(in.NextToken))
	if page >= len(a.resources) {
		return &cloudformation.ListStackResourcesOutput{}, nil
	}
	return &cloudformation.ListStackResourcesOutput{
		StackResourceSummaries: a.resources[page : page+1], NextToken: aws.String(strings.Repeat("x", page+1)),
	}, nil
}

func (a *account) DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	a.deletions++
	a.status = types.StackStatusDeleteInProgress
	return &cloudformation.DeleteStackOutput{}, nil
}

func resource(name string, status types.ResourceStatus, physical string) types.StackResourceSummary {
	return types.StackResourceSummary{LogicalResourceId: aws.String(name), ResourceStatus: status, PhysicalResourceId: aws.String(physical)}
}

// holding is a store in which the deployment holds the lock.
func holding(t *testing.T, onFailedCreate service.FailedCreateHandling) *sqlite.Store {
	t.Helper()
	kept, err := sqlite.Open(t.Context(), t.TempDir(), &ticking{noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	key, err := service.KeepDefinition(t.Context(), kept, service.Definition{Service: "orders", Environment: "prod", OnFailedCreate: onFailedCreate})
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.CreateRecord(t.Context(), store.Record{
		Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Intent: deployment.IntentDeploy, Target: target,
		Stage: deployment.StagePlanning, Definition: key,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Enqueue(t.Context(), target.Key(), store.Ticket{DeploymentID: id}); err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestRemoveEmpty(t *testing.T) {
	gone := resource("Queue", types.ResourceStatusDeleteComplete, "q")
	for name, c := range map[string]struct {
		stack   account
		policy  service.FailedCreateHandling
		fault   deployment.Fault
		says    []string
		deletes int
	}{
		"nothing in it": {
			stack: account{
				status: types.StackStatusRollbackComplete, becomes: types.StackStatusDeleteComplete,
				resources: []types.StackResourceSummary{gone, resource("Table", types.ResourceStatusCreateFailed, "")},
			},
			deletes: 1,
		},
		"retained resources, on different pages": {
			stack: account{status: types.StackStatusRollbackComplete, resources: []types.StackResourceSummary{
				gone, resource("Bucket", types.ResourceStatusDeleteSkipped, "b"), gone, resource("Table", types.ResourceStatusCreateFailed, "t"),
			}},
			fault: deployment.StackNeedsHuman, says: []string{"Bucket (DELETE_SKIPPED)", "Table (CREATE_FAILED)"},
		},
		"the definition says stop": {
			stack: account{status: types.StackStatusRollbackComplete}, policy: service.Stop,
			fault: deployment.StackNeedsHuman, says: []string{"onFailedCreate: stop"},
		},
		"a stack that lives": {
			stack: account{status: types.StackStatusCreateComplete}, fault: deployment.StackNeedsHuman, says: []string{"CREATE_COMPLETE, not ROLLBACK_COMPLETE"},
		},
		"a failed rollback": {
			stack: account{status: types.StackStatusRollbackFailed}, fault: deployment.StackNeedsHuman, says: []string{"ROLLBACK_FAILED"},
		},
		"an earlier try deletes it": {stack: account{status: types.StackStatusDeleteInProgress, becomes: types.StackStatusDeleteComplete}},
		"its deletion fails": {
			stack: account{status: types.StackStatusRollbackComplete, becomes: types.StackStatusDeleteFailed},
			fault: deployment.StackNeedsHuman, says: []string{"could not be deleted: because"}, deletes: 1,
		},
		"its deletion takes long": {
			stack: account{status: types.StackStatusRollbackComplete}, fault: deployment.StackMoving, says: []string{"still being deleted"}, deletes: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			policy := c.policy
			if policy == "" {
				policy = service.RemoveEmpty
			}
			at := c.stack
			task := stack.RemoveEmpty{
				Store: holding(t, policy), Clock: &ticking{noon},
				Connect: func(context.Context, store.Record) (stack.Remover, error) { return &at, nil },
			}
			out, err := task.Run(t.Context(), stack.RemoveEmptyIn{DeploymentID: id})
			if (err == nil) != (c.fault == "") || err != nil && deployment.FaultOf(err) != c.fault {
				t.Fatalf("%v, want %q", err, c.fault)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if at.deletions != c.deletes || out.Removed != (err == nil) {
				t.Errorf("%d deletions, %+v", at.deletions, out)
			}
		})
	}
}

func TestWhoDoesNotHoldTheLockTouchesNoStack(t *testing.T) {
	kept := holding(t, service.RemoveEmpty)
	if _, err := kept.Leave(t.Context(), target.Key(), id); err != nil {
		t.Fatal(err)
	}
	at := &account{status: types.StackStatusRollbackComplete}
	task := stack.RemoveEmpty{Store: kept, Clock: &ticking{noon}, Connect: func(context.Context, store.Record) (stack.Remover, error) { return at, nil }}
	if _, err := task.Run(t.Context(), stack.RemoveEmptyIn{DeploymentID: id}); err == nil || at.deletions > 0 {
		t.Errorf("%v, %d deletions", err, at.deletions)
	}
}

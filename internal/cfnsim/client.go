package cfnsim

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Client has the methods of *cloudformation.Client that the simulator knows, for one account and region. It is safe
// for use by several goroutines.
type Client struct {
	simulator       *Simulator
	account, region string
}

// request is one API call at one moment of the world.
type request struct {
	*Simulator
	ctx             context.Context
	w               *world
	now             time.Time
	account, region string
	changed         bool
	fetched         map[string]fetchedTemplate
	family          family
}

type option = func(*cloudformation.Options)

// call runs one operation: checks the input as the SDK and the service do, brings the world to the present, acts.
func call[In, Out any](ctx context.Context, c *Client, operation string, in *In, act func(*request, *In) (*Out, error)) (*Out, error) {
	if in == nil {
		in = new(In)
	}
	if err := ctx.Err(); err != nil {
		return nil, wrap(operation, "", &aws.RequestCanceledError{Err: err})
	}
	if err := checkRequired(operation, in); err != nil {
		return nil, wrap(operation, "", err)
	}
	if err := c.simulator.faults.take(operation); err != nil {
		return nil, wrap(operation, "simulated", err)
	}
	if err := checkInput(operation, in); err != nil {
		return nil, wrap(operation, "simulated", err)
	}
	fetched, err := c.simulator.fetchTemplates(ctx, in)
	if err != nil {
		return nil, wrap(operation, "simulated", err)
	}
	var out *Out
	err = c.simulator.update(ctx, func(w *world, now time.Time) (bool, error) {
		r := &request{Simulator: c.simulator, ctx: ctx, w: w, now: now, account: c.account, region: c.region, fetched: fetched}
		var err error
		out, err = act(r, in)
		return r.changed, err
	})
	if err != nil {
		return nil, wrap(operation, "simulated", err)
	}
	return out, nil
}

// CreateChangeSet implements the API operation.
func (c *Client) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, _ ...option) (*cloudformation.CreateChangeSetOutput, error) {
	return call(ctx, c, "CreateChangeSet", in, (*request).createChangeSet)
}

// DescribeChangeSet implements the API operation.
func (c *Client) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, _ ...option) (*cloudformation.DescribeChangeSetOutput, error) {
	return call(ctx, c, "DescribeChangeSet", in, (*request).describeChangeSet)
}

// DescribeChangeSetHooks implements the API operation; no hooks are ever planned.
func (c *Client) DescribeChangeSetHooks(ctx context.Context, in *cloudformation.DescribeChangeSetHooksInput, _ ...option) (*cloudformation.DescribeChangeSetHooksOutput, error) {
	return call(ctx, c, "DescribeChangeSetHooks", in, (*request).describeChangeSetHooks)
}

// ListChangeSets implements the API operation.
func (c *Client) ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, _ ...option) (*cloudformation.ListChangeSetsOutput, error) {
	return call(ctx, c, "ListChangeSets", in, (*request).listChangeSets)
}

// ExecuteChangeSet implements the API operation.
func (c *Client) ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, _ ...option) (*cloudformation.ExecuteChangeSetOutput, error) {
	return call(ctx, c, "ExecuteChangeSet", in, (*request).executeChangeSet)
}

// DeleteChangeSet implements the API operation.
func (c *Client) DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, _ ...option) (*cloudformation.DeleteChangeSetOutput, error) {
	return call(ctx, c, "DeleteChangeSet", in, (*request).deleteChangeSet)
}

// DescribeStacks implements the API operation.
func (c *Client) DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, _ ...option) (*cloudformation.DescribeStacksOutput, error) {
	return call(ctx, c, "DescribeStacks", in, (*request).describeStacks)
}

// DescribeStackEvents implements the API operation.
func (c *Client) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, _ ...option) (*cloudformation.DescribeStackEventsOutput, error) {
	return call(ctx, c, "DescribeStackEvents", in, (*request).describeStackEvents)
}

// DescribeStackResources implements the API operation.
func (c *Client) DescribeStackResources(ctx context.Context, in *cloudformation.DescribeStackResourcesInput, _ ...option) (*cloudformation.DescribeStackResourcesOutput, error) {
	return call(ctx, c, "DescribeStackResources", in, (*request).describeStackResources)
}

// DescribeStackResource implements the API operation.
func (c *Client) DescribeStackResource(ctx context.Context, in *cloudformation.DescribeStackResourceInput, _ ...option) (*cloudformation.DescribeStackResourceOutput, error) {
	return call(ctx, c, "DescribeStackResource", in, (*request).describeStackResource)
}

// ListStackResources implements the API operation.
func (c *Client) ListStackResources(ctx context.Context, in *cloudformation.ListStackResourcesInput, _ ...option) (*cloudformation.ListStackResourcesOutput, error) {
	return call(ctx, c, "ListStackResources", in, (*request).listStackResources)
}

// ListStacks implements the API operation.
func (c *Client) ListStacks(ctx context.Context, in *cloudformation.ListStacksInput, _ ...option) (*cloudformation.ListStacksOutput, error) {
	return call(ctx, c, "ListStacks", in, (*request).listStacks)
}

// ListExports implements the API operation.
func (c *Client) ListExports(ctx context.Context, in *cloudformation.ListExportsInput, _ ...option) (*cloudformation.ListExportsOutput, error) {
	return call(ctx, c, "ListExports", in, (*request).listExports)
}

// GetTemplate implements the API operation.
func (c *Client) GetTemplate(ctx context.Context, in *cloudformation.GetTemplateInput, _ ...option) (*cloudformation.GetTemplateOutput, error) {
	return call(ctx, c, "GetTemplate", in, (*request).getTemplate)
}

// GetTemplateSummary implements the API operation.
func (c *Client) GetTemplateSummary(ctx context.Context, in *cloudformation.GetTemplateSummaryInput, _ ...option) (*cloudformation.GetTemplateSummaryOutput, error) {
	return call(ctx, c, "GetTemplateSummary", in, (*request).getTemplateSummary)
}

// ValidateTemplate implements the API operation.
func (c *Client) ValidateTemplate(ctx context.Context, in *cloudformation.ValidateTemplateInput, _ ...option) (*cloudformation.ValidateTemplateOutput, error) {
	return call(ctx, c, "ValidateTemplate", in, (*request).validateTemplate)
}

// DeleteStack implements the API operation.
func (c *Client) DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, _ ...option) (*cloudformation.DeleteStackOutput, error) {
	return call(ctx, c, "DeleteStack", in, (*request).deleteStack)
}

// CancelUpdateStack implements the API operation.
func (c *Client) CancelUpdateStack(ctx context.Context, in *cloudformation.CancelUpdateStackInput, _ ...option) (*cloudformation.CancelUpdateStackOutput, error) {
	return call(ctx, c, "CancelUpdateStack", in, (*request).cancelUpdateStack)
}

// ContinueUpdateRollback implements the API operation.
func (c *Client) ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, _ ...option) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	return call(ctx, c, "ContinueUpdateRollback", in, (*request).continueUpdateRollback)
}

// RollbackStack implements the API operation.
func (c *Client) RollbackStack(ctx context.Context, in *cloudformation.RollbackStackInput, _ ...option) (*cloudformation.RollbackStackOutput, error) {
	return call(ctx, c, "RollbackStack", in, (*request).rollbackStack)
}

// DescribeEvents implements the API operation.
func (c *Client) DescribeEvents(ctx context.Context, in *cloudformation.DescribeEventsInput, _ ...option) (*cloudformation.DescribeEventsOutput, error) {
	return call(ctx, c, "DescribeEvents", in, (*request).describeEvents)
}

// ListHookResults implements the API operation.
func (c *Client) ListHookResults(ctx context.Context, in *cloudformation.ListHookResultsInput, _ ...option) (*cloudformation.ListHookResultsOutput, error) {
	return call(ctx, c, "ListHookResults", in, (*request).listHookResults)
}

// GetHookResult implements the API operation.
func (c *Client) GetHookResult(ctx context.Context, in *cloudformation.GetHookResultInput, _ ...option) (*cloudformation.GetHookResultOutput, error) {
	return call(ctx, c, "GetHookResult", in, (*request).getHookResult)
}

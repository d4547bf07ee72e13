package cfn

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/plan"
)

// ChangeSetDescriber describes change sets.
type ChangeSetDescriber interface {
	DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error)
}

// Description is all that CloudFormation says of a change set and of those nested in it.
type Description struct {
	// Set is the first page, with the changes of all pages.
	Set cloudformation.DescribeChangeSetOutput
	// Nested are the sets of nested stacks, by their ARN.
	Nested map[string]Description
	// Saved says that it was read from saved answers, which can be saved again with more in them.
	Saved bool
	// WithoutValues holds the logical ids of changes that only the answer without property values lists.
	WithoutValues map[string]bool
	// Warnings are what CloudFormation warned of, and what was done about it.
	Warnings []string
	// Findings are those of early validation and hooks, of the root set only.
	Findings []plan.Finding
	// Limits say what could not be read beside the changes.
	Limits []string
	// Partial says that something of the set could not be read.
	Partial bool
}

const (
	// incomplete is how CloudFormation admits that it left changes out because it could not render their values. It keeps
	// the status CREATE_COMPLETE and says so in the reason only (aws-cdk-cli issue 1780; recorded answers).
	incomplete = "[WARN] --include-property-values"
	// maxNesting is far beyond what CloudFormation nests; it ends a cycle of ARNs that a broken answer could hold.
	maxNesting = 16
)

// DescribeOption changes what DescribeComplete reads.
type DescribeOption func(*describer)

// WithoutFindings leaves out the findings of hooks and early validation, which enter no digest.
func WithoutFindings() DescribeOption {
	return func(d *describer) { d.findings = false }
}

type describer struct {
	client   ChangeSetDescriber
	findings bool
}

// DescribeComplete describes a change set: every page, every nested set, with property values and once more without. The
// answer with values leaves dependents out, admitting it or not (recorded answers show both), so both are always read
// and merged; nothing is lost and nothing doubled. Findings of hooks and early validation are read where the client has
// the methods of HookDescriber and EventDescriber and the account permits it; otherwise Limits says so.
func DescribeComplete(ctx context.Context, client ChangeSetDescriber, changeSetARN string, opts ...DescribeOption) (Description, error) {
	d := describer{client: client, findings: true}
	for _, opt := range opts {
		opt(&d)
	}
	description, err := d.describe(ctx, changeSetARN, 0)
	if err != nil {
		return Description{}, err
	}
	if d.findings {
		if err := d.addFindings(ctx, changeSetARN, &description); err != nil {
			return Description{}, err
		}
	}
	return description, nil
}

func (d describer) describe(ctx context.Context, arn string, depth int) (Description, error) {
	set, err := d.allPages(ctx, arn, true)
	if err != nil {
		return Description{}, err
	}
	plain, err := d.allPages(ctx, arn, false)
	if err != nil {
		return Description{}, err
	}
	description := merged(set, plain)
	for _, change := range description.Set.Changes {
		if change.ResourceChange == nil || aws.ToString(change.ResourceChange.ChangeSetId) == "" {
			continue
		}
		nested := aws.ToString(change.ResourceChange.ChangeSetId)
		if depth >= maxNesting {
			description.Partial = true
			description.Warnings = append(description.Warnings, "the nested change set "+nested+" lies too deep to be read")
			continue
		}
		child, err := d.describe(ctx, nested, depth+1)
		if err != nil {
			return Description{}, fmt.Errorf("describe the nested change set of %s: %w", aws.ToString(change.ResourceChange.LogicalResourceId), err)
		}
		description.Nested[nested] = child
	}
	return description, nil
}

func (d describer) allPages(ctx context.Context, arn string, values bool) (cloudformation.DescribeChangeSetOutput, error) {
	var whole cloudformation.DescribeChangeSetOutput
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(arn), IncludePropertyValues: aws.Bool(values)}
	for first := true; ; first = false {
		page, err := d.client.DescribeChangeSet(ctx, in)
		if err != nil {
			return cloudformation.DescribeChangeSetOutput{}, err
		}
		if first {
			whole = *page
			whole.Changes = nil
		}
		whole.Changes = append(whole.Changes, page.Changes...)
		token := aws.ToString(page.NextToken)
		if token == "" {
			whole.NextToken = nil
			return whole, nil
		}
		if token == aws.ToString(in.NextToken) {
			return cloudformation.DescribeChangeSetOutput{}, fmt.Errorf("describe change set %s: page %q names itself as the next page", arn, token)
		}
		in = &cloudformation.DescribeChangeSetInput{ChangeSetName: in.ChangeSetName, IncludePropertyValues: in.IncludePropertyValues, NextToken: page.NextToken}
	}
}

// merged puts the answers with and without property values together.
func merged(set, plain cloudformation.DescribeChangeSetOutput) Description {
	d := Description{Set: set, Nested: map[string]Description{}, WithoutValues: map[string]bool{}}
	if reason := aws.ToString(set.StatusReason); strings.Contains(reason, incomplete) {
		d.Warnings = append(d.Warnings, reason+" (described again without values, and both answers merged)")
		d.Set.StatusReason = plain.StatusReason
	}
	var onlyPlain []int
	d.Set.Changes, onlyPlain = mergeChanges(set.Changes, plain.Changes)
	for _, at := range onlyPlain {
		if change := d.Set.Changes[at].ResourceChange; change != nil {
			d.WithoutValues[aws.ToString(change.LogicalResourceId)] = true
		}
	}
	return d
}

package cfn

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
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
	// Warnings are what CloudFormation warned of, and what was done about it.
	Warnings []string
	// Partial says that something of the set could not be read.
	Partial bool
}

// incomplete is how CloudFormation admits that it left changes out because it could not render their values. It keeps
// the status CREATE_COMPLETE and says so in the reason only (aws-cdk-cli issue 1780; recorded answers).
const incomplete = "[WARN] --include-property-values"

// maxNesting is far beyond what CloudFormation nests; it ends a cycle of ARNs that a broken answer could hold.
const maxNesting = 16

// DescribeComplete describes a change set with its property values: every page and every nested set. Where
// CloudFormation left changes out for want of values it describes the set again without them and merges the answers, so
// that nothing is lost and nothing doubled.
func DescribeComplete(ctx context.Context, client ChangeSetDescriber, changeSetARN string) (Description, error) {
	return describeComplete(ctx, client, changeSetARN, 0)
}

func describeComplete(ctx context.Context, client ChangeSetDescriber, arn string, depth int) (Description, error) {
	set, err := allPages(ctx, client, arn, true)
	if err != nil {
		return Description{}, err
	}
	d := Description{Set: set, Nested: map[string]Description{}}
	// The plain answer may list dependents that the one with values leaves out, warned or not (recorded answers), so it
	// is always read.
	plain, err := allPages(ctx, client, arn, false)
	if err != nil {
		return Description{}, err
	}
	d.merge(plain)
	for _, change := range d.Set.Changes {
		if change.ResourceChange == nil {
			continue
		}
		nested := aws.ToString(change.ResourceChange.ChangeSetId)
		if nested == "" {
			continue
		}
		if depth >= maxNesting {
			d.Partial = true
			d.Warnings = append(d.Warnings, "the nested change set "+nested+" lies too deep to be read")
			continue
		}
		child, err := describeComplete(ctx, client, nested, depth+1)
		if err != nil {
			return Description{}, fmt.Errorf("describe the nested change set of %s: %w", aws.ToString(change.ResourceChange.LogicalResourceId), err)
		}
		d.Nested[nested] = child
	}
	return d, nil
}

func allPages(ctx context.Context, client ChangeSetDescriber, arn string, values bool) (cloudformation.DescribeChangeSetOutput, error) {
	var whole cloudformation.DescribeChangeSetOutput
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: aws.String(arn), IncludePropertyValues: aws.Bool(values)}
	for first := true; ; first = false {
		page, err := client.DescribeChangeSet(ctx, in)
		if err != nil {
			return cloudformation.DescribeChangeSetOutput{}, err
		}
		if first {
			whole = *page
			whole.Changes = nil
		}
		whole.Changes = append(whole.Changes, page.Changes...)
		if aws.ToString(page.NextToken) == "" {
			whole.NextToken = nil
			return whole, nil
		}
		in = &cloudformation.DescribeChangeSetInput{ChangeSetName: in.ChangeSetName, IncludePropertyValues: in.IncludePropertyValues, NextToken: page.NextToken}
	}
}

// merge adds what only the answer without values lists, and takes its reason where the other was overwritten.
func (d *Description) merge(plain cloudformation.DescribeChangeSetOutput) {
	reason := aws.ToString(d.Set.StatusReason)
	if strings.Contains(reason, incomplete) {
		d.Warnings = append(d.Warnings, reason+" (described again without values, and both answers merged)")
		d.Set.StatusReason = plain.StatusReason
	}
	at := map[string]int{}
	for i, change := range d.Set.Changes {
		if change.ResourceChange != nil {
			at[aws.ToString(change.ResourceChange.LogicalResourceId)] = i
		}
	}
	for _, change := range plain.Changes {
		if change.ResourceChange == nil {
			d.Set.Changes = appendUnknown(d.Set.Changes, change)
			continue
		}
		i, known := at[aws.ToString(change.ResourceChange.LogicalResourceId)]
		if !known {
			d.Set.Changes = append(d.Set.Changes, change)
			continue
		}
		merged := *d.Set.Changes[i].ResourceChange
		mergeDetails(&merged, *change.ResourceChange)
		d.Set.Changes[i].ResourceChange = &merged
	}
}

// appendUnknown keeps changes of a type that is no resource: they are counted and shown, once.
func appendUnknown(changes []types.Change, change types.Change) []types.Change {
	for _, c := range changes {
		if c.ResourceChange == nil && c.Type == change.Type {
			return changes
		}
	}
	return append(changes, change)
}

func mergeDetails(into *types.ResourceChange, plain types.ResourceChange) {
	details := append([]types.ResourceChangeDetail(nil), into.Details...)
	for _, detail := range plain.Details {
		found := false
		for _, d := range details {
			found = found || sameDetail(d, detail)
		}
		if !found {
			details = append(details, detail)
		}
	}
	into.Details = details
}

func sameDetail(a, b types.ResourceChangeDetail) bool {
	if a.ChangeSource != b.ChangeSource || aws.ToString(a.CausingEntity) != aws.ToString(b.CausingEntity) {
		return false
	}
	if a.Target == nil || b.Target == nil {
		return a.Target == nil && b.Target == nil
	}
	if a.Target.Attribute != b.Target.Attribute {
		return false
	}
	// Tags and policies have no name; with values they have a path instead.
	return aws.ToString(a.Target.Name) == aws.ToString(b.Target.Name)
}

package events

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/tail"
)

// HookReader reads what a hook said: its verdict, and the annotations that tell how to satisfy it.
type HookReader interface {
	GetHookResult(ctx context.Context, in *cloudformation.GetHookResultInput, opts ...func(*cloudformation.Options)) (*cloudformation.GetHookResultOutput, error)
}

// hookVerdicts reads the results of the hooks that the events say failed. An event holds the hook's one sentence; the
// rules that it broke, and how to mend them, are in the result alone.
func hookVerdicts(ctx context.Context, client HookReader, events []tail.Event) (results []tail.HookResult, unread []string) {
	asked := map[string]bool{}
	for _, event := range events {
		if event.Hook == nil || event.Hook.InvocationID == "" || !strings.HasSuffix(event.Hook.Status, "_FAILED") || asked[event.Hook.InvocationID] {
			continue
		}
		if len(asked) == maxHookResults {
			unread = append(unread, fmt.Sprintf("Only the results of the first %d hooks that failed were read.", maxHookResults))
			break
		}
		asked[event.Hook.InvocationID] = true
		result, err := hookResult(ctx, client, event.Hook.InvocationID)
		if err != nil {
			unread = append(unread, unreadHook(event.Hook.Type, err))
			if refusedForGood(err) {
				break
			}
			continue
		}
		result.StackID, result.LogicalID = event.StackID, event.LogicalID
		results = append(results, result)
	}
	return results, unread
}

func hookResult(ctx context.Context, client HookReader, id string) (tail.HookResult, error) {
	out, err := client.GetHookResult(ctx, &cloudformation.GetHookResultInput{HookResultId: aws.String(id)})
	if err != nil {
		return tail.HookResult{}, err
	}
	return tail.FromHookResult(out), nil
}

func unreadHook(hook string, err error) string {
	return fmt.Sprintf("What the hook %s found in detail could not be read (cloudformation:GetHookResult): %s", hook, short(err))
}

// changeSetVerdicts reads the results of the hooks that looked at a change set. A change set that a hook denies has no
// event of it.
func changeSetVerdicts(ctx context.Context, client ChangeSetReader, arn string) (results []tail.HookResult, unread []string) {
	in := &cloudformation.ListHookResultsInput{TargetType: types.ListHookResultsTargetTypeChangeSet, TargetId: aws.String(arn)}
	for n := 0; n < maxStackPages; n++ {
		page, err := client.ListHookResults(ctx, in)
		if err != nil {
			return results, append(unread, "The results of hooks could not be read (cloudformation:ListHookResults): "+short(err))
		}
		results = append(results, tail.FromHookResults(page.HookResults)...)
		if !more(page.NextToken, in.NextToken) {
			break
		}
		in = &cloudformation.ListHookResultsInput{TargetType: in.TargetType, TargetId: in.TargetId, NextToken: page.NextToken}
	}
	asked := 0
	for i, known := range results {
		if known.ID == "" || !strings.HasSuffix(known.Status, "_FAILED") {
			continue
		}
		if asked == maxHookResults {
			unread = append(unread, fmt.Sprintf("Only the results of the first %d hooks that failed were read.", maxHookResults))
			break
		}
		asked++
		whole, err := hookResult(ctx, client, known.ID)
		if err != nil {
			unread = append(unread, unreadHook(known.Type, err))
			if refusedForGood(err) {
				break
			}
			continue
		}
		results[i] = whole.Over(known)
	}
	return results, unread
}

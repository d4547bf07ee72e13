package cfnsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"pgregory.net/rapid"

	"stackgate/internal/cfnsim"
)

// drawFamily puts random templates into the bucket and returns the root's. Names of templates stay, so that a stack
// that is updated without nested change sets meets new content behind an old address.
func drawFamily(r *rapid.T, b *bench, version int) string {
	draw := func(label string, values ...string) string {
		return rapid.SampledFrom(values).Draw(r, fmt.Sprintf("%d %s", version, label))
	}
	script := func(label string) string {
		return draw(label, "", "", "", "", "", "{FailOn: create}", "{FailOn: update}", "{FailOn: delete}", "{FailOn: rollback, Times: 1}", "{FailOn: [update, rollback], Times: 1}",
			"{FailOn: [create, rollback]}", "{Hook: {On: create}}", "{Hook: {On: delete, Times: 1}}", "{Hook: {On: update, Mode: WARN}}", "{Hook: {On: changeset, Times: 1}}", "{FailOn: [create, update], After: 900ms}")
	}
	resource := func(id, typeName, property, policies string) string {
		text := "  " + id + ":\n    Type: " + typeName + "\n" + policies
		if property != "" {
			text += "    Properties: {" + property + "}\n"
		}
		if s := script(id); s != "" {
			text += "    Metadata: {'Stackgate::Simulate': " + s + "}\n"
		}
		return text
	}
	leaf := func(id string) string {
		switch draw(id+" is", "topic", "named", "queue", "kept", "none") {
		case "topic":
			return resource(id, "AWS::SNS::Topic", "DisplayName: "+draw(id+" value", "a", "b"), "")
		case "named":
			return resource(id, "AWS::SNS::Topic", "TopicName: "+id+"-"+draw(id+" name", "a", "b", "c"), "")
		case "queue":
			return resource(id, "AWS::SQS::Queue", "VisibilityTimeout: "+draw(id+" seconds", "1", "2"), draw(id+" waits", "", "    DependsOn: Always\n"))
		case "kept":
			return resource(id, "AWS::SQS::Queue", "DelaySeconds: "+draw(id+" delay", "1", "2"), "    DeletionPolicy: Retain\n")
		default:
			return ""
		}
	}
	nested := func(id, file string) string {
		if draw(id+" is there", "yes", "yes", "no") == "no" {
			return ""
		}
		return resource(id, "AWS::CloudFormation::Stack", "TemplateURL: '"+bucketURL+file+"'", draw(id+" is kept", "", "", "", "    DeletionPolicy: Retain\n"))
	}
	const always = "Resources:\n  Always: {Type: AWS::SNS::Topic}\n"
	b.put("grandchild.yaml", always+leaf("G1")+leaf("G2"))
	b.put("child.yaml", always+leaf("C1")+nested("Grand", "grandchild.yaml")+"Outputs: {Name: {Value: !GetAtt Always.TopicName}}\n")
	b.put("other.yaml", always+leaf("O1"))
	root := always + leaf("R1") + leaf("R2") + nested("Other", "other.yaml")
	if child := nested("Child", "child.yaml"); child != "" {
		root += child
		if draw("reads output", "yes", "no") == "yes" {
			root += "  Reader: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt Child.Outputs.Name}}\n"
		}
	}
	return root
}

// attempt does one random thing to the stack; what the simulator refuses is refused.
func attempt(r *rapid.T, b *bench, step int) {
	name := aws.String("orders")
	choose := func(label string, values ...string) string {
		return rapid.SampledFrom(values).Draw(r, fmt.Sprintf("%d %s", step, label))
	}
	switch choose("do", "deploy", "deploy", "deploy", "deploy", "delete", "cancel", "continue", "force", "rollback", "retain", "force delete", "drop set", "delete a child") {
	case "deploy":
		body := drawFamily(r, b, step)
		kind := types.ChangeSetTypeCreate
		if out, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: name}); err == nil && out.Stacks[0].StackStatus != types.StackStatusReviewInProgress {
			kind = types.ChangeSetTypeUpdate
		}
		var onFailure types.OnStackFailure
		if kind == types.ChangeSetTypeCreate {
			onFailure = types.OnStackFailure(choose("on failure", "", "", string(types.OnStackFailureDelete), string(types.OnStackFailureDoNothing)))
		}
		set, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: name, OnStackFailure: onFailure, ChangeSetName: aws.String(fmt.Sprintf("set%d", step)), ChangeSetType: kind,
			TemplateBody: &body, IncludeNestedStacks: aws.Bool(choose("nested", "yes", "yes", "no") == "yes")})
		if err != nil {
			return
		}
		b.clock.tick(20 * time.Second)
		if choose("execute", "yes", "yes", "yes", "no") == "yes" {
			in := &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id}
			if onFailure == "" {
				in.DisableRollback = aws.Bool(choose("keep", "no", "no", "yes") == "yes")
			}
			in.RetainExceptOnCreate = aws.Bool(choose("retain except on create", "no", "no", "yes") == "yes")
			_, _ = b.ExecuteChangeSet(b.ctx, in)
		}
	case "delete a child":
		for path, id := range b.living("orders") {
			if path == "orders/Child" {
				_, _ = b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: &id})
			}
		}
	case "delete":
		_, _ = b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: name})
	case "cancel":
		_, _ = b.CancelUpdateStack(b.ctx, &cloudformation.CancelUpdateStackInput{StackName: name})
	case "continue":
		in := &cloudformation.ContinueUpdateRollbackInput{StackName: name}
		if skip := choose("skip", "", "R1", "Child"); skip != "" {
			in.ResourcesToSkip = []string{skip}
		}
		_, _ = b.ContinueUpdateRollback(b.ctx, in)
	case "force":
		_, _ = b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: name, ForceRollback: aws.Bool(true)})
	case "rollback":
		_, _ = b.RollbackStack(b.ctx, &cloudformation.RollbackStackInput{StackName: name})
	case "retain":
		_, _ = b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: name, RetainResources: []string{"R1"}})
	case "force delete":
		_, _ = b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: name, DeletionMode: types.DeletionModeForceDeleteStack})
	case "drop set":
		_, _ = b.DeleteChangeSet(b.ctx, &cloudformation.DeleteChangeSetInput{StackName: name, ChangeSetName: aws.String(fmt.Sprintf("set%d", step-1))})
	}
	b.clock.tick(time.Duration(rapid.SampledFrom([]int{0, 1, 3, 7, 15, 600, 600, 600}).Draw(r, fmt.Sprintf("%d seconds", step))) * time.Second)
}

// Whatever is done to a family of stacks, in the end every operation has ended, every row follows from the row before
// it, and nothing that was made is lost or owned twice.
func TestNothingIsLostInAnyFamily(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBench(t, func(o *cfnsim.Options) { o.PageSize = 10_000 })
		for step := range rapid.IntRange(1, 6).Draw(r, "steps") {
			attempt(r, b, step)
		}
		b.clock.tick(24 * time.Hour)
		out, err := b.ListStacks(b.ctx, &cloudformation.ListStacksInput{})
		if err != nil {
			r.Fatal(err)
		}
		all := map[string]types.Stack{}
		for _, s := range out.StackSummaries {
			all[*s.StackId] = b.stack(*s.StackId)
		}
		made, gone, owner := map[string]string{}, map[string]bool{}, map[string]string{}
		paused := false
		for id, s := range all {
			paused = paused || s.StackStatus == types.StackStatusCreateFailed || s.StackStatus == types.StackStatusUpdateFailed || s.StackStatus == types.StackStatusUpdateRollbackFailed
			checkAtRest(r, b, s, all)
			checkRows(r, b.events(id), s)
			for _, e := range b.events(id) {
				physical := aws.ToString(e.PhysicalResourceId)
				if physical == "" || *e.LogicalResourceId == *s.StackName {
					continue
				}
				if aws.ToString(e.ResourceStatusReason) == "Resource creation Initiated" {
					made[physical] = *s.StackName + "/" + *e.LogicalResourceId
				}
				switch e.ResourceStatus {
				case types.ResourceStatusDeleteComplete, types.ResourceStatusDeleteSkipped:
					gone[physical] = true
				case types.ResourceStatusDeleteFailed:
					// Let go by a clean-up, or still listed.
					gone[physical] = true
				}
			}
			for _, res := range b.resources(id) {
				if res.ResourceStatus == types.ResourceStatusDeleteComplete || res.ResourceStatus == types.ResourceStatusDeleteSkipped || res.PhysicalResourceId == nil {
					continue
				}
				physical := *res.PhysicalResourceId
				if owner[physical] != "" && *res.ResourceType != "AWS::SNS::Topic" {
					r.Fatalf("%s is in %s and in %s", physical, owner[physical], *s.StackName)
				}
				owner[physical] = *s.StackName + "/" + *res.LogicalResourceId
			}
		}
		for physical, where := range made {
			if paused {
				// What a paused operation has made twice shows only once it goes on.
				break
			}
			if owner[physical] == "" && !gone[physical] {
				r.Fatalf("%s, made as %s, is lost\n%s", physical, where, allStories(b, all))
			}
		}
		for id, s := range all {
			if !paused && s.ParentId != nil && s.StackStatus != types.StackStatusDeleteComplete && s.StackStatus != types.StackStatusReviewInProgress && owner[id] == "" && !gone[id] {
				r.Fatalf("the nested stack %s is %s and nobody's\n%s", *s.StackName, s.StackStatus, allStories(b, all))
			}
		}
	})
}

func allStories(b *bench, all map[string]types.Stack) string {
	var text strings.Builder
	for id, s := range all {
		text.WriteString(*s.StackName + ":\n" + story(b.events(id)) + "\n")
	}
	return text.String()
}

// checkAtRest wants a stack and its operations to have ended.
func checkAtRest(r *rapid.T, b *bench, s types.Stack, all map[string]types.Stack) {
	held := false
	for _, e := range b.operationEvents(cloudformation.DescribeEventsInput{StackName: s.StackId}) {
		if e.LogicalResourceId == nil && e.OperationId != nil && e.StartTime != nil && e.EndTime != nil && e.EndTime.Before(*e.StartTime) {
			r.Fatalf("an operation of %s ends before it begins", *s.StackName)
		}
	}
	if strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") && s.StackStatus != types.StackStatusReviewInProgress {
		// A nested stack waits while its root has stopped half-way.
		if s.RootId != nil && s.StackStatus == types.StackStatusUpdateCompleteCleanupInProgress {
			switch all[*s.RootId].StackStatus {
			case types.StackStatusUpdateFailed, types.StackStatusUpdateRollbackFailed, types.StackStatusDeleteFailed:
				held = true
			}
		}
		if !held {
			r.Fatalf("after a day %s is %s\n%s", *s.StackName, s.StackStatus, allStories(b, all))
		}
	}
}

// checkRows wants every row of a resource to follow from the one before it.
func checkRows(r *rapid.T, events []types.StackEvent, s types.Stack) {
	last := map[string]types.ResourceStatus{}
	for _, e := range events {
		id, status := *e.LogicalResourceId, e.ResourceStatus
		if id == *s.StackName {
			continue
		}
		action, result, _ := strings.Cut(string(status), "_")
		before, deletion := last[id], id+" "+aws.ToString(e.PhysicalResourceId)
		if action == "DELETE" {
			// Two resources of one logical id can be on their way out at once.
			if last[deletion] != "" {
				before = last[deletion]
			}
			last[deletion] = status
		} else {
			last[id] = status
			delete(last, deletion)
		}
		allowed := before == types.ResourceStatus(action+"_IN_PROGRESS")
		switch {
		case result == "IN_PROGRESS":
			allowed = true
		case status == types.ResourceStatusDeleteComplete, status == types.ResourceStatusDeleteSkipped:
			// What was never made has no beginning of its deletion, and a retained resource is skipped at once.
			allowed = allowed || status == types.ResourceStatusDeleteSkipped || strings.HasSuffix(string(before), "_FAILED")
		case status == types.ResourceStatusUpdateComplete:
			allowed = allowed || *e.ResourceType == "AWS::CloudFormation::Stack" || aws.ToString(e.ResourceStatusReason) == "Resource skipped during rollback"
		}
		if !allowed {
			r.Fatalf("%s of %s is %s after %s\n%s", id, *s.StackName, status, before, story(events))
		}
	}
}

// living names the stacks of a family by their paths, as far as the root is there.
func (b *bench) living(name string) map[string]string {
	if _, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: &name}); err != nil {
		return nil
	}
	return b.familyOf(name)
}

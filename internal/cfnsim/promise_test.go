package cfnsim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"pgregory.net/rapid"
)

// drawTemplate makes a template of a few resources that refer to each other and to a parameter, without circles.
func drawTemplate(r *rapid.T, label string) string {
	var body strings.Builder
	body.WriteString("Parameters: {P: {Type: String, Default: a}}\nResources:\n  Always: {Type: AWS::SNS::Topic}\n")
	var made []string
	for i := range 6 {
		if !rapid.Bool().Draw(r, fmt.Sprintf("%s has R%d", label, i)) {
			continue
		}
		id := fmt.Sprintf("R%d", i)
		fmt.Fprintf(&body, "  %s:\n    Type: %s\n    Properties:\n", id, []string{"AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Future::Thing"}[i%3])
		for _, property := range []string{"TopicName", "QueueName", "DisplayName", "VisibilityTimeout"} {
			value := rapid.SampledFrom(append([]string{"", "x", "y", "!Ref P", "!Sub 'in-${P}'"}, references(made)...)).Draw(r, label+" "+id+" "+property)
			// Names are unique per resource, as on AWS.
			if value != "" && strings.HasSuffix(property, "Name") && property != "DisplayName" {
				if strings.HasPrefix(value, "!") {
					continue
				}
				value += "-" + id
			}
			if value != "" {
				fmt.Fprintf(&body, "      %s: %s\n", property, value)
			}
		}
		body.WriteString("      Fixed: z\n")
		made = append(made, id)
	}
	return body.String()
}

func references(made []string) []string {
	var all []string
	for _, id := range made {
		all = append(all, "!Ref "+id, "!Sub 'a/${"+id+"}'")
		if id == "R0" || id == "R3" {
			all = append(all, "!GetAtt "+id+".TopicName", "!GetAtt "+id+".DisplayName")
		}
	}
	return all
}

// What a change set does not announce does not happen, what it announces as certain happens, and afterwards there is
// nothing left to do.
func TestExecutionKeepsThePromiseOfTheChangeSet(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBench(t)
		b.deploy(drawTemplate(r, "before"), parameter("P", "a"))
		after := drawTemplate(r, "after")
		given := parameter("P", rapid.SampledFrom([]string{"a", "b"}).Draw(r, "P"))
		set := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &after, Parameters: []types.Parameter{given}})
		if set.Status == types.ChangeSetStatusFailed {
			return
		}
		announced := map[string]*types.ResourceChange{}
		for _, c := range set.Changes {
			announced[*c.ResourceChange.LogicalResourceId] = c.ResourceChange
		}
		for _, c := range b.describe(set.ChangeSetId, true).Changes {
			if announced[*c.ResourceChange.LogicalResourceId] == nil {
				r.Fatalf("only the answer with values lists %s", *c.ResourceChange.LogicalResourceId)
			}
		}
		before, known := physicalIDs(b), len(b.events("orders"))
		if stack := b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId}); stack.StackStatus != types.StackStatusUpdateComplete {
			r.Fatalf("executed to %s:\n%s", stack.StackStatus, story(b.events("orders")))
		}
		touched := map[string]bool{}
		for _, e := range b.events("orders")[known:] {
			touched[*e.LogicalResourceId] = true
		}
		left := physicalIDs(b)
		for id := range touched {
			if id != "orders" && announced[id] == nil {
				r.Fatalf("%s was touched and not announced:\n%s", id, after)
			}
		}
		for id, change := range announced {
			replaced := before[id] != left[id]
			switch {
			case change.Action == types.ChangeActionRemove && left[id] != "", change.Action == types.ChangeActionAdd && left[id] == "":
				r.Fatalf("%s %s did not happen", change.Action, id)
			case change.Action == types.ChangeActionModify && change.Replacement == types.ReplacementTrue && !replaced:
				r.Fatalf("%s was to be replaced and is the same", id)
			case change.Action == types.ChangeActionModify && change.Replacement == types.ReplacementFalse && replaced:
				r.Fatalf("%s was replaced without announcement", id)
			}
		}
		again := b.create(cloudformation.CreateChangeSetInput{TemplateBody: &after, Parameters: []types.Parameter{given}})
		if again.Status != types.ChangeSetStatusFailed {
			r.Fatalf("after the execution there is still something to do:\n%s\n%s", lines(again), after)
		}
	})
}

func physicalIDs(b *bench) map[string]string {
	ids := map[string]string{}
	for _, resource := range b.resources("orders") {
		if resource.ResourceStatus != types.ResourceStatusDeleteComplete {
			ids[*resource.LogicalResourceId] = aws.ToString(resource.PhysicalResourceId)
		}
	}
	return ids
}

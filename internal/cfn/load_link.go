package cfn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// linkSets finds the root among change sets: the one that no other names as nested. A set whose stack another set
// changes, without naming the set (the ARN may have been taken out), is linked to it by the stack's ARN.
func linkSets(sets []*gathered) (*gathered, error) {
	if len(sets) > maxSets {
		return nil, fmt.Errorf("read change sets: %d of them are more than one operation can have (%d)", len(sets), maxSets)
	}
	named := map[string]bool{}
	for _, g := range sets {
		for _, id := range g.nested {
			named[id] = true
		}
	}
	var roots []*gathered
	for _, g := range sets {
		if !named[g.id] && !adopt(sets, g) {
			roots = append(roots, g)
		}
	}
	switch len(roots) {
	case 1:
		return roots[0], nil
	case 0:
		return nil, fmt.Errorf("read change sets: each of %s is nested in another of them, so none is the root", describeSets(sets))
	}
	return nil, fmt.Errorf("read change sets: %s do not belong together; give one change set and those of its nested stacks", describeSets(roots))
}

// adopt links a set to the resource change of its stack in another set.
func adopt(sets []*gathered, child *gathered) bool {
	stack := aws.ToString(child.set.StackId)
	if stack == "" {
		return false
	}
	for _, parent := range sets {
		if parent == child {
			continue
		}
		for i, change := range parent.set.Changes {
			c := change.ResourceChange
			if c == nil || aws.ToString(c.ResourceType) != nestedStackType || aws.ToString(c.PhysicalResourceId) != stack || aws.ToString(c.ChangeSetId) != "" {
				continue
			}
			linked := *c
			linked.ChangeSetId = aws.String(child.id)
			parent.set.Changes[i] = types.Change{Type: change.Type, ResourceChange: &linked, HookInvocationCount: change.HookInvocationCount}
			parent.nested = append(parent.nested, child.id)
			return true
		}
	}
	return false
}

func describeSets(sets []*gathered) string {
	names := make([]string, 0, len(sets))
	for _, g := range sets {
		names = append(names, fmt.Sprintf("%s of stack %s (%s)", nameOf(aws.ToString(g.set.ChangeSetName), g.id), aws.ToString(g.set.StackName), strings.Join(slices.Compact(slices.Clone(g.files)), ", ")))
	}
	return strings.Join(names, " and ")
}

func nameOf(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// maxSets bounds the nested sets of one description. CloudFormation allows 2,500 resources in an operation.
const maxSets = 2500

// assemble makes the description of a set and those nested in it. Above holds the sets around it: a set that is nested
// in itself is read once. Budget counts down the sets that may still be read.
func assemble(sets []*gathered, g *gathered, above []string, budget *int) Description {
	d := Description{Set: g.set, Nested: map[string]Description{}, WithoutValues: g.plain}
	above = append(slices.Clone(above), g.id)
	if g.warned && !g.full {
		d.Partial = true
		d.Warnings = append(d.Warnings, aws.ToString(g.set.StatusReason), "partial: CloudFormation left changes out of this answer; save a second one without --include-property-values and give both")
	}
	switch {
	case !g.last:
		d.Partial = true
		d.Warnings = append(d.Warnings, "partial: the last page of "+g.name()+" that was given says that another follows (NextToken); give the pages after it as well")
	case g.pages > 0:
		d.Limits = append(d.Limits, "Read from several saved pages: the last is there, but whether one between is missing cannot be told.")
	}
	for _, id := range g.nested {
		at := slices.IndexFunc(sets, func(s *gathered) bool { return s.id == id })
		switch {
		case at < 0:
			d.Partial = true
			d.Warnings = append(d.Warnings, "partial: the nested change set "+id+" was not given")
		case slices.Contains(above, id):
			d.Partial = true
			d.Warnings = append(d.Warnings, "partial: the change set "+id+" is nested in itself")
		case len(above) > maxNesting || *budget <= 0:
			d.Partial = true
			d.Warnings = append(d.Warnings, "partial: the nested change set "+id+" lies too deep to be read")
		default:
			if _, done := d.Nested[id]; !done {
				*budget--
				d.Nested[id] = assemble(sets, sets[at], above, budget)
			}
		}
	}
	return d
}

func (g *gathered) name() string {
	return "change set " + nameOf(aws.ToString(g.set.ChangeSetName), g.id)
}

const nestedStackType = "AWS::CloudFormation::Stack"

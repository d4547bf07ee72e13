package rendertest

import (
	"fmt"
	"strings"

	"stackgate/internal/plan"
)

// Generated is a review of n changes, as mixed as those of a large deployment: mostly updates and tags, some of
// everything else, a fifth of them in nested stacks.
func Generated(n int) plan.Review {
	items := make([]plan.Item, 0, n)
	for i := range n {
		items = append(items, generatedItem(i))
	}
	r := review(items)
	r.Verdict = fmt.Sprintf("Changes %d resources; the worst of them is %s.", n, r.Level)
	r.Completeness.NestedChangeSets = min(n/10, 4)
	cluster := plan.Cluster{Summary: `tag cost-centre "4710" → "4711"`, Impact: plan.ImpactTagsOnly}
	for _, item := range r.Items {
		switch item.Impact {
		case plan.ImpactTagsOnly:
			cluster.Paths = append(cluster.Paths, item.Path)
		case plan.ImpactSecurityBroadened:
			r.Security = append(r.Security, plan.SecurityFinding{
				Path: item.Path, Type: item.Type, Kind: plan.SecurityIdentityPolicy, Direction: plan.DirectionWidened, Effect: "Allow",
				After: "dynamodb:* on *", Before: "dynamodb:GetItem on orders", Summary: item.Path + " may do more on every table",
			})
		}
	}
	if len(cluster.Paths) > 1 {
		r.Clusters = []plan.Cluster{cluster}
	}
	return r
}

func generatedItem(i int) plan.Item {
	kinds := []struct {
		impact      plan.Impact
		stateful    plan.Statefulness
		kind        string
		action      string
		replacement string
	}{
		{plan.ImpactModify, plan.StatefulNone, "AWS::Lambda::Function", "Modify", "False"},
		{plan.ImpactTagsOnly, plan.StatefulInFlight, "AWS::SQS::Queue", "Modify", "False"},
		{plan.ImpactAdd, plan.StatefulNone, "AWS::CloudWatch::Alarm", "Add", ""},
		{plan.ImpactModify, plan.StatefulNone, "AWS::ECS::TaskDefinition", "Modify", "False"},
		{plan.ImpactTagsOnly, plan.StatefulNone, "AWS::Logs::LogGroup", "Modify", "False"},
		{plan.ImpactMayReplace, plan.StatefulNone, "AWS::EC2::Instance", "Modify", "Conditional"},
		{plan.ImpactTagsOnly, plan.StatefulInFlight, "AWS::SNS::Topic", "Modify", "False"},
		{plan.ImpactDestroy, plan.StatefulNone, "AWS::Lambda::Permission", "Remove", ""},
		{plan.ImpactModify, plan.StatefulNone, "AWS::Events::Rule", "Modify", "False"},
		{plan.ImpactSecurityBroadened, plan.StatefulNone, "AWS::IAM::Role", "Modify", "False"},
		{plan.ImpactTagsOnly, plan.StatefulNone, "AWS::StepFunctions::StateMachine", "Modify", "False"},
	}
	k := kinds[i%len(kinds)]
	if i%97 == 13 {
		k = kinds[0]
		k.impact, k.stateful, k.kind, k.replacement = plan.ImpactReplaceDelete, plan.StatefulData, "AWS::DynamoDB::Table", "True"
	}
	id := fmt.Sprintf("Resource%04d", i)
	path := id
	if i%5 == 4 {
		path = fmt.Sprintf("Nested%d/%s", i%4, id)
	}
	item := plan.Item{
		Path: path, LogicalID: id, PhysicalID: "shop-" + strings.ToLower(id), Type: k.kind, Action: k.action,
		Replacement: k.replacement, Impact: k.impact, Level: k.impact.Level(k.stateful), Stateful: k.stateful,
		Sentence: k.impact.Sentence(),
	}
	switch {
	case k.action == "Add":
		item.PhysicalID = ""
	case k.impact == plan.ImpactReplaceDelete:
		item.PolicyAction = "ReplaceAndDelete"
		item.Properties = []plan.Property{modify("/Properties/TableName", "orders", "orders-prod")}
		item.Properties[0].Recreation = plan.RecreationAlways
	case k.impact == plan.ImpactTagsOnly:
		item.Properties = []plan.Property{modify("/Properties/Tags/0/Value", "4710", "4711")}
		item.Properties[0].Attribute = "Tags"
	case k.action == "Modify":
		item.Unchanged = i % 9
		for p := range 1 + i%4 {
			item.Properties = append(item.Properties, modify(fmt.Sprintf("/Properties/Settings/Key%d", p),
				fmt.Sprintf("arn:aws:s3:::shop-artifacts/%04d/a1f0c3.zip", i), fmt.Sprintf("arn:aws:s3:::shop-artifacts/%04d/b27c90.zip", i)))
		}
		if i%7 == 0 {
			item.CausedBy = []string{"Resource0000"}
		}
	}
	return item
}

package rendertest

import (
	"fmt"

	"stackgate/internal/plan"
)

// Orders is the review of the mocks in REVIEW.md section 3.
func Orders() plan.Review {
	items := append(ordersCritical(), ordersChanged()...)
	for n := range 423 {
		id := fmt.Sprintf("Worker%03d", n)
		tag := modify("/Properties/Tags/0/Value", "4710", "4711")
		tag.Attribute, tag.TagKey = "Tags", "cost-centre"
		items = append(items, plan.Item{
			Path: "Workers/" + id, LogicalID: id, PhysicalID: "shop-worker-" + id, Type: "AWS::SQS::Queue", Action: "Modify",
			Replacement: "False", Scope: []string{"Tags"}, Impact: plan.ImpactTagsOnly, Level: plan.LevelInfo,
			Stateful: plan.StatefulInFlight, Sentence: "only its tags change", Properties: []plan.Property{tag},
		})
	}
	r := review(items)
	r.Verdict = "Replaces 1 table and deletes its data; widens 1 role and 1 security group; 4 other changes; 423 tag-only."
	r.Completeness.NestedChangeSets = 2
	cluster := plan.Cluster{Summary: `tag cost-centre "4710" → "4711"`, Impact: plan.ImpactTagsOnly}
	for _, item := range r.Items {
		if item.Impact == plan.ImpactTagsOnly {
			cluster.Paths = append(cluster.Paths, item.Path)
		}
	}
	r.Clusters = []plan.Cluster{cluster}
	r.Security = []plan.SecurityFinding{
		{
			Path: "ApiSecurityGroup", Type: "AWS::EC2::SecurityGroup", Kind: plan.SecurityNetworkIngress,
			Direction: plan.DirectionWidened, Effect: "In", After: "tcp 443 from 0.0.0.0/0", Before: "10.0.0.0/8", Everyone: true,
			Summary: "tcp 443 is opened to the whole internet",
		},
		{
			Path: "OrdersRole", Type: "AWS::IAM::Role", Kind: plan.SecurityIdentityPolicy, Direction: plan.DirectionWidened,
			Effect: "Allow", After: "dynamodb:* on *", Before: "dynamodb:GetItem on OrdersTable",
			Summary: "OrdersRole may do more on every table",
		},
	}
	r.Drift = plan.Drift{Checked: true, Status: "DRIFTED", Overwrites: []string{"OrdersFn"}, Unsupported: []string{"OrdersStream"}}
	r.Parameters = []plan.Parameter{
		{Name: "TableName", Change: plan.ChangeModify, Before: text("shop-orders"), After: text("shop-orders-prod")},
		{Name: "Memory", Change: plan.ChangeModify, Before: text("1024"), After: text("2048")},
		{Name: "DbPassword", Change: plan.ChangeModify, Sensitive: true, Supply: plan.SupplyAnew},
	}
	r.Tags = []plan.Tag{{Key: "cost-centre", Change: plan.ChangeModify, Before: text("4710"), After: text("4711")}}
	r.Capabilities = []plan.Capability{{Name: "CAPABILITY_IAM", Change: plan.ChangeNone}}
	r.Settings = []plan.Setting{{Name: "OnStackFailure", Change: plan.ChangeNone, Before: text("ROLLBACK"), After: text("ROLLBACK")}}
	r.Unpinned = []plan.Unpinned{{
		Path: "WorkerTask", Property: "ContainerDefinitions[0].Image", Kind: plan.UnpinnedImageTag,
		Summary: "WorkerImage uses tag :stable; its content can change after approval",
	}}
	r.Limits = []string{
		"A change set does not say whether the update will succeed.",
		"Values marked (known after apply) are decided while CloudFormation runs.",
	}
	return r
}

func ordersCritical() []plan.Item {
	name := modify("/Properties/TableName", "shop-orders", "shop-orders-prod")
	name.Recreation = plan.RecreationAlways
	name.Causes = []plan.Cause{
		{Source: "ParameterReference", Entity: "TableName", Evaluation: "static"},
		{Source: "DirectModification", Evaluation: "dynamic"},
	}
	stream := plan.Property{
		Path: "/Properties/Name", Attribute: "Properties", Change: plan.ChangeModify, Before: text("shop-orders-str-1XQ"),
		KnownAfterApply: true, Encoding: plan.EncodingString, Recreation: plan.RecreationConditionally,
		Causes: []plan.Cause{{Source: "ResourceReference", Entity: "OrdersTable", Evaluation: "dynamic"}},
	}
	deletion := modify("/DeletionPolicy", "Retain", "Delete")
	deletion.Attribute = "DeletionPolicy"
	return []plan.Item{
		{
			Path: "OrdersTable", LogicalID: "OrdersTable", PhysicalID: "shop-orders", Type: "AWS::DynamoDB::Table",
			Action: "Modify", Replacement: "True", PolicyAction: "ReplaceAndDelete", Scope: []string{"Properties"},
			Impact: plan.ImpactReplaceDelete, Level: plan.LevelCritical, Stateful: plan.StatefulData,
			Sentence: "replaced; the old table shop-orders is deleted with its data",
			Notes:    []string{"It has no UpdateReplacePolicy."}, Properties: []plan.Property{name}, Unchanged: 6,
			KnockOn: []string{"OrdersFn", "OrdersStream", "Alarms/TableThrottle"},
		},
		{
			Path: "AuditBucket", LogicalID: "AuditBucket", PhysicalID: "shop-audit-prod", Type: "AWS::S3::Bucket",
			Action: "Modify", Replacement: "False", Scope: []string{"DeletionPolicy"}, Impact: plan.ImpactProtectionLoss,
			Level: plan.LevelCritical, Stateful: plan.StatefulData,
			Sentence:    "protection removed: DeletionPolicy Retain -> Delete (nothing is deleted by this plan)",
			Protections: []plan.ProtectionLoss{{Path: "/DeletionPolicy", Summary: "DeletionPolicy Retain -> Delete"}},
			Properties:  []plan.Property{deletion}, Unchanged: 4,
		},
		{
			Path: "OrdersStream", LogicalID: "OrdersStream", PhysicalID: "shop-orders-str-1XQ", Type: "AWS::Kinesis::Stream",
			Action: "Modify", Replacement: "Conditional", Scope: []string{"Properties"}, Impact: plan.ImpactMayReplace,
			Level: plan.LevelHigh, Stateful: plan.StatefulData, Sentence: "may be replaced: its Name is known only while it runs",
			Properties: []plan.Property{stream}, CausedBy: []string{"OrdersTable"},
		},
	}
}

func ordersChanged() []plan.Item {
	table := modify("/Properties/Environment/Variables/TABLE", "shop-orders", "")
	table.After, table.KnownAfterApply = nil, true
	table.Causes = []plan.Cause{{Source: "ResourceReference", Entity: "OrdersTable", Evaluation: "dynamic"}}
	key := modify("/Properties/Environment/Variables/API_KEY", "", "")
	key.Before, key.After, key.Sensitive = nil, nil, true
	timeout := modify("/Properties/Timeout", "30", "30")
	timeout.Encoding, timeout.Change = plan.EncodingJSON, plan.ChangeNone
	timeout.Drift = &plan.PropertyDrift{Live: text("60"), LastDeployed: text("30")}
	dimension := modify("/Properties/Dimensions/0/Value", "shop-orders", "")
	dimension.After, dimension.KnownAfterApply = nil, true
	dimension.Causes = table.Causes
	policy := modify("/Properties/Policies", "[]", "[]")
	policy.Encoding = plan.EncodingJSON
	policy.Edits = []plan.Edit{
		{Path: "/0/PolicyDocument/Statement/0/Action", Label: "[PolicyName=table].PolicyDocument.Statement[Sid=Read].Action",
			Change: plan.ChangeModify, Before: text(`"dynamodb:GetItem"`), After: text(`"dynamodb:*"`)},
		{Path: "/0/PolicyDocument/Statement/0/Resource", Label: "[PolicyName=table].PolicyDocument.Statement[Sid=Read].Resource",
			Change: plan.ChangeModify, Before: text(`"arn:aws:dynamodb:eu-west-1:222222222222:table/shop-orders"`), After: text(`"*"`)},
	}
	ingress := modify("/Properties/SecurityGroupIngress/0/CidrIp", "10.0.0.0/8", "0.0.0.0/0")
	user := modify("/Properties/UserData", "", "")
	user.Encoding, user.Before, user.After = plan.EncodingText, text("#!/bin/sh\nold"), text("#!/bin/sh\nnew")
	user.Edits = []plan.Edit{{Change: plan.ChangeModify, Lines: []plan.Line{
		{Op: " ", Text: "#!/bin/sh"}, {Op: "@", Text: "12 unchanged lines"}, {Op: "-", Text: "exec worker --queue orders"},
		{Op: "+", Text: "exec worker --queue orders --batch 10"},
	}}}
	return []plan.Item{
		{
			Path: "OrdersFn", LogicalID: "OrdersFn", PhysicalID: "shop-orders-fn", Type: "AWS::Lambda::Function", Action: "Modify",
			Replacement: "False", Scope: []string{"Properties"}, Impact: plan.ImpactModify, Level: plan.LevelLow,
			Stateful: plan.StatefulNone, Sentence: "updated in place", Unchanged: 14, CausedBy: []string{"OrdersTable"},
			Properties:  []plan.Property{modify("/Properties/Code/S3Key", "a1f0c3.zip", "b27c90.zip"), table, key, timeout},
			DriftStatus: "MODIFIED",
		},
		{
			Path: "Alarms/TableThrottle", LogicalID: "TableThrottle", PhysicalID: "shop-orders-throttle",
			Type: "AWS::CloudWatch::Alarm", Action: "Modify", Replacement: "False", Scope: []string{"Properties"},
			Impact: plan.ImpactModify, Level: plan.LevelLow, Stateful: plan.StatefulNone, Sentence: "updated in place",
			Properties: []plan.Property{dimension}, CausedBy: []string{"OrdersTable"},
		},
		{
			Path: "WorkerTask", LogicalID: "WorkerTask", PhysicalID: "shop-worker", Type: "AWS::EC2::LaunchTemplate",
			Action: "Modify", Replacement: "False", Scope: []string{"Properties"}, Impact: plan.ImpactModify, Level: plan.LevelLow,
			Stateful: plan.StatefulNone, Sentence: "updated in place", Properties: []plan.Property{user},
		},
		{
			Path: "OrdersRole", LogicalID: "OrdersRole", PhysicalID: "shop-orders-role", Type: "AWS::IAM::Role", Action: "Modify",
			Replacement: "False", Scope: []string{"Properties"}, Impact: plan.ImpactSecurityBroadened, Level: plan.LevelHigh,
			Stateful: plan.StatefulNone, Sentence: "permissions widened", Properties: []plan.Property{policy},
		},
		{
			Path: "ApiSecurityGroup", LogicalID: "ApiSecurityGroup", PhysicalID: "sg-0a1b2c3d", Type: "AWS::EC2::SecurityGroup",
			Action: "Modify", Replacement: "False", Scope: []string{"Properties"}, Impact: plan.ImpactSecurityBroadened,
			Level: plan.LevelHigh, Stateful: plan.StatefulNone, Sentence: "permissions widened",
			Properties: []plan.Property{ingress},
		},
		{
			Path: "OrdersDlq", LogicalID: "OrdersDlq", Type: "AWS::SQS::Queue", Action: "Add", Impact: plan.ImpactAdd,
			Level: plan.LevelLow, Stateful: plan.StatefulInFlight, Sentence: "created",
			Properties: []plan.Property{{
				Path: "/Properties/MessageRetentionPeriod", Attribute: "Properties", Change: plan.ChangeAdd, After: text("1209600"),
				Encoding: plan.EncodingJSON, Recreation: plan.RecreationNever,
			}},
		},
		{
			Path: "Alarms", LogicalID: "Alarms", PhysicalID: stackID, Type: "AWS::CloudFormation::Stack", Action: "Modify",
			Replacement: "False", Scope: []string{"Properties"}, Impact: plan.ImpactModify, Level: plan.LevelLow,
			Stateful: plan.StatefulNone, Sentence: "updated in place", Children: &plan.Children{
				ChangeSetID: changeSetID, Total: 1, Level: plan.LevelLow, ByImpact: map[plan.Impact]int{plan.ImpactModify: 1},
			},
		},
	}
}

package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/eventbridge"
)

// The stack events that target accounts forward, as the bus's policy names them.
var stackEvents = eventbridge.StackPattern()

// newBus makes the bus that the target accounts send their stack events to. Nobody can write such an event by hand:
// EventBridge refuses entries whose source begins with "aws." (API PutEventsRequestEntry), and the policy takes no other.
func (h *hub) newBus() awsevents.EventBus {
	bus := awsevents.NewEventBus(h.stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(installation.BusName), Description: jsii.String("Stack events of the target accounts"),
	})
	roots := []string{}
	for _, account := range h.accounts() {
		roots = append(roots, "arn:"+h.Settings.Partition()+":iam::"+account+":root")
	}
	if len(roots) == 0 {
		return bus
	}
	equals := map[string]any{"events:detail-type": stackEvents["detail-type"]}
	if id := h.Settings.OrganizationID; id != "" {
		equals["aws:PrincipalOrgID"] = id
	}
	// Not by CDK's own class for it, which warns of a deprecated property that is not used.
	awscdk.NewCfnResource(h.stack, jsii.String("BusPolicy"), &awscdk.CfnResourceProps{
		Type: jsii.String("AWS::Events::EventBusPolicy"),
		Properties: &map[string]any{"EventBusName": bus.EventBusName(), "StatementId": "StackEventsOfTargets", "Statement": map[string]any{
			"Sid": "StackEventsOfTargets", "Effect": "Allow", "Principal": map[string]any{"AWS": roots},
			"Action": "events:PutEvents", "Resource": bus.EventBusArn(),
			// As AWS's own example has it (EventBridge user guide, "Send events to a custom bus in a different account").
			"Condition": map[string]any{
				"ForAllValues:StringEquals": map[string]any{"events:source": stackEvents["source"]},
				"StringEquals":              equals,
			},
		}},
	})
	return bus
}

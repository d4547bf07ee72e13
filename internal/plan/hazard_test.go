package plan_test

import (
	"slices"
	"testing"

	"stackgate/internal/plan"
)

func TestHazards(t *testing.T) {
	of := func(impact plan.Impact, stateful plan.Statefulness, also ...plan.Impact) plan.Review {
		i := plan.Item{Path: "A", Impact: impact, Stateful: stateful, Also: also, Level: impact.Level(stateful)}
		return plan.Review{Items: []plan.Item{i}, Level: i.Level, Completeness: plan.Completeness{Reported: 1, Shown: 1}}
	}
	finding := func(kind plan.SecurityKind, direction plan.Direction) plan.Review {
		r := of(plan.ImpactModify, plan.StatefulNone)
		r.Security = []plan.SecurityFinding{{Path: "A", Kind: kind, Direction: direction}}
		return r
	}
	partial := of(plan.ImpactModify, plan.StatefulNone)
	partial.Completeness.Partial = true
	all := plan.Hazards()
	tests := []struct {
		name string
		r    plan.Review
		want []plan.Hazard
	}{
		{"update", of(plan.ImpactModify, plan.StatefulData), nil},
		{"replaced without data", of(plan.ImpactReplaceDelete, plan.StatefulNone), []plan.Hazard{plan.HazardReplace}},
		{"replaced with data", of(plan.ImpactReplaceDelete, plan.StatefulData), []plan.Hazard{plan.HazardReplace, plan.HazardStatefulLoss, plan.HazardCritical}},
		{"may be replaced with data", of(plan.ImpactMayReplace, plan.StatefulData), []plan.Hazard{plan.HazardReplace, plan.HazardStatefulLoss}},
		{"replaced, old kept", of(plan.ImpactReplaceRetain, plan.StatefulData), []plan.Hazard{plan.HazardReplace}},
		{"deleted queue", of(plan.ImpactDestroy, plan.StatefulInFlight), []plan.Hazard{plan.HazardStatefulLoss, plan.HazardCritical}},
		{"deleted function", of(plan.ImpactDestroy, plan.StatefulNone), nil},
		{"deleted after a snapshot", of(plan.ImpactDestroySnapshot, plan.StatefulData), nil},
		{"protection", of(plan.ImpactProtectionLoss, plan.StatefulNone), []plan.Hazard{plan.HazardProtectionLoss}},
		{"protection beside a replacement", of(plan.ImpactReplaceDelete, plan.StatefulNone, plan.ImpactProtectionLoss), []plan.Hazard{plan.HazardReplace, plan.HazardProtectionLoss}},
		{"unknown", of("FUTURE", plan.StatefulNone), all},
		{"policy widened", finding(plan.SecurityIdentityPolicy, plan.DirectionWidened), []plan.Hazard{plan.HazardIAMBroadened}},
		{"policy unclear", finding(plan.SecurityTrustPolicy, plan.DirectionUnclear), []plan.Hazard{plan.HazardIAMBroadened}},
		{"policy narrowed", finding(plan.SecurityIdentityPolicy, plan.DirectionNarrowed), nil},
		{"opened", finding(plan.SecurityNetworkIngress, plan.DirectionWidened), []plan.Hazard{plan.HazardExposed}},
		{"partial", partial, all},
		{"nothing", plan.Review{Level: plan.LevelInfo}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []plan.Hazard
			for _, hazard := range plan.Hazards() {
				if len(tt.r.Hazardous(hazard)) > 0 {
					got = append(got, hazard)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestEverySecurityKindIsAHazard(t *testing.T) {
	for _, kind := range append(plan.SecurityKinds(), "future") {
		r := plan.Review{Security: []plan.SecurityFinding{{Kind: kind, Direction: plan.DirectionWidened}}, Level: plan.LevelHigh}
		if len(r.Hazardous(plan.HazardIAMBroadened))+len(r.Hazardous(plan.HazardExposed)) != 1 {
			t.Errorf("%s is %v and %v", kind, r.Hazardous(plan.HazardIAMBroadened), r.Hazardous(plan.HazardExposed))
		}
	}
}

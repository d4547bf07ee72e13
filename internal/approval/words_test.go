package approval_test

import (
	"testing"

	"stackgate/internal/approval"
)

func TestWhoseApprovalRemains(t *testing.T) {
	review := approval.Review{RequestedBy: "ana", OnBehalfOf: []string{"cy"}}
	for want, c := range map[string]struct {
		policy approval.Policy
		tally  approval.Tally
	}{
		"2 people, not ana or cy, who requested it": {approval.Policy{Count: 2}, approval.Tally{Needed: 2}},
		"1 more, not ana or cy or bo":               {approval.Policy{Count: 2}, approval.Tally{Given: 1, Needed: 2, By: []string{"bo"}}},
		"2 more, not Ana":                           {approval.Policy{Count: 3, Self: approval.SelfRecorded}, approval.Tally{Given: 1, Needed: 3, By: []string{"Ana"}}},
	} {
		if got := c.policy.Remaining(review, c.tally); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

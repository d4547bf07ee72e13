package store_test

import (
	"errors"
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// TestARecordWaivesNothing: every function can write records, and none but the installed policy says who must agree.
func TestARecordWaivesNothing(t *testing.T) {
	loose := approval.Policy{When: approval.Never, Count: 1, Self: approval.SelfRecorded, ExpiresAfter: 1}
	two := approval.Default()
	two.Count = 2
	dangerous := approval.Default()
	dangerous.When = approval.Dangerous
	yes := func(by string) approval.Decision {
		return approval.Decision{By: by, Verdict: approval.Approve, ChangeSetID: "arn:set", Digest: "sha256:d"}
	}
	for name, c := range map[string]struct {
		need           deployment.ApprovalNeed
		own, installed approval.Policy
		decisions      []approval.Decision
		approved       bool
	}{
		"waived by the record":                                     {deployment.ApprovalNotRequired, loose, approval.Default(), nil, false},
		"waived, and by nobody's rule known":                       {deployment.ApprovalNotRequired, loose, approval.Policy{When: "whenever"}, nil, false},
		"waived by the review, which may":                          {deployment.ApprovalNotRequired, dangerous, dangerous, nil, true},
		"waived by the review, before an upgrade that asks always": {deployment.ApprovalNotRequired, dangerous, approval.Default(), nil, false},
		"waived by both policies":                                  {deployment.ApprovalNotRequired, loose, loose, nil, true},
		"the record lets requesters approve":                       {deployment.ApprovalRequired, loose, approval.Default(), []approval.Decision{yes("ana")}, false},
		"the record asks for one":                                  {deployment.ApprovalRequired, approval.Default(), two, []approval.Decision{yes("bo")}, false},
		"the record asks for two":                                  {deployment.ApprovalRequired, two, approval.Default(), []approval.Decision{yes("bo")}, false},
		"as both ask":                                              {deployment.ApprovalRequired, two, two, []approval.Decision{yes("bo"), yes("cy")}, true},
		"a plan":                                                   {deployment.ApprovalNotAsked, loose, loose, nil, false},
		"a need that nobody knows":                                 {"perhaps", loose, loose, nil, false},
		"no need":                                                  {"", loose, loose, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := store.Record{ID: "orders-prod-20261126T120000Z-7q4k2mxa", RequestedBy: "ana", Policy: c.own}
			r.ChangeSet.ARN, r.Review.Digest, r.Review.Approval = "arn:set", "sha256:d", c.need
			err := store.CheckApproved(func(string, string) (approval.Policy, error) { return c.installed, nil }, r, c.decisions)
			if (err == nil) != c.approved || err != nil && deployment.FaultOf(err) != deployment.NotApproved {
				t.Errorf("%v", err)
			}
		})
	}
	r := store.Record{Policy: loose}
	r.Review.Approval = deployment.ApprovalNotRequired
	if err := store.CheckApproved(func(string, string) (approval.Policy, error) { return approval.Policy{}, errors.New("gone") }, r, nil); err == nil {
		t.Error("approved although the installed policy is not known")
	}
}

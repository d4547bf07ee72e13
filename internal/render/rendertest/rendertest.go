// Package rendertest builds reviews for the tests of the renderers, the same ones on every run. It is imported by tests
// only, and knows nothing of how a review is made from a change set.
package rendertest

import (
	"fmt"
	"slices"
	"time"

	"stackgate/internal/plan"
)

// Case is a named review that every renderer has golden files for.
type Case struct {
	Name   string
	Review plan.Review
	// Large: the rendering is too long to be kept whole.
	Large bool
}

// Cases lists every case.
func Cases() []Case {
	return []Case{
		{Name: "empty", Review: Empty()},
		{Name: "one", Review: Generated(1)},
		{Name: "orders", Review: Orders()},
		{Name: "20", Review: Generated(20)},
		{Name: "500", Review: Generated(500), Large: true},
		{Name: "2000", Review: Generated(2000), Large: true},
		{Name: "impacts", Review: EveryImpact()},
		{Name: "words", Review: EveryWord()},
		{Name: "hostile", Review: Hostile(), Large: true},
		{Name: "file", Review: File()},
		{Name: "partial", Review: Partial()},
	}
}

// Now is the time at which the tests look at the reviews: a minute after Orders was made.
func Now() time.Time { return time.Date(2026, 11, 22, 14, 4, 3, 0, time.UTC) }

const (
	stackID     = "arn:aws:cloudformation:eu-west-1:222222222222:stack/shop-orders-prod/6f1c1a60-aaaa-11f0-8de9-0242ac120002"
	changeSetID = "arn:aws:cloudformation:eu-west-1:222222222222:changeSet/orders-prod-20261122T140203Z-7q4k2mxa/0d3c"
	digest      = "sha256:be071f4490aa5c9e3b1d2f40718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4"
)

func target() plan.Target {
	return plan.Target{
		Account: "222222222222", AccountAlias: "shop-prod", Region: "eu-west-1",
		StackName: "shop-orders-prod", StackID: stackID,
		ChangeSetID: changeSetID, ChangeSetName: "orders-prod-20261122T140203Z-7q4k2mxa", ChangeSetType: "UPDATE",
	}
}

func deployment() *plan.Deployment {
	created := time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)
	return &plan.Deployment{
		ID: "orders-prod-20261122T140203Z-7q4k2mxa", CorrelationID: "ci-812", Service: "orders", Environment: "prod",
		RequestedBy: "j.doe (SSO)", RequesterVerified: true, Commit: "9f3c1ab0c2d4e6f8091a2b3c4d5e6f7081920a1b",
		CommitSubject: "Rename orders table", CIRun: "GitHub Actions run 812",
		PullRequest: "https://git.example.com/shop/orders/pull/77",
		ReviewURL:   "https://deploy.example.com/r/orders-prod-20261122T140203Z-7q4k2mxa",
		CreatedAt:   created, ExpiresAt: created.Add(24 * time.Hour),
		Previous: &plan.Previous{
			ID: "orders-prod-20261119T090000Z-6zp0ttbc", Commit: "88aa01f5c2d4e6f8091a2b3c4d5e6f7081920a1b",
			At: time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC),
		},
		PromotedFrom: "staging",
	}
}

// review fills in what follows from the items.
func review(items []plan.Item) plan.Review {
	slices.SortStableFunc(items, plan.CompareItems)
	r := plan.Review{
		Schema: plan.Schema, Deployment: deployment(), Target: target(), Level: plan.LevelInfo, Items: items,
		Counts: plan.Counts{Total: len(items), ByImpact: map[plan.Impact]int{}, ByLevel: map[plan.Level]int{}},
		SecurityScope: "Covers IAM, resource policies and security groups. Custom resources are not analysed; " +
			"there may be security-related changes that are not in this list.",
		Limits:         []string{"A change set does not say whether the update will succeed."},
		MaskingVersion: "1", PolicyVersion: "3",
		RequestDigest: "sha256:41d0c9e2f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829c9e2",
		ContentDigest: "sha256:77d0c9e2f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071829c9e2",
		Digest:        digest,
	}
	ack := 0
	for i := range items {
		if items[i].Level == plan.LevelCritical {
			ack++
			items[i].Ack = ack
		}
		r.Level = r.Level.Worst(items[i].Level)
		r.Counts.ByImpact[items[i].Impact]++
		r.Counts.ByLevel[items[i].Level]++
		if !items[i].Impact.Known() {
			r.Completeness.Unknown++
		}
	}
	r.Completeness.Reported, r.Completeness.Shown = len(items), len(items)
	return r
}

// Empty is the review of a change set without resource changes.
func Empty() plan.Review {
	r := review(nil)
	r.Verdict = "Changes no resource; the outputs or settings of the stack may change."
	return r
}

// File is a review that belongs to no deployment.
func File() plan.Review {
	r := Generated(3)
	r.Deployment = nil
	r.RequestDigest, r.Digest, r.PolicyVersion = "", "", ""
	r.Target.AccountAlias, r.Target.ChangeSetType = "", ""
	// What a saved answer tells of the stack is what it will be, not what it was.
	r.Parameters = []plan.Parameter{{Name: "Size", Change: plan.ChangeUnknown, After: text("2")}}
	r.Tags = []plan.Tag{{Key: "team", Change: plan.ChangeUnknown, After: text("shop")}}
	r.Capabilities = []plan.Capability{{Name: "CAPABILITY_IAM", Change: plan.ChangeUnknown}}
	return r
}

// Partial is a review of which pages are missing.
func Partial() plan.Review {
	r := Generated(3)
	r.Completeness.Partial = true
	r.Completeness.Reported = 4
	r.Completeness.Warnings = []string{"The answer has a NextToken, and no file holds the page that it names."}
	return r
}

func text(s string) *string { return &s }

func modify(path, before, after string) plan.Property {
	return plan.Property{
		Path: path, Attribute: "Properties", Change: plan.ChangeModify, Before: text(before), After: text(after),
		Encoding: plan.EncodingString, Recreation: plan.RecreationNever,
		Causes: []plan.Cause{{Source: "DirectModification", Evaluation: "static"}},
	}
}

// EveryImpact has one item of every impact, on a stateful and on a stateless resource, and one of an unknown impact.
func EveryImpact() plan.Review {
	var items []plan.Item
	for _, impact := range append(plan.Impacts(), "TELEPORT") {
		for _, stateful := range []plan.Statefulness{plan.StatefulData, plan.StatefulNone} {
			name := fmt.Sprintf("%s_%s", impact, stateful)
			kind := "AWS::Lambda::Function"
			if stateful == plan.StatefulData {
				kind = "AWS::DynamoDB::Table"
			}
			items = append(items, plan.Item{
				Path: name, LogicalID: name, PhysicalID: "phys-" + name, Type: kind, Action: "Modify", Impact: impact,
				Level: impact.Level(stateful), Stateful: stateful, Sentence: impact.Sentence(),
			})
		}
	}
	return review(items)
}

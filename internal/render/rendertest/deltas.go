package rendertest

import (
	"slices"
	"time"

	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
)

// DeltaCase is a named comparison of two reviews that every renderer of comparisons has golden files for.
type DeltaCase struct {
	Name  string
	Delta delta.Document
	// Large: the rendering is too long to be kept whole.
	Large bool
}

// DeltaCases lists every comparison.
func DeltaCases() []DeltaCase {
	between := func(then, now plan.Review) delta.Document {
		return delta.Between(delta.Named{Name: "orders-prod-20261122T140000Z-6zp0ttbc", Review: then}, delta.Named{Name: "orders-prod-20261122T140203Z-7q4k2mxa", Review: now})
	}
	return []DeltaCase{
		{Name: "delta-same", Delta: between(Orders(), Orders())},
		{Name: "delta-orders", Delta: between(earlier(), Orders())},
		{Name: "delta-partial", Delta: between(Partial(), File())},
		{Name: "delta-500", Delta: between(Generated(100), Generated(500)), Large: true},
		{Name: "delta-hostile", Delta: between(Empty(), Hostile()), Large: true},
		{Name: "delta-hostile-gone", Delta: between(Hostile(), Empty()), Large: true},
	}
}

// earlier is what Orders might have been an hour before: without its worst change, with one that was dropped since.
func earlier() plan.Review {
	r := Orders()
	d := *r.Deployment
	d.Commit, d.CommitSubject, d.CreatedAt = "77ab012", "Raise the timeout", d.CreatedAt.Add(-time.Hour)
	r.Deployment = &d
	r.Items = slices.DeleteFunc(slices.Clone(r.Items), func(i plan.Item) bool { return i.Path == "AuditBucket" || i.Path == "OrdersDlq" })
	for i := range r.Items {
		item := &r.Items[i]
		item.Properties = slices.Clone(item.Properties)
		switch item.Path {
		case "OrdersTable":
			item.Impact, item.Level, item.Ack, item.Replacement, item.PolicyAction = plan.ImpactModify, plan.LevelLow, 0, "False", ""
			item.Sentence, item.Notes = "updated in place", nil
			item.Properties = []plan.Property{modify("/Properties/BillingMode", "PROVISIONED", "PAY_PER_REQUEST")}
		case "OrdersFn":
			item.Properties[0].After = text("99ff00.zip")
		}
	}
	dropped := plan.Item{
		Path: "OldQueue", LogicalID: "OldQueue", PhysicalID: "shop-old", Type: "AWS::SQS::Queue", Action: "Remove", PolicyAction: "Delete",
		Impact: plan.ImpactDestroy, Level: plan.LevelCritical, Stateful: plan.StatefulInFlight, Ack: 1,
		Sentence: "will be deleted with the messages in it",
	}
	r.Items = append([]plan.Item{dropped}, r.Items...)
	r.Security = r.Security[1:]
	r.Parameters = slices.Clone(r.Parameters)
	r.Parameters[1].After = text("1536")
	r.Unpinned = nil
	r.Digest, r.ContentDigest = "sha256:88aa01f0cc21", "sha256:4400aa"
	return r
}

package rendertest

import (
	"fmt"

	"pgregory.net/rapid"

	"stackgate/internal/plan"
)

// Draw makes any review: every impact and level in any mixture, clusters over any items, texts of any kind. Paths begin
// with "R" and four digits of their own and end with "E", so that none is found within another.
func Draw() *rapid.Generator[plan.Review] {
	return rapid.Custom(func(t *rapid.T) plan.Review {
		n := rapid.IntRange(0, 60).Draw(t, "items")
		items := make([]plan.Item, 0, n)
		for i := range n {
			items = append(items, drawItem(t, i))
		}
		r := review(items)
		for range rapid.IntRange(0, 3).Draw(t, "clusters") {
			cluster := plan.Cluster{Summary: rapid.String().Draw(t, "summary")}
			for _, item := range r.Items {
				if rapid.Bool().Draw(t, "clustered") {
					cluster.Paths = append(cluster.Paths, item.Path)
				}
			}
			r.Clusters = append(r.Clusters, cluster)
		}
		if rapid.Bool().Draw(t, "of a file") {
			r.Deployment = nil
		}
		r.Verdict = rapid.String().Draw(t, "verdict")
		r.Completeness.Partial = rapid.Bool().Draw(t, "partial")
		return r
	})
}

func drawItem(t *rapid.T, i int) plan.Item {
	impact := rapid.SampledFrom(append(plan.Impacts(), future)).Draw(t, "impact")
	stateful := rapid.SampledFrom(append(plan.Statefulnesses(), future)).Draw(t, "stateful")
	text := rapid.OneOf(rapid.StringN(0, 20, -1), rapid.SampledFrom(sortedAttacks()))
	id := fmt.Sprintf("R%04d%sE", i, rapid.StringMatching(`(/?[A-Za-z0-9]{1,40})?`).Draw(t, "id"))
	item := plan.Item{
		Path: id, LogicalID: id, PhysicalID: text.Draw(t, "physical"), Type: text.Draw(t, "type"), Impact: impact,
		Action: rapid.SampledFrom([]string{"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", future}).Draw(t, "action"),
		Level:  impact.Level(stateful), Stateful: stateful, Sentence: text.Draw(t, "sentence"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "properties") {
		p := modify("/Properties/"+text.Draw(t, "name"), text.Draw(t, "before"), text.Draw(t, "after"))
		p.Change = rapid.SampledFrom(append(plan.Changes(), future)).Draw(t, "change")
		p.Encoding = rapid.SampledFrom(append(plan.Encodings(), future)).Draw(t, "encoding")
		p.Sensitive = rapid.Bool().Draw(t, "sensitive")
		item.Properties = append(item.Properties, p)
	}
	return item
}

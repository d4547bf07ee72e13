package delta

import (
	"fmt"
	"strings"

	"stackgate/internal/plan"
)

// verdict says what differs in a sentence, the worst first.
func verdict(d Document) string {
	if d.Same && d.Counts.Same == 0 {
		return "Both reviews show that no resource changes."
	}
	if d.Same {
		return fmt.Sprintf("Both reviews show the same: %s.", count(d.Counts.Same, "change"))
	}
	var parts []string
	add := func(n int, words string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words))
		}
	}
	add(d.Counts.New, "new"+danger(d.Items, KindNew))
	add(d.Counts.Worse, "worse"+danger(d.Items, KindWorse))
	add(d.Counts.Different, "different")
	add(d.Counts.Gone, "gone")
	if len(parts) == 0 {
		parts = append(parts, "no change of a resource differs")
	}
	text := strings.Join(parts, ", ")
	widened := 0
	for _, f := range d.Security.New {
		if f.Direction != plan.DirectionNarrowed {
			widened++
		}
	}
	if widened > 0 {
		text += "; permissions or exposure newly widened in " + count(widened, "place")
	}
	if n := len(d.Facts); n > 0 {
		text += fmt.Sprintf("; %s beside the resources", count(n, "difference"))
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	return fmt.Sprintf("%s. %s as before.", text, count(d.Counts.Same, "change"))
}

// danger says how many of a kind are critical or high.
func danger(items []Item, kind Kind) string {
	var parts []string
	for _, level := range []plan.Level{plan.LevelCritical, plan.LevelHigh} {
		n := 0
		for _, item := range items {
			if item.Kind == kind && item.Shown().Level.Rank() == level.Rank() {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, level))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// limits says what the comparison cannot know.
func (c *comparison) limits(d Document) []string {
	list := []string{}
	if n := len(d.Hidden); n > 0 {
		list = append(list, fmt.Sprintf("%s hidden in both reviews cannot be compared: they may differ.", count(n, "value")))
	}
	if c.from.Completeness.Partial || c.to.Completeness.Partial {
		list = append(list, "A review that is partial does not show everything: what is missing from it cannot be compared.")
	}
	if c.from.MaskingVersion != c.to.MaskingVersion {
		list = append(list, "Values were hidden by different rules, so some may differ for that reason only.")
	}
	if !c.sameStack {
		list = append(list, "These are two stacks; the names of their physical resources are not compared.")
	}
	if c.ofFile() && (c.from.Deployment != nil || c.to.Deployment != nil) {
		list = append(list, "One of the two is a saved answer: who asked for it, of which commit and by which policy is not compared.")
	}
	if !d.SameContent && c.sameStack && d.Counts.New+d.Counts.Worse+d.Counts.Different+d.Counts.Gone == 0 {
		list = append(list, "CloudFormation's two descriptions differ in something that the reviews do not show: their content digests differ.")
	}
	return list
}

package rendertest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"stackgate/internal/plan"
)

// future is a word that no version of stackgate knows.
const future = "FUTURE_WORD"

// EveryWord holds every value of every enum of the model, and an unknown one of each.
func EveryWord() plan.Review {
	item := plan.Item{
		Path: "Words", LogicalID: "Words", PhysicalID: "words-1", Type: "Custom::Words", Action: future, Replacement: future,
		PolicyAction: future, Scope: []string{"Properties", future}, Module: "Acme::Net::MODULE", Impact: plan.ImpactUnknown,
		Also: append(plan.Impacts(), future), Level: plan.LevelCritical, Stateful: future,
		Sentence: "cannot be determined: action FUTURE_WORD is not known",
		Notes:    []string{"A resource of a custom type hides its effect."}, DriftStatus: future,
		DriftIgnored: []string{"/Properties/Size (" + future + ")"},
		Children: &plan.Children{ChangeSetID: changeSetID, Total: 3, Level: plan.LevelCritical,
			ByImpact: map[plan.Impact]int{plan.ImpactAdd: 2, future: 1}},
	}
	for _, change := range append(plan.Changes(), future) {
		for _, recreation := range append(plan.Recreations(), future) {
			p := modify("/Properties/"+string(change)+"/"+string(recreation), "old", "new")
			p.Change, p.Recreation = change, recreation
			item.Properties = append(item.Properties, p)
		}
	}
	for _, encoding := range append(plan.Encodings(), future) {
		p := modify("/Properties/Encoded/"+string(encoding), `{"a":1}`, `{"a":2}`)
		p.Encoding = encoding
		item.Properties = append(item.Properties, p)
	}
	for _, source := range []string{"ParameterReference", "ResourceReference", "ResourceAttribute", "DirectModification",
		"Automatic", "NoModification", "", future} {
		p := modify("/Properties/From"+source, "old", "new")
		p.Causes = []plan.Cause{{Source: source, Entity: "Entity", Evaluation: "static"}, {Source: source, Entity: "Entity", Evaluation: future}}
		item.Properties = append(item.Properties, p)
	}
	item.Properties = append(item.Properties, editsOfEveryChange(), nameless(), hidden(), cutOff())
	r := review([]plan.Item{item, levelled("Future", future)})
	r.Completeness.Unknown = 2
	for _, level := range plan.Levels() {
		r.Counts.ByLevel[level]++
	}
	for _, kind := range append(plan.SecurityKinds(), future) {
		for _, direction := range append(plan.Directions(), future) {
			r.Security = append(r.Security, plan.SecurityFinding{
				Path: "Words", Kind: kind, Direction: direction, Effect: string(kind), After: "after", Before: "before",
				Summary: string(kind) + " is " + string(direction), Everyone: direction == plan.DirectionUnclear,
			})
		}
	}
	r.Security = append(r.Security, plan.SecurityFinding{Kind: plan.SecurityCapability, Direction: plan.DirectionWidened,
		Effect: "Capability", Summary: "the stack may now create named IAM resources"})
	fillStackWords(&r)
	return r
}

func levelled(path string, level plan.Level) plan.Item {
	return plan.Item{Path: path, LogicalID: path, Type: "AWS::SQS::Queue", Action: "Modify", Impact: future, Level: level,
		Stateful: plan.StatefulInFlight, Sentence: "has a level that is not known"}
}

func editsOfEveryChange() plan.Property {
	p := modify("/Properties/Edited", `{"a":1}`, `{"a":2}`)
	p.Encoding = plan.EncodingDocument
	p.EditsOmitted = 7
	for _, change := range append(plan.Changes(), future) {
		p.Edits = append(p.Edits, plan.Edit{Path: "/" + string(change), Label: string(change), Change: change, Before: text("1"), After: text("2")})
	}
	p.Edits = append(p.Edits,
		plan.Edit{Path: "/secret", Change: plan.ChangeModify, Sensitive: true},
		plan.Edit{Path: "/long", Change: plan.ChangeModify, Before: text(`"a…`), After: text(`"b…`), Truncated: true},
		plan.Edit{Path: "/later", Change: plan.ChangeModify, Before: text(`"x"`), After: text(`"` + plan.KnownAfterApply + `"`), KnownAfterApply: true},
		plan.Edit{Label: "Script", Change: plan.ChangeModify, Lines: []plan.Line{
			{Op: " ", Text: "same"}, {Op: "-", Text: "old"}, {Op: "+", Text: "new"}, {Op: "@", Text: "3 unchanged lines"}, {Op: future, Text: "odd"},
		}})
	return p
}

func nameless() plan.Property {
	return plan.Property{Attribute: "Metadata", Change: plan.ChangeModify, Recreation: plan.RecreationNever, Encoding: plan.EncodingString}
}

func hidden() plan.Property {
	p := modify("/Properties/Password", "", "")
	p.Before, p.After, p.Sensitive = nil, nil, true
	return p
}

func cutOff() plan.Property {
	p := modify("/Properties/Long", strings.Repeat("before ", 200), strings.Repeat("after ", 200)+plan.KnownAfterApply)
	p.Truncated, p.KnownAfterApply = true, true
	return p
}

func fillStackWords(r *plan.Review) {
	for _, supply := range append(plan.Supplies(), future) {
		r.Parameters = append(r.Parameters, plan.Parameter{Name: "Hidden" + string(supply), Change: plan.ChangeModify, Sensitive: true, Supply: supply})
	}
	for _, change := range append(plan.Changes(), future) {
		name := string(change)
		r.Parameters = append(r.Parameters, plan.Parameter{Name: name, Change: change, Before: text("old"), After: text("new"), Resolved: "ami-1"})
		r.Tags = append(r.Tags, plan.Tag{Key: name, Change: change, Before: text("old"), After: text("new")})
		r.Capabilities = append(r.Capabilities, plan.Capability{Name: "CAPABILITY_" + name, Change: change})
		r.Settings = append(r.Settings, plan.Setting{Name: name, Change: change, Before: text("old"), After: text("new")})
	}
	for _, kind := range append(plan.UnpinnedKinds(), future) {
		r.Unpinned = append(r.Unpinned, plan.Unpinned{Path: "Words", Property: "Image", Kind: kind, Summary: "Image is not pinned: " + string(kind)})
	}
	for _, mode := range []string{"FAIL", "WARN", "", future} {
		r.Findings = append(r.Findings, plan.Finding{Source: "hook", Name: "Acme::Guard::Hook", Path: "Words", Mode: mode, Summary: "Encryption is missing."})
	}
}

// Attacks are strings that try to act on whoever reads them, by name.
func Attacks() map[string]string {
	return map[string]string{
		"ansi":     "ansi-mark\x1b[2J\x1b[31mred\x1b[0m",
		"osc":      "osc-mark\x1b]0;owned\a\x1b]8;;https://evil.example\x1b\\link",
		"bidi":     "bidi-mark\u202egnp.exe\u2066x\u2069",
		"zerowide": "zero-mark\u200b\u200d\u2060\ufeff",
		"html":     `html-mark<script>alert(1)</script><img src=x onerror=alert(1)>"'&lt;`,
		"comment":  "comment-mark--><!-- stackgate:other/one --><details open>",
		"markdown": "md-mark **bold** _it_ [x](https://evil.example) ![i](https://evil.example/i.png) # h ~~s~~ $x$ :+1:",
		"table":    "table-mark | a | b |\\| c",
		"fence":    "fence-mark ``` `` ` ~~~ \n```\n# heading",
		"mention":  "mention-mark @everyone @org/team #1 GH-2 org/repo#3 user@example.com https://evil.example www.evil.example",
		"newline":  "newline-mark\n\nApproved by everyone\r\n\u2028x\u0085y",
		"nul":      "nul-mark\x00\x7f\x9b31m",
		"invalid":  "invalid-mark\xff\xfe\xc3(",
		"spaces":   "spaces-mark" + strings.Repeat(" ", 300) + "end",
		"long":     "long-mark" + strings.Repeat("x", 700),
		"marks":    "marks-mark" + strings.Repeat("\u0301", 40),
	}
}

// Hostile puts every attack in every field that can hold text.
func Hostile() plan.Review {
	var items []plan.Item
	for _, name := range sortedAttacks() {
		attack := Attacks()[name]
		p := modify("/Properties/"+attack, attack, attack+"!")
		p.Causes = []plan.Cause{{Source: attack, Entity: attack, Evaluation: attack}}
		p.Drift = &plan.PropertyDrift{Live: text(attack), LastDeployed: text(attack)}
		raw := modify("/Properties/Raw", attack, attack)
		raw.Encoding, raw.Recreation = plan.EncodingJSON, plan.Recreation(attack)
		lines := modify("/Properties/Lines", attack, attack)
		lines.Encoding = plan.EncodingText
		lines.Edits = []plan.Edit{
			{Label: attack, Change: plan.ChangeModify, Before: text(attack), After: text(attack)},
			{Label: "script", Change: plan.ChangeModify, Lines: []plan.Line{{Op: "+", Text: attack}, {Op: attack, Text: attack}}},
		}
		items = append(items, plan.Item{
			Path: "Item/" + name + "/" + attack, LogicalID: attack, PhysicalID: attack, Type: attack, Action: attack, Replacement: attack,
			PolicyAction: attack, Scope: []string{attack}, Module: attack, Impact: plan.Impact(attack), Also: []plan.Impact{plan.Impact(attack)},
			Level: plan.LevelCritical, Stateful: plan.Statefulness(attack), Sentence: attack, Notes: []string{attack},
			Properties: []plan.Property{p, raw, lines}, Protections: []plan.ProtectionLoss{{Path: attack, Summary: attack}},
			CausedBy: []string{attack}, KnockOn: []string{attack}, DriftStatus: attack, DriftIgnored: []string{attack},
			Children: &plan.Children{Total: 1, ByImpact: map[plan.Impact]int{plan.Impact(attack): 1}},
		})
	}
	r := review(items)
	var all strings.Builder
	for _, name := range sortedAttacks() {
		attack := Attacks()[name]
		all.WriteString(attack)
		r.Security = append(r.Security,
			plan.SecurityFinding{Path: attack, Type: attack, Kind: plan.SecurityKind(attack), Direction: plan.Direction(attack), Effect: attack, After: attack, Before: attack, Summary: attack},
			plan.SecurityFinding{Effect: attack, Summary: attack})
		r.Drift.Overwrites = append(r.Drift.Overwrites, "Item/"+name+"/"+attack)
		r.Drift.Unsupported = append(r.Drift.Unsupported, attack)
		r.Parameters = append(r.Parameters, plan.Parameter{Name: attack, Change: plan.ChangeModify, Before: text(attack), After: text(attack), Resolved: attack})
		r.Tags = append(r.Tags, plan.Tag{Key: attack, Change: plan.Change(attack), Before: text(attack), After: text(attack)})
		r.Capabilities = append(r.Capabilities, plan.Capability{Name: attack, Change: plan.ChangeAdd})
		r.Settings = append(r.Settings, plan.Setting{Name: attack, Change: plan.ChangeModify, Before: text(attack), After: text(attack)})
		r.Unpinned = append(r.Unpinned, plan.Unpinned{Path: attack, Property: attack, Kind: plan.UnpinnedKind(attack), Summary: attack})
		r.Findings = append(r.Findings, plan.Finding{Source: attack, Name: attack, Path: attack, Mode: attack, Summary: attack})
		r.Limits = append(r.Limits, attack)
		r.Completeness.Warnings = append(r.Completeness.Warnings, attack)
	}
	everything := all.String()
	r.Verdict, r.SecurityScope, r.Drift.Checked, r.Drift.Status = everything, everything, true, everything
	r.Target = plan.Target{Account: everything, AccountAlias: everything, Region: everything, StackName: everything, StackID: everything,
		ChangeSetID: everything, ChangeSetName: everything, ChangeSetType: everything, Description: everything}
	r.Deployment = &plan.Deployment{ID: everything, CorrelationID: everything, Service: everything, Environment: everything,
		RequestedBy: everything, Commit: everything, CommitSubject: everything, Reason: everything, CIRun: everything,
		PullRequest: everything, ReviewURL: "javascript:alert(1)//" + everything, CreatedAt: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC),
		Previous: &plan.Previous{ID: everything, Commit: everything}, PromotedFrom: everything}
	r.PolicyVersion, r.MaskingVersion, r.RequestDigest, r.ContentDigest, r.Digest = everything, everything, everything, everything, everything
	return r
}

func sortedAttacks() []string { return slices.Sorted(maps.Keys(Attacks())) }

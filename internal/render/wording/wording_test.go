package wording_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stackgate/internal/plan"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/render/wording"
)

func text(s string) *string { return &s }

func TestPropertyValues(t *testing.T) {
	modify := plan.Property{Change: plan.ChangeModify, Before: text("a"), After: text("b"), Encoding: plan.EncodingString}
	with := func(change func(*plan.Property)) plan.Property {
		p := modify
		change(&p)
		return p
	}
	tests := []struct {
		name   string
		action string
		p      plan.Property
		want   string
	}{
		{"modified", "Modify", modify, `"a" -> "b"`},
		{"added to a resource", "Modify", with(func(p *plan.Property) { p.Change = plan.ChangeAdd }), `(none) -> "b"`},
		{"of a new resource", "Add", with(func(p *plan.Property) { p.Change = plan.ChangeAdd }), `"b"`},
		{"removed", "Modify", with(func(p *plan.Property) { p.Change = plan.ChangeRemove }), `"a" -> (none)`},
		{"unchanged", "Modify", with(func(p *plan.Property) { p.Change = plan.ChangeNone }), `"b"`},
		{"sensitive", "Modify", with(func(p *plan.Property) { p.Sensitive = true }), `(sensitive, changed)`},
		{"no values", "Modify", with(func(p *plan.Property) { p.Before, p.After = nil, nil }), `(values not reported)`},
		{"half reported", "Modify", with(func(p *plan.Property) { p.Before = nil }), `(not reported) -> "b"`},
		{"the same before and after", "Modify", with(func(p *plan.Property) { p.After = p.Before }), `(the same before and after)`},
		{"the same as far as is known", "Modify", with(func(p *plan.Property) { p.After, p.Truncated = p.Before, true }), `(the same before and after, as far as it is reported)`},
		{"known later", "Modify", with(func(p *plan.Property) { p.After, p.KnownAfterApply = nil, true }), `"a" -> (known after apply)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wording.PropertyValues(plan.Item{Action: tt.action}, tt.p).Join("->"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestCauses(t *testing.T) {
	direct := plan.Cause{Source: "DirectModification", Evaluation: "static"}
	dynamic := plan.Cause{Source: "DirectModification", Evaluation: "dynamic"}
	parameter := plan.Cause{Source: "ParameterReference", Entity: "Size", Evaluation: "static"}
	tests := []struct {
		name   string
		causes []plan.Cause
		later  bool
		want   string
	}{
		{"none", nil, false, ""},
		{"only the template", []plan.Cause{direct}, false, ""},
		{"not reported", []plan.Cause{{Evaluation: "static"}}, false, ""},
		{"the template, but dynamic", []plan.Cause{dynamic}, false, "the template (decided while it runs)"},
		{"both causes are kept", []plan.Cause{parameter, dynamic}, false, "parameter Size, the template (decided while it runs)"},
		{"the value says that it is dynamic", []plan.Cause{dynamic}, true, "the template"},
		{"the same twice", []plan.Cause{parameter, parameter}, false, "parameter Size"},
		{"unknown evaluation is not static", []plan.Cause{{Source: "ParameterReference", Entity: "Size", Evaluation: "odd"}}, false,
			"parameter Size (decided while it runs)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wording.Causes(plan.Property{Causes: tt.causes, KnownAfterApply: tt.later}); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestFoldClustersLosesNothingAndNeverFoldsDanger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rendertest.Draw().Draw(t, "review")
		alone, folds := wording.FoldClusters(r.Items, r.Clusters)
		var got, want []string
		for _, item := range alone {
			got = append(got, item.Path)
		}
		for _, fold := range folds {
			if len(fold.Items) < 2 {
				t.Errorf("a cluster of %d", len(fold.Items))
			}
			for _, item := range fold.Items {
				got = append(got, item.Path)
				if item.Level.AtLeast(plan.LevelHigh) || item.Ack > 0 {
					t.Errorf("%s is %s and was folded", item.Path, item.Level)
				}
			}
		}
		for _, item := range r.Items {
			want = append(want, item.Path)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTally(t *testing.T) {
	if got, want := strings.Join(wording.Tally(rendertest.Orders()), ", "), "1 to replace (deletes data), 1 may be replaced, 1 to add, "+
		"7 to change, 0 to remove, 423 tags only, permissions or exposure: 2 widened"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	created := plan.Review{Items: []plan.Item{{Impact: plan.ImpactSecurityBroadened, Action: "Add"}}}
	if got := strings.Join(wording.Tally(created), ", "); !strings.Contains(got, "1 to add, 0 to change") {
		t.Errorf("a role that is created with wide permissions: %s", got)
	}
	for _, impact := range append(plan.Impacts(), "TELEPORT") {
		r := plan.Review{Items: []plan.Item{{Impact: impact, Stateful: plan.StatefulNone}}}
		ones := 0
		for _, part := range wording.Tally(r) {
			if strings.HasPrefix(part, "1 ") {
				ones++
			}
		}
		if ones != 1 {
			t.Errorf("%s is counted %d times", impact, ones)
		}
	}
}

func TestIncomplete(t *testing.T) {
	whole := rendertest.Generated(3)
	tests := []struct {
		name   string
		change func(*plan.Review)
		want   string
	}{
		{"complete", func(*plan.Review) {}, ""},
		{"partial", func(r *plan.Review) { r.Completeness.Partial = true }, "PARTIAL"},
		{"more reported than shown", func(r *plan.Review) { r.Completeness.Reported++ }, "INCOMPLETE: CloudFormation reported 4 changes, the review holds 3."},
		{"items lost", func(r *plan.Review) { r.Items = r.Items[:2] }, "INCOMPLETE: CloudFormation reported 3 changes, the review holds 2."},
		{"unknown words", func(r *plan.Review) { r.Completeness.Unknown = 1 }, "UNKNOWN: 1 change with a word"},
		{"warning", func(r *plan.Review) { r.Completeness.Warnings = []string{"page 2 is missing"} }, "page 2 is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := whole
			tt.change(&r)
			got := strings.Join(wording.Incomplete(r), " ")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want one that holds %q", got, tt.want)
			}
		})
	}
}

func TestApproveCommand(t *testing.T) {
	tests := []struct {
		name   string
		change func(*plan.Review)
		want   string
	}{
		{"with acknowledgements", func(*plan.Review) {}, "stackgate approve orders-prod-20261122T140203Z-7q4k2mxa --digest be07-1f44-90aa --ack 1,2"},
		{"without", func(r *plan.Review) { r.Items = nil }, "stackgate approve orders-prod-20261122T140203Z-7q4k2mxa --digest be07-1f44-90aa"},
		{"of a file", func(r *plan.Review) { r.Deployment = nil }, ""},
		{"partial", func(r *plan.Review) { r.Completeness.Partial = true }, ""},
		{"id that a shell would run", func(r *plan.Review) { r.Deployment = &plan.Deployment{ID: "x; rm -rf ~"} }, ""},
		{"id that is a flag", func(r *plan.Review) { r.Deployment = &plan.Deployment{ID: "--all"} }, ""},
		{"no digest", func(r *plan.Review) { r.Digest = "" }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rendertest.Orders()
			tt.change(&r)
			if got := wording.ApproveCommand(r); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59*time.Minute + 59*time.Second: "59m", time.Hour: "1h00m",
		23*time.Hour + 58*time.Minute: "23h58m", 47 * time.Hour: "47h00m", 48 * time.Hour: "2 days", 80 * time.Hour: "3 days",
	} {
		if got := wording.Age(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestExpiry(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 2, 3, 0, time.UTC)
	tests := []struct {
		name         string
		expires, now time.Time
		decided      string
		want         string
	}{
		{"never", time.Time{}, at, "", ""},
		{"no clock", at, time.Time{}, "", "expires 2026-11-23 14:02 UTC"},
		{"to come", at, at.Add(-90 * time.Minute), "", "expires in 1h30m"},
		{"this instant", at, at, "", "EXPIRED 0s ago"},
		{"past", at, at.Add(time.Hour), "", "EXPIRED 1h00m ago"},
		{"decided", at, at.Add(-90 * time.Minute), "Approved by a.lee.", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wording.Expiry(plan.Deployment{ExpiresAt: tt.expires}, tt.now, tt.decided); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestProvenanceHidesNothing(t *testing.T) {
	d := plan.Deployment{RequestedBy: "j.doe", Commit: "9f3c1ab0c2d4e6f8091a2b3c4d5e6f7081920a1b", Dirty: true}
	if got, want := wording.Requester(d), "j.doe (identity not verified)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := wording.Commit(d), "commit 9f3c1ab, WITH UNCOMMITTED CHANGES"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := wording.Commit(plan.Deployment{}), "commit not known"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDriftThatWasNotCheckedIsNotInSync(t *testing.T) {
	for _, tt := range []struct {
		drift plan.Drift
		want  string
	}{
		{plan.Drift{}, "drift: not checked"},
		{plan.Drift{Status: "IN_SYNC"}, "drift: not checked by this change set, last known status IN_SYNC"},
		{plan.Drift{Checked: true, Status: "IN_SYNC"}, "drift: checked, nothing overwritten"},
		{plan.Drift{Checked: true, Overwrites: []string{"A"}, Unsupported: []string{"B", "C"}},
			"drift: 1 resource changed by hand would be overwritten, 2 could not be compared"},
	} {
		if got := wording.DriftLine(plan.Review{Drift: tt.drift}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestUnknownWordsAreNamed(t *testing.T) {
	r := rendertest.EveryWord()
	var all strings.Builder
	for _, item := range r.Items {
		all.WriteString(wording.Sentence(item) + wording.Also(item) + wording.Children(item) + wording.Reported(item))
		for _, p := range item.Properties {
			all.WriteString(strings.Join(wording.Remarks(p), " ") + wording.Causes(p))
		}
	}
	for _, want := range []string{`impact "FUTURE_WORD" is not known`, "Replacement FUTURE_WORD", "unknown change FUTURE_WORD", "1 FUTURE_WORD",
		"effect on the resource unknown", "FUTURE_WORD Entity"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("nothing says %q", want)
		}
	}
}

func TestRowCounts(t *testing.T) {
	row := func(c plan.Change) wording.Row { return wording.Row{Change: c} }
	tests := []struct {
		rows []wording.Row
		want string
	}{
		{[]wording.Row{row(plan.ChangeModify), row(plan.ChangeAdd), row("odd")}, "3 changed"},
		{[]wording.Row{row(plan.ChangeModify), row(plan.ChangeNone)}, "1 changed, 1 as before"},
		{[]wording.Row{row(plan.ChangeUnknown), row(plan.ChangeUnknown)}, "2, former values not known"},
		{[]wording.Row{row(plan.ChangeRemove), row(plan.ChangeUnknown)}, "1 changed, 1 with former values not known"},
	}
	for _, tt := range tests {
		if got := wording.RowCounts(tt.rows); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestReported(t *testing.T) {
	for _, tt := range []struct {
		item plan.Item
		want string
	}{
		{plan.Item{Action: "Add"}, ""},
		{plan.Item{Action: "Add", Replacement: "True"}, "Add, Replacement True"},
		{plan.Item{Action: "Dynamic"}, "Dynamic"},
		{plan.Item{}, "no action"},
		{plan.Item{Action: "Remove", PolicyAction: "Snapshot"}, "Remove, PolicyAction Snapshot"},
	} {
		if got := wording.Reported(tt.item); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.item, got, tt.want)
		}
	}
}

func TestSecuritySaysWhatASettingMeansAndNothingTwice(t *testing.T) {
	later := plan.KnownAfterApply
	tests := []struct {
		name      string
		f         plan.SecurityFinding
		want, why string
	}{
		{"setting", plan.SecurityFinding{Kind: plan.SecurityPublicAccess, Direction: plan.DirectionWidened, Before: "AWS_IAM", After: "NONE", Summary: "can be called without authorization"},
			"AWS_IAM -> can be called without authorization (NONE)", ""},
		{"setting that its sentence names", plan.SecurityFinding{Kind: plan.SecurityPublicAccess, Direction: plan.DirectionWidened, After: "NONE", Summary: "can be called by everyone (AuthType NONE)"},
			"can be called by everyone (AuthType NONE)", ""},
		{"policy that is known later", plan.SecurityFinding{Kind: plan.SecurityIdentityPolicy, Direction: plan.DirectionUnclear, Before: "s3:* on a", After: "s3:* on " + later,
			Summary: "allows s3:* on " + later + ", was s3:* on a; how far that reaches is known only after apply"},
			"s3:* on a -> s3:* on (known after apply)", "how far that reaches is known only after apply"},
		{"unclear for another reason", plan.SecurityFinding{Kind: plan.SecurityIdentityPolicy, Direction: plan.DirectionUnclear, After: "x", Summary: "cannot be read"}, "x", "cannot be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wording.Security(tt.f).Join("->"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if got := wording.SecurityNote(tt.f); got != tt.why {
				t.Errorf("note %q, want %q", got, tt.why)
			}
		})
	}
}

func TestWhatIsMissingIsNotCountedAsNothing(t *testing.T) {
	r := rendertest.Partial()
	if got := wording.Tally(r)[0]; !strings.HasPrefix(got, "In what is shown: 0 to replace") {
		t.Errorf("tally %q", got)
	}
	if got := wording.NothingWidened(r); got != "nothing found to widen in what is shown" {
		t.Errorf("security %q", got)
	}
	r.Verdict = ""
	if got := wording.Verdict(r); !strings.Contains(got, "nothing in what is shown is deleted or replaced") {
		t.Errorf("verdict %q", got)
	}
}

func TestWordSaysNoMoreOfPermissionsThanTheSentence(t *testing.T) {
	for want, item := range map[string]plan.Item{
		"permissions widened":                 {Impact: plan.ImpactSecurityBroadened, Sentence: "permissions widened"},
		"permissions may be widened":          {Impact: plan.ImpactSecurityBroadened, Sentence: "permissions may be widened"},
		"created; permissions may be widened": {Impact: plan.ImpactSecurityBroadened, Also: []plan.Impact{plan.ImpactAdd}, Sentence: "created; permissions may be widened"},
		"delete":                              {Impact: plan.ImpactDestroy, Also: []plan.Impact{plan.ImpactSecurityBroadened}, Sentence: "deleted; permissions may be widened"},
	} {
		if got := wording.Word(item); got != want {
			t.Errorf("word %q, want %q", got, want)
		}
		if got := wording.Also(item); strings.Contains(got, "permissions") {
			t.Errorf("%s: also %q", want, got)
		}
	}
}

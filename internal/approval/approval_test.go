package approval_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stackgate/internal/approval"
)

const (
	changeSet = "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/orders/1"
	digest    = "sha256:abc"
)

var review = approval.Review{ChangeSetID: changeSet, Digest: digest, RequestedBy: "ana", Acknowledge: []int{2, 5}}

// decide makes a decision that counts, changed by those given.
func decide(by string, verdict approval.Verdict, changes ...func(*approval.Decision)) approval.Decision {
	d := approval.Decision{By: by, Verdict: verdict, ChangeSetID: changeSet, Digest: digest, Acknowledgements: []int{5, 2}}
	for _, change := range changes {
		change(&d)
	}
	return d
}

func commented(comment string) func(*approval.Decision) {
	return func(d *approval.Decision) { d.Comment = comment }
}
func acknowledging(numbers ...int) func(*approval.Decision) {
	return func(d *approval.Decision) { d.Acknowledgements = numbers }
}
func otherDigest(d *approval.Decision)    { d.Digest = "sha256:abd" }
func otherChangeSet(d *approval.Decision) { d.ChangeSetID = changeSet + "1" }

func policy(count int, self approval.Self) approval.Policy {
	p := approval.Default()
	p.Count, p.Self = count, self
	return p
}

func TestCount(t *testing.T) {
	const yes, no = approval.Approve, approval.Reject
	strict, pair, solo := policy(1, approval.SelfForbidden), policy(2, approval.SelfForbidden), policy(1, approval.SelfRecorded)
	for name, c := range map[string]struct {
		policy    approval.Policy
		decisions []approval.Decision
		state     approval.State
		by        string
		rejection string
		ignored   string
	}{
		"nobody":                     {strict, nil, approval.Waiting, "", "", ""},
		"one":                        {strict, []approval.Decision{decide("bo", yes)}, approval.Approved, "bo", "", ""},
		"one of two":                 {pair, []approval.Decision{decide("bo", yes)}, approval.Waiting, "bo", "", ""},
		"two":                        {pair, []approval.Decision{decide("bo", yes), decide("cy", yes)}, approval.Approved, "bo cy", "", ""},
		"one person twice":           {pair, []approval.Decision{decide("bo", yes), decide(" BO ", yes)}, approval.Waiting, "bo", "", "counts once"},
		"more than needed":           {strict, []approval.Decision{decide("bo", yes), decide("cy", yes)}, approval.Approved, "bo cy", "", ""},
		"no count counts as one":     {policy(0, approval.SelfForbidden), nil, approval.Waiting, "", "", ""},
		"a negative count as one":    {policy(-3, approval.SelfForbidden), []approval.Decision{decide("bo", yes)}, approval.Approved, "bo", "", ""},
		"the requester":              {strict, []approval.Decision{decide("ana", yes)}, approval.Waiting, "", "", "nobody approves their own"},
		"the requester, spelt anew":  {strict, []approval.Decision{decide(" Ana", yes)}, approval.Waiting, "", "", "nobody approves their own"},
		"the requester, recorded":    {solo, []approval.Decision{decide("ana", yes)}, approval.Approved, "ana", "", ""},
		"an unknown word of self":    {policy(1, "allowed"), []approval.Decision{decide("ana", yes)}, approval.Waiting, "", "", "nobody approves their own"},
		"the requester may reject":   {strict, []approval.Decision{decide("ana", no, commented("oh"))}, approval.Rejected, "", "ana: oh", ""},
		"a rejection after approval": {strict, []approval.Decision{decide("bo", yes), decide("cy", no, commented("no"))}, approval.Rejected, "bo", "cy: no", ""},
		"a rejection before it":      {strict, []approval.Decision{decide("cy", no), decide("bo", yes)}, approval.Rejected, "bo", "cy: ", ""},
		"the first rejection tells":  {strict, []approval.Decision{decide("cy", no, commented("1")), decide("bo", no, commented("2"))}, approval.Rejected, "", "cy: 1", ""},
		"an unknown verdict rejects": {strict, []approval.Decision{decide("bo", yes), decide("cy", "shrug")}, approval.Rejected, "bo", "cy: ", ""},
		"no verdict rejects":         {strict, []approval.Decision{decide("cy", "")}, approval.Rejected, "", "cy: ", ""},
		"another digest":             {strict, []approval.Decision{decide("bo", yes, otherDigest)}, approval.Waiting, "", "", "another review"},
		"another change set":         {strict, []approval.Decision{decide("bo", yes, otherChangeSet)}, approval.Waiting, "", "", "another review"},
		"a rejection of another":     {strict, []approval.Decision{decide("bo", no, otherDigest)}, approval.Waiting, "", "", "another review"},
		"nothing acknowledged":       {strict, []approval.Decision{decide("bo", yes, acknowledging())}, approval.Waiting, "", "", "did not acknowledge [2 5]"},
		"half acknowledged":          {strict, []approval.Decision{decide("bo", yes, acknowledging(1, 5))}, approval.Waiting, "", "", "did not acknowledge [2]"},
		"more than asked":            {strict, []approval.Decision{decide("bo", yes, acknowledging(1, 2, 3, 4, 5))}, approval.Approved, "bo", "", ""},
		"a rejection need not":       {strict, []approval.Decision{decide("bo", no, acknowledging())}, approval.Rejected, "", "bo: ", ""},
		"without a name":             {strict, []approval.Decision{decide(" \t", yes)}, approval.Waiting, "", "", "needs the name"},
	} {
		t.Run(name, func(t *testing.T) {
			got := approval.Count(c.policy, review, c.decisions)
			if got.State != c.state || strings.Join(got.By, " ") != c.by || got.Given != len(got.By) || got.Needed < 1 {
				t.Errorf("%+v, want %s by %q", got, c.state, c.by)
			}
			if c.state == approval.Rejected && got.RejectedBy+": "+got.Reason != c.rejection {
				t.Errorf("rejected by %s: %s, want %s", got.RejectedBy, got.Reason, c.rejection)
			}
			if c.state != approval.Rejected && got.RejectedBy+got.Reason != "" {
				t.Errorf("%+v names a rejection", got)
			}
			if ignored := strings.Join(got.Ignored, "\n"); (c.ignored == "") != (ignored == "") || !strings.Contains(ignored, c.ignored) {
				t.Errorf("ignored %q, want …%s…", ignored, c.ignored)
			}
		})
	}
}

func anyDecision() *rapid.Generator[approval.Decision] {
	return rapid.Custom(func(t *rapid.T) approval.Decision {
		d := decide(rapid.SampledFrom([]string{"ana", "Ana ", "bo", "BO", "cy", "di", ""}).Draw(t, "by"),
			rapid.SampledFrom(append(approval.Verdicts(), approval.Approve, "shrug")).Draw(t, "verdict"))
		if rapid.IntRange(0, 3).Draw(t, "other review") == 0 {
			otherDigest(&d)
		}
		d.Acknowledgements = rapid.SampledFrom([][]int{{2, 5}, {5, 2, 9}, {2}, nil}).Draw(t, "acknowledgements")
		return d
	})
}

func anyPolicy() *rapid.Generator[approval.Policy] {
	return rapid.Custom(func(t *rapid.T) approval.Policy {
		return policy(rapid.IntRange(-1, 4).Draw(t, "count"), rapid.SampledFrom(append(approval.Selves(), "", "allowed")).Draw(t, "self"))
	})
}

func TestDecisionUponAnotherReviewChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, decisions := anyPolicy().Draw(t, "policy"), rapid.SliceOfN(anyDecision(), 0, 8).Draw(t, "decisions")
		stray := anyDecision().Draw(t, "stray")
		rapid.SampledFrom([]func(*approval.Decision){otherDigest, otherChangeSet}).Draw(t, "other")(&stray)
		at := rapid.IntRange(0, len(decisions)).Draw(t, "at")
		before := approval.Count(p, review, decisions)
		after := approval.Count(p, review, slices.Insert(slices.Clone(decisions), at, stray))
		if before.State != after.State || !slices.Equal(before.By, after.By) || before.RejectedBy != after.RejectedBy {
			t.Fatalf("%+v became %+v", before, after)
		}
		if len(after.Ignored) != len(before.Ignored)+1 {
			t.Fatalf("nobody is told that it was ignored: %v", after.Ignored)
		}
	})
}

func TestRejectionAlwaysWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, decisions := anyPolicy().Draw(t, "policy"), rapid.SliceOfN(anyDecision(), 0, 8).Draw(t, "decisions")
		at := rapid.IntRange(0, len(decisions)).Draw(t, "at")
		decisions = slices.Insert(decisions, at, decide("zoe", approval.Reject))
		if got := approval.Count(p, review, decisions); got.State != approval.Rejected {
			t.Fatalf("%+v", got)
		}
	})
}

func TestRequesterNeverCountsUnlessRecorded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, decisions := anyPolicy().Draw(t, "policy"), rapid.SliceOfN(anyDecision(), 0, 8).Draw(t, "decisions")
		got := approval.Count(p, review, decisions)
		for i, by := range got.By {
			if approval.SamePerson(by, review.RequestedBy) && p.Self != approval.SelfRecorded {
				t.Fatalf("the requester counts: %+v", got)
			}
			if slices.ContainsFunc(got.By[:i], func(other string) bool { return approval.SamePerson(by, other) }) {
				t.Fatalf("%s counts twice: %+v", by, got)
			}
		}
		if got.State == approval.Approved && got.Given < max(p.Count, 1) {
			t.Fatalf("approved by too few: %+v", got)
		}
	})
}

func TestSamePerson(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"ana", "ana", true}, {"Ana", "aNA", true}, {" ana\t", "ana", true}, {"Élan", "élan", true}, {"", " ", true},
		{"K", "\u212a", true}, // the Kelvin sign folds to k
		{"ana", "anna", false}, {"ana", "an a", false}, {"ana", "", false}, {"ana@a.example", "ana@b.example", false},
	} {
		if approval.SamePerson(c.a, c.b) != c.same || approval.SamePerson(c.b, c.a) != c.same {
			t.Errorf("%q and %q: want %t", c.a, c.b, c.same)
		}
	}
}

func TestSameDecision(t *testing.T) {
	base := decide("bo", approval.Approve)
	if !base.Same(decide("bo", approval.Approve, commented("later"), acknowledging())) {
		t.Error("comment and acknowledgements do not make another answer")
	}
	for name, other := range map[string]approval.Decision{
		"verdict": decide("bo", approval.Reject), "digest": decide("bo", approval.Approve, otherDigest),
		"change set": decide("bo", approval.Approve, otherChangeSet),
	} {
		if base.Same(other) {
			t.Errorf("another %s is another answer", name)
		}
	}
}

func TestRequires(t *testing.T) {
	for when, want := range map[approval.When][2]bool{ // harmless, dangerous
		approval.Always: {true, true}, approval.Dangerous: {false, true}, approval.Never: {false, false},
		"": {true, true}, "sometimes": {true, true}, "NEVER": {true, true},
	} {
		p := approval.Policy{When: when}
		if p.Requires(false) != want[0] || p.Requires(true) != want[1] {
			t.Errorf("%q: harmless %t, dangerous %t; want %v", when, p.Requires(false), p.Requires(true), want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, when := range approval.Whens() {
		for _, self := range approval.Selves() {
			if err := (approval.Policy{When: when, Count: 1, ExpiresAfter: 1, Self: self}).Validate(); err != nil {
				t.Errorf("%s, %s: %v", when, self, err)
			}
		}
	}
	if err := approval.Default().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	err := approval.Policy{When: "sometimes", Count: 0, ExpiresAfter: -time.Hour, Self: "allowed"}.Validate()
	for _, part := range []string{`approval.when "sometimes"`, "approval.count 0", "approval.expiresAfter -1h0m0s", `approval.selfApproval "allowed"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the problems %v lack %s", err, part)
		}
	}
}

func TestLooserThan(t *testing.T) {
	middle := approval.Policy{When: approval.Dangerous, Count: 2, ExpiresAfter: time.Hour, Self: approval.SelfForbidden}
	for name, c := range map[string]struct {
		change func(*approval.Policy)
		want   string
	}{
		"the same":       {func(*approval.Policy) {}, ""},
		"when tightened": {func(p *approval.Policy) { p.When = approval.Always }, ""},
		"when loosened":  {func(p *approval.Policy) { p.When = approval.Never }, "when"},
		// Requires and CheckApprover take an unknown word for the strictest, and Validate refuses it.
		"when unknown":     {func(p *approval.Policy) { p.When = "sometimes" }, ""},
		"count tightened":  {func(p *approval.Policy) { p.Count = 3 }, ""},
		"count loosened":   {func(p *approval.Policy) { p.Count = 1 }, "count"},
		"expiry tightened": {func(p *approval.Policy) { p.ExpiresAfter = time.Minute }, ""},
		"expiry loosened":  {func(p *approval.Policy) { p.ExpiresAfter = 2 * time.Hour }, "expiresAfter"},
		"self loosened":    {func(p *approval.Policy) { p.Self = approval.SelfRecorded }, "selfApproval"},
		"self unknown":     {func(p *approval.Policy) { p.Self = "allowed" }, ""},
		"everything loosened": {func(p *approval.Policy) {
			*p = approval.Policy{When: approval.Never, ExpiresAfter: 2 * time.Hour, Self: approval.SelfRecorded}
		}, "when count expiresAfter selfApproval"},
	} {
		p := middle
		c.change(&p)
		if got := strings.Join(p.LooserThan(middle), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	recorded := middle
	recorded.Self = approval.SelfRecorded
	if got := middle.LooserThan(recorded); got != nil {
		t.Errorf("to forbid what is recorded loosens %v", got)
	}
}

func TestUnacknowledged(t *testing.T) {
	for _, c := range []struct{ wanted, given, want []int }{
		{nil, nil, nil}, {nil, []int{1}, nil}, {[]int{1}, nil, []int{1}}, {[]int{3, 1, 2}, []int{1}, []int{3, 2}}, {[]int{1, 2}, []int{2, 1}, nil},
	} {
		if got := approval.Unacknowledged(c.wanted, c.given); !slices.Equal(got, c.want) {
			t.Errorf("of %v, %v lacks %v, want %v", c.wanted, c.given, got, c.want)
		}
	}
}

func TestLists(t *testing.T) {
	for name, got := range map[string]int{"whens": len(approval.Whens()), "selves": len(approval.Selves()), "verdicts": len(approval.Verdicts())} {
		if want := map[string]int{"whens": 3, "selves": 2, "verdicts": 2}[name]; got != want {
			t.Errorf("%d %s, want %d", got, name, want)
		}
	}
}

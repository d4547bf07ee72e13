package approval_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stackgate/internal/approval"
)

func groups(members ...string) approval.Policy {
	p := approval.Default()
	for i, list := range members {
		p.Groups = append(p.Groups, approval.Group{Name: "group-" + string(rune('a'+i)), Members: strings.Fields(list)})
	}
	return p
}

func TestGroupsDecideWhoCounts(t *testing.T) {
	two := groups("bo Cy ana", "di")
	two.Count = 2
	behalf := review
	behalf.RequestedBy, behalf.OnBehalfOf = "github", []string{"Bo"}
	for name, c := range map[string]struct {
		policy    approval.Policy
		review    approval.Review
		decisions []approval.Decision
		state     approval.State
		by        string
		ignored   string
	}{
		"members of either":           {two, review, []approval.Decision{decide("CY", approval.Approve), decide("di", approval.Approve)}, approval.Approved, "CY di", ""},
		"one is no member":            {two, review, []approval.Decision{decide("cy", approval.Approve), decide("ed", approval.Approve)}, approval.Waiting, "cy", "ed is no member of group-a or group-b"},
		"a stranger's no":             {two, review, []approval.Decision{decide("ed", approval.Reject)}, approval.Waiting, "", "did not ask for this deployment"},
		"the requester, a member":     {two, review, []approval.Decision{decide("ana", approval.Approve)}, approval.Waiting, "", "nobody approves their own"},
		"the requester's no":          {groups("bo"), review, []approval.Decision{decide("ana", approval.Reject)}, approval.Rejected, "", ""},
		"who is behind the pipeline":  {two, behalf, []approval.Decision{decide("bo", approval.Approve)}, approval.Waiting, "", "on behalf of bo"},
		"their no":                    {groups("cy"), behalf, []approval.Decision{decide("bo", approval.Reject)}, approval.Rejected, "", ""},
		"the pipeline itself":         {groups("github bo"), behalf, []approval.Decision{decide("github", approval.Approve)}, approval.Waiting, "", "nobody approves their own"},
		"a group without anybody":     {groups(""), review, []approval.Decision{decide("bo", approval.Approve)}, approval.Waiting, "", "no member"},
		"no group, and behind it all": {approval.Default(), behalf, []approval.Decision{decide("cy", approval.Approve)}, approval.Approved, "cy", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := approval.Count(c.policy, c.review, c.decisions)
			if got.State != c.state || strings.Join(got.By, " ") != c.by || !strings.Contains(strings.Join(got.Ignored, "\n"), c.ignored) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestGroupsAreTightenedOnly(t *testing.T) {
	for name, c := range map[string]struct {
		floor, policy approval.Policy
		looser        bool
	}{
		"none to none":        {approval.Default(), approval.Default(), false},
		"none to some":        {approval.Default(), groups("bo"), false},
		"some to none":        {groups("bo"), approval.Default(), true},
		"the same":            {groups("bo cy"), groups("CY bo"), false},
		"fewer":               {groups("bo cy"), groups("bo"), false},
		"others":              {groups("bo cy"), groups("di"), true},
		"one more":            {groups("bo cy"), groups("bo cy di"), true},
		"spread differently":  {groups("bo", "cy"), groups("bo cy"), false},
		"one of two groups":   {groups("bo", "cy"), groups("cy"), false},
		"a group beside":      {groups("bo"), groups("bo", "di"), true},
		"nobody where people": {groups("bo"), groups(""), false},
	} {
		if got := slices.Contains(c.policy.LooserThan(c.floor), "groups"); got != c.looser {
			t.Errorf("%s: looser %t", name, got)
		}
	}
}

func TestValidateWantsEnoughMembers(t *testing.T) {
	few := groups("bo BO", "bo")
	few.Count = 2
	if err := few.Validate(); err == nil || !strings.Contains(err.Error(), "groups have 1 members") {
		t.Errorf("%v", err)
	}
	if err := groups("bo").Validate(); err != nil {
		t.Error(err)
	}
}

// Whoever counts within both counts in each.
func TestWithinIsTheIntersection(t *testing.T) {
	people := []string{"ana", "bo", "cy", "di"}
	some := rapid.Custom(func(t *rapid.T) approval.Policy {
		p := approval.Default()
		for i := range rapid.IntRange(0, 2).Draw(t, "groups") {
			p.Groups = append(p.Groups, approval.Group{Name: string(rune('a' + i)), Members: rapid.SliceOfDistinct(rapid.SampledFrom(people), rapid.ID).Draw(t, "members")})
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		own, installed := some.Draw(t, "own"), some.Draw(t, "installed")
		within := own.Within(installed)
		for _, person := range people {
			if got, want := within.Entitled(person), own.Entitled(person) && installed.Entitled(person); got != want {
				t.Fatalf("%s counts within: %t, want %t", person, got, want)
			}
		}
	})
}

func TestChannels(t *testing.T) {
	if got := approval.Channels(); len(got) != 2 || got[0] == got[1] {
		t.Errorf("%v", got)
	}
}

// TestUnderIsNeverLooser: of each rule the stricter one holds, whichever of the two policies has it.
func TestUnderIsNeverLooser(t *testing.T) {
	policies := rapid.Custom(func(t *rapid.T) approval.Policy {
		p := groups(rapid.SliceOfN(rapid.SampledFrom([]string{"bo", "cy", "bo cy"}), 0, 2).Draw(t, "groups")...)
		p.When = rapid.SampledFrom(append(approval.Whens(), "whenever")).Draw(t, "when")
		p.Count = rapid.IntRange(1, 3).Draw(t, "count")
		p.ExpiresAfter = time.Duration(rapid.IntRange(1, 3).Draw(t, "hours")) * time.Hour
		p.Self = rapid.SampledFrom(approval.Selves()).Draw(t, "self")
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		own, installed := policies.Draw(t, "own"), policies.Draw(t, "installed")
		under := own.Under(installed)
		if looser := append(under.LooserThan(own), under.LooserThan(installed)...); len(looser) > 0 {
			t.Fatalf("%+v is looser in %v than %+v or %+v", under, looser, own, installed)
		}
		for _, person := range []string{"bo", "cy", "di"} {
			if under.Entitled(person) && !(own.Entitled(person) && installed.Entitled(person)) {
				t.Fatalf("%s decides under %+v, not under both %+v and %+v", person, under, own, installed)
			}
		}
	})
}

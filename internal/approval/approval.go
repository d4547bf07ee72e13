// Package approval holds the rule of who must agree to a deployment and whether they have. It is not where decisions are
// taken in or kept: it counts what it is given.
package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// When says which reviews need an approval.
type When string

// The values of When.
const (
	Always    When = "always"
	Dangerous When = "dangerous"
	Never     When = "never"
)

// Whens lists every value of When, strictest first.
func Whens() []When { return []When{Always, Dangerous, Never} }

// Self says what becomes of an approval by the requester.
type Self string

// The values of Self.
const (
	// SelfForbidden: the requester's approval is refused.
	SelfForbidden Self = "forbidden"
	// SelfRecorded: it counts, and the record says that requester and approver are one. For solo mode.
	SelfRecorded Self = "recorded"
)

// Selves lists every value of Self, strictest first.
func Selves() []Self { return []Self{SelfForbidden, SelfRecorded} }

// Policy is what an environment, and a service that tightens it, asks for.
type Policy struct {
	When When `json:"when"`
	// Count is how many different people must approve, 1 or more.
	Count int `json:"count"`
	// ExpiresAfter is how long a review waits for its decision.
	ExpiresAfter time.Duration `json:"expiresAfter"`
	Self         Self          `json:"selfApproval"`
	// Groups are those whose members' approvals count; where there are none, anybody's does who may approve at all.
	Groups []Group `json:"groups,omitempty"`
}

// Default is the policy of a definition that says nothing: always, one other person, 24 hours.
func Default() Policy {
	return Policy{When: Always, Count: 1, ExpiresAfter: 24 * time.Hour, Self: SelfForbidden}
}

// Validate says what is wrong with the policy.
func (p Policy) Validate() error {
	var problems []error
	if !slices.Contains(Whens(), p.When) {
		problems = append(problems, fmt.Errorf("approval.when %q: use always, dangerous or never", p.When))
	}
	if p.Count < 1 {
		problems = append(problems, fmt.Errorf("approval.count %d: at least one person must approve", p.Count))
	}
	if p.ExpiresAfter <= 0 {
		problems = append(problems, fmt.Errorf("approval.expiresAfter %s: must be longer than nothing", p.ExpiresAfter))
	}
	if !slices.Contains(Selves(), p.Self) {
		problems = append(problems, fmt.Errorf("approval.selfApproval %q: use forbidden or recorded", p.Self))
	}
	if people := p.People(); len(p.Groups) > 0 && len(people) < p.Count {
		problems = append(problems, fmt.Errorf("approval.groups: %s must approve and the groups have %d members; add people or ask for fewer", count(p.Count), len(people)))
	}
	return errors.Join(problems...)
}

// LooserThan names the fields in which p asks for less than floor; nil where it does not. A service may tighten what
// its environment asks for, never loosen it.
func (p Policy) LooserThan(floor Policy) []string {
	var looser []string
	if slices.Index(Whens(), p.When) > slices.Index(Whens(), floor.When) {
		looser = append(looser, "when")
	}
	if p.Count < floor.Count {
		looser = append(looser, "count")
	}
	if p.ExpiresAfter > floor.ExpiresAfter {
		looser = append(looser, "expiresAfter")
	}
	if slices.Index(Selves(), p.Self) > slices.Index(Selves(), floor.Self) {
		looser = append(looser, "selfApproval")
	}
	if len(floor.Groups) > 0 && (len(p.Groups) == 0 || len(p.Beyond(floor)) > 0) {
		looser = append(looser, "groups")
	}
	return looser
}

// Requires says whether a review needs an approval. Dangerous is the review's own judgement: level high or worse,
// anything unknown, or an incomplete review. An unknown When requires one.
func (p Policy) Requires(dangerous bool) bool {
	switch p.When {
	case Always:
		return true
	case Dangerous:
		return dangerous
	case Never:
		return false
	}
	return true
}

// Verdict is one person's answer.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
)

// Verdicts lists every verdict.
func Verdicts() []Verdict { return []Verdict{Approve, Reject} }

// Decision is one person's answer to one review. It is written once and never changed.
type Decision struct {
	// By names the person; in the embedded modes nobody has verified it.
	By      string  `json:"by"`
	Verdict Verdict `json:"verdict"`
	// ChangeSetID is the ARN of the change set that was decided upon, never its name.
	ChangeSetID string `json:"changeSetId"`
	// Digest is the review digest that was decided upon.
	Digest string `json:"digest"`
	// Acknowledgements are the numbers of the items whose danger was accepted.
	Acknowledgements []int     `json:"acknowledgements,omitempty"`
	Comment          string    `json:"comment,omitempty"`
	At               time.Time `json:"at"`
	// Verified says whether By was established by IAM or an identity provider.
	Verified bool `json:"verified"`
	// Source is how the person came in.
	Source Source `json:"source,omitzero"`
}

// Same says whether two decisions are the same answer to the same review.
func (d Decision) Same(other Decision) bool {
	return d.Verdict == other.Verdict && d.Digest == other.Digest && d.ChangeSetID == other.ChangeSetID
}

// SamePerson compares names of people as identity providers do, without regard to case and surrounding space, so that
// "Ana" cannot approve what "ana" asked for.
func SamePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// State is where the counting of decisions has come to.
type State string

// The states.
const (
	Waiting  State = "waiting"
	Approved State = "approved"
	Rejected State = "rejected"
)

// Tally is the count of decisions against a policy.
type Tally struct {
	State State
	// Approvals that count, and how many are needed.
	Given, Needed int
	// By names those whose approval counts, in the order of their decisions.
	By []string
	// RejectedBy and Reason are those of the first rejection.
	RejectedBy, Reason string
	// Ignored says, for each decision that does not count, why.
	Ignored []string
}

// Review is what decisions are counted for.
type Review struct {
	ChangeSetID string
	Digest      string
	// RequestedBy is the person, or the CI principal, that asked for the deployment.
	RequestedBy string
	// OnBehalfOf are the people for whom a CI principal asked; they are requesters as well.
	OnBehalfOf []string
	// Acknowledge are the numbers of the items that an approval must acknowledge.
	Acknowledge []int
}

// Requesters are all who asked for the deployment.
func (r Review) Requesters() []string { return append([]string{r.RequestedBy}, r.OnBehalfOf...) }

// Count counts decisions. Only those upon exactly this change set and digest count, each person once; one rejection by
// somebody entitled ends it. An unknown verdict counts as a rejection.
func Count(policy Policy, review Review, decisions []Decision) Tally {
	tally := Tally{State: Waiting, Needed: max(policy.Count, 1)}
	for _, d := range decisions {
		if d.ChangeSetID != review.ChangeSetID || d.Digest != review.Digest {
			tally.Ignored = append(tally.Ignored, fmt.Sprintf("%s decided upon another review (%s)", d.By, d.Digest))
			continue
		}
		if d.Verdict != Approve {
			if err := CheckRejecter(policy, review, d.By); err != nil {
				tally.Ignored = append(tally.Ignored, err.Error())
			} else if tally.State != Rejected {
				tally.State, tally.RejectedBy, tally.Reason = Rejected, d.By, d.Comment
			}
			continue
		}
		if err := CheckApprover(policy, review, d.By); err != nil {
			tally.Ignored = append(tally.Ignored, err.Error())
			continue
		}
		if missing := Unacknowledged(review.Acknowledge, d.Acknowledgements); len(missing) > 0 {
			tally.Ignored = append(tally.Ignored, fmt.Sprintf("%s did not acknowledge %v", d.By, missing))
			continue
		}
		if contains(tally.By, d.By) {
			tally.Ignored = append(tally.Ignored, d.By+" counts once")
			continue
		}
		tally.By = append(tally.By, d.By)
	}
	tally.Given = len(tally.By)
	if tally.State == Waiting && tally.Given >= tally.Needed {
		tally.State = Approved
	}
	return tally
}

// CheckApprover says why a person's approval would not count.
func CheckApprover(policy Policy, review Review, by string) error {
	switch {
	case strings.TrimSpace(by) == "":
		return errors.New("an approval needs the name of the person who gives it")
	case policy.Self != SelfRecorded && SamePerson(review.RequestedBy, by):
		return fmt.Errorf("%s asked for this deployment, and nobody approves their own", by)
	case policy.Self != SelfRecorded && contains(review.OnBehalfOf, by):
		return fmt.Errorf("%s asked for this deployment on behalf of %s, and nobody approves their own", review.RequestedBy, by)
	case !policy.Entitled(by):
		return fmt.Errorf("%s is no member of %s, whose approval counts", by, policy.GroupNames())
	}
	return nil
}

// CheckRejecter says why a person's rejection would not count: where groups approve, they and the requesters reject.
func CheckRejecter(policy Policy, review Review, by string) error {
	if strings.TrimSpace(by) == "" {
		return errors.New("a rejection needs the name of the person who gives it")
	}
	if !policy.Entitled(by) && !contains(review.Requesters(), by) {
		return fmt.Errorf("%s is no member of %s and did not ask for this deployment", by, policy.GroupNames())
	}
	return nil
}

// Unacknowledged returns the wanted numbers that given lacks.
func Unacknowledged(wanted, given []int) []int {
	var missing []int
	for _, number := range wanted {
		if !slices.Contains(given, number) {
			missing = append(missing, number)
		}
	}
	return missing
}

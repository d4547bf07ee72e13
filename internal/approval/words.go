package approval

import (
	"strconv"
	"strings"
)

// Remaining says in words whose approval a review still needs, as "1 more of owners, not ana or bo": neither who asked for
// it nor who has approved it can give that. Before the first approval it is Approvers.
func (p Policy) Remaining(r Review, t Tally) string {
	if t.Given == 0 {
		return p.Approvers(r)
	}
	who := strconv.Itoa(max(t.Needed-t.Given, 0)) + " more"
	if len(p.Groups) > 0 {
		who += " of " + p.GroupNames()
	}
	var barred []string
	if p.Self != SelfRecorded {
		barred = r.Requesters()
	}
	for _, person := range t.By {
		if !contains(barred, person) {
			barred = append(barred, person)
		}
	}
	return who + ", not " + strings.Join(barred, " or ")
}

// Approvers says in words whose approval a review needs, as "2 people of owners, not ana, who requested it".
func (p Policy) Approvers(r Review) string {
	who := count(max(p.Count, 1))
	if len(p.Groups) > 0 {
		who += " of " + p.GroupNames()
	}
	if p.Self == SelfRecorded {
		return who + ", the requester among them if need be"
	}
	who += ", not " + r.RequestedBy
	for _, person := range r.OnBehalfOf {
		who += " or " + person
	}
	return who + ", who requested it"
}

package approval

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

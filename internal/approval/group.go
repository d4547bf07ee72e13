package approval

import (
	"fmt"
	"slices"
	"strings"
)

// Group is people whose approval counts, by the name under which the project lists them.
type Group struct {
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

// People are the members of the policy's groups, each once.
func (p Policy) People() []string {
	var people []string
	for _, g := range p.Groups {
		for _, member := range g.Members {
			if !contains(people, member) {
				people = append(people, member)
			}
		}
	}
	return people
}

// Entitled says whether a person is one of those whose decision counts.
func (p Policy) Entitled(person string) bool {
	return len(p.Groups) == 0 || contains(p.People(), person)
}

// GroupNames joins the names of the groups for a sentence.
func (p Policy) GroupNames() string {
	names := make([]string, len(p.Groups))
	for i, g := range p.Groups {
		names[i] = g.Name
	}
	return strings.Join(names, " or ")
}

// Beyond returns the people of p whose decision would not count by the floor.
func (p Policy) Beyond(floor Policy) []string {
	return slices.DeleteFunc(p.People(), floor.Entitled)
}

// Under is the policy that holds where another one is installed: of each rule the stricter one. A deployment's own policy
// is a row that the functions write; what is installed is none, so that a row alone waives nothing.
func (p Policy) Under(installed Policy) Policy {
	if slices.Index(Whens(), installed.When) < slices.Index(Whens(), p.When) {
		p.When = installed.When
	}
	p.Count = max(p.Count, installed.Count)
	if p.ExpiresAfter > installed.ExpiresAfter {
		p.ExpiresAfter = installed.ExpiresAfter
	}
	if slices.Index(Selves(), installed.Self) < slices.Index(Selves(), p.Self) {
		p.Self = installed.Self
	}
	return p.Within(installed)
}

// Within narrows the policy's groups to those of its members whom another policy's groups still have. A deployment's own
// policy says who may approve it; the installed one says who still may. A group that neither names keeps nobody out, and
// where nobody is left, nobody's approval counts.
func (p Policy) Within(installed Policy) Policy {
	if len(installed.Groups) == 0 {
		return p
	}
	if len(p.Groups) == 0 {
		p.Groups = installed.Groups
		return p
	}
	narrowed := make([]Group, len(p.Groups))
	for i, g := range p.Groups {
		narrowed[i] = Group{Name: g.Name, Members: slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return !installed.Entitled(m) })}
	}
	p.Groups = narrowed
	return p
}

func contains(people []string, person string) bool {
	return slices.ContainsFunc(people, func(p string) bool { return SamePerson(p, person) })
}

func count(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

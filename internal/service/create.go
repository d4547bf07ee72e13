package service

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// New returns the file of a service that is like another: the same owner, stack group and template, and those parameters that the
// template needs and nothing else gives. Where the other's name stands in a value, the new name takes its place. The
// file belongs at NAME.yaml beside the other's.
func (c *Catalog) New(name, like string) ([]byte, error) {
	if err := deployment.CheckServiceName(name); err != nil {
		return nil, err
	}
	var services []string
	for _, s := range c.services {
		services = append(services, s.Name)
		if s.Name == name {
			return nil, fmt.Errorf("service %s is there already (%s); choose another name", name, s.File)
		}
	}
	i := slices.Index(services, like)
	if i < 0 {
		return nil, ErrUnknownService{like, suggest(like, services), services}
	}
	root := c.written[like]
	w := copier{from: wordOf(like), to: name}
	w.line(0, "# yaml-language-server: $schema=./schema/service.schema.json")
	w.line(0, "version: 1")
	w.line(0, "service: "+name)
	w.line(0, "owner: "+quote(c.services[i].Owner))
	if group := c.services[i].StackGroup; group != "" {
		w.line(0, "stackGroup: "+quote(group))
	}
	if template := root.get("template"); template != nil {
		w.line(0, "template: "+quote(template.text))
	}
	needed := func(parameter string) bool {
		return slices.ContainsFunc(c.services[i].Environments, func(environment string) bool {
			return c.needs(like, environment, parameter)
		})
	}
	w.values(0, "parameters", root.get("parameters"), needed)
	w.values(0, "secrets", root.get("secrets"), needed)
	w.environments(c, like, root.get("environments"))
	return []byte(w.text.String()), nil
}

// needs says whether a template needs a parameter that neither it nor the project gives a value.
func (c *Catalog) needs(service, environment, parameter string) bool {
	declared, ok := c.definitions[deployment.Key(service, environment)].declared[parameter]
	return ok && !declared.hasFallback && !slices.Contains(c.inherited[environment], parameter)
}

// wordOf matches a service's name where it stands by itself.
func wordOf(name string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[^a-z0-9])` + regexp.QuoteMeta(name) + `($|[^a-z0-9])`)
}

// copier writes parts of a service's file for another.
type copier struct {
	text strings.Builder
	from *regexp.Regexp
	to   string
}

func (w *copier) line(depth int, text string) {
	w.text.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

func (w *copier) values(depth int, key string, section *node, needed func(string) bool) {
	if section == nil {
		return
	}
	var lines []string
	for _, e := range section.entries {
		if needed(e.key) && e.value.kind != nullKind {
			lines = append(lines, e.key+": "+w.value(e.value))
		}
	}
	if len(lines) == 0 {
		return
	}
	w.line(depth, key+":")
	for _, text := range lines {
		w.line(depth+1, text)
	}
}

func (w *copier) environments(c *Catalog, like string, section *node) {
	if section == nil {
		return
	}
	before := w.text.Len()
	for _, e := range section.entries {
		inner := copier{from: w.from, to: w.to}
		needed := func(parameter string) bool { return c.needs(like, e.key, parameter) }
		inner.values(2, "parameters", e.value.get("parameters"), needed)
		inner.values(2, "secrets", e.value.get("secrets"), needed)
		if inner.text.Len() == 0 {
			continue
		}
		if w.text.Len() == before {
			w.line(0, "environments:")
		}
		w.line(1, e.key+":")
		w.text.WriteString(inner.text.String())
	}
}

func (w *copier) value(n *node) string {
	switch n.kind {
	case listKind:
		items := make([]string, len(n.items))
		for i, item := range n.items {
			items[i] = quoteInFlow(w.renamed(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case mapKind:
		items := make([]string, len(n.entries))
		for i, e := range n.entries {
			items[i] = e.key + ": " + quoteInFlow(w.renamed(e.value))
		}
		return "{ " + strings.Join(items, ", ") + " }"
	case textKind:
		return quote(w.renamed(n))
	case nullKind, booleanKind, integerKind, floatKind, opaqueKind:
		return n.text
	}
	return n.text
}

// renamed replaces the name twice, because neighbours share the character between them.
func (w *copier) renamed(n *node) string {
	once := w.from.ReplaceAllString(n.text, "${1}"+w.to+"${2}")
	return w.from.ReplaceAllString(once, "${1}"+w.to+"${2}")
}

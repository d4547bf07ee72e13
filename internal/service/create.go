package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// ErrServiceExists says that a service cannot be made because there is one of its name.
type ErrServiceExists struct {
	Name string
	// File is where it is defined.
	File string
}

func (e ErrServiceExists) Error() string {
	return fmt.Sprintf("service %s is there already (%s); choose another name", e.Name, e.File)
}

// Create writes the file that New returns into a directory of definitions, and returns its path and the catalog with the
// new service. A file that is there is never touched. Where the definitions are not valid, or would not be with the new
// file, nothing is written and the error is a Problems; otherwise it may be one of New's.
func Create(dir, name, like string) (string, *Catalog, error) {
	catalog, err := LoadDir(dir)
	if err != nil {
		return "", nil, err
	}
	content, err := catalog.New(name, like)
	if err != nil {
		return "", nil, err
	}
	file := name + ".yaml"
	if catalog, err = load(os.DirFS(dir), dir, map[string][]byte{file: content}); err != nil {
		return "", nil, err
	}
	if err := writeNew(dir, file, content); errors.Is(err, fs.ErrExist) {
		return "", nil, ErrServiceExists{name, filepath.Join(dir, file)}
	} else if err != nil {
		return "", nil, fmt.Errorf("write the file of service %s: %w", name, err)
	}
	return filepath.Join(dir, file), catalog, nil
}

// writeNew makes a file with its content at once, or fails with fs.ErrExist where there is one. Until its link is made the
// file has a hidden name, which Load passes over.
func writeNew(dir, name string, content []byte) error {
	file, err := os.CreateTemp(dir, "."+name+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	// CreateTemp lets nobody else read it; a definition is for everybody.
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Link(file.Name(), filepath.Join(dir, name))
}

// New returns the file of a service that is like another: the same owner, stack group and template, and those parameters that the
// template needs and nothing else gives. Where the other's name stands in a value, the new name takes its place. The
// file belongs at NAME.yaml beside the other's. The error is an ErrServiceExists, an ErrUnknownService or about the name.
func (c *Catalog) New(name, like string) ([]byte, error) {
	if err := deployment.CheckServiceName(name); err != nil {
		return nil, err
	}
	var services []string
	for _, s := range c.services {
		services = append(services, s.Name)
		if s.Name == name {
			return nil, ErrServiceExists{name, s.File}
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

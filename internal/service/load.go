// Package service reads the definitions of services, raw files first and valid values from them: inheritance, the
// checks of every value, and the place where each was written. It is not where anything is deployed, and it calls no AWS.
package service

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
)

// projectFile is the name of the file that platform engineers own.
const projectFile = "project.yaml"

//go:embed builtin.yaml
var builtinYAML []byte

// LoadDir loads the definitions of a directory, and names files as dir/name in problems and origins. Links that lead out
// of the directory are not followed.
func LoadDir(dir string) (*Catalog, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the services in %s: %w; name the folder that holds %s", dir, err, projectFile)
	}
	defer root.Close()
	return Load(root.FS(), dir)
}

// Load reads project.yaml and every service's file at the top of files. Prefix stands before the names of files in
// problems and origins. Where anything is wrong the error is a Problems with everything that is.
func Load(files fs.FS, prefix string) (*Catalog, error) { return load(files, prefix, nil) }

// load is Load with files at the top that are not written yet.
func load(files fs.FS, prefix string, unwritten map[string][]byte) (*Catalog, error) {
	l := &loader{files: files, prefix: prefix, unwritten: unwritten, report: newReport(), lacks: map[lack][]string{}}
	l.templates = &templates{files: files, prefix: prefix, report: l.report, read: map[string]*template{}}
	l.builtin = readYAML(Builtin, builtinYAML, definitionYAML, l.report)
	if err := l.readFiles(); err != nil {
		return nil, err
	}
	catalog := l.resolve()
	if problems := l.report.problems(); len(problems) > 0 {
		return nil, problems
	}
	return catalog, nil
}

// source is a definition file that was read.
type source struct {
	root *node
	// faulty files have keys that could not be read; what seems to be missing may stand under one of them.
	faulty bool
}

type loader struct {
	files     fs.FS
	prefix    string
	unwritten map[string][]byte
	report    *report
	templates *templates

	builtin *node
	project source
	raw     rawProject
	// services by name.
	services map[string]rawSource
	// lacks are those of the service that is being resolved, with the environments that have them.
	lacks map[lack][]string
}

type rawSource struct {
	source
	raw rawService
}

func (l *loader) readFiles() error {
	entries, err := fs.ReadDir(l.files, ".")
	if err != nil {
		return fmt.Errorf("list the services in %s: %w", l.prefix, err)
	}
	l.services = map[string]rawSource{}
	for _, e := range entries {
		name := e.Name()
		switch extension := path.Ext(name); {
		case strings.HasPrefix(name, ".") || e.IsDir():
		case name == projectFile:
			l.project = l.read(name, reflect.ValueOf(&l.raw).Elem())
		case extension == ".yaml":
			l.readService(name)
		case extension == ".yml" || strings.EqualFold(extension, ".yaml"):
			l.report.add(Origin{File: l.name(name)}, "", "definition files end in .yaml; rename it to %s.yaml", strings.TrimSuffix(name, extension))
		}
	}
	for name := range l.unwritten {
		l.readService(name)
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == projectFile }) {
		l.report.add(Origin{File: l.name(projectFile)}, "", "the file is missing; it names the project and its environments")
	}
	return nil
}

func (l *loader) readService(name string) {
	var s rawSource
	s.source = l.read(name, reflect.ValueOf(&s.raw).Elem())
	if s.root == nil {
		return
	}
	stem := strings.TrimSuffix(name, ".yaml")
	if s.raw.Service.At != nil && s.raw.Service.Value != stem {
		l.report.at(s.raw.Service.At, "the file of service %q must be named %s.yaml", s.raw.Service.Value, s.raw.Service.Value)
	}
	s.raw.Service.Value = stem
	l.services[stem] = s
}

// read reads one file strictly into its raw form.
func (l *loader) read(name string, into reflect.Value) source {
	content, unwritten := l.unwritten[name]
	var err error
	if !unwritten {
		content, err = readLimited(l.files, name, maxDefinition)
	}
	if err != nil {
		var pathError *fs.PathError
		if errors.As(err, &pathError) {
			err = pathError.Err
		}
		l.report.add(Origin{File: l.name(name)}, "", "the file cannot be read: %v", err)
		return source{faulty: true}
	}
	before := len(l.report.seen)
	root := readYAML(l.name(name), content, definitionYAML, l.report)
	if root != nil {
		decoder{report: l.report}.decode(root, into, false)
	}
	return source{root: root, faulty: len(l.report.seen) > before}
}

func (l *loader) name(file string) string { return path.Join(l.prefix, file) }

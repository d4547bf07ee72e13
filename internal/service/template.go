package service

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"stackgate/internal/deployment"
)

// MaxTemplate is the most bytes a template may have (CloudFormation quotas: template body in an S3 object, 1 MB).
const MaxTemplate = 1 << 20

// MaxInlineTemplate is the most bytes of a template that CloudFormation takes in the call itself, rather than from S3
// (CloudFormation quotas: template body in a request, 51,200 bytes).
const MaxInlineTemplate = 51_200

// InlineTemplateFault refuses a template of so many bytes, more than MaxInlineTemplate, where there is no bucket that
// CloudFormation could read it from.
func InlineTemplateFault(serviceName string, bytes int) error {
	return deployment.Faultf(deployment.InvalidRequest, "the template of %s has %d bytes, and without a bucket, as in solo mode, CloudFormation takes at most %d",
		serviceName, bytes, MaxInlineTemplate).
		Advise("deploy through the installation (team mode), which passes up to %d bytes by its bucket; or shorten the template or split the stack", MaxTemplate)
}

// maxDefinition is the most bytes a project or service file may have. The largest sensible ones have a few thousand.
const maxDefinition = 256 << 10

// template is a template's file and what it declares.
type template struct {
	content    []byte
	parameters map[string]parameter
	// broken templates have been reported; nothing is checked against them.
	broken bool
}

// templates reads each template once.
type templates struct {
	files  fs.FS
	prefix string
	report *report
	read   map[string]*template
}

// at returns the template at a path below the folder of project.yaml; nil where it cannot be had, which is reported at n.
func (t *templates) at(name string, n *node) *template {
	if !fs.ValidPath(name) || strings.Contains(name, `\`) || name == "." {
		t.report.at(n, "%q is not a path below the folder of project.yaml; write it as templates/name.yaml", shorten(name))
		return nil
	}
	if known, ok := t.read[name]; ok && known != nil {
		return known
	}
	content, err := readLimited(t.files, name, MaxTemplate)
	if err != nil {
		t.report.at(n, "template %s: %s", path.Join(t.prefix, name), t.explain(name, err))
		return nil
	}
	parsed := t.parse(path.Join(t.prefix, name), content)
	t.read[name] = parsed
	return parsed
}

// explain says why a template could not be read, with the name of a neighbour where it may have been mistyped.
func (t *templates) explain(name string, err error) string {
	var large tooLargeError
	if errors.As(err, &large) {
		return err.Error() + " that CloudFormation takes; split it into nested stacks"
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	entries, readErr := fs.ReadDir(t.files, path.Dir(name))
	if readErr != nil {
		return "there is no such file"
	}
	var near []string
	for _, e := range entries {
		if !e.IsDir() {
			near = append(near, path.Join(path.Dir(name), e.Name()))
		}
	}
	return "there is no such file" + didYouMean(name, near)
}

func (t *templates) parse(file string, content []byte) *template {
	parsed := &template{content: content}
	// A .template file may be either; CloudFormation goes by how it begins.
	var root *node
	if strings.HasPrefix(strings.TrimSpace(string(content)), "{") && !strings.HasSuffix(file, ".yaml") && !strings.HasSuffix(file, ".yml") {
		root = readJSON(file, content, t.report)
	} else {
		root = readYAML(file, content, templateYAML, t.report)
	}
	if root == nil {
		parsed.broken = true
		return parsed
	}
	if resources := root.get("Resources"); resources == nil || resources.kind != mapKind || len(resources.entries) == 0 {
		at := root
		if resources != nil {
			at = resources
		}
		t.report.add(at.origin, "Resources", "a template needs at least one resource")
		parsed.broken = true
	}
	for _, e := range root.entries {
		if !slices.Contains(templateSections, e.key) {
			t.report.add(e.at, e.key, "CloudFormation knows no such section%s", didYouMean(e.key, templateSections))
		}
	}
	parsed.parameters = declaredParameters(root.get("Parameters"), t.report)
	return parsed
}

var templateSections = []string{
	"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform",
	"Resources", "Outputs", "Hooks",
}

// tooLargeError is a file of more bytes than it may have.
type tooLargeError int64

func (e tooLargeError) Error() string {
	return fmt.Sprintf("it is larger than %d KiB, which is the most", int64(e)>>10)
}

func readLimited(files fs.FS, name string, most int64) ([]byte, error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, tooLargeError(most)
	}
	return content, nil
}

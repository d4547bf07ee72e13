package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"stackgate/services"
)

// project is a folder of definitions that is edited as a developer edits it: the example services of this repository.
type project struct {
	dir string
	// before holds what files were before they were last edited.
	before map[string]string
}

// edit replaces a text that stands in a file exactly once.
type edit struct{ file, old, new string }

func newProject(dir string) (*project, error) {
	if err := os.CopyFS(dir, services.Files); err != nil {
		return nil, fmt.Errorf("write the example services: %w", err)
	}
	return &project{dir: dir}, nil
}

func (p *project) edit(edits []edit) error {
	p.before = map[string]string{}
	for _, e := range edits {
		path := filepath.Join(p.dir, filepath.FromSlash(e.file))
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("edit the example: %w", err)
		}
		if n := strings.Count(string(content), e.old); n != 1 {
			return fmt.Errorf("edit the example: %q stands %d times in %s, not once", e.old, n, e.file)
		}
		if _, kept := p.before[e.file]; !kept {
			p.before[e.file] = string(content)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(content), e.old, e.new, 1)), 0o600); err != nil {
			return fmt.Errorf("edit the example: %w", err)
		}
	}
	return nil
}

// revert takes the last edits back.
func (p *project) revert() error {
	for file, content := range p.before {
		if err := os.WriteFile(filepath.Join(p.dir, filepath.FromSlash(file)), []byte(content), fs.FileMode(0o600)); err != nil {
			return fmt.Errorf("take an edit of the example back: %w", err)
		}
	}
	return nil
}

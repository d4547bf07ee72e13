// Package saved reads what people have in files: saved answers of the AWS CLI, and reviews. It renders nothing.
package saved

import (
	"io"
	"os"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
)

// maxBytes is far beyond what CloudFormation answers; it keeps a wrong file from filling the memory.
const maxBytes = 256 << 20

// Answer is one saved answer.
type Answer struct {
	// Name is what errors call it.
	Name string
	Data []byte
}

// Read reads files; "-" is the standard input, once.
func Read(a *app.App, names []string) ([]Answer, error) {
	answers := make([]Answer, 0, len(names))
	stdin := false
	for _, name := range names {
		if name == "-" && stdin {
			return nil, exit.Usagef("the standard input is named twice; it can be read once")
		}
		answer, err := read(a, name)
		if err != nil {
			return nil, err
		}
		stdin = stdin || name == "-"
		answers = append(answers, answer)
	}
	return answers, nil
}

func read(a *app.App, name string) (Answer, error) {
	from, shown := a.Stdin, "the standard input"
	if name != "-" {
		file, err := os.Open(a.Path(name))
		if err != nil {
			return Answer{}, exit.Usagef("read a saved answer: %s", err)
		}
		defer file.Close()
		from, shown = file, name
	}
	data, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return Answer{}, exit.Usagef("read %s: %s", shown, err)
	}
	if len(data) > maxBytes {
		return Answer{}, exit.Usagef("read %s: it has more than %d MiB, which is no answer of CloudFormation", shown, maxBytes>>20)
	}
	return Answer{Name: shown, Data: data}, nil
}

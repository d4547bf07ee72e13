package saved_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/saved"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/html"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/markdown"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/render/terminal"
)

func read(content []byte) (plan.Review, error) {
	return saved.Review(&app.App{Stdin: bytes.NewReader(content)}, []string{"-"})
}

func TestAReviewIsReadAsItWasWritten(t *testing.T) {
	for _, c := range rendertest.Cases() {
		var out bytes.Buffer
		if err := jsonout.Render(&out, c.Review, jsonout.Options{}); err != nil {
			t.Fatal(err)
		}
		r, err := read(out.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		var again bytes.Buffer
		if err := jsonout.Render(&again, r, jsonout.Options{}); err != nil {
			t.Fatal(err)
		}
		// What is no UTF-8 is written as an escape at first, and as the character that it stands for when it was read.
		if !reflect.DeepEqual(parsed(t, out.Bytes()), parsed(t, again.Bytes())) {
			t.Errorf("%s: it is another document", c.Name)
		}
	}
}

func parsed(t *testing.T, content []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWhatIsNoReviewIsSaid(t *testing.T) {
	for content, want := range map[string]string{
		"":                                 "it is empty",
		"not JSON":                         "not JSON",
		`{"schema":"stackgate.review/v2"}`: "it has a schema of its own",
		`{"schema":"stackgate.tail/v1"}`:   "it has a schema of its own",
		`{"schema":"stackgate.review/v1","items":{}}`: "read review document",
		`{"Stacks":[]}`: "it looks like an answer of DescribeStacks",
	} {
		_, err := read([]byte(content))
		var usage exit.UsageError
		if err == nil || !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", content, err, want)
		}
	}
}

// FuzzReview reads anything that a file may hold, shows it in every form, and compares it with itself.
func FuzzReview(f *testing.F) {
	for _, r := range []plan.Review{rendertest.Empty(), rendertest.Generated(3), rendertest.EveryWord(), rendertest.Hostile()} {
		content, err := plan.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	kept, err := filepath.Glob("../../cfn/testdata/answers/*.json")
	if err != nil || len(kept) == 0 {
		f.Fatalf("%d answers are kept (error %v)", len(kept), err)
	}
	for _, path := range kept {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := read(content)
		if err != nil {
			return
		}
		for name, err := range map[string]error{
			"terminal": terminal.Render(io.Discard, r, terminal.Options{}), "full": terminal.Render(io.Discard, r, terminal.Options{Full: true, ASCII: true, Width: 80}),
			"markdown": markdown.Render(io.Discard, r, markdown.Options{}), "html": html.Render(io.Discard, r, html.Options{}),
			"json": jsonout.Render(io.Discard, r, jsonout.Options{}),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		d := delta.Between(delta.Named{Name: "a", Review: r}, delta.Named{Name: "b", Review: r})
		if !d.Same || d.Counts.Same != len(r.Items) {
			t.Errorf("it differs from itself: %+v", d)
		}
		if err := errors.Join(terminal.RenderDelta(io.Discard, d, terminal.Options{}), markdown.RenderDelta(io.Discard, d, markdown.Options{}), jsonout.RenderDelta(io.Discard, d)); err != nil {
			t.Error(err)
		}
		for _, hazard := range plan.Hazards() {
			r.Hazardous(hazard)
		}
	})
}

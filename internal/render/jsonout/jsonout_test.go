package jsonout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/golden"
	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/rendertest"
)

func render(t testing.TB, r plan.Review) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jsonout.Render(&out, r, jsonout.Options{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGolden(t *testing.T) {
	var names []string
	for _, c := range rendertest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			name := c.Name + ".golden"
			names = append(names, name)
			out := render(t, c.Review)
			// Of the 431 items of the mock 423 are alike.
			if c.Large || c.Name == "orders" {
				out = rendertest.Excerpt(out)
			}
			golden.Assert(t, name, out)
		})
	}
	for _, c := range rendertest.DeltaCases() {
		t.Run(c.Name, func(t *testing.T) {
			name := c.Name + ".golden"
			names = append(names, name)
			var buffer bytes.Buffer
			if err := jsonout.RenderDelta(&buffer, c.Delta); err != nil {
				t.Fatal(err)
			}
			out := buffer.Bytes()
			for _, r := range string(out) {
				if r != '\n' && hostile.Acts(r) {
					t.Errorf("holds %U", r)
				}
			}
			if c.Large {
				out = rendertest.Excerpt(out)
			}
			golden.Assert(t, name, out)
		})
	}
	rendertest.OnlyGolden(t, names)
}

func TestIsExactlyTheDocument(t *testing.T) {
	for _, c := range rendertest.Cases() {
		document, err := plan.Encode(c.Review)
		if err != nil {
			t.Fatal(err)
		}
		out := render(t, c.Review)
		var want, got any
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: not the document (-document +rendered):\n%s", c.Name, diff)
		}
		if !bytes.HasSuffix(out, []byte("}\n")) {
			t.Errorf("%s: does not end with a line break", c.Name)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var first, second bytes.Buffer
		if err := jsonout.Render(&first, rendertest.Draw().Draw(t, "review"), jsonout.Options{}); err != nil {
			t.Fatal(err)
		}
		read, err := plan.Decode(first.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := jsonout.Render(&second, read, jsonout.Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first.String(), second.String()); diff != "" {
			t.Errorf("read and rendered again it differs (-first +second):\n%s", diff)
		}
	})
}

func TestNothingActsOnTheTerminal(t *testing.T) {
	for _, c := range rendertest.Cases() {
		for _, r := range string(render(t, c.Review)) {
			if r != '\n' && hostile.Acts(r) {
				t.Errorf("%s: holds %U", c.Name, r)
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestReportsWriteErrors(t *testing.T) {
	err := jsonout.Render(broken{}, rendertest.Orders(), jsonout.Options{})
	if err == nil || !strings.Contains(err.Error(), "write review of shop-orders-prod: pipe closed") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRender2000(b *testing.B) {
	r := rendertest.Generated(2000)
	b.ReportAllocs()
	for b.Loop() {
		render(b, r)
	}
}

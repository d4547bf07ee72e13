package terminal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"stackgate/internal/golden"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/rendertest"
	"stackgate/internal/render/terminal"
)

func options() terminal.Options {
	return terminal.Options{Now: rendertest.Now(), Approval: "2 platform-approvers, 2 data-owners, 1 security; not by the requester"}
}

func render(t testing.TB, r plan.Review, o terminal.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := terminal.Render(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	var names []string
	assert := func(t *testing.T, name string, r plan.Review, o terminal.Options, large bool) {
		t.Helper()
		name += ".golden"
		names = append(names, name)
		out := []byte(render(t, r, o))
		if large {
			out = rendertest.Excerpt(out)
		}
		golden.Assert(t, name, out)
	}
	for _, c := range rendertest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			assert(t, c.Name, c.Review, options(), c.Large)
		})
	}
	variants := map[string]func(*terminal.Options){
		"color":    func(o *terminal.Options) { o.Color = true },
		"ascii":    func(o *terminal.Options) { o.ASCII = true },
		"width80":  func(o *terminal.Options) { o.Width = 80 },
		"width160": func(o *terminal.Options) { o.Width = 160 },
		"only":     func(o *terminal.Options) { o.Only = []string{"critical", "SECURITY"} },
		"drift":    func(o *terminal.Options) { o.Only = []string{"drift"} },
		"resource": func(o *terminal.Options) { o.Resources = []string{"OrdersFn"} },
		"decided":  func(o *terminal.Options) { o.Decided = "Approved by a.lee 5m ago." },
		"no-clock": func(o *terminal.Options) { *o = terminal.Options{} },
	}
	for name, set := range variants {
		t.Run("orders "+name, func(t *testing.T) {
			o := options()
			set(&o)
			assert(t, "orders-"+name, rendertest.Orders(), o, false)
		})
	}
	t.Run("full", func(t *testing.T) {
		o := options()
		o.Full = true
		assert(t, "orders-full", rendertest.Orders(), o, true)
	})
	for _, c := range rendertest.DeltaCases() {
		t.Run(c.Name, func(t *testing.T) {
			name := c.Name + ".golden"
			names = append(names, name)
			out := []byte(renderDelta(t, c.Delta, options()))
			if c.Large {
				out = rendertest.Excerpt(out)
			}
			golden.Assert(t, name, out)
		})
	}
	rendertest.OnlyGolden(t, names)
}

func renderDelta(t testing.TB, d delta.Document, o terminal.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := terminal.RenderDelta(&out, d, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestComparisonsShowEveryChangeAndNothingActs(t *testing.T) {
	for _, c := range rendertest.DeltaCases() {
		for _, o := range []terminal.Options{{}, {ASCII: true}, {Full: true}, {Width: 80}} {
			out := renderDelta(t, c.Delta, o)
			for _, r := range out {
				if r != '\n' && hostile.Acts(r) || o.ASCII && r >= utf8.RuneSelf {
					t.Errorf("%s %+v: holds %U", c.Name, o, r)
				}
			}
			for _, item := range c.Delta.Items {
				if path := hostile.Visible(item.Path); !o.ASCII && !strings.Contains(squeeze(out), squeeze(path)) {
					t.Errorf("%s %+v: %s is not shown", c.Name, o, path)
				}
			}
			for line := range strings.Lines(out) {
				if width := ansi.StringWidth(strings.TrimRight(line, "\n")); width > max(o.Width, terminal.DefaultWidth) {
					t.Errorf("%s %+v: a line has %d columns: %s", c.Name, o, width, line)
				}
			}
		}
	}
}

func TestNothingActsOnTheTerminal(t *testing.T) {
	for _, c := range rendertest.Cases() {
		for _, o := range []terminal.Options{{}, {ASCII: true}, {Full: true}, {Width: 80}} {
			out := render(t, c.Review, o)
			if !utf8.ValidString(out) {
				t.Errorf("%s %+v: not UTF-8", c.Name, o)
			}
			for _, r := range out {
				if r != '\n' && hostile.Acts(r) {
					t.Errorf("%s %+v: holds %U", c.Name, o, r)
				}
				if o.ASCII && r >= utf8.RuneSelf {
					t.Errorf("%s %+v: holds %q, which is not ASCII", c.Name, o, r)
				}
			}
		}
	}
}

func TestColourAddsNothingButColour(t *testing.T) {
	for _, c := range rendertest.Cases() {
		o := options()
		want := render(t, c.Review, o)
		o.Color = true
		colored := render(t, c.Review, o)
		if !strings.Contains(colored, "\x1b[") {
			t.Errorf("%s: has no colours", c.Name)
		}
		if got := ansi.Strip(colored); got != want {
			t.Errorf("%s: without its colours it is not the same text", c.Name)
		}
	}
}

func TestLinesStayWithinTheWidth(t *testing.T) {
	for _, c := range rendertest.Cases() {
		for _, width := range []int{80, 96, 132} {
			o := options()
			o.Width = width
			for line := range strings.Lines(render(t, c.Review, o)) {
				line = strings.TrimSuffix(line, "\n")
				// Commands and addresses are copied, and stay whole.
				if strings.HasPrefix(line, "  Approve  stackgate") || strings.HasPrefix(line, "  Review   ") {
					continue
				}
				if got := ansi.StringWidth(line); got > width {
					t.Errorf("%s at %d: %d columns: %s", c.Name, width, got, line)
				}
			}
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func TestEveryChangeIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rendertest.Draw().Draw(t, "review")
		o := terminal.Options{Width: rapid.IntRange(60, 200).Draw(t, "width"), ASCII: rapid.Bool().Draw(t, "ascii")}
		for _, o.Full = range []bool{true, false} {
			var out bytes.Buffer
			if err := terminal.Render(&out, r, o); err != nil {
				t.Fatal(err)
			}
			text, missing := squeeze(out.String()), 0
			for _, item := range r.Items {
				if !strings.Contains(text, item.Path) {
					missing++
					if o.Full || item.Level.AtLeast(plan.LevelHigh) {
						t.Errorf("%s (%s, full %v) is missing", item.Path, item.Level, o.Full)
					}
				}
			}
			note := fmt.Sprintf("%d of these by the change that they share", missing)
			if missing > 0 && !strings.Contains(out.String(), note) {
				t.Errorf("%d changes are not named, and it does not say %q", missing, note)
			}
		}
	})
}

func TestDangerComesFirst(t *testing.T) {
	text := render(t, rendertest.Orders(), options())
	last := -1
	for _, heading := range []string{"Replaces 1 table", "\nCRITICAL", "OrdersTable", "\nSECURITY", "\nUNCERTAIN", "\nDRIFT", "\nCHANGED",
		"\nADDED", "\nTAGS ONLY", "\nPARAMETERS", "\nNOT PINNED", "of 433 changes shown", "\nNeeds approval", "stackgate approve"} {
		at := strings.Index(text[max(last, 0):], heading) + max(last, 0)
		if at <= last {
			t.Errorf("%q is missing or stands too early", heading)
		}
		last = at
	}
}

func TestRefusesChoicesThatMeanNothing(t *testing.T) {
	tests := []struct {
		name string
		o    terminal.Options
		want string
	}{
		{"unknown word", terminal.Options{Only: []string{"dangerous"}}, `there is no such section, level or impact; use one of add, added, `},
		{"unknown path", terminal.Options{Resources: []string{"Nothing"}}, `show resource "Nothing": the review has no change with this path`},
		{"logical id of a nested resource", terminal.Options{Resources: []string{"TableThrottle"}}, "did you mean Alarms/TableThrottle?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := terminal.Render(&out, rendertest.Orders(), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that contains %q", err, tt.want)
			}
			if out.Len() > 0 {
				t.Error("something was written all the same")
			}
		})
	}
}

func TestEveryWordCanBeChosen(t *testing.T) {
	for _, word := range terminal.Words() {
		var out bytes.Buffer
		if err := terminal.Render(&out, rendertest.Orders(), terminal.Options{Only: []string{word}}); err != nil {
			t.Errorf("%s: %v", word, err)
		}
		if !strings.Contains(out.String(), " left out by the choice of "+word) {
			t.Errorf("%s: does not say what is left out", word)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestReportsWriteErrors(t *testing.T) {
	err := terminal.Render(broken{}, rendertest.Orders(), options())
	if err == nil || !strings.Contains(err.Error(), "write review of orders -> prod: pipe closed") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRender2000(b *testing.B) {
	r := rendertest.Generated(2000)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := terminal.Render(&out, r, options()); err != nil {
			b.Fatal(err)
		}
	}
}

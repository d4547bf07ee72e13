package markdown_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"stackgate/internal/golden"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/markdown"
	"stackgate/internal/render/rendertest"
)

func options() markdown.Options {
	return markdown.Options{Now: rendertest.Now(), Approval: "2 platform-approvers, 2 data-owners, 1 security; not by the requester"}
}

func render(t testing.TB, r plan.Review, o markdown.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := markdown.Render(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	var names []string
	assert := func(t *testing.T, name string, out string, large bool) {
		t.Helper()
		name += ".golden"
		names = append(names, name)
		if large {
			out = string(rendertest.Excerpt([]byte(out)))
		}
		golden.Assert(t, name, []byte(out))
	}
	for _, c := range rendertest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			assert(t, c.Name, render(t, c.Review, options()), c.Large)
		})
	}
	t.Run("2000 small", func(t *testing.T) {
		o := options()
		o.Budget = markdown.MinBudget
		assert(t, "2000-small", render(t, rendertest.Generated(2000), o), true)
	})
	t.Run("too many critical", func(t *testing.T) {
		o := options()
		o.Budget = markdown.MinBudget
		assert(t, "critical", render(t, allCritical(300), o), false)
	})
	t.Run("decided", func(t *testing.T) {
		o := options()
		o.Decided = "Planned only: nothing is executed and the change set is deleted."
		text := render(t, rendertest.Orders(), o)
		if strings.Contains(text, "stackgate approve") || strings.Contains(text, "Needs approval") {
			t.Error("there is nothing to approve")
		}
		assert(t, "orders-decided", text, false)
	})
	t.Run("no options", func(t *testing.T) {
		assert(t, "orders-no-options", render(t, rendertest.Orders(), markdown.Options{}), false)
	})
	for _, c := range rendertest.DeltaCases() {
		t.Run(c.Name, func(t *testing.T) {
			assert(t, c.Name, renderDelta(t, c.Delta, options()), c.Large)
		})
	}
	rendertest.OnlyGolden(t, names)
}

func renderDelta(t testing.TB, d delta.Document, o markdown.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := markdown.RenderDelta(&out, d, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestComparisonsStayWithinTheBudget(t *testing.T) {
	for _, c := range rendertest.DeltaCases() {
		for _, budget := range []int{markdown.MinBudget, markdown.DefaultBudget} {
			o := options()
			o.Budget = budget
			if out := renderDelta(t, c.Delta, o); len(out) > budget {
				t.Errorf("%s: %d bytes of %d", c.Name, len(out), budget)
			} else if strings.Contains(withoutCode(t, out), "<script") {
				t.Errorf("%s: holds markup", c.Name)
			}
		}
	}
}

func allCritical(n int) plan.Review {
	r := rendertest.Generated(n)
	for i := range r.Items {
		r.Items[i].Level, r.Items[i].Ack = plan.LevelCritical, i+1
	}
	return r
}

func TestStaysWithinTheBudget(t *testing.T) {
	for _, c := range rendertest.Cases() {
		for _, budget := range []int{markdown.MinBudget, 30_000, 0, 900 << 10} {
			o := options()
			o.Budget = budget
			out := render(t, c.Review, o)
			if budget == 0 {
				budget = markdown.DefaultBudget
			}
			if len(out) > budget {
				t.Errorf("%s: %d bytes of %d", c.Name, len(out), budget)
			}
		}
	}
}

func TestRefusesTooSmallABudget(t *testing.T) {
	var out bytes.Buffer
	err := markdown.Render(&out, rendertest.Orders(), markdown.Options{Budget: markdown.MinBudget - 1})
	if err == nil || !strings.Contains(err.Error(), "give at least 16000") || out.Len() > 0 {
		t.Errorf("error %v, %d bytes written", err, out.Len())
	}
}

func TestCriticalChangesAreNeverCutSilently(t *testing.T) {
	for _, n := range []int{10, 60, 90, 120, 300, 2000} {
		o := options()
		o.Budget = markdown.MinBudget
		r := allCritical(n)
		out := render(t, r, o)
		named := 0
		for _, item := range r.Items {
			if strings.Contains(out, "`"+item.Path+"`") {
				named++
			}
		}
		if call := fmt.Sprintf("**%d critical changes do not fit into this text", n); named != n && !strings.Contains(out, call) {
			t.Errorf("%d of %d are named, and it does not say %q", named, n, call)
		}
		if named != n && named != 0 {
			t.Errorf("%d of %d are named: those that are could be taken for all", named, n)
		}
		if !strings.Contains(out, "| critical |") || !strings.Contains(out, fmt.Sprintf("| %d |", n)) {
			t.Errorf("%d: the counts are missing", n)
		}
	}
}

func TestEveryChangeIsNamedOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rendertest.Draw().Draw(t, "review")
		o := markdown.Options{Budget: rapid.SampledFrom([]int{markdown.MinBudget, 20_000, 60_000}).Draw(t, "budget")}
		var buffer bytes.Buffer
		if err := markdown.Render(&buffer, r, o); err != nil {
			t.Fatal(err)
		}
		out := buffer.String()
		if len(out) > o.Budget {
			t.Errorf("%d bytes of %d", len(out), o.Budget)
		}
		missing := 0
		for _, item := range r.Items {
			if !strings.Contains(out, item.Path) {
				missing++
			}
		}
		if !strings.Contains(out, fmt.Sprintf("**%d of %d change", len(r.Items), len(r.Items))) {
			t.Error("does not say how many changes were analysed")
		}
		note := fmt.Sprintf("; %d of them are not named here", missing)
		if (missing > 0) != strings.Contains(out, "are not named here") || missing > 0 && !strings.Contains(out, note) {
			t.Errorf("%d of %d changes are not named, and it does not say %q", missing, len(r.Items), note)
		}
	})
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	ownTag   = regexp.MustCompile(`</?(details|summary|code)>`)
	ownLink  = regexp.MustCompile(`\[Review and approve\]\(<https?://[^<>\s]*>\)`)
)

// withoutCode removes what GitHub shows as it is: fenced blocks and code spans.
func withoutCode(t *testing.T, text string) string {
	var out strings.Builder
	fence := ""
	for line := range strings.Lines(text) {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && len(ticks) >= len(fence):
			if line != fence+"\n" {
				t.Errorf("the fence %s is closed by %q", fence, line)
			}
			fence = ""
		case fence == "":
			out.WriteString(codeSpan.ReplaceAllString(line, "CODE"))
		}
	}
	if fence != "" {
		t.Error("a fence is left open")
	}
	return out.String()
}

func TestHostileTextStaysText(t *testing.T) {
	out := render(t, rendertest.Hostile(), markdown.Options{Budget: 900 << 10})
	if !utf8.ValidString(out) {
		t.Error("not UTF-8")
	}
	for _, r := range out {
		if r != '\n' && hostile.Acts(r) {
			t.Fatalf("holds %U", r)
		}
	}
	first, rest, _ := strings.Cut(out, "\n")
	if want := regexp.MustCompile(`^<!-- stackgate:[A-Za-z0-9/_.-]+ -->$`); !want.MatchString(first) || strings.Contains(first[4:len(first)-3], "--") {
		t.Errorf("marker %q", first)
	}
	text := withoutCode(t, rest)
	for _, forbidden := range []string{"@", "](", "![", "**bold**", "://", "www.", "<!--"} {
		if strings.Contains(ownLink.ReplaceAllString(text, ""), forbidden) {
			t.Errorf("holds %q outside code", forbidden)
		}
	}
	if at := strings.Index(ownTag.ReplaceAllString(text, ""), "<"); at >= 0 {
		t.Errorf("holds a tag that is not its own")
	}
	if opened, closed := strings.Count(text, "<details>"), strings.Count(text, "</details>"); opened != closed || opened == 0 {
		t.Errorf("%d details are opened and %d closed", opened, closed)
	}
	columns := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		if n := strings.Count(line, "|"); columns == 0 {
			columns = n
		} else if n != columns {
			t.Errorf("a row has %d bars where its table has %d: %.200s", n, columns, line)
		}
	}
	for name, attack := range rendertest.Attacks() {
		if mark, _, _ := strings.Cut(attack, "-mark"); !strings.Contains(out, mark+"-mark") {
			t.Errorf("attack %s was lost", name)
		}
	}
}

func TestMarker(t *testing.T) {
	tests := []struct {
		name string
		r    plan.Review
		key  string
		want string
	}{
		{"of the deployment", rendertest.Orders(), "", "<!-- stackgate:orders/prod -->"},
		{"of the stack", rendertest.File(), "", "<!-- stackgate:shop-orders-prod -->"},
		{"given", rendertest.Orders(), "shop/orders/prod", "<!-- stackgate:shop/orders/prod -->"},
		{"hostile", rendertest.Orders(), "x---><script>\n", "<!-- stackgate:x-script- -->"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := markdown.Options{Key: tt.key}
			if got := markdown.Marker(tt.r, o); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if !strings.HasPrefix(render(t, tt.r, o), tt.want+"\n") {
				t.Error("the text does not begin with it")
			}
		})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestReportsWriteErrors(t *testing.T) {
	err := markdown.Render(broken{}, rendertest.Orders(), options())
	if err == nil || !strings.Contains(err.Error(), "write review of orders -> prod: pipe closed") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRender2000(b *testing.B) {
	r := rendertest.Generated(2000)
	b.ReportAllocs()
	for b.Loop() {
		render(b, r, options())
	}
}

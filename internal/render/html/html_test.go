package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"stackgate/internal/golden"
	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/html"
	"stackgate/internal/render/rendertest"
)

func options() html.Options {
	return html.Options{Now: rendertest.Now(), Approval: "2 platform-approvers, 2 data-owners, 1 security; not by the requester"}
}

func render(t testing.TB, r plan.Review, o html.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := html.Render(&out, r, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func parse(t testing.TB, page string) *goquery.Document {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// attributes returns the values of an attribute of all elements that match.
func attributes(d *goquery.Document, selector, name string) []string {
	return d.Find(selector).Map(func(_ int, s *goquery.Selection) string { return s.AttrOr(name, "") })
}

var (
	styleAndScript = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`)
	hashes         = regexp.MustCompile(`sha256-[^ ;]*`)
)

func TestGolden(t *testing.T) {
	var names []string
	for _, c := range rendertest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			name := c.Name + ".golden"
			names = append(names, name)
			// Style and script have files of their own.
			out := hashes.ReplaceAll(styleAndScript.ReplaceAll([]byte(render(t, c.Review, options())), []byte("<$1></$2>")), []byte("sha256-"))
			if c.Large {
				out = rendertest.Excerpt(out)
			}
			golden.Assert(t, name, out)
		})
	}
	rendertest.OnlyGolden(t, names)
}

func TestPolicyAllowsThePageAndNothingElse(t *testing.T) {
	for _, c := range rendertest.Cases() {
		d := parse(t, render(t, c.Review, options()))
		policy := attributes(d, `meta[http-equiv="Content-Security-Policy"]`, "content")
		if len(policy) != 1 || !strings.HasPrefix(policy[0], "default-src 'none'; ") {
			t.Fatalf("%s: policy %q", c.Name, policy)
		}
		for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
			found := d.Find(element)
			if found.Length() != 1 {
				t.Errorf("%s: %d elements %s", c.Name, found.Length(), element)
			}
			sum := sha256.Sum256([]byte(found.Text()))
			want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
			if !strings.Contains(policy[0], want) {
				t.Errorf("%s: the policy %q lacks %q", c.Name, policy[0], want)
			}
		}
		d.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Get(0).Attr {
				if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"style", "src", "srcset", "action", "formaction", "srcdoc", "ping"}, a.Key) {
					t.Errorf("%s: <%s %s=%q>", c.Name, s.Get(0).Data, a.Key, a.Val)
				}
			}
		})
		for _, href := range attributes(d, "[href]", "href") {
			if !strings.HasPrefix(href, "#") && !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, "http://") {
				t.Errorf("%s: href %q", c.Name, href)
			}
		}
		if n := d.Find("link, img, iframe, object, embed, form, base, video, audio").Length(); n != 0 {
			t.Errorf("%s: %d elements that load or send something", c.Name, n)
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	page := render(t, rendertest.Hostile(), html.Options{AckForm: `f" onclick="x`})
	if !utf8.ValidString(page) {
		t.Error("not UTF-8")
	}
	for _, r := range styleAndScript.ReplaceAllString(page, "") {
		if r != '\n' && hostile.Acts(r) {
			t.Fatalf("holds %U", r)
		}
	}
	d := parse(t, page)
	text := d.Text()
	for name, attack := range rendertest.Attacks() {
		mark, _, _ := strings.Cut(attack, "-mark")
		if !strings.Contains(text, mark+"-mark") {
			t.Errorf("attack %s was lost", name)
		}
	}
	if want := `html-mark<script>alert(1)</script><img src=x onerror=alert(1)>`; !strings.Contains(text, want) {
		t.Error("HTML is not shown as text")
	}
	if n := d.Find(`a[href*=evil]:not([href^="#"]), a[href*=javascript]:not([href^="#"])`).Length(); n != 0 {
		t.Errorf("%d links lead where the text wants", n)
	}
}

// void elements have no end tag.
var void = []string{"meta", "input", "wbr", "br", "hr", "link", "img"}

func TestTagsAreBalanced(t *testing.T) {
	for _, c := range rendertest.Cases() {
		tokens := nethtml.NewTokenizer(strings.NewReader(render(t, c.Review, options())))
		var open []string
		for {
			kind := tokens.Next()
			if kind == nethtml.ErrorToken {
				break
			}
			name, _ := tokens.TagName()
			switch tag := string(name); {
			case kind == nethtml.StartTagToken && !slices.Contains(void, tag):
				open = append(open, tag)
			case kind == nethtml.EndTagToken:
				if len(open) == 0 || open[len(open)-1] != tag {
					t.Fatalf("%s: </%s> closes %v", c.Name, tag, open[max(0, len(open)-3):])
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) != 0 {
			t.Errorf("%s: %v are left open", c.Name, open)
		}
	}
}

func TestStructure(t *testing.T) {
	for _, c := range rendertest.Cases() {
		d := parse(t, render(t, c.Review, options()))
		if got := d.Find("html").AttrOr("lang", ""); got != "en" {
			t.Errorf("%s: language %q", c.Name, got)
		}
		for selector, want := range map[string]int{"h1": 1, "main": 1, "body > header": 1, "title": 1, "a.skip": 1, "main #changes": 1} {
			if got := d.Find(selector).Length(); got != want {
				t.Errorf("%s: %d × %s, want %d", c.Name, got, selector, want)
			}
		}
		d.Find("nav").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("aria-label", "") == "" {
				t.Errorf("%s: a nav has no name", c.Name)
			}
		})
		level := 1
		d.Find("h1, h2, h3, h4").Each(func(_ int, s *goquery.Selection) {
			now, err := strconv.Atoi(s.Get(0).Data[1:])
			if err != nil || now > level+1 || strings.TrimSpace(s.Text()) == "" {
				t.Errorf("%s: %s %q after h%d", c.Name, s.Get(0).Data, s.Text(), level)
			}
			level = now
		})
		ids := attributes(d, "[id]", "id")
		slices.Sort(ids)
		if compact := slices.Compact(slices.Clone(ids)); len(compact) != len(ids) {
			t.Errorf("%s: ids are not unique", c.Name)
		}
		for _, target := range append(attributes(d, `a[href^="#"]`, "href"), attributes(d, "[aria-labelledby]", "aria-labelledby")...) {
			if _, found := slices.BinarySearch(ids, strings.TrimPrefix(target, "#")); !found {
				t.Errorf("%s: nothing has the id %q", c.Name, target)
			}
		}
		d.Find("input, select").Each(func(_ int, s *goquery.Selection) {
			if s.Closest("label").Length() == 0 {
				t.Errorf("%s: a field has no label", c.Name)
			}
		})
		d.Find("thead th, tbody th").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("scope", "") == "" {
				t.Errorf("%s: a heading cell has no scope", c.Name)
			}
		})
		d.Find(".mark").Each(func(_ int, s *goquery.Selection) {
			if strings.TrimSpace(strings.TrimPrefix(s.Parent().Text(), s.Text())) == "" {
				t.Errorf("%s: the mark %q has no word beside it", c.Name, s.Text())
			}
		})
	}
}

func TestEveryChangeIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rendertest.Draw().Draw(t, "review")
		var out bytes.Buffer
		if err := html.Render(&out, r, html.Options{}); err != nil {
			t.Fatal(err)
		}
		d, err := goquery.NewDocumentFromReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		d.Find("article[data-change] h3, li[data-change]").Each(func(_ int, s *goquery.Selection) { shown = append(shown, s.Text()) })
		var want []string
		for _, item := range r.Items {
			want = append(want, item.Path)
		}
		slices.Sort(shown)
		slices.Sort(want)
		if !slices.Equal(shown, want) {
			t.Errorf("shown %q, want %q", shown, want)
		}
		closed := make(map[string]bool)
		d.Find("details article[data-change] h3, article[data-change] details h3, details li[data-change]").Each(func(_ int, s *goquery.Selection) {
			closed[s.Text()] = true
		})
		for _, item := range r.Items {
			if item.Level.AtLeast(plan.LevelHigh) && closed[item.Path] {
				t.Errorf("%s is %s and can be closed", item.Path, item.Level)
			}
		}
	})
}

func TestDangerComesFirst(t *testing.T) {
	d := parse(t, render(t, rendertest.Orders(), options()))
	var headings []string
	d.Find("#changes h2").Each(func(_ int, s *goquery.Selection) {
		headings = append(headings, strings.TrimSpace(s.Contents().First().Text()))
	})
	want := []string{"Critical", "Security", "Uncertain", "Drift", "Changed", "Added", "Tags only", "Parameters", "Stack tags", "Capabilities",
		"Settings", "Not pinned", "Limits of this analysis", "Completeness and approval"}
	if !slices.Equal(headings, want) {
		t.Errorf("headings %q, want %q", headings, want)
	}
	if got := d.Find("article").First().Find("h3").Text(); got != "OrdersTable" {
		t.Errorf("the first change is %q", got)
	}
}

func TestSaysWhatAnApproverMustKnow(t *testing.T) {
	d := parse(t, render(t, rendertest.Orders(), options()))
	table := `article[id="c-OrdersTable"]`
	for selector, want := range map[string]string{
		".env-production":                           "prod",
		".target":                                   "222222222222 (shop-prod)",
		".verdict":                                  "Replaces 1 table and deletes its data",
		".summary .facts":                           "be07-1f44-90aa",
		table + " .impact":                          "+/- replace",
		table + " .sentence":                        "the old table shop-orders is deleted with its data",
		table + " .physical":                        "shop-orders",
		table + " tr.forces":                        "forces replacement",
		table + " .values":                          `"shop-orders-prod"`,
		table + " .facts":                           "ReplaceAndDelete",
		table + ` a[href="#c-OrdersStream"]`:        "OrdersStream",
		table + " .ack":                             "Acknowledgement 1",
		"#s-security .everyone":                     "everyone",
		"#s-drift .values":                          "60",
		"#s-tags .fold summary":                     "423 resources",
		"#s-unpinned":                               ":stable",
		"#s-complete":                               "433 of 433 changes shown, 2 nested stacks included.",
		"#s-complete .command":                      "stackgate approve orders-prod-20261122T140203Z-7q4k2mxa --digest be07-1f44-90aa --ack 1,2",
		`article[id="c-OrdersFn"] .values`:          "(sensitive, changed)",
		`article[id="c-WorkerTask"] .diff span.add`: "--batch 10",
	} {
		if got := d.Find(selector).Text(); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want one that holds %q", selector, got, want)
		}
	}
}

func TestPartialReviewCannotBeApproved(t *testing.T) {
	d := parse(t, render(t, rendertest.Partial(), options()))
	if got := d.Find(".warning").First().Text(); !strings.Contains(got, "PARTIAL") {
		t.Errorf("warning %q", got)
	}
	if d.Find(".command").Length() != 0 {
		t.Error("there is a command to approve it")
	}
}

func TestAcknowledgementsBelongToTheForm(t *testing.T) {
	parts, err := html.Fragments(rendertest.Orders(), html.Options{AckForm: "decision", Acked: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, string(parts.Bar+parts.Summary+parts.Changes))
	boxes := d.Find(`label input[type="checkbox"][name="ack"][form="decision"]`)
	if got := attributes(d, `input[name="ack"]`, "value"); boxes.Length() != 2 || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("%d checkboxes with values %v", boxes.Length(), got)
	}
	if got := attributes(d, `input[name="ack"][checked]`, "value"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("ticked are %v", got)
	}
	if got := boxes.First().Closest("label").Text(); !strings.Contains(got, "I accept: OrdersTable replaced; the old table shop-orders is deleted with its data") {
		t.Errorf("label %q", got)
	}
}

func TestFragmentsAreThePage(t *testing.T) {
	for _, c := range rendertest.Cases() {
		parts, err := html.Fragments(c.Review, options())
		if err != nil {
			t.Fatal(err)
		}
		page := render(t, c.Review, options())
		for name, part := range map[string]string{"bar": string(parts.Bar), "summary": string(parts.Summary), "changes": string(parts.Changes)} {
			if part == "" || !strings.Contains(page, part) {
				t.Errorf("%s: the page does not hold %s as it is", c.Name, name)
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestReportsWriteErrors(t *testing.T) {
	err := html.Render(broken{}, rendertest.Orders(), options())
	if err == nil || !strings.Contains(err.Error(), "write review of orders -> prod: pipe closed") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkRender500(b *testing.B)  { benchmark(b, 500) }
func BenchmarkRender2000(b *testing.B) { benchmark(b, 2000) }

func benchmark(b *testing.B, n int) {
	r := rendertest.Generated(n)
	b.ReportAllocs()
	for b.Loop() {
		render(b, r, options())
	}
}

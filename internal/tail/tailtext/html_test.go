package tailtext

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackgate/internal/render/hostile"
	"stackgate/internal/tail"
)

var (
	styleElement = regexp.MustCompile(`(?s)<style>.*?</style>`)
	styleHash    = regexp.MustCompile(`sha256-[^ ;&]*`)
)

// withoutStyle is the page without its style, which has files of its own.
func withoutStyle(page string) string {
	return styleHash.ReplaceAllString(styleElement.ReplaceAllString(page, "<style></style>"), "sha256-")
}

func parsed(t *testing.T, doc tail.Document) *goquery.Document {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(strings.NewReader(render(t, HTML, doc, Options{})))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func attributes(d *goquery.Document, selector, name string) []string {
	return d.Find(selector).Map(func(_ int, s *goquery.Selection) string { return s.AttrOr(name, "") })
}

// TestPageLoadsAndRunsNothing holds the page to its own Content-Security-Policy.
func TestPageLoadsAndRunsNothing(t *testing.T) {
	for name, doc := range stories() {
		d := parsed(t, hostileDocument(doc))
		sum := sha256.Sum256([]byte(d.Find("style").Text()))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
		if got := attributes(d, `meta[http-equiv="Content-Security-Policy"]`, "content"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: policy %q, want %q", name, got, want)
		}
		if n := d.Find("script, link, img, iframe, object, embed, form, base, video, audio, input").Length(); n != 0 {
			t.Errorf("%s: %d elements that load, run or send something", name, n)
		}
		d.Find("*").Each(func(_ int, s *goquery.Selection) {
			for _, a := range s.Get(0).Attr {
				if strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"style", "src", "srcset", "action", "formaction", "srcdoc", "ping"}, a.Key) {
					t.Errorf("%s: <%s %s=%q>", name, s.Get(0).Data, a.Key, a.Val)
				}
			}
		})
		for _, href := range attributes(d, "[href]", "href") {
			if !strings.HasPrefix(href, "#") {
				t.Errorf("%s: href %q", name, href)
			}
		}
	}
	if got := attributes(parsed(t, stories()["denied"]), `a:not([href^="#"])`, "href"); !slices.Equal(got, []string{"https://example.com/tags#owner"}) {
		t.Errorf("the page of the rule that a hook found broken is linked as %q", got)
	}
}

func TestHostileTextStaysTextOnThePage(t *testing.T) {
	for name, doc := range stories() {
		page := render(t, HTML, hostileDocument(doc), Options{})
		for _, r := range styleElement.ReplaceAllString(page, "") {
			if r != '\n' && hostile.Acts(r) {
				t.Fatalf("%s holds %U", name, r)
			}
		}
		if text := parsed(t, hostileDocument(doc)).Text(); !strings.Contains(text, "<script>alert(1)</script>") {
			t.Errorf("%s: what was given is not shown as text", name)
		}
	}
}

// TestPageStructure is what screen readers go by.
func TestPageStructure(t *testing.T) {
	for name, doc := range stories() {
		d := parsed(t, doc)
		for selector, want := range map[string]int{`html[lang="en"]`: 1, "h1": 1, "main": 1, "body > header": 1, "title": 1, "a.skip": 1, "nav[aria-label]": 1} {
			if got := d.Find(selector).Length(); got != want {
				t.Errorf("%s: %d × %s, want %d", name, got, selector, want)
			}
		}
		ids := attributes(d, "[id]", "id")
		slices.Sort(ids)
		if len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("%s: ids are not unique: %q", name, ids)
		}
		for _, target := range append(attributes(d, `a[href^="#"]`, "href"), attributes(d, "[aria-labelledby]", "aria-labelledby")...) {
			if !slices.Contains(ids, strings.TrimPrefix(target, "#")) {
				t.Errorf("%s: nothing has the id %q", name, target)
			}
		}
		level := byte('1')
		d.Find("h1, h2, h3").Each(func(_ int, s *goquery.Selection) {
			now := s.Get(0).Data[1]
			if now > level+1 || strings.TrimSpace(s.Text()) == "" {
				t.Errorf("%s: h%c %q after h%c", name, now, s.Text(), level)
			}
			level = now
		})
		d.Find("th").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("scope", "") == "" {
				t.Errorf("%s: a heading cell has no scope", name)
			}
		})
		d.Find("tbody td:not(.drawn)").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("data-label", "") == "" {
				t.Errorf("%s: a cell has no label on a narrow screen", name)
			}
		})
		d.Find("svg, .mark").Each(func(_ int, s *goquery.Selection) {
			if s.AttrOr("aria-hidden", "") != "true" {
				t.Errorf("%s: a drawing is read out", name)
			}
		})
	}
}

// TestPageShowsAll shows that the page leaves nothing of the document out.
func TestPageShowsAll(t *testing.T) {
	for name, doc := range stories() {
		text := strings.Join(strings.Fields(parsed(t, doc).Find("body").Text()), " ")
		want := []string{seen(doc.Headline), seen(doc.StackName), seen(doc.Status)}
		for _, f := range slices.Concat(doc.Failures, doc.RollbackProblems) {
			want = append(want, seen(f.Path), seen(f.Message))
		}
		for _, left := range doc.Leftovers {
			want = append(want, seen(left.PhysicalID))
		}
		for _, e := range doc.Events {
			want = append(want, seen(e.Reason))
		}
		for _, line := range slices.Concat(doc.Advice, doc.Notes, doc.Warnings) {
			if name != "hostile" {
				want = append(want, strings.Join(strings.Fields(strings.ReplaceAll(line, "`", "")), " "))
			}
		}
		for _, part := range want {
			if part = strings.Join(strings.Fields(part), " "); !strings.Contains(text, part) {
				t.Errorf("%s: %q is not on the page", name, part)
			}
		}
	}
}

func TestSentencesCutAtBackticks(t *testing.T) {
	got := sentences([]string{"Read it: `aws x --y`.", "a lone ` stays", ""})
	want := [][]pieceView{{{"Read it: ", false}, {"aws x --y", true}, {".", false}}, {{"a lone ", false}, {"` stays", false}}, nil}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestColoursComeFromThePalette: those of the review's page are checked for their contrast.
func TestColoursComeFromThePalette(t *testing.T) {
	sheet, err := os.ReadFile("tail.css")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(`).FindAll(sheet, -1); len(found) != 0 {
		t.Errorf("colours of its own: %q", found)
	}
}

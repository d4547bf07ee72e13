package markdown

import (
	"regexp"
	"strings"
	"testing"

	"stackgate/internal/render/rendertest"
)

func TestEscape(t *testing.T) {
	tests := []struct {
		name, in, prose, line, code string
	}{
		{"plain", "OrdersTable -> new", "OrdersTable -> new", "OrdersTable -> new", "`OrdersTable -> new`"},
		{"empty", "", "", "", ""},
		{"mention", "ask @org/team", "ask &#64;&#8203;org/team", "ask &#64;&#8203;org/team", "`ask @org/team`"},
		{"issue", "see #12 and GH-3, not # 4", "see &#35;&#8203;12 and GH-&#8203;3, not # 4", "see &#35;&#8203;12 and GH-&#8203;3, not # 4", "`see #12 and GH-3, not # 4`"},
		{"links", "https://evil.example www.evil.example [x](y)", "https&#58;//evil.example www&#46;evil.example &#91;x&#93;(y)",
			"https&#58;//evil.example www&#46;evil.example &#91;x&#93;(y)", "`https://evil.example www.evil.example [x](y)`"},
		{"html", `<b onclick="x">&lt;`, `&#60;b onclick="x">&#38;lt;`, `&#60;b onclick="x">&#38;lt;`, "`<b onclick=\"x\">&lt;`"},
		{"emphasis", "**a** _b_ ~~c~~ $d$", "&#42;&#42;a&#42;&#42; &#95;b&#95; &#126;&#126;c&#126;&#126; &#36;d&#36;",
			"&#42;&#42;a&#42;&#42; &#95;b&#95; &#126;&#126;c&#126;&#126; &#36;d&#36;", "`**a** _b_ ~~c~~ $d$`"},
		{"list", "1. x", "1. x", "&#49;. x", "`1. x`"},
		{"backticks", "a`b", "a&#96;b", "a&#96;b", "<code>a&#96;b</code>"},
		{"table", `a|b\|c`, `a&#124;b&#92;&#124;c`, `a&#124;b&#92;&#124;c`, `<code>a&#124;b&#92;&#124;c</code>`},
		{"spaces around", " a ", " a ", "&#32;a ", "<code> a </code>"},
		{"line break", "a\n# b", `a&#92;n# b`, `a&#92;n# b`, `<code>a&#92;n&#35; b</code>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := prose(tt.in); got != tt.prose {
				t.Errorf("prose: %s, want %s", got, tt.prose)
			}
			if got := line(tt.in); got != tt.line {
				t.Errorf("line: %s, want %s", got, tt.line)
			}
			if got := code(tt.in); got != tt.code {
				t.Errorf("code: %s, want %s", got, tt.code)
			}
		})
	}
}

func TestFenceIsLongerThanWhatItHolds(t *testing.T) {
	got := fenced("diff", "+ ```` x\n")
	if want := "`````diff\n+ ```` x\n`````\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWithinBoundsWhatEscapingAdds(t *testing.T) {
	for name, attack := range rendertest.Attacks() {
		for _, escape := range []func(string) string{prose, line, code} {
			out := within(100, strings.Repeat(attack, 50), escape)
			if len(out) > maxGrowth*100+80 {
				t.Errorf("%s: %d bytes", name, len(out))
			}
			if !strings.Contains(out, " more characters") {
				t.Errorf("%s: does not say that it is cut: %s", name, out)
			}
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, attack := range rendertest.Attacks() {
		f.Add(attack)
	}
	f.Add("a:$//b #`1")
	// What is left of special characters must not open anything: no tag, code, link, table cell, emphasis or mention.
	opens := regexp.MustCompile("[<`*_\\[\\]|~$\\\\@\n]|://|#[0-9]|www\\.|&")
	entity := regexp.MustCompile("&#[0-9]+;")
	inCode := regexp.MustCompile("[`|\\\\\n]")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{prose(s), line(s)} {
			if at := opens.FindString(entity.ReplaceAllString(out, "-")); at != "" {
				t.Errorf("%q became %q, which holds %q", s, out, at)
			}
		}
		out := code(s)
		inside, quoted := strings.CutPrefix(out, "`")
		if !quoted {
			inside = strings.TrimSuffix(strings.TrimPrefix(out, "<code>"), "</code>")
			if at := opens.FindString(entity.ReplaceAllString(inside, "-")); at != "" {
				t.Errorf("%q became %q, which holds %q", s, out, at)
			}
		}
		if at := inCode.FindString(strings.TrimSuffix(inside, "`")); at != "" {
			t.Errorf("%q became %q, which holds %q", s, out, at)
		}
	})
}

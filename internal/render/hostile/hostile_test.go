package hostile_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"stackgate/internal/render/hostile"
)

func TestVisible(t *testing.T) {
	tests := []struct{ name, in, want, ascii string }{
		{"plain text", `shop-orders "1" \d`, `shop-orders "1" \d`, `shop-orders "1" \d`},
		{"other scripts are text", "naïve 表 données", "naïve 表 données", `na\u00efve \u8868 donn\u00e9es`},
		{"our own signs", "a → b … · ← –", "a → b … · ← –", "a -> b ... . <- -"},
		{"ANSI colour", "\x1b[31mred", `\x1b[31mred`, `\x1b[31mred`},
		{"OSC title", "\x1b]0;owned\a", `\x1b]0;owned\x07`, `\x1b]0;owned\x07`},
		{"C1 CSI", "\u009b31m", `\u009b31m`, `\u009b31m`},
		{"line breaks", "a\nb\r\tc\u2028d\u0085", `a\nb\r\tc\u2028d\u0085`, `a\nb\r\tc\u2028d\u0085`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`, `a\x00b\x7f`},
		{"bidi override", "user\u202etxt.exe\u2066", `user\u202etxt.exe\u2066`, `user\u202etxt.exe\u2066`},
		{"zero width", "a\u200bb\u200d\ufeffc\u2060", `a\u200bb\u200d\ufeffc\u2060`, `a\u200bb\u200d\ufeffc\u2060`},
		{"blank letters", "a\u3164\u2800\u115f\u00a0b", `a\u3164\u2800\u115f\u00a0b`, `a\u3164\u2800\u115f\u00a0b`},
		{"variation selector", "a\ufe0f\U000e0100", `a\ufe0f\U000e0100`, `a\ufe0f\U000e0100`},
		{"tag characters", "a\U000e0041", `a\U000e0041`, `a\U000e0041`},
		{"not UTF-8", "a\xff\xc3(", `a\xff\xc3(`, `a\xff\xc3(`},
		{"a real replacement character", "a\ufffd", "a\ufffd", `a\ufffd`},
		{"accents", "e\u0301", "e\u0301", `e\u0301`},
		{"stacked marks", "e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`, "e" + strings.Repeat(`\u0301`, 6)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hostile.Visible(tt.in); got != tt.want {
				t.Errorf("Visible(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got := hostile.ASCII(tt.in); got != tt.ascii {
				t.Errorf("ASCII(%q) = %q, want %q", tt.in, got, tt.ascii)
			}
		})
	}
}

func FuzzVisible(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[0m", "\u202e", "\xff\xfe", "e\u0301\u0301\u0301\u0301\u0301", "\U0010ffff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		visible, ascii := hostile.Visible(s), hostile.ASCII(s)
		for _, out := range []string{visible, ascii} {
			if !utf8.ValidString(out) {
				t.Errorf("%q became %q, which is not UTF-8", s, out)
			}
			if strings.ContainsFunc(out, func(r rune) bool { return unicode.IsControl(r) || hostile.Acts(r) }) {
				t.Errorf("%q became %q, which still acts", s, out)
			}
		}
		if strings.ContainsFunc(ascii, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Errorf("%q became %q, which is not ASCII", s, ascii)
		}
		if again := hostile.Visible(visible); again != visible {
			t.Errorf("%q became %q and then %q", s, visible, again)
		}
	})
}

package hostile_test

import (
	"strings"
	"testing"

	"stackgate/internal/render/hostile"
)

func TestLink(t *testing.T) {
	tests := []struct{ in, want string }{
		{"https://deploy.example.com/r/orders-prod?x=1#y", "https://deploy.example.com/r/orders-prod?x=1#y"},
		{"http://localhost:8080/r/1", "http://localhost:8080/r/1"},
		{"https://example.com/a b<c>?q=<\">#')(", "https://example.com/a%20b%3Cc%3E?q=%3C%22%3E#%27%29%28"},
		{"", ""},
		{"javascript:alert(1)", ""},
		{"data:text/html,x", ""},
		{"//evil.example/x", ""},
		{"/r/1", ""},
		{"https:///nohost", ""},
		{"https://deploy.example.com@evil.example/", ""},
		{"https://example.com/\u202egnp", ""},
		{"https://example.com/a\nb", ""},
		{"https://exa mple.com/", ""},
	}
	for _, tt := range tests {
		if got := hostile.Link(tt.in); got != tt.want {
			t.Errorf("Link(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzLink(f *testing.F) {
	for _, seed := range []string{"https://example.com/", "javascript:alert(1)", "https://a@b", "http://[::1]:80/x?y#z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		link := hostile.Link(s)
		if link == "" {
			return
		}
		if !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
			t.Errorf("%q became %q", s, link)
		}
		if strings.ContainsAny(link, "<>\"' \\`|()\n") || hostile.Visible(link) != link {
			t.Errorf("%q became %q, which can leave its place", s, link)
		}
	})
}

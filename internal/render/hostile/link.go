package hostile

import (
	"net/url"
	"strings"
)

// Link returns s, percent-encoded, where it is an absolute http or https address with a host and without credentials; it
// returns "" for everything else, so that no text from outside becomes a link that runs or deceives.
func Link(s string) string {
	if Visible(s) != s {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", " ", "%20", `\`, "%5C", "`", "%60", "|", "%7C",
		"(", "%28", ")", "%29").Replace(u.String())
}

package security

import (
	"math/big"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		whole, part string
		want        bool
	}{
		{"*", "anything", true}, {"*", "*", true}, {"a*", "ab*", true}, {"ab*", "a*", false}, {"a?c", "abc", true}, {"a?c", "a?c", true},
		{"a?c", "a*c", false}, {"*a*", "bab", true}, {"a", "a", true}, {"a", "b", false}, {"a*b*c", "axbyc", true}, {"a*b*c", "ac", false}, {"", "", true}, {"", "a", false},
	} {
		if got := includes(c.whole, c.part); got != c.want {
			t.Errorf("%q includes %q: %v", c.whole, c.part, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a*", "*b", true}, {"a*", "b*", false}, {"a?c", "ab*", true}, {"abc", "abc", true}, {"abc", "abd", false}, {"*", "", true}, {"a", "", false}, {"?", "*", true},
	} {
		if overlaps(c.a, c.b) != c.want || overlaps(c.b, c.a) != c.want {
			t.Errorf("%q and %q overlap: %v", c.a, c.b, overlaps(c.a, c.b))
		}
	}
}

// What a pattern includes it also matches, and what two patterns both match makes them overlap.
func TestPatternsAgreeWithMatching(t *testing.T) {
	pattern := rapid.StringMatching(`[ab*?]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		whole, part, text := pattern.Draw(t, "whole"), pattern.Draw(t, "part"), rapid.StringMatching(`[ab]{0,5}`).Draw(t, "text")
		if includes(whole, part) && includes(part, text) && !includes(whole, text) {
			t.Fatalf("%q includes %q, which matches %q, which %q does not", whole, part, text, whole)
		}
		if includes(whole, text) && includes(part, text) && !overlaps(whole, part) {
			t.Fatalf("%q and %q both match %q", whole, part, text)
		}
	})
}

func TestOutsideCountsAddresses(t *testing.T) {
	for _, c := range []struct {
		prefix string
		others []string
		want   string
	}{
		{"10.0.0.0/8", nil, "16777216"},
		{"10.0.0.0/8", []string{"10.0.0.0/8"}, "0"},
		{"10.0.0.0/8", []string{"0.0.0.0/0"}, "0"},
		{"10.0.0.0/30", []string{"10.0.0.1/32", "10.0.0.2/32"}, "2"},
		{"0.0.0.0/0", []string{"10.0.0.0/8"}, "4278190080"},
		{"::/0", nil, "340282366920938463463374607431768211456"},
		{"::/0", []string{"0.0.0.0/0"}, "340282366920938463463374607431768211456"},
	} {
		var others []netip.Prefix
		for _, o := range c.others {
			others = append(others, netip.MustParsePrefix(o))
		}
		if got := outside(netip.MustParsePrefix(c.prefix), others); got.String() != c.want {
			t.Errorf("%s beyond %v: %s, want %s", c.prefix, c.others, got, c.want)
		}
	}
}

func TestOutsideAgreesWithCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Custom(func(t *rapid.T) netip.Prefix {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "last")})
			prefix, err := addr.Prefix(rapid.IntRange(24, 32).Draw(t, "bits"))
			if err != nil {
				t.Fatal(err)
			}
			return prefix
		})
		prefix, others := draw.Draw(t, "prefix"), rapid.SliceOfN(draw, 0, 4).Draw(t, "others")
		n := int64(0)
		for addr := prefix.Addr(); prefix.Contains(addr); addr = addr.Next() {
			inside := false
			for _, o := range others {
				inside = inside || o.Contains(addr)
			}
			if !inside {
				n++
			}
		}
		if got := outside(prefix, others); got.Cmp(big.NewInt(n)) != 0 {
			t.Fatalf("%s beyond %v: %s, counted %d", prefix, others, got, n)
		}
	})
}

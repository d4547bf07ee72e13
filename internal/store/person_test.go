package store_test

import (
	"testing"

	"stackgate/internal/approval"
	"stackgate/internal/store"
)

func FuzzPersonKeyTellsPeopleApartAsApprovalDoes(f *testing.F) {
	for _, pair := range [][2]string{
		{"ana", "Ana"}, {"ana", " ANA\t"}, {"ana", "anna"}, {"k", "\u212a"}, {"ß", "ẞ"}, {"ß", "ss"}, {"σ", "ς"}, {"İ", "i"}, {"ǆ", "ǅ"},
		{"\xff", "\ufffd"}, {"\xff", "\xfe"}, {"", " "}, {"a b", "a  b"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if same := store.PersonKey(a) == store.PersonKey(b); same != approval.SamePerson(a, b) {
			t.Errorf("%q and %q: keys equal %v, same person %v", a, b, same, !same)
		}
		if !approval.SamePerson(a, store.PersonKey(a)) {
			t.Errorf("%q has the key %q of somebody else", a, store.PersonKey(a))
		}
	})
}

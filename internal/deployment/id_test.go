package deployment_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"stackgate/internal/deployment"
)

// longest is the longest id there can be.
const longest = "abcdefghijklmnopqrstuvwx-abcdefghijkl-20261122T140203Z-7q4k2mxa"

func TestNewIDReads(t *testing.T) {
	at := time.Date(2026, 11, 22, 15, 2, 3, 999, time.FixedZone("CET", 3600))
	id, err := deployment.NewID("orders", "prod", at, bytes.NewReader(make([]byte, 5)))
	if err != nil {
		t.Fatal(err)
	}
	if id != "orders-prod-20261122T140203Z-aaaaaaaa" || id.Short() != "aaaaaaaa" || id.String() != string(id) {
		t.Errorf("id %s, short %s", id, id.Short())
	}
}

func TestNewIDRefuses(t *testing.T) {
	broken := errors.New("the source is dry")
	for name, c := range map[string]struct {
		service, environment string
		random               io.Reader
		want                 string
	}{
		"service":           {"Orders", "prod", rand.Reader, `service name "Orders"`},
		"environment":       {"orders", "prod_1", rand.Reader, `environment name "prod_1"`},
		"too little random": {"orders", "prod", bytes.NewReader(make([]byte, 4)), "randomness"},
		"broken random":     {"orders", "prod", iotest.ErrReader(broken), broken.Error()},
	} {
		id, err := deployment.NewID(c.service, c.environment, time.Time{}, c.random)
		if err == nil || id != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

func TestNewIDAlwaysParses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service := rapid.StringMatching(`[a-z][a-z0-9-]{0,23}`).Draw(t, "service")
		environment := rapid.StringMatching(`[a-z][a-z0-9-]{0,11}`).Draw(t, "environment")
		at := time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "at"), 0)
		id, err := deployment.NewID(service, environment, at, bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "random")))
		if err != nil {
			t.Fatal(err)
		}
		if parsed, err := deployment.ParseID(string(id)); err != nil || parsed != id {
			t.Fatalf("parse %q: %q, %v", id, parsed, err)
		}
		if len(id) > 63 {
			t.Fatalf("%q has %d characters", id, len(id))
		}
		if err := deployment.CheckSuffix(id.Short()); err != nil || !strings.HasSuffix(string(id), "-"+id.Short()) {
			t.Fatalf("short %q of %q: %v", id.Short(), id, err)
		}
		if err := deployment.CheckSuffix(string(id)); err != nil {
			t.Fatalf("the whole id is a suffix too: %v", err)
		}
		if err := deployment.CheckCorrelationID(string(id)); err != nil {
			t.Fatalf("an id can stand for a correlation id: %v", err)
		}
	})
}

func TestParseID(t *testing.T) {
	if len(longest) != 63 {
		t.Fatalf("the longest id has %d characters", len(longest))
	}
	for text, valid := range map[string]bool{
		"orders-prod-20261122T140203Z-7q4k2mxa":   true,
		"a-b-20261122T140203Z-7q4k2mxa":           true,
		longest:                                   true,
		"a" + longest:                             false,
		"":                                        false,
		"7q4k2mxa":                                false,
		"-orders-prod-20261122T140203Z-7q4k2mxa":  false,
		"1orders-prod-20261122T140203Z-7q4k2mxa":  false,
		"Orders-prod-20261122T140203Z-7q4k2mxa":   false,
		"orders-prod-20261122T140203Z-7q4k2mx1":   false, // 0, 1, 8 and 9 are no digits of the alphabet
		"orders-prod-20261122T140203Z-7q4k2mx":    false,
		"orders-prod-20261122T140203Z-7Q4K2MXA":   false,
		"orders-prod-20261122T140203-7q4k2mxa":    false,
		"orders-prod-20261122T140203Z-7q4k2mxa\n": false,
		"orders prod-20261122T140203Z-7q4k2mxa":   false,
		"orders-prod-20261122T140203Z-7q4k2mxé":   false,
	} {
		id, err := deployment.ParseID(text)
		if (err == nil) != valid {
			t.Errorf("parse %q: %v", text, err)
		}
		if err != nil && id != "" {
			t.Errorf("parse %q gives %q beside its error", text, id)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"orders-prod-20261122T140203Z-7q4k2mxa", longest, "", "-", "a\x00b", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_ = deployment.ID(text).Short()
		id, err := deployment.ParseID(text)
		if err != nil {
			if id != "" || !strings.Contains(err.Error(), "deployment id") {
				t.Fatalf("parse %q: %q, %v", text, id, err)
			}
			return
		}
		if string(id) != text || len(id) > 63 || len(id.Short()) != 8 || strings.ContainsAny(text, " \n_/.:") {
			t.Fatalf("%q was taken for an id", text)
		}
	})
}

func TestNamesOfServicesAndEnvironments(t *testing.T) {
	check := func(kind string, check func(string) error, most int) {
		for name, valid := range map[string]bool{
			"a": true, "orders": true, "a-1": true, strings.Repeat("a", most): true,
			"": false, strings.Repeat("a", most+1): false, "1a": false, "-a": false, "A": false, "a_b": false, "a.b": false, "a#b": false, "é": false, "a\n": false,
		} {
			if err := check(name); (err == nil) != valid {
				t.Errorf("%s %q: %v", kind, name, err)
			}
		}
	}
	check("service", deployment.CheckServiceName, 24)
	check("environment", deployment.CheckEnvironmentName, 12)
}

func TestCheckSuffix(t *testing.T) {
	for text, valid := range map[string]bool{
		"2mxa": true, "Z-7q4k2mxa": true, longest: true,
		"": false, "mxa": false, "%%%%": false, "a b c": false, "_____": false, "a" + longest: false, "abcd\n": false,
	} {
		if err := deployment.CheckSuffix(text); (err == nil) != valid {
			t.Errorf("suffix %q: %v", text, err)
		}
	}
}

func TestShortOfSomethingElse(t *testing.T) {
	for id, want := range map[deployment.ID]string{"": "", "plain": "plain", "ends-": ""} {
		if got := id.Short(); got != want {
			t.Errorf("short of %q is %q, want %q", id, got, want)
		}
	}
}

func TestKeysAreOfOnePairOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) string { return rapid.StringMatching(`[a-z][a-z-]{0,3}`).Draw(t, label) }
		a, b, c, d := draw("a"), draw("b"), draw("c"), draw("d")
		if (deployment.Key(a, b) == deployment.Key(c, d)) != (a == c && b == d) {
			t.Fatalf("%s/%s and %s/%s", a, b, c, d)
		}
	})
}

func TestTargetKeyTellsEveryPart(t *testing.T) {
	base := deployment.Target{Account: "111111111111", Region: "eu-west-1", StackName: "orders"}
	other := []deployment.Target{
		{Account: "222222222222", Region: "eu-west-1", StackName: "orders"},
		{Account: "111111111111", Region: "eu-west-2", StackName: "orders"},
		{Account: "111111111111", Region: "eu-west-1", StackName: "order"},
	}
	for _, o := range other {
		if o.Key() == base.Key() {
			t.Errorf("%v and %v share the lock %s", base, o, base.Key())
		}
	}
}

func TestCorrelationIDs(t *testing.T) {
	made, err := deployment.NewCorrelationID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deployment.NewCorrelationID(strings.NewReader("short")); err == nil {
		t.Error("a correlation id was made of too little randomness")
	}
	for id, valid := range map[string]bool{
		made: true, "a": true, "build/42:main_1.0-x": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "-a": false, "a b": false, "a\n": false, "a\"b": false, "é": false,
	} {
		if err := deployment.CheckCorrelationID(id); (err == nil) != valid {
			t.Errorf("correlation id %q: %v", id, err)
		}
	}
}

func TestIDsTellTheirServiceAndTime(t *testing.T) {
	const id = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	for _, c := range []struct {
		id                   deployment.ID
		service, environment string
		of                   bool
	}{
		{id, "orders", "prod", true},
		{id, "orders", "pro", false},
		{id, "order", "prod", false},
		{"orders-prod-eu-20261122T140203Z-7q4k2mxa", "orders", "prod", false},
		{"orders-prod-eu-20261122T140203Z-7q4k2mxa", "orders", "prod-eu", true},
		{"orders-prod-20261122T140203Z-7q4k2mx", "orders", "prod", false},
		{"orders-prod-by-hand", "orders", "prod", false},
		{"", "orders", "prod", false},
	} {
		if got := c.id.Of(c.service, c.environment); got != c.of {
			t.Errorf("%q of %s in %s: %t", c.id, c.service, c.environment, got)
		}
	}
	if got := id.RequestedAt(); !got.Equal(time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)) {
		t.Errorf("requested at %s", got)
	}
	for _, odd := range []deployment.ID{"", "by-hand", "orders-prod-20261399T140203Z-7q4k2mxa"} {
		if got := odd.RequestedAt(); !got.IsZero() {
			t.Errorf("%q was requested at %s", odd, got)
		}
	}
}

func TestDescriptionsAreRecognised(t *testing.T) {
	const id = deployment.ID("orders-prod-20261122T140203Z-7q4k2mxa")
	text := id.Description("sg-1", "0123456")
	if !id.Describes(text) || !strings.Contains(text, "correlation sg-1, commit 0123456") {
		t.Errorf("%q", text)
	}
	if long := id.Description(strings.Repeat("x", 2000), ""); len(long) != 1024 || !id.Describes(long) {
		t.Errorf("%d characters", len(long))
	}
	for _, foreign := range []string{"", "mine", (id + "x").Description("sg-1", ""), "stackgate deployment " + string(id)} {
		if id.Describes(foreign) {
			t.Errorf("%q is taken for ours", foreign)
		}
	}
}

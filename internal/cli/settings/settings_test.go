package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/cli/settings"
)

// place is a work tree with a folder in it, a home, and a folder beside the work tree.
type place struct {
	t                          *testing.T
	outside, tree, below, home string
	env                        map[string]string
	flags                      map[settings.Key]string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	base := t.TempDir()
	p := &place{t: t, outside: base, tree: filepath.Join(base, "tree"), below: filepath.Join(base, "tree", "a", "b"), home: filepath.Join(base, "home"), flags: map[settings.Key]string{}}
	for _, dir := range []string{p.below, p.home, filepath.Join(p.tree, ".git")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.env = map[string]string{"HOME": p.home}
	return p
}

func (p *place) sources(dir string) settings.Sources {
	return settings.Sources{Flags: p.flags, Dir: dir, LookupEnv: func(name string) (string, bool) { value, found := p.env[name]; return value, found }}
}

func (p *place) write(dir, content string) string {
	p.t.Helper()
	path := filepath.Join(dir, ".stackgate", "config.yaml")
	if dir == p.home {
		path = filepath.Join(dir, ".config", "stackgate", "config.yaml")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func TestTheMostParticularSettingCounts(t *testing.T) {
	p := newPlace(t)
	get := func(value, origin string) {
		t.Helper()
		got, err := p.sources(p.below).Get(settings.Profile)
		if want := (settings.Value{Key: settings.Profile, Value: value, Origin: origin}); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	p.write(p.outside, "profile: somebody-elses\n")
	get("", settings.Builtin)
	own := p.write(p.home, "profile: own\n")
	get("own", own)
	tree := p.write(p.tree, "# ours\nprofile: tree\nregion: eu-west-1\n")
	get("tree", tree)
	p.write(p.below, "region: eu-north-1\n")
	get("tree", tree)
	here := p.write(p.below, "profile: here\n")
	get("here", here)
	p.env["STACKGATE_PROFILE"] = "variable"
	get("variable", "STACKGATE_PROFILE")
	p.flags[settings.Profile] = "flag"
	get("flag", "--profile")
}

// Outside a work tree the folders above belong to who knows whom.
func TestFoldersAboveCountInAWorkTreeOnly(t *testing.T) {
	p := newPlace(t)
	p.write(p.outside, "url: https://evil.example\n")
	elsewhere := filepath.Join(p.outside, "elsewhere", "deep")
	if err := os.MkdirAll(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{elsewhere, p.below} {
		if got, err := p.sources(dir).Get(settings.URL); err != nil || got.Value != "" {
			t.Errorf("in %s: %+v, %v", dir, got, err)
		}
	}
	if got, err := p.sources(p.outside).Get(settings.URL); err != nil || got.Value != "https://evil.example" {
		t.Errorf("where it stands: %+v, %v", got, err)
	}
}

func TestWriteKeepsTheRest(t *testing.T) {
	p := newPlace(t)
	s := p.sources(p.below)
	if want := filepath.Join(p.tree, ".stackgate", "config.yaml"); s.Project() != want {
		t.Fatalf("the project's file is %s, want %s", s.Project(), want)
	}
	for _, set := range []struct {
		key   settings.Key
		value string
	}{{settings.Mode, "solo"}, {settings.Region, "eu-west-1"}, {settings.Mode, "team"}, {settings.Profile, "x"}, {settings.Profile, ""}} {
		if err := settings.Write(s.Project(), set.key, set.value); err != nil {
			t.Fatal(err)
		}
	}
	got, err := settings.Read(s.Project())
	if diff := cmp.Diff(map[settings.Key]string{settings.Mode: "team", settings.Region: "eu-west-1"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	info, err := os.Stat(s.Project())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if p.write(p.below, "mode: solo\n") != p.sources(p.below).Project() {
		t.Error("the file that is there is not the project's")
	}
}

func TestWhatCannotBeASetting(t *testing.T) {
	for key, values := range map[settings.Key][]string{
		settings.Mode:    {"group", "Team"},
		settings.Region:  {"Frankfurt", "eu-west", "eu-west-1 "},
		settings.Profile: {" a", "a\n", "\x1b[31m"},
		settings.URL: {"example.com", "http://example.com", "https://", "https://a:b@example.com", "https://example.com?x=1", "https://example.com#x",
			"ftp://example.com", "http://127.0.0.1.example.com", "https://exa mple.com"},
		"colour": {"red"},
	} {
		for _, value := range values {
			if err := settings.Check(key, value); err == nil {
				t.Errorf("%s takes %q", key, value)
			}
		}
	}
	for key, value := range map[settings.Key]string{
		settings.Mode: "team", settings.Region: "us-gov-west-1", settings.Profile: "my profile", settings.URL: "https://abc123.execute-api.eu-west-1.amazonaws.com/",
	} {
		if err := settings.Check(key, value); err != nil {
			t.Error(err)
		}
	}
	if err := settings.Check(settings.URL, "http://[::1]:8080"); err != nil {
		t.Error(err)
	}
}

func TestFilesThatAreNoSettings(t *testing.T) {
	for content, words := range map[string]string{
		"modes: team\n": `there is no setting "modes"`, "mode: 1\n": "must be text", "- mode\n": "no map of settings", "mode: team\nmode: solo\n": "no map",
		"mode: [": "no map", "mode: group\n": `mode "group" is not known`, "url: http://example.com\n": "must begin with https",
		strings.Repeat("#", 70_000): "settings have at most",
	} {
		p := newPlace(t)
		path := p.write(p.tree, content)
		_, err := p.sources(p.below).All()
		if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v", content, err)
		}
	}
	for _, content := range []string{"", "\n", "# nothing\n"} {
		if got, err := settings.Parse([]byte(content)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", content, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"mode: team\n", "# x\nurl: \"https://a\"\n", "mode: [", "a: &b c\nd: *b\n", "mode: {a: b}", "? mode\n: team\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		values, err := settings.Parse([]byte(content))
		if err != nil && values != nil {
			t.Errorf("%q: %v and %v", content, values, err)
		}
		for key := range values {
			if key.Variable() == "" {
				t.Errorf("%q holds %q", content, key)
			}
		}
	})
}

package root_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"stackgate/internal/asl"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/deploy"
	"stackgate/internal/cli/root"
	"stackgate/internal/cli/wish"
	"stackgate/internal/clock"
)

type streams struct{ out, err bytes.Buffer }

func program(t *testing.T, env map[string]string) (*app.App, *streams) {
	t.Helper()
	s := &streams{}
	return &app.App{
		Stdin: strings.NewReader(""), Stdout: &s.out, Stderr: &s.err, Dir: t.TempDir(), Clock: clock.System{}, Random: asl.SystemRandom{},
		User: "root", Process: "test:1", Version: app.Version{Version: "v1.2.3", Go: "go1.26", Platform: "linux/arm64"},
		LookupEnv: func(name string) (string, bool) { value, found := env[name]; return value, found },
	}, s
}

func TestUsageErrorsEndWith64AndOneSentence(t *testing.T) {
	for _, line := range []string{
		"nope", "deploy", "deploy carts", "deploy a b -e prod", "deploy carts -e", "deploy carts -e prod --nope", "list extra", "list --limit 0",
		"status", "approve", "watch a b", "services nope", "version -o markdown", "demo -o html", "demo --speed 0", "demo --speed x",
		"list --mode team", "list --color blue", "plan carts -e prod --param X", "plan carts -e prod --param X=1 --param X=2",
		"plan carts -e prod --timeout -1s", "plan carts -e prod", "services list", "list", "approve x --ack one",
		"approve x --ack all", "approve x --ack 1,,2", "approve x --ack 0",
	} {
		t.Run(line, func(t *testing.T) {
			a, s := program(t, nil)
			if code := root.Main(context.Background(), a, strings.Fields(line)); code != 64 {
				t.Errorf("exit code %d, want 64", code)
			}
			if s.out.Len() > 0 {
				t.Errorf("standard output: %s", s.out.String())
			}
			if text := s.err.String(); !strings.HasPrefix(text, "error: ") || strings.Count(text, "\n") != 1 {
				t.Errorf("standard error is not one sentence: %q", text)
			}
		})
	}
}

func TestAnAcknowledgementIsANumber(t *testing.T) {
	a, s := program(t, nil)
	root.Main(context.Background(), a, []string{"approve", "x", "--ack", "all"})
	if text := s.err.String(); !strings.Contains(text, `"all" is not the number of a change`) || strings.Contains(text, "strconv") {
		t.Error(text)
	}
}

func TestErrorsAsJSON(t *testing.T) {
	a, s := program(t, nil)
	if code := root.Main(context.Background(), a, []string{"status", "-o", "json", "abcdefgh"}); code != 64 {
		t.Errorf("exit code %d, want 64", code)
	}
	var got struct {
		Schema, Reason, Message string
		ExitCode                int
	}
	if err := json.Unmarshal(s.err.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, s.err.String())
	}
	if got.Schema != "stackgate.error/v1" || got.ExitCode != 64 || got.Reason != "usage" || got.Message == "" {
		t.Errorf("error %+v", got)
	}
}

func TestDeployFlags(t *testing.T) {
	for line, want := range map[string]wish.Wish{
		"carts -e prod": {Service: "carts", Environment: "prod"},
		"carts --env=prod --param A=1 --param B=x=y":                {Service: "carts", Environment: "prod", Parameters: []string{"A=1", "B=x=y"}},
		"carts -e prod --param A=1,2":                               {Service: "carts", Environment: "prod", Parameters: []string{"A=1,2"}},
		"carts -e prod --template t.yaml --commit abc --reason why": {Service: "carts", Environment: "prod", Template: "t.yaml", Commit: "abc", Reason: "why"},
		"-e prod carts --correlation-id run-7 --timeout 90s":        {Service: "carts", Environment: "prod", Trace: "run-7", Timeout: 90e9},
		"--yes carts -e staging --full":                             {Service: "carts", Environment: "staging"},
	} {
		a, _ := program(t, nil)
		var got *deploy.Options
		cmd := deploy.NewCommand(a, func(_ context.Context, o *deploy.Options) error { got = o; return nil })
		cmd.SetArgs(strings.Fields(line))
		if err := cmd.ExecuteContext(context.Background()); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, got.Wish); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
		if got.Yes != strings.Contains(line, "--yes") || got.Full != strings.Contains(line, "--full") {
			t.Errorf("%s: yes %v, full %v", line, got.Yes, got.Full)
		}
	}
}

func TestVersion(t *testing.T) {
	a, s := program(t, nil)
	if code := root.Main(context.Background(), a, []string{"version", "-o", "json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, s.err.String())
	}
	var got map[string]string
	if err := json.Unmarshal(s.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"schema": "stackgate.version/v1", "version": "v1.2.3", "go": "go1.26", "platform": "linux/arm64"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEveryCommandSaysWhatItDoes holds commands to what help needs, and their lines to a terminal's width.
func TestEveryCommandSaysWhatItDoes(t *testing.T) {
	a, _ := program(t, nil)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: its short text is %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Runnable() && cmd.Example == "" && cmd.Name() != "version" && cmd.Name() != "services" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, line := range strings.Split(cmd.Long+"\n"+cmd.Example, "\n") {
			if len([]rune(line)) > 120 {
				t.Errorf("%s: a line has %d columns: %s", cmd.CommandPath(), len([]rune(line)), line)
			}
		}
		for _, line := range strings.Split(cmd.LocalFlags().FlagUsages(), "\n") {
			if len([]rune(line)) > 80 {
				t.Errorf("%s: a line has %d columns: %s", cmd.CommandPath(), len([]rune(line)), line)
			}
		}
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(root.New(a))
}

func TestColours(t *testing.T) {
	for name, c := range map[string]struct {
		flags app.Flags
		env   map[string]string
		tty   bool
		want  bool
	}{
		"terminal":                     {app.Flags{Color: "auto"}, nil, true, true},
		"no terminal":                  {app.Flags{Color: "auto"}, nil, false, false},
		"NO_COLOR":                     {app.Flags{Color: "auto"}, map[string]string{"NO_COLOR": "1"}, true, false},
		"empty NO_COLOR":               {app.Flags{Color: "auto"}, map[string]string{"NO_COLOR": ""}, true, true},
		"dumb":                         {app.Flags{Color: "auto"}, map[string]string{"TERM": "dumb"}, true, false},
		"forced":                       {app.Flags{Color: "auto"}, map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		"not forced":                   {app.Flags{Color: "auto"}, map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		"flag outweighs NO_COLOR":      {app.Flags{Color: "always"}, map[string]string{"NO_COLOR": "1"}, false, true},
		"no flag outweighs everything": {app.Flags{Color: "always", NoColor: true}, map[string]string{"CLICOLOR_FORCE": "1"}, true, false},
	} {
		a, _ := program(t, c.env)
		a.Flags, a.StdoutTTY = c.flags, c.tty
		if got := a.ColorStdout(); got != c.want {
			t.Errorf("%s: colour %v, want %v", name, got, c.want)
		}
	}
}

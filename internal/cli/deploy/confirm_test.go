package deploy_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/deploy"
	"stackgate/internal/cli/exit"
	"stackgate/internal/frontdoor"
)

// TestWhatIsNotBegun: what is neither yes nor no is asked again, and a no is not an interrupt.
func TestWhatIsNotBegun(t *testing.T) {
	for answers, asked := range map[string]int{"no\n": 1, "\n": 1, "N\n": 1, "what\nyes please\nn\n": 3, "": 1} {
		var out bytes.Buffer
		a := &app.App{
			Stdin: strings.NewReader(answers), Stderr: &out, StdinTTY: true, StdoutTTY: true, StderrTTY: true,
			LookupEnv: func(string) (string, bool) { return "", false },
		}
		err := (&deploy.Options{App: a}).Attend(context.Background(), nil, frontdoor.Ask{}, "Deploy?")
		if code, _ := exit.Of(err); code != exit.Cancelled || strings.Count(out.String(), "Deploy?") != asked {
			t.Errorf("%q: exit code %d, %v\n%s", answers, code, err, out.String())
		}
	}
}

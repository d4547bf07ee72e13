package present

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"stackgate/internal/cli/app"
)

func paged(t *testing.T, pager string, tty bool, format string, render func(io.Writer) error) (string, error) {
	t.Helper()
	var out bytes.Buffer
	a := &app.App{Stdout: &out, Stderr: io.Discard, StdoutTTY: tty, Flags: app.Flags{Output: format}, LookupEnv: func(name string) (string, bool) {
		return pager, name == "STACKGATE_PAGER"
	}}
	err := Paged(t.Context(), a, render)
	return out.String(), err
}

func TestPager(t *testing.T) {
	hello := func(w io.Writer) error { _, err := fmt.Fprintln(w, "hello"); return err }
	for _, c := range []struct {
		pager  string
		tty    bool
		format string
		want   string
	}{
		{"tr a-z A-Z", true, app.Text, "HELLO\n"}, {"tr a-z A-Z", false, app.Text, "hello\n"}, {"tr a-z A-Z", true, app.JSON, "hello\n"}, {"", true, app.Text, "hello\n"},
	} {
		if got, err := paged(t, c.pager, c.tty, c.format, hello); got != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestAReaderWhoHasSeenEnough(t *testing.T) {
	long := func(w io.Writer) error {
		for range 100_000 {
			if _, err := fmt.Fprintln(w, strings.Repeat("x", 100)); err != nil {
				return fmt.Errorf("write review: %w", err)
			}
		}
		return nil
	}
	if got, err := paged(t, "head -n 1", true, app.Text, long); err != nil || strings.Count(got, "\n") != 1 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAPagerThatIsNotThere(t *testing.T) {
	_, err := paged(t, "/nowhere/less", true, app.Text, func(io.Writer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), `the pager "/nowhere/less" of STACKGATE_PAGER`) {
		t.Errorf("error %v", err)
	}
}

package present

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"stackgate/internal/cli/app"
)

// Paged shows text through the command that STACKGATE_PAGER holds, where a person reads it on a terminal. Without that
// variable, and for every other format, it goes straight to standard output.
func Paged(ctx context.Context, a *app.App, render func(w io.Writer) error) error {
	command := a.Env("STACKGATE_PAGER")
	if command == "" || !a.StdoutTTY || a.Flags.Output != app.Text {
		return render(a.Stdout)
	}
	pager := exec.CommandContext(ctx, "sh", "-c", command)
	pager.Stdout, pager.Stderr = a.Stdout, a.Stderr
	pager.Env = os.Environ()
	if a.Env("LESS") == "" {
		// As git does: leave what fits on the screen, show colours, do not clear.
		pager.Env = append(pager.Env, "LESS=FRX")
	}
	in, err := pager.StdinPipe()
	if err == nil {
		err = pager.Start()
	}
	if err != nil {
		return fmt.Errorf("start the pager %q of STACKGATE_PAGER: %w", command, err)
	}
	rendered := render(in)
	if errors.Is(rendered, syscall.EPIPE) {
		rendered = nil // The reader has seen enough.
	}
	closed := in.Close()
	if errors.Is(closed, syscall.EPIPE) || errors.Is(closed, os.ErrClosed) {
		closed = nil
	}
	if err := pager.Wait(); err != nil {
		return errors.Join(rendered, fmt.Errorf("the pager %q of STACKGATE_PAGER: %w", command, err))
	}
	return errors.Join(rendered, closed)
}

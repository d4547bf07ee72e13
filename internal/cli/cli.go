// Package cli is the program on a real machine: its streams, signals and environment. What the commands do is in the
// packages below, one each.
package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"stackgate/internal/asl"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/root"
	"stackgate/internal/clock"
)

// Main runs the program and returns its exit code.
func Main(ctx context.Context) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal is heeded in peace; a second one ends the program as it always would.
	context.AfterFunc(ctx, stop)
	a, err := system()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return root.Main(ctx, a, os.Args[1:])
}

func system() (*app.App, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	a := &app.App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdinTTY: tty(os.Stdin), StdoutTTY: tty(os.Stdout), StderrTTY: tty(os.Stderr),
		LookupEnv: os.LookupEnv, Dir: dir, Clock: clock.System{}, Random: asl.SystemRandom{},
		Process: fmt.Sprintf("%s:%d", host, os.Getpid()), Version: version(),
	}
	if a.StdoutTTY {
		if a.Width, _, err = term.GetSize(int(os.Stdout.Fd())); err != nil {
			a.Width = 0
		}
	}
	// Containers run as users that no one has named.
	if current, err := user.Current(); err == nil {
		a.User = current.Username
	}
	return a, nil
}

func tty(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func version() app.Version {
	v := app.Version{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

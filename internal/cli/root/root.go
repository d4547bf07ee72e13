// Package root puts the commands together and turns what they return into messages and exit codes. It does nothing of
// what they do.
package root

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"stackgate/internal/cli/app"
	"stackgate/internal/cli/approve"
	"stackgate/internal/cli/cancel"
	"stackgate/internal/cli/clean"
	"stackgate/internal/cli/config"
	"stackgate/internal/cli/demo"
	"stackgate/internal/cli/deploy"
	"stackgate/internal/cli/diff"
	"stackgate/internal/cli/exit"
	"stackgate/internal/cli/list"
	"stackgate/internal/cli/plan"
	"stackgate/internal/cli/present"
	"stackgate/internal/cli/recover"
	"stackgate/internal/cli/reject"
	"stackgate/internal/cli/review"
	"stackgate/internal/cli/schema"
	"stackgate/internal/cli/services"
	"stackgate/internal/cli/status"
	"stackgate/internal/cli/tail"
	"stackgate/internal/cli/version"
	"stackgate/internal/cli/watch"
	"stackgate/internal/service"
)

// New makes the whole command.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stackgate",
		Short: "Deploy CloudFormation stacks through change sets that people have read",
		Long: `stackgate deploys CloudFormation stacks through change sets that people have read. It makes a change set, shows what
would change with the danger first, waits for approval, executes exactly what was approved, and shows the root cause
where that fails.

Without any configuration CloudFormation is simulated on this machine (--mode simulated); --mode solo uses your AWS
credentials. In both modes nobody verifies who you are. --mode team asks the front door that is installed at --url,
which knows you by your AWS credentials; there flows run on Step Functions and go on without this program.

STACKGATE_MODE, _URL, _PROFILE, _REGION, _STATE, _SERVICES and _AS stand in for the flags of these names; the first four
may also be set with stackgate config. STACKGATE_PAGER is a command through which reviews are read on a terminal. Stacks
go to the account and region of their definition, whatever --profile and --region say.

Exit codes: 0 done, nothing to do, planned, or recovered   1 error, or failed before anything changed   2 with
--detailed-exitcode of plan and diff: there are changes   3 failed and rolled back   4 not allowed   5 rejected
6 expired, superseded, stale or too late   7 policy, or missing acknowledgement   8 blocked by another operation, or
nothing to recover   9 failed, a person must look   10 cancelled   64 usage or definitions   124 --timeout
130 interrupted`,
		Example: `  stackgate demo
  stackgate services list
  stackgate plan orders -e staging
  stackgate deploy orders -e staging`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.Check(cmd) },
	}
	flags(a, cmd)
	cmd.SetIn(a.Stdin)
	cmd.SetOut(a.Stdout)
	cmd.SetErr(a.Stderr)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return exit.UsageError{Err: errors.New(err.Error() + "; see: " + cmd.CommandPath() + " --help")}
	})
	cmd.AddGroup(&cobra.Group{ID: "deploy", Title: "Deploy:"}, &cobra.Group{ID: "decide", Title: "Decide:"}, &cobra.Group{ID: "look", Title: "Look:"})
	group := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			cmd.AddCommand(c)
		}
	}
	group("deploy", demo.NewCommand(a, nil), plan.NewCommand(a, nil), deploy.NewCommand(a, nil), recover.NewCommand(a, nil), clean.NewCommand(a, nil))
	group("decide", review.NewCommand(a, nil), diff.NewCommand(a, nil), approve.NewCommand(a, nil), reject.NewCommand(a, nil), cancel.NewCommand(a, nil))
	group("look", status.NewCommand(a, nil), list.NewCommand(a, nil), watch.NewCommand(a, nil), tail.NewCommand(a, nil), services.NewCommand(a))
	cmd.AddCommand(config.NewCommand(a), schema.NewCommand(a), version.NewCommand(a))
	return cmd
}

func flags(a *app.App, cmd *cobra.Command) {
	f, v := cmd.PersistentFlags(), &a.Flags
	f.StringVarP(&v.Output, "output", "o", app.Text, "output `FORMAT`, as json")
	f.BoolVarP(&v.Quiet, "quiet", "q", false, "no messages beside results and errors")
	f.BoolVar(&v.Verbose, "verbose", false, "also show the states that the flow goes through")
	f.BoolVar(&v.Debug, "debug", false, "log every task to standard error, as JSON")
	f.BoolVar(&v.NoInput, "no-input", false, "never ask, not even on a terminal")
	f.StringVar(&v.Color, "color", "auto", "colours: auto, always or never")
	f.BoolVar(&v.NoColor, "no-color", false, "no colours, as --color never")
	f.StringVar(&v.Mode, "mode", "", "simulated, solo (your AWS credentials) or team")
	f.StringVar(&v.URL, "url", "", "team: address of the installed front door")
	f.StringVar(&v.State, "state", "", "folder of the state, .stackgate if not given")
	f.StringVar(&v.Services, "services", "", "folder of the definitions, if not services/")
	f.StringVar(&v.Profile, "profile", "", "solo, team: profile of the AWS configuration")
	f.StringVar(&v.Region, "region", "", "solo: region to check credentials in; team: of the API")
	f.StringVar(&v.As, "as", "", "who you are, recorded as not verified")
	fixed := func(words ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	// The flags were defined above, which is all that can go wrong.
	_ = cmd.RegisterFlagCompletionFunc("mode", fixed(string(app.Simulated), string(app.Solo), string(app.Team)))
	_ = cmd.RegisterFlagCompletionFunc("color", fixed("auto", "always", "never"))
	_ = cmd.RegisterFlagCompletionFunc("output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return app.Formats(cmd), cobra.ShellCompDirectiveNoFileComp
	})
}

// Main runs the program with its arguments and returns its exit code.
func Main(ctx context.Context, a *app.App, args []string) int {
	cmd := New(a)
	cmd.SetArgs(args)
	began := false
	check := cmd.PersistentPreRunE
	cmd.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		began = true
		return check(cmd, args)
	}
	err := cmd.ExecuteContext(ctx)
	if err != nil && !began {
		// Nothing ran: the command line itself was wrong.
		err = exit.UsageError{Err: oneLine(err)}
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = exit.ErrInterrupted
	}
	code, reason := exit.Of(err)
	complain(a, err, code, reason)
	return code
}

// oneLine makes one line of cobra's suggestions, which it sets out over several.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = strings.Replace(text, " Did you mean this? ", "; did you mean ", 1)
	if strings.Contains(text, "; did you mean ") {
		text += "?"
	} else if strings.HasPrefix(text, "unknown command") {
		text += "; see: stackgate --help"
	}
	return errors.New(text)
}

// ErrorSchema names the version of the JSON form of errors.
const ErrorSchema = "stackgate.error/v1"

// complain says what went wrong, unless it was shown.
func complain(a *app.App, err error, code int, reason exit.Reason) {
	var (
		ended    exit.EndedError
		shown    interface{ Shown() bool }
		problems service.Problems
	)
	if err == nil || errors.As(err, &ended) || errors.As(err, &shown) && shown.Shown() {
		return
	}
	if a.Flags.Output == app.JSON || a.Flags.Output == app.NDJSON {
		errors.As(err, &problems)
		// Where standard error cannot be written to there is nobody to be told.
		_ = present.JSONLine(a.Stderr, struct {
			Schema   string           `json:"schema"`
			ExitCode int              `json:"exitCode"`
			Reason   exit.Reason      `json:"reason"`
			Message  string           `json:"message"`
			Problems service.Problems `json:"problems,omitempty"`
		}{ErrorSchema, code, reason, err.Error(), problems})
		return
	}
	if errors.Is(err, exit.ErrInterrupted) {
		return
	}
	p := app.Pen{Color: a.ColorStderr(), ASCII: a.ASCII()}
	lines := strings.Split(err.Error(), "\n")
	if errors.As(err, &problems) && len(problems) > 1 {
		a.Warn("%s %s:", p.Red("error:"), present.Mistakes(len(problems)))
		for _, line := range lines {
			a.Warn("  %s", p.Clean(line))
		}
		return
	}
	for i := range lines {
		lines[i] = p.Clean(lines[i])
	}
	a.Warn("%s %s", p.Red("error:"), strings.Join(lines, "\n  "))
}

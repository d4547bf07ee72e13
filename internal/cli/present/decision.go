package present

import (
	"fmt"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/store"
	"stackgate/internal/web/wire"
)

// Decision writes that a decision was taken in.
func Decision(a *app.App, r store.Record, d frontdoor.Decided) error {
	if a.Flags.Output == app.JSON {
		return JSON(a.Stdout, wire.Decided{
			Schema: wire.DecisionSchema, DeploymentID: r.ID, Decision: d.Decision, Repeated: d.Repeated,
			State: d.Tally.State, Given: d.Tally.Given, Needed: d.Tally.Needed,
		})
	}
	p := a.Pen()
	word := p.Green("Approved")
	if d.Decision.Verdict != approval.Approve {
		word = p.Red("Rejected")
	}
	text := fmt.Sprintf("%s  %s, digest %s, by %s%s", word, r.ID, plan.ShortDigest(d.Decision.Digest), p.Clean(d.Decision.By), Unverified(d.Decision.Verified))
	if d.Repeated {
		return app.Printf(a.Stdout, "%s; it was so already.\n", text)
	}
	done, left := "it is executed now", "Its change set is being deleted."
	if r.Intent == deployment.IntentRecover {
		done, left = "it is performed now", "The stack is left as it is."
	}
	if r.Runner.Name != "" {
		// It may have died without a word; the next command finds that out once its sign of life is too old.
		done += ", by the process that runs it (" + p.Clean(r.Runner.Name) + ")"
	}
	switch d.Tally.State {
	case approval.Waiting:
		text += fmt.Sprintf(". %d of %d approvals; still waiting.", d.Tally.Given, d.Tally.Needed)
	case approval.Approved:
		text += fmt.Sprintf(". %d of %d approvals; %s.", d.Tally.Given, d.Tally.Needed, done)
	case approval.Rejected:
		text += ". " + left
	}
	return app.Printf(a.Stdout, "%s\n", text)
}

package present

import (
	"fmt"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/store"
)

// DecisionSchema names the version of the JSON form of a decision that was taken in.
const DecisionSchema = "stackgate.decision/v1"

// Decision writes that a decision was taken in.
func Decision(a *app.App, r store.Record, d frontdoor.Decided) error {
	if a.Flags.Output == app.JSON {
		return JSON(a.Stdout, struct {
			Schema       string            `json:"schema"`
			DeploymentID string            `json:"deploymentId"`
			Decision     approval.Decision `json:"decision"`
			Repeated     bool              `json:"repeated"`
			State        approval.State    `json:"state"`
			Given        int               `json:"given"`
			Needed       int               `json:"needed"`
		}{DecisionSchema, r.ID.String(), d.Decision, d.Repeated, d.Tally.State, d.Tally.Given, d.Tally.Needed})
	}
	p := a.Pen()
	word := p.Green("Approved")
	if d.Decision.Verdict != approval.Approve {
		word = p.Red("Rejected")
	}
	text := fmt.Sprintf("%s  %s, digest %s, by %s (identity not verified)", word, r.ID, plan.ShortDigest(d.Decision.Digest), p.Clean(d.Decision.By))
	if d.Repeated {
		return app.Printf(a.Stdout, "%s; it was so already.\n", text)
	}
	switch d.Tally.State {
	case approval.Waiting:
		text += fmt.Sprintf(". %d of %d approvals; still waiting.", d.Tally.Given, d.Tally.Needed)
	case approval.Approved:
		text += fmt.Sprintf(". %d of %d approvals; it is executed now.", d.Tally.Given, d.Tally.Needed)
	case approval.Rejected:
		text += ". Its change set is being deleted."
	}
	return app.Printf(a.Stdout, "%s\n", text)
}

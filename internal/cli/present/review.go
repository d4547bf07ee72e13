// Package present shows what a deployment has left behind: its review, its record, its failure's tail. It decides
// nothing and reads nothing but documents.
package present

import (
	"io"
	"strings"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/deployment"
	"stackgate/internal/plan"
	"stackgate/internal/render/html"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/markdown"
	"stackgate/internal/render/terminal"
	"stackgate/internal/store"
)

// ReviewOptions choose what is shown of a review.
type ReviewOptions struct {
	Full      bool
	Only      []string
	Resources []string
}

// Review writes a review in a format.
func Review(a *app.App, w io.Writer, review plan.Review, r store.Record, decisions []approval.Decision, format string, o ReviewOptions) error {
	return write(a, w, review, format, o, Approvers(r), Decided(r, decisions))
}

// SavedReview writes the review of a change set that is no deployment of ours: there is nothing to approve.
func SavedReview(a *app.App, w io.Writer, review plan.Review, format string, o ReviewOptions) error {
	return write(a, w, review, format, o, "", "")
}

func write(a *app.App, w io.Writer, review plan.Review, format string, o ReviewOptions, approvers, decided string) error {
	switch format {
	case app.JSON:
		return jsonout.Render(w, review, jsonout.Options{})
	case app.Markdown:
		return markdown.Render(w, review, markdown.Options{Now: a.Clock.Now(), Approval: approvers, Decided: decided, As: As(a)})
	case app.HTML:
		return html.Render(w, review, html.Options{Now: a.Clock.Now(), Approval: approvers, Decided: decided, As: As(a)})
	}
	return terminal.Render(w, review, terminal.Options{
		Width: a.Columns(), Color: a.ColorStdout(), ASCII: a.ASCII(), Full: o.Full, Only: o.Only, Resources: o.Resources,
		Now: a.Clock.Now(), Approval: approvers, Decided: decided, As: As(a),
	})
}

// As is what a command that decides needs beside the review's own: a name, where nobody verifies who decides.
func As(a *app.App) string {
	// A mode that cannot be read was refused before anything is shown.
	if mode, err := a.Mode(); err == nil && mode == app.Team {
		return ""
	}
	return " --as NAME"
}

// Approvers says whose approval a deployment needs.
func Approvers(r store.Record) string { return r.Policy.Approvers(r.ReviewToDecide()) }

// Decided says why nothing is left to decide; empty where something is.
func Decided(r store.Record, decisions []approval.Decision) string {
	switch r.Review.Approval {
	case deployment.ApprovalNotRequired:
		return "No approval needed: the policy of " + r.Environment + " lets changes through that are not dangerous."
	case deployment.ApprovalNotAsked:
		return "Planned only: nothing is executed and the change set is deleted."
	case deployment.ApprovalRequired:
	}
	if r.Stage == deployment.StageAwaiting || r.Stage == deployment.StagePlanning {
		return ""
	}
	var said []string
	for _, d := range decisions {
		said = append(said, Verdict(d))
	}
	if r.Stage == deployment.StageFinished {
		said = append(said, "the deployment is over: "+string(r.Outcome))
	}
	if len(said) == 0 {
		return ""
	}
	text := strings.Join(said, "; ") + "."
	return strings.ToUpper(text[:1]) + text[1:]
}

// Verdict says who decided what.
func Verdict(d approval.Decision) string {
	text := "rejected by " + d.By
	if d.Verdict == approval.Approve {
		text = "approved by " + d.By
	}
	if !d.Verified {
		text += " (identity not verified)"
	}
	if d.Comment != "" {
		text += ": " + d.Comment
	}
	return text
}

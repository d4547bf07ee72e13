// Package terminal renders a review as text for a terminal, the danger first. It neither decides what is dangerous nor
// asks whether its output is a terminal: colour, width and character set are options.
package terminal

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// Widths of the output, in columns.
const (
	// DefaultWidth is used where Options.Width is 0.
	DefaultWidth = 96
	minWidth     = 40
)

// Options say how, never what: the same review shows the same facts with any of them, unless Only or Resources choose.
type Options struct {
	// Width is the number of columns to stay within; 0 means DefaultWidth. A command to be copied is never broken.
	Width int
	// Color adds ANSI colours. Nothing is said by colour alone.
	Color bool
	// ASCII keeps to ASCII, for terminals without UTF-8; other characters are written as escapes.
	ASCII bool
	// Full unfolds clusters and shows long values whole.
	Full bool
	// Only shows the changes of these sections, levels or impacts, and leaves the rest of the review out: "critical",
	// "security", "REPLACE_DELETE". Words reports which there are.
	Only []string
	// Resources shows only the changes with these paths.
	Resources []string
	// Now is the time to which ages refer; the zero time prints points in time instead.
	Now time.Time
	// Approval says whose approval is needed: "2 platform-approvers, 1 security; not by the requester". Empty: not known.
	Approval string
	// Decided replaces the request for approval where there is nothing left to decide: "Approved by a.lee."
	Decided string
	// As is added to the command that approves: " --as NAME" where nobody verifies who approves.
	As string
}

// Render writes the review as text. It fails when a word of Only or a path of Resources stands for nothing, and when
// writing fails.
func Render(w io.Writer, r plan.Review, o Options) error {
	chosen, err := choose(r, o)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	p := &page{w: buffered, o: o, width: o.Width, review: r}
	if p.width == 0 {
		p.width = DefaultWidth
	}
	p.width = max(p.width, minWidth)

	p.header()
	p.sections(chosen)
	if !chosen.filtered {
		p.stack()
	}
	p.summary(chosen)
	p.decision()
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write review of %s: %w", wording.Title(r), err)
	}
	return nil
}

func (p *page) header() {
	r := p.review
	target := fmt.Sprintf("account %s   %s", p.clean(wording.Account(r.Target)), p.clean(r.Target.Region))
	if d := r.Deployment; d != nil {
		p.text(0, 2, p.style(bold, p.clean(wording.Title(r)))+"   stack "+p.clean(r.Target.StackName)+"   "+target)
		p.fact("plan", d.ID, "digest "+plan.ShortDigest(r.Digest), "created "+wording.Moment(d.CreatedAt, p.o.Now), wording.Expiry(*d, p.o.Now, p.o.Decided))
		if r.Recovery != nil {
			// There is no template, no commit of it and nothing to compare with.
			p.fact("request", wording.Requester(*d))
			p.fact("reason", d.Reason)
			p.fact("call", wording.Recovery(r))
			p.verdict()
			return
		}
		p.fact("request", wording.Requester(*d), wording.Commit(*d))
		p.fact("reason", d.Reason)
		p.fact("pull req", d.PullRequest)
		promoted := ""
		if d.PromotedFrom != "" {
			promoted = "deployed to " + d.PromotedFrom + " with the same request digest"
		}
		p.fact("inputs", "request digest "+plan.ShortDigest(r.RequestDigest), promoted)
		p.fact("compared", prefixed("with ", wording.Compared(*d, p.o.Now)), wording.DriftLine(r))
	} else {
		p.text(0, 2, p.style(bold, p.clean(wording.Title(r)))+"   "+target)
		p.fact("plan", prefixed("change set ", r.Target.ChangeSetName), prefixed("content digest ", plan.ShortDigest(r.ContentDigest)))
		p.fact("compared", wording.DriftLine(r))
	}
	kind := r.Target.ChangeSetType
	if kind != "" && kind != "UPDATE" {
		p.fact("type", kind+" change set")
	}
	p.fact("says", wording.Description(r))
	p.verdict()
}

func (p *page) verdict() {
	r := p.review
	p.blank()
	p.text(0, 0, p.style(bold, p.clean(wording.Verdict(r))))
	for _, reason := range wording.Incomplete(r) {
		p.text(0, 2, p.style(levelStyle(plan.LevelCritical), "WARNING")+"  "+p.clean(reason))
	}
}

// fact writes one line of the header; without any text there is no line.
func (p *page) fact(label string, texts ...string) {
	var parts []string
	for _, text := range texts {
		if text != "" {
			// Who writes the commit message must not be able to push the changes off the screen.
			if text = p.clean(text); !p.o.Full {
				text = p.shortened(text)
			}
			parts = append(parts, text)
		}
	}
	line := p.style(dim, fmt.Sprintf("%-9s", label)) + " "
	for i, part := range parts {
		if i > 0 && columns(line)+2+3+columns(part) > p.width {
			p.text(2, 12, line)
			line = spaces(10)
		} else if i > 0 {
			line += "   "
		}
		line += part
	}
	if len(parts) > 0 {
		p.text(2, 12, line)
	}
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func (p *page) summary(c choice) {
	p.blank()
	if !p.review.Empty() {
		p.text(0, 0, strings.Join(wording.Tally(p.review), ", ")+". Level "+p.style(levelStyle(p.review.Level), p.clean(string(p.review.Level)))+".")
	}
	p.text(0, 0, p.style(bold, wording.Shown(p.review, c.count, "shown")+"."))
	if c.filtered {
		p.text(0, 2, fmt.Sprintf("%s left out by the choice of %s.", wording.Count(len(p.review.Items)-c.count, "change"),
			p.clean(strings.Join(append(p.o.Only, p.o.Resources...), ", "))))
	}
	if p.folded > 0 {
		p.text(0, 2, fmt.Sprintf("%d of these by the change that they share, without their names; --full lists each.", p.folded))
	}
	if p.cut > 0 {
		p.text(0, 2, fmt.Sprintf("%s cut short; --full shows all of it.", wording.Count(p.cut, "long value")))
	}
	if legend := p.legend(); legend != "" {
		p.text(0, 7, p.style(dim, "marks")+"  "+legend)
	}
}

// legend explains the marks that are in use, and no others.
func (p *page) legend() string {
	used := make(map[plan.Impact]bool)
	for _, item := range p.review.Items {
		used[item.Impact] = true
	}
	var parts []string
	for _, impact := range plan.Impacts() {
		if used[impact] {
			parts = append(parts, p.mark(impact)+" "+impact.Word())
		}
	}
	return strings.Join(parts, "   ")
}

func (p *page) decision() {
	r := p.review
	if p.o.Decided != "" {
		p.blank()
		p.text(0, 2, p.clean(p.o.Decided))
		return
	}
	if r.Deployment == nil {
		return
	}
	p.blank()
	if p.o.Approval != "" {
		p.text(0, 2, "Needs approval: "+p.clean(p.o.Approval)+".")
	}
	if acks := len(r.Acknowledgements()); acks > 0 {
		p.text(0, 2, wording.Count(acks, "acknowledgement")+" needed, of the changes marked !.")
	}
	if r.Deployment.ReviewURL != "" {
		p.raw("  Review   " + p.clean(r.Deployment.ReviewURL))
	}
	if command := wording.ApproveCommand(r); command != "" {
		p.raw("  Approve  " + command + p.o.As)
	} else {
		p.text(2, 11, "Approve  not possible: the review is partial or its deployment id and digest are not valid.")
	}
}

package deploy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/present"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
	"stackgate/internal/store"
)

// keyboard reads lines. A read cannot be called off, so one goroutine reads and whoever asks waits for it or goes on.
type keyboard struct {
	app   *app.App
	lines chan string
}

func newKeyboard(a *app.App) *keyboard { return &keyboard{app: a} }

func (k *keyboard) ask(ctx context.Context, question string) (string, error) {
	if k.lines == nil {
		k.lines = make(chan string)
		go func() {
			defer close(k.lines)
			for scanner := bufio.NewScanner(k.app.Stdin); scanner.Scan(); {
				k.lines <- scanner.Text()
			}
		}()
	}
	if _, err := io.WriteString(k.app.Stderr, question); err != nil {
		return "", err
	}
	select {
	case line, open := <-k.lines:
		if !open {
			return "", io.EOF
		}
		return strings.TrimSpace(line), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func yes(answer string) bool {
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

func no(answer string) bool {
	return strings.EqualFold(answer, "n") || strings.EqualFold(answer, "no")
}

// decide says how to decide and, on a terminal, asks. It returns at once: the answer may come from elsewhere.
func (v *view) decide(ctx context.Context, id deployment.ID) error {
	a := v.options.App
	found, err := v.session.Deployment(ctx, id.String())
	if err != nil {
		return err
	}
	record := found.Record
	review, err := v.session.Review(ctx, id)
	if err != nil {
		return err
	}
	if v.session.Verifies() {
		// Who has asked does not approve, and here it is known who that is.
		v.waiting(review, record, "")
		return nil
	}
	refusal := approval.CheckApprover(record.Policy, record.ReviewToDecide(), a.Person())
	if a.Interactive() && a.Flags.Output == app.Text && refusal == nil {
		go v.prompt(record, review)
		return nil
	}
	p := app.Pen{Color: a.ColorStderr(), ASCII: a.ASCII()}
	if a.Interactive() && refusal != nil {
		a.Warn("%s", p.Yellow(p.Clean(refusal.Error()+".")))
	}
	v.waiting(review, record, " --as NAME")
	return nil
}

// waiting says whose decision is waited for, and how to give it.
func (v *view) waiting(review plan.Review, r store.Record, as string) {
	a := v.options.App
	p := app.Pen{Color: a.ColorStderr(), ASCII: a.ASCII()}
	a.Warn("Waiting for %s. From another terminal:", p.Clean(present.Approvers(r)))
	for _, command := range Commands(review, r, as) {
		a.Warn("  %s", p.Cyan(p.Clean(command)))
	}
}

// Commands are those with which others decide upon a review; as names them where nobody verifies who they are.
func Commands(review plan.Review, r store.Record, as string) []string {
	var commands []string
	if approve := wording.ApproveCommand(review); approve != "" {
		commands = append(commands, approve+as)
	}
	return append(commands, fmt.Sprintf("stackgate reject %s --digest %s --reason TEXT%s", r.ID, plan.ShortDigest(r.Review.Digest), as))
}

// prompt asks until there is an answer that is taken, or the deployment goes on without one.
func (v *view) prompt(r store.Record, review plan.Review) {
	ctx, a := v.asking, v.options.App
	for ctx.Err() == nil {
		answer, err := v.question(ctx, r, review)
		if errors.Is(err, errAgain) {
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				a.Warn("\nThe input ended; waiting for a decision from elsewhere.")
			}
			return
		}
		_, err = v.session.DecideAs(ctx, a.Person(), r.ID, answer)
		var refused *frontdoor.RefusedError
		if err == nil || ctx.Err() != nil || (errors.As(err, &refused) && refused.Refusal == frontdoor.RefusedLate) {
			return
		}
		a.Warn("%s", app.Pen{Color: a.ColorStderr()}.Red(err.Error()))
	}
}

// done is what happens to what is approved.
func done(r store.Record) string {
	if r.Intent == deployment.IntentRecover {
		return "perform"
	}
	return "execute"
}

var errAgain = errors.New("ask again")

func (v *view) question(ctx context.Context, r store.Record, review plan.Review) (frontdoor.Answer, error) {
	answer := frontdoor.Answer{Digest: r.Review.Digest}
	critical := review.Acknowledgements()
	want, question := "yes", "Approve as "+v.options.App.Person()+"? Type yes to "+done(r)+" it, no to reject it: "
	if len(critical) > 0 {
		want = r.StackName
		question = fmt.Sprintf("%s above. Type the stack's name, %s, to approve as %s, or no to reject it: ",
			wording.Count(len(critical), "critical change"), r.StackName, v.options.App.Person())
	}
	text, err := v.keys.ask(ctx, question)
	switch {
	case err != nil:
		return answer, err
	case text == want || (len(critical) == 0 && yes(text)):
		answer.Verdict, answer.Acknowledgements = approval.Approve, critical
		return answer, nil
	case no(text):
		answer.Verdict = approval.Reject
		answer.Comment, err = v.keys.ask(ctx, "Why? ")
		return answer, err
	}
	return answer, errAgain
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/approval"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/door"
	"stackgate/internal/cli/embedded"
	"stackgate/internal/cli/feed"
	"stackgate/internal/cli/flow"
	"stackgate/internal/cli/present"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
	"stackgate/internal/store"
	"stackgate/internal/stream"
)

// stage shows acts.
type stage struct {
	app     *app.App
	speed   float64
	project *project
	state   string
	pen     app.Pen
	text    bool
	lines   feed.Printer
}

func (s *stage) newLines() feed.Printer {
	return &feed.Text{
		W: s.app.Stdout, Pen: s.pen, Columns: s.app.Width, Verbose: s.app.Flags.Verbose,
		Skip: []stream.Type{stream.PlannedChange, stream.ChangeSummary, stream.ApprovalRecorded, stream.Result, stream.ResourceProgress},
	}
}

// say writes to standard output for people, and nothing where a program reads.
func (s *stage) say(format string, args ...any) error {
	if !s.text {
		return nil
	}
	return app.Printf(s.app.Stdout, format+"\n", args...)
}

func (s *stage) perform(ctx context.Context, number, of int, act act) (deployment.Outcome, error) {
	if err := s.title(number, of, act); err != nil {
		return "", err
	}
	if err := s.project.edit(act.edits); err != nil {
		return "", err
	}
	opened, err := embedded.New(ctx, s.sessionOptions())
	if err != nil {
		return "", err
	}
	session := door.Of(s.app, opened)
	defer session.Close()
	if s.text {
		s.lines = s.newLines()
	}
	record, err := flow.Runner{
		App: s.app, Session: session, Person: requester, Every: time.Duration(float64(flow.LookEvery) * s.speed / 2),
		Observe: func(ctx context.Context, e store.JournalEvent) error { return s.observe(ctx, session, act, e) },
	}.Run(ctx, frontdoor.Ask{Service: serviceName, Environment: environment, Intent: deployment.IntentDeploy, Reason: act.reason})
	if err != nil {
		return "", err
	}
	if err := s.end(ctx, session, act, record); err != nil {
		return "", err
	}
	if act.revert {
		err = s.project.revert()
	}
	return record.Outcome, err
}

func (s *stage) title(number, of int, act act) error {
	rule := "━"
	if s.pen.ASCII {
		rule = "="
	}
	heading := fmt.Sprintf(" %d of %d  %s ", number, of, act.title)
	width := min(s.app.Columns(), 100)
	line := strings.Repeat(rule, 2) + heading + strings.Repeat(rule, max(width-2-len(heading), 2))
	if err := s.say("\n%s\n%s\n", s.pen.Bold(line), present.Wrap(act.story, 0, 0, width)); err != nil {
		return err
	}
	return s.say("%s", s.pen.Cyan(fmt.Sprintf("$ stackgate deploy %s -e %s --as %s --reason %q", serviceName, environment, requester, act.reason)))
}

func (s *stage) observe(ctx context.Context, session *door.Session, act act, e store.JournalEvent) error {
	if err := s.lines.Print(e); err != nil {
		return err
	}
	switch stream.Type(e.Type) {
	case stream.ChangeSummary:
		return s.review(ctx, session, e.DeploymentID)
	case stream.ApprovalRequested:
		for _, answer := range act.answers {
			if err := s.answer(ctx, session, e.DeploymentID, answer); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stage) review(ctx context.Context, session *door.Session, id deployment.ID) error {
	if !s.text {
		return nil
	}
	found, err := session.Deployment(ctx, id.String())
	if err != nil {
		return err
	}
	record := found.Record
	review, err := session.Review(ctx, id)
	if err != nil {
		return err
	}
	if err := s.say(""); err != nil {
		return err
	}
	if err := present.Review(s.app, s.app.Stdout, review, record, nil, app.Text, present.ReviewOptions{}); err != nil {
		return err
	}
	return s.say("")
}

// answer lets a person decide, as the command that it shows would.
func (s *stage) answer(ctx context.Context, session *door.Session, id deployment.ID, answer answer) error {
	found, err := session.Deployment(ctx, id.String())
	if err != nil {
		return err
	}
	record := found.Record
	review, err := session.Review(ctx, id)
	if err != nil {
		return err
	}
	decision := frontdoor.Answer{Verdict: approval.Approve, Digest: record.Review.Digest, Acknowledgements: review.Acknowledgements()}
	command := wording.ApproveCommand(review)
	if answer.reject != "" {
		decision = frontdoor.Answer{Verdict: approval.Reject, Digest: record.Review.Digest, Comment: answer.reject}
		command = fmt.Sprintf("stackgate reject %s --digest %s --reason %q", id, plan.ShortDigest(record.Review.Digest), answer.reject)
	}
	if err := s.say("%s", s.pen.Cyan("$ "+command+" --as "+answer.by)); err != nil {
		return err
	}
	decided, err := session.DecideAs(ctx, answer.by, id, decision)
	var refused *frontdoor.RefusedError
	switch {
	case err == nil && answer.refused:
		return fmt.Errorf("the approval of %s by %s, who requested it, was taken", id, answer.by)
	case errors.As(err, &refused) && answer.refused && refused.Refusal == frontdoor.RefusedPerson:
		return s.say("%s %s\n", s.pen.Red("error:"), s.pen.Clean(refused.Error()))
	case err != nil:
		return err
	}
	if !s.text {
		return nil
	}
	return present.Decision(s.app, record, decided)
}

func (s *stage) end(ctx context.Context, session *door.Session, act act, r store.Record) error {
	if s.text {
		if err := s.say(""); err != nil {
			return err
		}
		if err := present.End(ctx, s.app, session, r); err != nil {
			return err
		}
	}
	if !act.untouched {
		return nil
	}
	client, err := session.Embedded.CloudFormation(ctx, r)
	if err != nil {
		return err
	}
	lister, ok := client.(interface {
		ListChangeSets(context.Context, *cloudformation.ListChangeSetsInput, ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error)
	})
	if !ok {
		return fmt.Errorf("the simulator cannot list change sets")
	}
	left, err := lister.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: aws.String(r.StackName)})
	if err != nil {
		return fmt.Errorf("list the change sets of %s: %w", r.StackName, err)
	}
	if len(left.Summaries) > 0 {
		return fmt.Errorf("%d change sets of %s were left behind", len(left.Summaries), r.StackName)
	}
	return s.say("%s\n0 change sets", s.pen.Cyan("$ aws cloudformation list-change-sets --stack-name "+r.StackName))
}

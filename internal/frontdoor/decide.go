package frontdoor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"stackgate/internal/approval"
	"stackgate/internal/callback"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// Answer is a decision as it is asked for.
type Answer struct {
	Verdict approval.Verdict
	// Digest is the review digest that the person read, whole or in its short form.
	Digest           string
	Acknowledgements []int
	Comment          string
}

// Refusal says why a decision or a cancellation was not taken.
type Refusal string

// The refusals.
const (
	// RefusedLate: the deployment takes no decision any more.
	RefusedLate Refusal = "late"
	// RefusedEarly: its review is not there yet.
	RefusedEarly Refusal = "early"
	// RefusedDigest: the decision is upon another review than the present one.
	RefusedDigest Refusal = "digest"
	// RefusedContrary: the same person has answered otherwise.
	RefusedContrary Refusal = "contrary"
	// RefusedPerson: this person may not approve this deployment.
	RefusedPerson Refusal = "person"
	// RefusedAcknowledgement: dangers are not acknowledged.
	RefusedAcknowledgement Refusal = "acknowledgement"
	// RefusedIncomplete: something that the answer needs is missing.
	RefusedIncomplete Refusal = "incomplete"
	// RefusedIdentity: the project does not know the caller.
	RefusedIdentity Refusal = "identity"
	// RefusedKey: the call's idempotency key stands for another request.
	RefusedKey Refusal = "idempotency-key"
)

// Refusals lists every refusal.
func Refusals() []Refusal {
	return []Refusal{
		RefusedLate, RefusedEarly, RefusedDigest, RefusedContrary, RefusedPerson, RefusedAcknowledgement, RefusedIncomplete,
		RefusedIdentity, RefusedKey,
	}
}

// RefusedError is a decision that was not taken. Nothing was changed.
type RefusedError struct {
	Refusal Refusal
	message string
}

// Refused gives back a refusal that came over the wire.
func Refused(refusal Refusal, message string) error { return &RefusedError{refusal, message} }

// Error says what was refused, why, and what to do.
func (e *RefusedError) Error() string { return e.message }

func refuse(refusal Refusal, format string, args ...any) error {
	return &RefusedError{Refusal: refusal, message: fmt.Sprintf(format, args...)}
}

// Decided is what became of a decision.
type Decided struct {
	Decision approval.Decision
	// Repeated says that the same person had given the same answer before.
	Repeated bool
	Tally    approval.Tally
}

// Decide takes a decision in, and wakes the deployment once the decisions are complete. The same answer by the same
// person again changes nothing and is no error.
func (f FrontDoor) Decide(ctx context.Context, caller Caller, id deployment.ID, answer Answer) (Decided, error) {
	record, err := f.Store.Record(ctx, id)
	if err != nil {
		return Decided{}, err
	}
	earlier, err := f.Store.Decisions(ctx, id)
	if err != nil {
		return Decided{}, fmt.Errorf("read the decisions upon %s: %w", id, err)
	}
	decision := approval.Decision{
		By: strings.TrimSpace(caller.Name), Verified: caller.Verified, Verdict: answer.Verdict, ChangeSetID: record.DecidedUpon(),
		Digest: record.Review.Digest, Acknowledgements: answer.Acknowledgements, Comment: answer.Comment, At: f.Clock.Now(),
		Source: caller.Source,
	}
	if err := checkCaller(caller, record); err != nil {
		return Decided{}, err
	}
	for _, d := range earlier {
		if approval.SamePerson(d.By, decision.By) && matches(answer.Digest, d.Digest) {
			return f.repeated(ctx, record, earlier, d, decision)
		}
	}
	policy, err := f.policy(record)
	if err != nil {
		return Decided{}, err
	}
	if err := f.checkDecision(record, policy, decision, answer); err != nil {
		return Decided{}, err
	}
	kept, created, err := f.Store.AddDecision(ctx, id, decision)
	switch {
	case errors.Is(err, store.ErrClosed):
		return Decided{}, f.late(ctx, id)
	case errors.Is(err, store.ErrConflict):
		return Decided{}, refuse(RefusedDigest, "the review of %s changed while you decided; read it again with: stackgate review %s", id, id.Short())
	case err != nil:
		return Decided{}, fmt.Errorf("keep the decision upon %s: %w", id, err)
	}
	if earlier, err = f.Store.Decisions(ctx, id); err != nil {
		return Decided{}, fmt.Errorf("read the decisions upon %s: %w", id, err)
	}
	if !created {
		return f.repeated(ctx, record, earlier, kept, decision)
	}
	if f.Announcer != nil {
		f.Announcer.DecisionRecorded(ctx, record, kept, approval.Count(record.Policy, record.ReviewToDecide(), earlier))
	}
	return f.conclude(ctx, record, earlier, kept)
}

func (f FrontDoor) conclude(ctx context.Context, record store.Record, decisions []approval.Decision, kept approval.Decision) (Decided, error) {
	decided := Decided{Decision: kept, Tally: approval.Count(record.Policy, record.ReviewToDecide(), decisions)}
	if decided.Tally.State == approval.Waiting {
		return decided, nil
	}
	if _, err := callback.Wake(ctx, f.Sender, f.Store, record.ID, store.AwaitApproval); err != nil {
		return decided, fmt.Errorf("the decision is kept, but: %w", err)
	}
	return decided, nil
}

// repeated also wakes again: the first answer may have died between keeping and waking.
func (f FrontDoor) repeated(ctx context.Context, record store.Record, all []approval.Decision, kept, wanted approval.Decision) (Decided, error) {
	if kept.Verdict != wanted.Verdict {
		return Decided{}, refuse(RefusedContrary, "%s has already answered %q upon %s, and a decision is not changed; to stop it: stackgate cancel %s",
			kept.By, kept.Verdict, record.ID, record.ID.Short())
	}
	decided, err := f.conclude(ctx, record, all, kept)
	decided.Repeated = true
	return decided, err
}

func (f FrontDoor) checkDecision(record store.Record, policy approval.Policy, d approval.Decision, answer Answer) error {
	id := record.ID
	switch {
	case record.Stage == deployment.StageFinished, record.Stage == deployment.StageExecuting, record.Stage == deployment.StageVerifying:
		return refuse(RefusedLate, "%s", lateSentence(record))
	case record.Stage != deployment.StageAwaiting:
		return refuse(RefusedEarly, "%s is not waiting for a decision yet (%s); watch it with: stackgate watch %s", id, record.Stage, id.Short())
	case !record.Review.ExpiresAt.IsZero() && f.Clock.Now().After(record.Review.ExpiresAt):
		return refuse(RefusedLate, "the review of %s expired; deploy again to ask anew", id)
	case strings.TrimSpace(answer.Digest) == "":
		return refuse(RefusedIncomplete, "a decision names the digest that stands on the review that was read (--digest); read it with: stackgate review %s", id.Short())
	case strings.Trim(bare(answer.Digest), "0123456789abcdef") != "":
		return refuse(RefusedIncomplete, "%.40q is no digest, which has the form be07-1f44-90aa; give the one that stands on the review (--digest): stackgate review %s", answer.Digest, id.Short())
	case !matches(answer.Digest, record.Review.Digest):
		return refuse(RefusedDigest, "digest %s is not that of the review of %s; read the review as it is now with: stackgate review %s",
			answer.Digest, id, id.Short())
	}
	switch d.Verdict {
	case approval.Reject:
		if strings.TrimSpace(d.Comment) == "" {
			return refuse(RefusedIncomplete, "a rejection needs a reason, so that the requester knows what to change: --reason TEXT")
		}
		if err := approval.CheckRejecter(policy, record.ReviewToDecide(), d.By); err != nil {
			return refuse(RefusedPerson, "the rejection of %s is refused: %s; ask one of them", id, err)
		}
		return nil
	case approval.Approve:
	default:
		return refuse(RefusedIncomplete, "%q is no verdict; use approve or reject", d.Verdict)
	}
	if err := approval.CheckApprover(policy, record.ReviewToDecide(), d.By); err != nil {
		return refuse(RefusedPerson, "the approval of %s is refused: %s; ask somebody else", id, err)
	}
	if unknown := approval.Unacknowledged(d.Acknowledgements, record.Review.Acknowledge); len(unknown) > 0 {
		there := "there is none to acknowledge; leave --ack out"
		if len(record.Review.Acknowledge) > 0 {
			there = "there are " + numbers(record.Review.Acknowledge) + "; read them and acknowledge those"
		}
		return refuse(RefusedAcknowledgement, "%s has no critical change %s: %s", id, numbers(unknown), there)
	}
	if missing := approval.Unacknowledged(record.Review.Acknowledge, d.Acknowledgements); len(missing) > 0 {
		return refuse(RefusedAcknowledgement, "approving %s needs the acknowledgement of its critical changes %s; read them and add: --ack %s",
			id, numbers(missing), numbers(record.Review.Acknowledge))
	}
	return nil
}

// checkCaller says why a caller decides nothing, whatever the decision.
func checkCaller(caller Caller, record store.Record) error {
	named := strings.TrimSpace(caller.Name) != ""
	switch {
	case named && caller.Undeciding == "":
		return nil
	case named:
		return refuse(RefusedPerson, "the decision upon %s is refused: %s", record.ID, caller.Undeciding)
	case caller.Source.Principal != "":
		return refuse(RefusedIdentity, "the decision upon %s is refused: %s", record.ID, caller.Undeciding)
	}
	return refuse(RefusedIncomplete, "a decision needs the name of the person who takes it; name yourself with --as NAME")
}

// policy is the stricter of the deployment's own and the installed one, for those who are still members of its groups.
func (f FrontDoor) policy(record store.Record) (approval.Policy, error) {
	definition, err := f.Registry.Definition(record.Service, record.Environment)
	if err != nil {
		return approval.Policy{}, refuse(RefusedPerson, "nobody can decide upon %s any more: %s", record.ID, err)
	}
	return record.Policy.Under(definition.Approval), nil
}

func (f FrontDoor) late(ctx context.Context, id deployment.ID) error {
	record, err := f.Store.Record(ctx, id)
	if err != nil {
		return err
	}
	return refuse(RefusedLate, "%s", lateSentence(record))
}

func lateSentence(r store.Record) string {
	if r.Stage == deployment.StageFinished {
		return fmt.Sprintf("%s is over (%s) and takes no decision any more; see: stackgate status %s", r.ID, r.Outcome, r.ID.Short())
	}
	return fmt.Sprintf("%s has been decided and goes on (%s); see: stackgate status %s", r.ID, r.Stage, r.ID.Short())
}

// minDigest is how many hexadecimal digits name a review at least: those of its short form.
const minDigest = 12

// matches compares a digest as people give it, whole or short, with or without hyphens, with a whole one.
func matches(given, whole string) bool {
	short := bare(given)
	return len(short) >= minDigest && strings.HasPrefix(bare(whole), short)
}

// bare is a digest's hexadecimal digits.
func bare(digest string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(digest)), "sha256:"), "-", "")
}

func numbers(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = fmt.Sprint(n)
	}
	return strings.Join(texts, ",")
}

// Cancel calls a deployment off, as long as its change set is not executed. Who asked for it may, and whoever might reject
// it. Cancelling twice is no error.
func (f FrontDoor) Cancel(ctx context.Context, caller Caller, id deployment.ID, reason string) (store.Record, error) {
	now := f.Clock.Now()
	record, err := f.Store.UpdateRecord(ctx, id, func(r *store.Record) error {
		if err := checkCanceller(caller, *r); err != nil {
			return err
		}
		if !r.Stage.Cancellable() {
			if r.Stage == deployment.StageExecuting && r.Intent == deployment.IntentRecover {
				return refuse(RefusedLate, "%s is being performed and can no longer be called off; follow it with: stackgate watch %s", r.ID, r.ID.Short())
			}
			if r.Stage == deployment.StageExecuting {
				return refuse(RefusedLate, "%s is being executed and can no longer be called off; %s", r.ID, wayOfExecuting(*r))
			}
			return refuse(RefusedLate, "%s is over already (%s)", r.ID, r.Outcome)
		}
		if r.CancelledBy == "" {
			r.CancelledBy, r.CancelReason, r.CancelledAt, r.CancelSource = caller.Name, reason, now, caller.Source
		}
		return nil
	})
	if err != nil {
		return store.Record{}, err
	}
	for _, purpose := range []store.Purpose{store.AwaitLock, store.AwaitApproval} {
		if _, err := callback.Wake(ctx, f.Sender, f.Store, id, purpose); err != nil {
			return record, fmt.Errorf("the cancellation is kept, but: %w", err)
		}
	}
	return record, nil
}

// wayOfExecuting says what can be done about a change set that is being executed. CancelUpdateStack takes a stack in
// UPDATE_IN_PROGRESS only (its API reference).
func wayOfExecuting(r store.Record) string {
	switch r.ChangeSet.Type {
	case deployment.ChangeSetUpdate:
		return "CloudFormation itself can still undo the update of stack " + r.StackName + " while it is UPDATE_IN_PROGRESS (CancelUpdateStack)"
	case deployment.ChangeSetCreate:
		return fmt.Sprintf("CloudFormation stops no creation: wait for its end (stackgate watch %s); a stack that fails to be created is deleted with: stackgate recover %s -e %s",
			r.ID.Short(), r.Service, r.Environment)
	}
	return fmt.Sprintf("wait for its end: stackgate watch %s", r.ID.Short())
}

func checkCanceller(caller Caller, record store.Record) error {
	name := strings.TrimSpace(caller.Name)
	switch {
	case name == "" && caller.Source.Principal != "":
		return refuse(RefusedIdentity, "the cancellation of %s is refused: %s", record.ID, caller.Undeciding)
	case name == "":
		return refuse(RefusedIncomplete, "a cancellation needs the name of the person who makes it; name yourself with --as NAME")
	case !caller.Verified, approval.SamePerson(record.RequestedBy, name):
		return nil
	case caller.Undeciding != "":
		return refuse(RefusedPerson, "the cancellation of %s is refused: %s did not ask for it, and %s", record.ID, name, caller.Undeciding)
	}
	if err := approval.CheckRejecter(record.Policy, record.ReviewToDecide(), name); err != nil {
		return refuse(RefusedPerson, "the cancellation of %s is refused: %s; ask one of them", record.ID, err)
	}
	return nil
}

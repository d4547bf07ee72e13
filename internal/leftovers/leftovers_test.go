package leftovers_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/leftovers"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

const (
	stackOf = "shop-orders-prod"
	// The bubble's time begins in the year 2000.
	young = deployment.ID("orders-prod-20000101T000000Z-7q4k2mxa")
	other = deployment.ID("orders-prod-20000101T000000Z-aaaaaaaa")
	old   = deployment.ID("orders-prod-19991223T235959Z-bbbbbbbb")
	// carts has a stack of its own, whatever its change sets are doing in this one.
	carts = deployment.ID("carts-prod-19991223T235959Z-cccccccc")

	template = `Resources: {Queue: {Type: "AWS::SQS::Queue"}}`
	update   = `Resources: {Queue: {Type: "AWS::SQS::Queue", Properties: {VisibilityTimeout: 60}}}`
)

var orders = service.Definition{Service: "orders", Environment: "prod", Account: "111111111111", Region: "eu-west-1", StackName: stackOf}

func target() deployment.Target {
	return deployment.Target{Account: orders.Account, Region: orders.Region, StackName: stackOf}
}

type world struct {
	t      *testing.T
	store  *sqlite.Store
	client leftovers.Client
	sim    *cfnsim.Client
	leftovers.Finder
}

func inWorld(t *testing.T, run func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		kept, err := sqlite.Open(t.Context(), t.TempDir(), clock.System{})
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		simulator, err := cfnsim.New(cfnsim.Options{Clock: clock.System{}, Random: rand.NewChaCha8([32]byte{1})})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, store: kept, sim: simulator.Client(orders.Account, orders.Region)}
		w.client = w.sim
		w.Finder = leftovers.Finder{Store: kept, Clock: clock.System{}, Connect: func(_ context.Context, asked deployment.Target) (leftovers.Client, error) {
			if asked != target() {
				t.Errorf("connected to %+v", asked)
			}
			return w.client, nil
		}}
		run(w)
	})
}

func (w *world) set(name, description string, kind types.ChangeSetType, body string) string {
	w.t.Helper()
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String(stackOf), ChangeSetName: aws.String(name), ChangeSetType: kind, TemplateBody: aws.String(body),
	}
	if description != "" {
		in.Description = aws.String(description)
	}
	made, err := w.sim.CreateChangeSet(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return aws.ToString(made.Id)
}

func (w *world) ours(id deployment.ID) string {
	w.t.Helper()
	return w.set(string(id), id.Description("sg-1", ""), types.ChangeSetTypeUpdate, update)
}

// deployed makes the stack by other hands.
func (w *world) deployed() {
	w.t.Helper()
	arn := w.set("theirs", "", types.ChangeSetTypeCreate, template)
	if _, err := w.sim.ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: &arn}); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Hour)
}

func (w *world) record(id deployment.ID, change func(*store.Record)) {
	w.t.Helper()
	r := store.Record{
		Schema: store.RecordSchema, ID: id, Service: "orders", Environment: "prod", Target: target(), Stage: deployment.StageFinished,
		Outcome: deployment.OutcomeFailedBeforeChange, Leftovers: []string{},
	}
	if change != nil {
		change(&r)
	}
	if err := w.store.CreateRecord(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stackStatus() types.StackStatus {
	w.t.Helper()
	answer, err := w.sim.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackOf)})
	if err != nil {
		return "absent"
	}
	return answer.Stacks[0].StackStatus
}

func (w *world) sets() string {
	w.t.Helper()
	answer, err := w.sim.ListChangeSets(w.t.Context(), &cloudformation.ListChangeSetsInput{StackName: aws.String(stackOf)})
	if err != nil {
		return ""
	}
	var names []string
	for _, set := range answer.Summaries {
		names = append(names, aws.ToString(set.ChangeSetName))
	}
	return strings.Join(names, " ")
}

func TestOnlyOursThatAreOverAreLeftOver(t *testing.T) {
	for name, c := range map[string]struct {
		set         string
		description string
		record      func(w *world)
		listed      bool
		kept        string
	}{
		"its deployment is over":       {set: string(young), record: func(w *world) { w.record(young, nil) }, listed: true},
		"its deployment is in flight":  {set: string(young), record: func(w *world) { w.record(young, func(r *store.Record) { r.Stage = deployment.StageAwaiting }) }, listed: true, kept: "in flight (awaiting-approval)"},
		"of another stack":             {set: string(young), record: func(w *world) { w.record(young, func(r *store.Record) { r.StackName = "elsewhere" }) }, listed: true, kept: "one of stack elsewhere"},
		"not known, and young":         {set: string(young), listed: true, kept: "may be in flight from elsewhere, until 2000-01-09 00:00 UTC"},
		"not known, and too old":       {set: string(old), listed: true},
		"by hand":                      {set: "by-hand", description: "mine"},
		"with our name only":           {set: string(old), description: "mine"},
		"with our name, without words": {set: string(old), description: " "},
		"with our words only":          {set: "by-hand", description: old.Description("sg-1", "")},
		"with another one's words":     {set: string(old), description: young.Description("sg-1", "")},
		"of another service":           {set: string(carts), description: carts.Description("sg-1", "")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.deployed()
				if c.description == "" {
					c.description = deployment.ID(c.set).Description("sg-1", "")
				}
				w.set(c.set, c.description, types.ChangeSetTypeUpdate, update)
				if c.record != nil {
					c.record(w)
				}
				found, err := w.Find(w.t.Context(), orders)
				if err != nil {
					t.Fatal(err)
				}
				if (len(found) == 1) != c.listed || len(found) > 1 || w.sets() != c.set {
					t.Fatalf("listed %+v; there are %s", found, w.sets())
				}
				removed, err := w.Remove(w.t.Context(), orders)
				if err != nil {
					t.Fatal(err)
				}
				gone := w.sets() == ""
				if want := c.listed && c.kept == ""; gone != want {
					t.Errorf("removed: %t, want %t", gone, want)
				}
				for _, left := range append(found, removed...) {
					if left.Kept != (c.kept != "") || !strings.Contains(left.Why, c.kept) || left.Kind != leftovers.ChangeSet || left.Name != c.set {
						t.Errorf("%+v", left)
					}
				}
				if c.listed && (found[0].Removed || removed[0].Removed != gone) {
					t.Errorf("removed: %t, and said %t", gone, removed[0].Removed)
				}
				if again, err := w.Remove(w.t.Context(), orders); err != nil || gone && len(again) > 0 {
					t.Errorf("again: %+v, %v", again, err)
				}
				if got := w.stackStatus(); got != types.StackStatusCreateComplete {
					t.Errorf("stack is %s", got)
				}
			})
		})
	}
}

func TestEmptyStacks(t *testing.T) {
	for name, c := range map[string]struct {
		before func(w *world)
		kept   string
	}{
		"made by us":            {},
		"made by somebody":      {before: func(w *world) { w.made(false) }, kept: "stackgate recover orders -e prod"},
		"with their change set": {before: func(w *world) { w.made(true); w.set("by-hand", "", types.ChangeSetTypeCreate, template) }, kept: "somebody else's change set"},
		"with one in flight":    {before: func(w *world) { w.made(true); w.flying() }, kept: "a change set in it is kept"},
		"with one that queues":  {before: func(w *world) { w.made(true); w.queued() }, kept: "deployment " + string(other) + " holds it"},
		"of a deployment before": {before: func(w *world) {
			w.record(young, func(r *store.Record) { r.ChangeSet.MadeShell, r.StackID = true, "an earlier stack" })
		}, kept: "not known to be made by us"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.set(string(young), young.Description("sg-1", ""), types.ChangeSetTypeCreate, template)
				if c.before == nil {
					w.made(true)
				} else {
					c.before(w)
				}
				removed, err := w.Remove(w.t.Context(), orders)
				if err != nil {
					t.Fatal(err)
				}
				last := removed[len(removed)-1]
				if last.Kind != leftovers.EmptyStack || last.Kept != (c.kept != "") || !strings.Contains(last.Why, c.kept) {
					t.Errorf("%+v", last)
				}
				if got := w.stackStatus(); (got == "absent") != (c.kept == "") || last.Removed != (c.kept == "") {
					t.Errorf("stack is %s; %+v", got, last)
				}
				if strings.Contains(w.sets(), string(young)) {
					t.Error("the change set of a deployment that is over is still there")
				}
			})
		})
	}
}

// made records the deployment of the change set in the shell, which is over.
func (w *world) made(shell bool) {
	w.t.Helper()
	stack, err := w.sim.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackOf)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.record(young, func(r *store.Record) { r.ChangeSet.MadeShell, r.StackID = shell, aws.ToString(stack.Stacks[0].StackId) })
}

func (w *world) flying() {
	w.t.Helper()
	w.set(string(other), other.Description("sg-1", ""), types.ChangeSetTypeCreate, template)
	w.record(other, func(r *store.Record) { r.Stage = deployment.StageAwaiting })
}

func (w *world) queued() {
	w.t.Helper()
	if _, err := w.store.Enqueue(w.t.Context(), target().Key(), store.Ticket{DeploymentID: other, EnqueuedAt: time.Now()}); err != nil {
		w.t.Fatal(err)
	}
}

// intruded lets somebody's change set come in when one of ours is deleted.
type intruded struct {
	leftovers.Client
	come func()
}

func (i intruded) DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	i.come()
	return i.Client.DeleteChangeSet(ctx, in, opts...)
}

func TestWhatComesInMeanwhileKeepsTheStack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.set(string(young), young.Description("sg-1", ""), types.ChangeSetTypeCreate, template)
		w.made(true)
		w.client = intruded{w.sim, func() { w.set("by-hand", "", types.ChangeSetTypeCreate, template) }}
		removed, err := w.Remove(w.t.Context(), orders)
		if err != nil || len(removed) != 2 || !removed[0].Removed || !removed[1].Kept || !strings.Contains(removed[1].Why, "came into it") {
			t.Errorf("%+v, %v", removed, err)
		}
		if w.sets() != "by-hand" || w.stackStatus() != types.StackStatusReviewInProgress {
			t.Errorf("stack is %s with %s", w.stackStatus(), w.sets())
		}
	})
}

func TestAnExecutedSetIsNoLeftover(t *testing.T) {
	inWorld(t, func(w *world) {
		w.deployed()
		arn := w.ours(young)
		w.record(young, nil)
		if _, err := w.sim.ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: &arn}); err != nil {
			t.Fatal(err)
		}
		found, err := w.Remove(w.t.Context(), orders)
		if err != nil || len(found) > 1 || len(found) == 1 && !found[0].Kept {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

func TestNothingWhereThereIsNoStack(t *testing.T) {
	inWorld(t, func(w *world) {
		if found, err := w.Remove(w.t.Context(), orders); err != nil || len(found) != 0 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// denied refuses one call.
type denied struct{ leftovers.Client }

func (denied) DeleteChangeSet(context.Context, *cloudformation.DeleteChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: cloudformation:DeleteChangeSet"}
}

func TestFailuresAreNamed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.deployed()
		w.ours(young)
		w.record(young, nil)
		w.client = denied{w.sim}
		found, err := w.Remove(w.t.Context(), orders)
		if deployment.FaultOf(err) != deployment.NotPermitted || !strings.Contains(err.Error(), string(young)) || len(found) != 1 || found[0].Removed {
			t.Errorf("%+v, %v", found, err)
		}
		w.Connect = func(context.Context, deployment.Target) (leftovers.Client, error) {
			return nil, errors.New("no credentials")
		}
		if _, err := w.Find(w.t.Context(), orders); err == nil || !strings.Contains(err.Error(), "orders in prod: no credentials") {
			t.Errorf("%v", err)
		}
	})
}

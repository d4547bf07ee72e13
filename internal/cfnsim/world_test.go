package cfnsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackgate/internal/cfnsim"
)

// play executes a failing update on a stored world, looking at it only at the given moments, and returns the events.
func play(t testing.TB, moments []time.Duration, restart bool) string {
	storage := &bytesStorage{}
	clock := &tickingClock{now: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}
	open := func() *cfnsim.Client {
		sim, err := cfnsim.New(cfnsim.Options{Clock: clock, Storage: storage, Random: strings.NewReader(strings.Repeat("seed", 8)), PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return sim.Client("111111111111", "us-east-1")
	}
	client, ctx := open(), context.Background()
	run := func(parameters ...types.Parameter) {
		body := service
		kind := types.ChangeSetTypeUpdate
		if len(parameters) == 0 {
			kind = types.ChangeSetTypeCreate
		}
		set, err := client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("set"), ChangeSetType: kind, TemplateBody: &body, Parameters: parameters})
		if err != nil {
			t.Fatal(err)
		}
		clock.tick(time.Minute)
		if _, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	clock.tick(time.Hour)
	run(parameter("Suffix", "extra"), parameter("Visibility", "60"), parameter("Break", "update"))
	start := clock.now
	for _, moment := range append(moments, time.Hour) {
		clock.now = start.Add(moment)
		if restart {
			client = open()
		}
		if _, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(out.StackEvents)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// However often the world is looked at, and by however many processes, it goes the same way.
func TestTheWorldIsAFunctionOfTime(t *testing.T) {
	want := play(t, nil, false)
	rapid.Check(t, func(r *rapid.T) {
		var moments []time.Duration
		at := time.Duration(0)
		for _, step := range rapid.SliceOfN(rapid.IntRange(1, 20_000), 0, 12).Draw(r, "milliseconds between looks") {
			at += time.Duration(step) * time.Millisecond
			moments = append(moments, at)
		}
		if diff := cmp.Diff(want, play(t, moments, rapid.Bool().Draw(r, "restart"))); diff != "" {
			r.Fatalf("looked at %v, the world went another way:\n%s", moments, diff)
		}
	})
}

func TestARefusedCallChangesNothing(t *testing.T) {
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			storage := &bytesStorage{}
			b := newBench(t, func(o *cfnsim.Options) { o.Storage = storage })
			b.deploy(topic)
			before := bytes.Clone(storage.content)
			inMemory := newBench(t)
			inMemory.deploy(topic)
			if strings.HasPrefix(test.name, "describe unknown set") || test.name == "page token" || test.name == "cancel at rest" {
				t.Skip("the call's own preparation changes the world")
			}
			if err := test.call(b); err == nil {
				t.Fatal("the call is accepted")
			}
			if !bytes.Equal(before, storage.content) {
				t.Error("the refused call changed the stored world")
			}
			if err := test.call(inMemory); err == nil {
				t.Fatal("the call is accepted")
			}
			// What the refusal left in memory shows in what happens next: ids, names, times.
			if diff := cmp.Diff(afterwards(b), afterwards(inMemory)); diff != "" {
				t.Errorf("the refused call changed the world in memory (-stored +memory):\n%s", diff)
			}
		})
	}
}

func afterwards(b *bench) string {
	b.t.Helper()
	b.deploy("Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: x}}, N: {Type: AWS::SQS::Queue}}")
	text, err := json.Marshal([]any{b.events("orders"), b.stack("orders")})
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestStorageTroubleComesBack(t *testing.T) {
	trouble := errors.New("the disk is full")
	b := newBench(t, func(o *cfnsim.Options) { o.Storage = brokenStorage{trouble} })
	_, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{})
	if !errors.Is(err, trouble) || !strings.Contains(err.Error(), "DescribeStacks") {
		t.Errorf("error = %v", err)
	}
	for content, want := range map[string]string{"{": "read the simulated world", `{"Version": 99}`: "it has version 99"} {
		b := newBench(t, func(o *cfnsim.Options) { o.Storage = &bytesStorage{[]byte(content)} })
		if _, err := b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("world %s: error = %v, want %q", content, err, want)
		}
	}
}

type brokenStorage struct{ err error }

func (s brokenStorage) Update(_ context.Context, change func([]byte) ([]byte, error)) error {
	if _, err := change(nil); err != nil {
		return err
	}
	return s.err
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	b := newBench(t)
	b.deploy(topic)
	for _, other := range []*cfnsim.Client{b.sim.Client("222222222222", "us-east-1"), b.sim.Client("111111111111", "eu-west-1")} {
		if _, err := other.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("orders")}); err == nil {
			t.Error("the stack is seen from another account or region")
		}
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	clock := &tickingClock{now: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}
	sim, err := cfnsim.New(cfnsim.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			client, body := sim.Client("111111111111", "us-east-1"), service
			name := aws.String(fmt.Sprintf("stack-%d", i%4))
			for j := range 5 {
				_, _ = client.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{StackName: name, ChangeSetName: aws.String(fmt.Sprintf("set-%d-%d", i, j)), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body})
				out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: name})
				if err != nil || *out.Stacks[0].StackName != *name {
					t.Errorf("describe %s: %v", *name, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAnEndedContextEndsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newBench(t).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
	var canceled *aws.RequestCanceledError
	if !errors.As(err, &canceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

// playFamily takes a family of stacks through a creation, a hook that warns, an update that fails two levels down and
// the rollback of all, and returns its rows.
func playFamily(t testing.TB, moments []time.Duration, restart bool) string {
	storage := &bytesStorage{}
	open := func(b *bench) {
		sim, err := cfnsim.New(cfnsim.Options{Clock: b.clock, Storage: storage, Random: strings.NewReader(strings.Repeat("seed", 8)), PageSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		b.sim, b.Client = sim, sim.Client("111111111111", "us-east-1")
	}
	b := &bench{t: t, ctx: t.Context(), clock: &tickingClock{now: time.Date(2026, 11, 22, 14, 2, 3, 0, time.UTC)}}
	open(b)
	b.putFamily()
	b.put("jobs.yaml", strings.Replace(jobsBody, "Cluster: {", "Cluster: {Metadata: {'Stackgate::Simulate': {Hook: {Mode: WARN, Annotations: {Name: a}}}}, ", 1))
	look := func() {
		start := b.clock.now
		for _, moment := range append(moments, time.Hour) {
			b.clock.now = start.Add(moment)
			if restart {
				open(b)
			}
			b.must(b.DescribeStacks(b.ctx, &cloudformation.DescribeStacksInput{}))
		}
	}
	body := rootBody
	for i, parameters := range [][]types.Parameter{nil, {parameter("Version", "2"), parameter("Break", "update+rollback"), parameter("Times", "1")}} {
		set, err := b.CreateChangeSet(b.ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("orders"), ChangeSetName: aws.String("set"), TemplateBody: &body,
			ChangeSetType: []types.ChangeSetType{types.ChangeSetTypeCreate, types.ChangeSetTypeUpdate}[i], Parameters: parameters, IncludeNestedStacks: aws.Bool(true)})
		b.must(set, err)
		b.clock.tick(time.Minute)
		b.must(b.ExecuteChangeSet(b.ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id}))
		look()
	}
	b.must(b.ContinueUpdateRollback(b.ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("orders")}))
	look()
	return b.familyStory("orders")
}

func TestFamiliesAreAFunctionOfTime(t *testing.T) {
	want := playFamily(t, nil, false)
	if !strings.Contains(want, "left: orders UPDATE_ROLLBACK_COMPLETE") {
		t.Fatalf("the family went another way:\n%s", want)
	}
	rapid.Check(t, func(r *rapid.T) {
		var moments []time.Duration
		at := time.Duration(0)
		for _, step := range rapid.SliceOfN(rapid.IntRange(1, 20_000), 0, 8).Draw(r, "milliseconds between looks") {
			at += time.Duration(step) * time.Millisecond
			moments = append(moments, at)
		}
		if diff := cmp.Diff(want, playFamily(t, moments, rapid.Bool().Draw(r, "restart"))); diff != "" {
			r.Fatalf("looked at %v, the family went another way:\n%s", moments, diff)
		}
	})
}

package local

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"stackgate/internal/approval"
	"stackgate/internal/cfnsim"
	"stackgate/internal/clock"
	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
)

// BenchmarkDeployment is a whole simulated deployment that needs no approval, from the request to its record's end, on a
// clock that runs 500 times as fast: a simulated minute of waiting is 120 ms of the result.
func BenchmarkDeployment(b *testing.B) {
	fast := clock.NewScaled(500)
	kept, err := sqlite.Open(b.Context(), b.TempDir(), fast)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	random := newChance()
	simulator, err := cfnsim.New(cfnsim.Options{Clock: fast, Random: random})
	if err != nil {
		b.Fatal(err)
	}
	registry := definitions{}
	host, err := New(Options{
		Store: kept, Registry: registry, Clock: fast, Random: random, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Runner: "bench",
		PollEvery: 5 * time.Second,
		CloudFormation: func(context.Context, store.Record) (functions.Client, error) {
			return simulator.Client(account, region), nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	policy := approval.Default()
	policy.When = approval.Never
	n := 0
	for b.Loop() {
		n++
		registry[deployment.Key(name, where)] = service.Definition{
			Project: "shop", Service: name, Environment: where, Account: account, Region: region, StackName: fmt.Sprintf("bench-%d", n),
			Template: []byte(table(fmt.Sprintf("orders-%d", n), "")), OnFailure: service.Rollback, OnFailedCreate: service.RemoveEmpty,
			Approval: policy, Timeouts: service.Timeouts{Queue: time.Hour, ChangeSet: time.Hour, Execution: 10 * time.Hour},
		}
		record, err := host.FrontDoor.Request(b.Context(), frontdoor.Caller{Name: "ana"}, frontdoor.Ask{Service: name, Environment: where, Intent: deployment.IntentDeploy})
		if err != nil {
			b.Fatal(err)
		}
		ended, err := host.Run(b.Context(), record.ID)
		if err != nil || ended.Outcome != deployment.OutcomeDeployed {
			b.Fatalf("ended as %s: %s (%v)", ended.Outcome, ended.Cause, err)
		}
	}
}

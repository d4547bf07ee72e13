// Package acceptance runs the program as people do, by scripts under testdata. It looks at nothing but arguments, streams
// and exit codes.
package acceptance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"stackgate/internal/cfnsim"
	"stackgate/internal/cli"
	"stackgate/internal/clock"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/store/storetest"
	"stackgate/services"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stackgate": func() { os.Exit(cli.Main(context.Background())) },
	})
}

func TestScripts(t *testing.T) {
	storetest.UseMemory()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("STACKGATE_SIMULATION_PACE", "0.01")
			env.Setenv("STACKGATE_AS", "ana")
			// testscript's own environment has no HOME; nothing may depend on one.
			return os.CopyFS(filepath.Join(env.WorkDir, "project", "services"), services.Files)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"awaiting": awaiting,
			"edit":     edit,
			"outcomes": outcomes,
			"team":     team,
			"as":       as,
			"waits":    waits,
			"unsigned": unsigned,
			"leave":    leave,
			"shortid":  shortid,
			"valid":    valid,
		},
		RequireUniqueNames: true,
	})
}

// exits runs a program and wants exactly this exit code: exits CODE program arguments...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program arguments...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s exited with %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// awaiting waits until a deployment of a service waits for approval, and puts its id and digest into $ID and $DIGEST:
// awaiting SERVICE
func awaiting(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaiting SERVICE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	kept, err := sqlite.Open(ctx, ts.MkAbs(filepath.Join(".stackgate", "simulated")), clock.System{})
	ts.Check(err)
	defer kept.Close()
	awaitIn(ts, kept, args[0])
}

// leave leaves a change set in the simulated CloudFormation, named and described as given, as a deployment does that
// could not clean up after itself. The stack is made where there is none: leave ACCOUNT STACK NAME DESCRIPTION
func leave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: leave ACCOUNT STACK NAME DESCRIPTION")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	kept, err := sqlite.Open(ctx, ts.MkAbs(filepath.Join(".stackgate", "simulated")), clock.System{})
	ts.Check(err)
	defer kept.Close()
	simulator, err := cfnsim.New(cfnsim.Options{Clock: clock.System{}, Storage: kept.Blob("simulator"), Pace: 0.01})
	ts.Check(err)
	client := simulator.Client(args[0], "eu-west-1")
	in := &cloudformation.CreateChangeSetInput{
		StackName: &args[1], ChangeSetName: &args[2], Description: &args[3], ChangeSetType: types.ChangeSetTypeUpdate,
		TemplateBody: aws.String(`Resources: {Left: {Type: "AWS::SQS::Queue"}}`),
	}
	if _, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &args[1]}); err != nil {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	_, err = client.CreateChangeSet(ctx, in)
	ts.Check(err)
}

// edit replaces a text that stands in a file once: edit FILE OLD NEW
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	content := ts.ReadFile(args[0])
	if strings.Count(content, args[1]) != 1 {
		ts.Fatalf("%q does not stand in %s once", args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(content, args[1], args[2], 1)), 0o600))
}

// outcomes wants an event stream with these outcomes in this order: outcomes FILE OUTCOME...
func outcomes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: outcomes FILE OUTCOME...")
	}
	var got []string
	first := true
	for lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0]))); lines.Scan(); first = false {
		var event struct{ Type, Schema, Outcome, DeploymentID, Level, Time string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			ts.Fatalf("not an event: %s: %v", lines.Text(), err)
		}
		switch {
		case first && (event.Type != "version" || event.Schema != "stackgate/events/1.0"):
			ts.Fatalf("the stream begins with %s", lines.Text())
		case !first && (event.DeploymentID == "" || event.Level == "" || event.Time == ""):
			ts.Fatalf("the event lacks its head: %s", lines.Text())
		}
		if event.Type == "result" {
			got = append(got, event.Outcome)
		}
	}
	if !slices.Equal(got, args[1:]) {
		ts.Fatalf("outcomes %v, want %v", got, args[1:])
	}
}

// shortid puts the short id of the one deployment with a reason into a variable: shortid NAME REASON
func shortid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shortid NAME REASON")
	}
	ctx := context.Background()
	kept, err := sqlite.Open(ctx, ts.MkAbs(filepath.Join(".stackgate", "simulated")), clock.System{})
	ts.Check(err)
	defer kept.Close()
	records, err := kept.Records(ctx, store.Filter{})
	ts.Check(err)
	at := slices.IndexFunc(records, func(r store.Record) bool { return r.Reason == args[1] })
	if at < 0 {
		ts.Fatalf("no deployment has the reason %q", args[1])
	}
	ts.Setenv(args[0], records[at].ID.Short())
}

// valid holds a file, or each line of an event stream, to a schema of docs/schema: valid SCHEMA FILE
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: valid SCHEMA FILE")
	}
	path, err := filepath.Abs(filepath.Join("..", "..", "docs", "schema", args[0]+".schema.json"))
	ts.Check(err)
	schema, err := jsonschema.NewCompiler().Compile(path)
	ts.Check(err)
	documents := []string{ts.ReadFile(args[1])}
	if args[0] == "events" {
		documents = strings.Split(strings.TrimSpace(documents[0]), "\n")
	}
	for _, document := range documents {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		ts.Check(err)
		if err := schema.Validate(value); err != nil {
			ts.Fatalf("%s is not as %s says: %v", args[1], args[0], err)
		}
	}
}

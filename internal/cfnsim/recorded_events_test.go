package cfnsim_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

const (
	perResource = "__per-resource-events.json"
	cleaning    = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
)

// The recorder sorted the rows by resource and kept one of two equal neighbours; some recordings lack the clean-up
// status.
func TestEventsRecordedOnAWS(t *testing.T) {
	recorded := recordedFolder(t)
	entries, err := os.ReadDir(filepath.Join(recorded, "events"))
	if err != nil {
		t.Fatal(err)
	}
	expected := expectedDifferences(t, "recorded-event-differences.txt")
	played := 0
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), perResource)
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			difference, playable := compareEvents(t, recorded, name)
			if !playable {
				t.Skip("no recorded case says which templates led to these events")
			}
			played++
			reason, listed := expected[name]
			switch {
			case difference != "" && !listed:
				t.Errorf("emits other events than AWS (-AWS +simulator):\n%s", difference)
			case difference == "" && listed:
				t.Errorf("emits the events of AWS now; remove it from the list (%s)", reason)
			}
		})
		delete(expected, name)
	}
	for name := range expected {
		t.Errorf("recorded-event-differences.txt lists %s, which is not recorded", name)
	}
	if played == 0 {
		t.Error("no recorded event list could be played")
	}
}

type recordedEvents struct {
	StackEvents []struct{ LogicalResourceId, ResourceStatus, ResourceType, StackName string }
}

// compareEvents deploys the templates of the test that recorded the events, deletes the stack if AWS's was deleted,
// and compares each resource's statuses.
func compareEvents(t *testing.T, recorded, name string) (difference string, playable bool) {
	var want recordedEvents
	readJSON(t, filepath.Join(recorded, "events", name+perResource), &want)
	steps := 0
	b := newBench(t)
	for _, step := range []string{"1", "2"} {
		folder := filepath.Join(recorded, "cases", name+"__describe-change-set-"+step)
		if _, err := os.Stat(folder); err != nil {
			break
		}
		steps++
		var c recordedCase
		readJSON(t, filepath.Join(folder, "case.json"), &c)
		if step == "1" {
			b.prepare(folder)
		} else {
			b.moveOn(folder)
		}
		if err := b.tryUpdate(readText(t, filepath.Join(folder, "after.template.json")), c.ChangeSetType, c.AfterParameters); err != nil {
			return err.Error(), true
		}
	}
	if steps == 0 {
		return "", false
	}
	id := aws.ToString(b.stack("stack").StackId)
	statuses := statusesOfRecording(want)
	if own := statuses["stack"]; len(own) > 0 && own[len(own)-1] == string(types.ResourceStatusDeleteComplete) {
		if _, err := b.DeleteStack(b.ctx, &cloudformation.DeleteStackInput{StackName: aws.String("stack")}); err != nil {
			return err.Error(), true
		}
		b.settle(id)
	}
	got := statusesOfEvents(b.events(id))
	if !slices.Contains(statuses["stack"], cleaning) {
		got["stack"] = slices.DeleteFunc(got["stack"], func(status string) bool { return status == cleaning })
	}
	return cmp.Diff(statuses, got), true
}

func (b *bench) tryUpdate(body string, kind types.ChangeSetType, parameters map[string]string) error {
	created, err := b.CreateChangeSet(b.ctx, changeSetInput(body, kind, parameters))
	if err != nil {
		return err
	}
	if set := b.ready(created.Id, false); set.Status != types.ChangeSetStatusCreateComplete {
		return errors.New(aws.ToString(set.StatusReason))
	}
	b.execute(cloudformation.ExecuteChangeSetInput{ChangeSetName: created.Id})
	return nil
}

func statusesOfRecording(events recordedEvents) map[string][]string {
	statuses := map[string][]string{}
	for _, e := range slices.Backward(events.StackEvents) {
		id := e.LogicalResourceId
		if e.ResourceType == "AWS::CloudFormation::Stack" {
			id = "stack"
		}
		statuses[id] = appendStatus(statuses[id], e.ResourceStatus)
	}
	return statuses
}

func statusesOfEvents(events []types.StackEvent) map[string][]string {
	statuses := map[string][]string{}
	for _, e := range events {
		id := aws.ToString(e.LogicalResourceId)
		statuses[id] = appendStatus(statuses[id], string(e.ResourceStatus))
	}
	return statuses
}

func appendStatus(list []string, status string) []string {
	if len(list) > 0 && list[len(list)-1] == status {
		return list
	}
	return append(list, status)
}

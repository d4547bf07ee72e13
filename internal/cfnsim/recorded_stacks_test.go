package cfnsim_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// Members that depend on when the answer was recorded, or on capabilities and tokens that the comparison gives itself.
var stackMembersThatVary = []string{"LastOperations", "EnableTerminationProtection", "Capabilities", "Outputs", "Parameters"}

// A created stack shows the members that AWS's shows, no more and no fewer.
func TestStacksRecordedOnAWS(t *testing.T) {
	recorded := recordedFolder(t)
	files, err := filepath.Glob(filepath.Join(recorded, "stacks", "*__post-create-1-describe.json"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), "__post-create-1-describe.json")
		folder := filepath.Join(recorded, "cases", name+"__describe-change-set-1")
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var c recordedCase
			readJSON(t, filepath.Join(folder, "case.json"), &c)
			b := newBench(t)
			b.prepare(folder)
			if err := b.tryUpdate(readText(t, filepath.Join(folder, "after.template.json")), c.ChangeSetType, c.AfterParameters); err != nil {
				t.Skipf("the simulator does not deploy this template: %v", err)
			}
			var answer struct{ Stacks []map[string]any }
			readJSON(t, file, &answer)
			var want []string
			for member := range answer.Stacks[0] {
				if !slices.Contains(stackMembersThatVary, member) {
					want = append(want, member)
				}
			}
			slices.Sort(want)
			got := b.stack("stack")
			if diff := cmp.Diff(want, presentMembers(got)); diff != "" {
				t.Errorf("-AWS +simulator:\n%s", diff)
			}
			if status := answer.Stacks[0]["StackStatus"]; status != string(got.StackStatus) {
				t.Errorf("status = %s, AWS's is %s", got.StackStatus, status)
			}
		})
		compared++
	}
	if compared == 0 {
		t.Error("no recorded stack could be compared")
	}
}

// presentMembers lists the members that an answer on the wire would have.
func presentMembers(s types.Stack) []string {
	var present []string
	value := reflect.ValueOf(s)
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !value.Field(i).IsZero() && !slices.Contains(stackMembersThatVary, field.Name) {
			present = append(present, field.Name)
		}
	}
	slices.Sort(present)
	return present
}

package main

import (
	"encoding/json"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// The service control policy that docs/install.md hands out lets roles pass by name; a name that it does not guard as well is
// anybody's who may make a role.
func TestTheDocumentedGateGuardsItsExceptions(t *testing.T) {
	document, err := os.ReadFile("../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(document), "### Making the gate the only way")
	_, text, _ = strings.Cut(text, "```json\n")
	text, _, closed := strings.Cut(text, "```")
	var policy struct {
		Statement []struct {
			Sid, Effect      string
			Action, Resource any
			Condition        map[string]map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil || !closed {
		t.Fatalf("the policy is no JSON: %v", err)
	}
	// Organizations quotas: a service control policy has at most 5,120 characters, counted as they are written by the API.
	if len(text) > 5120 {
		t.Errorf("the policy has %d characters", len(text))
	}
	var guarded, excepted, actions []string
	for _, statement := range policy.Statement {
		if statement.Effect != "Deny" {
			t.Errorf("%s is no Deny", statement.Sid)
		}
		actions = append(actions, listOf(statement.Action)...)
		excepted = append(excepted, listOf(statement.Condition["ArnNotLike"]["aws:PrincipalArn"])...)
		if slices.Contains(listOf(statement.Action), "iam:CreateRole") && slices.Contains(listOf(statement.Action), "iam:UpdateAssumeRolePolicy") {
			guarded = append(guarded, listOf(statement.Resource)...)
		}
	}
	for _, principal := range excepted {
		name := principal[strings.LastIndexByte(principal, '/')+1:]
		if !slices.ContainsFunc(guarded, func(resource string) bool {
			matched, err := path.Match(resource[strings.LastIndexByte(resource, '/')+1:], name)
			return err == nil && matched
		}) {
			t.Errorf("%s passes, and anybody may make it", principal)
		}
	}
	if len(excepted) == 0 {
		t.Error("the policy excepts nobody")
	}
	for _, call := range []string{"ExecuteChangeSet", "CreateStack", "UpdateStack", "DeleteStack", "RollbackStack", "ContinueUpdateRollback",
		"CancelUpdateStack", "ExecuteStackRefactor", "SetStackPolicy", "UpdateTerminationProtection"} {
		if !slices.Contains(actions, "cloudformation:"+call) {
			t.Errorf("the policy leaves %s to everybody", call)
		}
	}
}

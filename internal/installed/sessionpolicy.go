package installed

import (
	"encoding/json"
	"fmt"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

// MaxSessionPolicy is how many characters STS takes for a session policy (AssumeRole, parameter Policy).
const MaxSessionPolicy = 2048

type statement struct {
	Effect    string
	Action    []string                     `json:",omitempty"`
	NotAction []string                     `json:",omitempty"`
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

type policy struct {
	Version   string
	Statement []statement
}

// readActions is what every function may read of its own stack. DescribeEvents, the hooks and the list of their results
// are asked for where a role has them.
var readActions = []string{"cloudformation:Describe*", "cloudformation:List*"}

// hookResults permits reading a hook's verdict by its id. The call names no stack, so that a statement with stacks would
// never match it (Service Authorization Reference: GetHookResult has no resource type).
var hookResults = statement{Effect: "Allow", Action: []string{"cloudformation:GetHookResult"}, Resource: []string{"*"}}

// SessionPolicy narrows what an assumed role may do to one function's actions on one stack and on the change sets of one
// deployment, and to reading that deployment's template. It permits nothing that the role's own policies do not.
//
// Without an execution role CloudFormation makes resources with the caller's rights, so that the session has to keep what
// the role holds beyond CloudFormation.
func SessionPolicy(partition string, function Function, r store.Record, nested bool, executionRole string, templates TemplateBucket) (string, error) {
	if !regionPattern.MatchString(r.Region) || !accountPattern.MatchString(r.Account) || !stackNamePattern.MatchString(r.StackName) {
		return "", fmt.Errorf("stack %q in account %q and region %q cannot be named in a policy", r.StackName, r.Account, r.Region)
	}
	if strings.ContainsAny(executionRole, "*?$") {
		return "", fmt.Errorf("execution role %q: a policy would take its characters *, ? and $ for patterns", executionRole)
	}
	prefix := "arn:" + partition + ":cloudformation:" + r.Region + ":"
	own := []string{
		prefix + r.Account + ":stack/" + r.StackName + "/*",
		// A call that names a change set by its ARN is checked against the set. Those of nested stacks begin alike.
		prefix + r.Account + ":changeSet/" + string(r.ID) + "*/*",
	}
	if nested {
		own = append(own, prefix+r.Account+":stack/"+r.StackName+"-*/*")
	}
	p := policy{Version: "2012-10-17", Statement: []statement{{Effect: "Allow", Action: actions(function, r.Intent), Resource: own}}}
	if function == Plan && r.Intent != deployment.IntentRecover {
		p.Statement = append(p.Statement, statement{
			Effect: "Allow", Action: []string{"cloudformation:CreateChangeSet"}, Resource: []string{prefix + "aws:transform/*"},
		})
	}
	read, err := templates.statements(partition, function, r)
	if err != nil {
		return "", err
	}
	p.Statement = append(p.Statement, read...)
	if function != Execute {
		p.Statement = append(p.Statement, hookResults)
	}
	if function != Events {
		p.Statement = append(p.Statement, rightsOfResources(executionRole))
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write the session policy: %w", err)
	}
	if len(text) > MaxSessionPolicy {
		return "", fmt.Errorf("the session policy for stack %s has %d characters, and STS takes %d; shorten the name of the stack or of the execution role",
			r.StackName, len(text), MaxSessionPolicy)
	}
	return string(text), nil
}

// actions: a session for a recovery makes and executes no change set, and one for a deployment performs no recovery.
func actions(function Function, intent deployment.Intent) []string {
	all := append([]string{}, readActions...)
	if intent == deployment.IntentRecover {
		if function == Execute {
			all = append(all, "cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack", "cloudformation:DeleteStack")
		}
		return all
	}
	switch function {
	case Plan:
		return append(all, "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DeleteStack",
			"cloudformation:TagResource", "cloudformation:UntagResource")
	case Execute:
		return append(all, "cloudformation:ExecuteChangeSet", "cloudformation:TagResource", "cloudformation:UntagResource")
	case Events:
		return all
	}
	return all
}

func rightsOfResources(executionRole string) statement {
	if executionRole == "" {
		return statement{Effect: "Allow", NotAction: []string{"cloudformation:*"}, Resource: []string{"*"}}
	}
	return statement{
		Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{executionRole},
		Condition: map[string]map[string]string{"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
	}
}

package target

import (
	"stackgate/infra/installation"
	"stackgate/internal/installed"
	"stackgate/internal/service"
)

// Statement is a statement of a role's policy; every one allows.
type Statement struct {
	Sid       string
	Actions   []string
	Resources []string
	// Conditions are operator, key, values.
	Conditions map[string]map[string][]string
}

// reads is what a function reads of its stack. test/iam proves that its tasks call each of them, and no other.
func reads(f installed.Function) []string {
	all := []string{"cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:DescribeChangeSet"}
	switch f {
	case installed.Plan:
		return append(all, "cloudformation:ListStackResources", "cloudformation:ListChangeSets", "cloudformation:DescribeChangeSetHooks",
			"cloudformation:DescribeEvents")
	case installed.Execute:
		// What a recovery looks at once more before it acts.
		return append(all, "cloudformation:ListStackResources")
	case installed.Events:
		return append(all, "cloudformation:DescribeEvents", "cloudformation:ListHookResults")
	}
	return all
}

// sessionName is how the id of every deployment of the definition looks. Upper-case letters stand only in its time, and
// names of services and environments have none, so that no other service's id is like it.
func sessionName(d service.Definition) string {
	return d.Service + "-" + d.Environment + "-????????T??????Z-????????"
}

// scope is the ARNs of a definition's stack, of its nested stacks, and of its change sets.
type scope struct {
	stacks     []string
	changeSets []string
	transforms string
}

func scopeOf(s installation.Settings, d service.Definition) scope {
	prefix := "arn:" + s.Partition() + ":cloudformation:" + d.Region + ":"
	own := scope{
		stacks: []string{prefix + d.Account + ":stack/" + d.StackName + "/*"},
		// A call that names a change set by its ARN is checked against the set; those of nested stacks begin alike.
		changeSets: []string{prefix + d.Account + ":changeSet/" + sessionName(d) + "*/*"},
		transforms: prefix + "aws:transform/*",
	}
	if d.NestedStacks {
		own.stacks = append(own.stacks, prefix+d.Account+":stack/"+d.StackName+"-*/*")
	}
	return own
}

// Statements is what a function may do to a definition's stack. internal/installed narrows it once more, to the change sets
// of one deployment, when it assumes the role.
func Statements(s installation.Settings, f installed.Function, d service.Definition) []Statement {
	own := scopeOf(s, d)
	everything := append(append([]string{}, own.stacks...), own.changeSets...)
	read := Statement{Sid: "Read", Actions: reads(f), Resources: everything}
	// A hook's result is asked for by its id, which IAM knows no resource for.
	hooks := Statement{Sid: "ReadHookResults", Actions: []string{"cloudformation:GetHookResult"}, Resources: []string{"*"}}
	tag := Statement{Sid: "Tag", Actions: []string{"cloudformation:TagResource", "cloudformation:UntagResource"}, Resources: everything}
	pass := Statement{
		Sid: "PassExecutionRole", Actions: []string{"iam:PassRole"}, Resources: []string{d.ExecutionRole},
		Conditions: map[string]map[string][]string{"StringEquals": {"iam:PassedToService": {"cloudformation.amazonaws.com"}}},
	}
	switch f {
	case installed.Plan:
		return append(readsTemplates(s), []Statement{
			// Planning also tells why a deployment failed that is finished from outside.
			read, hooks, tag, pass,
			{Sid: "Plan", Actions: []string{"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"}, Resources: everything},
			// A template with a transform is checked against the transform too.
			{Sid: "Transform", Actions: []string{"cloudformation:CreateChangeSet"}, Resources: []string{own.transforms}},
			// The stack that making a change set created, or whose first creation was rolled back.
			{Sid: "RemoveEmptyStack", Actions: []string{"cloudformation:DeleteStack"}, Resources: own.stacks},
		}...)
	case installed.Execute:
		return []Statement{
			read, tag, pass,
			{
				Sid: "Execute", Actions: []string{"cloudformation:ExecuteChangeSet"}, Resources: everything,
				// Whether AWS fills the key with the set's name or its ARN is not written down, and one that demanded it was
				// seen to refuse both; so it binds where there is one.
				Conditions: map[string]map[string][]string{"StringLikeIfExists": {
					"cloudformation:ChangeSetName": append([]string{sessionName(d)}, own.changeSets...)}},
			},
			{Sid: "Recover", Actions: []string{"cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack", "cloudformation:DeleteStack"}, Resources: own.stacks},
		}
	case installed.Events:
		return []Statement{read, hooks}
	}
	return nil
}

// readsTemplates is what CloudFormation needs of who makes a change set of a template that fits no call. Templates lie under
// the hashes of their contents, whoever's they are; the session is narrowed to its deployment's one.
func readsTemplates(s installation.Settings) []Statement {
	read := []Statement{{Sid: "ReadTemplate", Actions: []string{"s3:GetObject"}, Resources: []string{s.Templates()}}}
	if s.CustomerManagedKey {
		read = append(read, Statement{
			Sid: "DecryptTemplate", Actions: []string{"kms:Decrypt"}, Resources: []string{s.KeyARNs()},
			Conditions: map[string]map[string][]string{"StringLike": s.ThroughBucket()},
		})
	}
	return read
}

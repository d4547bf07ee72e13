package cfn

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
	"stackgate/internal/plan/security"
	"stackgate/internal/plan/template"
)

// ReviewInput is what a review holds beside the change set's own description. Everything in it is optional.
type ReviewInput struct {
	// Deployment is nil for the review of a file.
	Deployment *plan.Deployment
	// Account and Region are read from the stack's ARN where they are empty.
	Account, Region, AccountAlias string
	// ChangeSetType is CREATE, UPDATE or IMPORT; DescribeChangeSet does not tell it.
	ChangeSetType string
	// AfterTemplate is the template that the change set was made of, BeforeTemplate that of the last deployment; nil where
	// they are not known.
	AfterTemplate, BeforeTemplate []byte
	// TemplateDigests are digests of further stages of the template, such as "processed sha256:…".
	TemplateDigests []string
	// ExecutionRole is the role that CloudFormation executes the change set with; DescribeChangeSet does not tell it.
	ExecutionRole string
	// Before is the stack as it is, for what the change set alone does not tell: the parameters and tags it has now.
	Before *types.Stack
	// NoEcho names the parameters whose values are secret, beside those that the templates declare and CloudFormation masks.
	NoEcho []string
	// Supply says of hidden parameters where their value comes from.
	Supply map[string]plan.Supply
	// Secrets are values that must not appear anywhere in the review, as the values given for NoEcho parameters.
	Secrets []string
	// Stateful are further resource types whose loss is a loss of data.
	Stateful []string
	// PolicyVersion names the installed policy; it enters the review digest.
	PolicyVersion string
	// RequestDigest is that of the request where the caller made it; otherwise it is made from AfterTemplate and the rest.
	RequestDigest string
}

// Review makes the review of a described change set. It is pure: equal descriptions have equal digests, in whatever
// pages and order CloudFormation answered.
func Review(d Description, in ReviewInput) (plan.Review, error) {
	b := newBuilder(d, in)
	b.contexts = readContexts(d)
	b.collect(d, scope{noEcho: b.noEcho, tags: d.Set.Tags, root: true})
	b.settle()
	r := plan.Review{
		Schema: plan.Schema, Deployment: in.Deployment, Target: b.target(d),
		SecurityScope: security.Scope, PolicyVersion: in.PolicyVersion, MaskingVersion: masking.Version,
		Completeness: b.completeness, Findings: d.Findings, Limits: d.Limits,
	}
	r.Completeness.Reported = reported(d)
	for _, c := range b.changes {
		r.Items = append(r.Items, b.item(c))
		r.Security = append(r.Security, c.security...)
	}
	linkItems(r.Items, b.changes)
	b.stackLevel(&r, d)
	b.unpinned(&r)
	b.drift(&r, d)
	b.limits(&r, d)
	finish(&r)
	if err := b.digests(&r, d); err != nil {
		return plan.Review{}, fmt.Errorf("review change set %s: %w", r.Target.ChangeSetID, err)
	}
	return scrubbed(r, b.masker), nil
}

// builder holds what the parts of a review are made from.
type builder struct {
	in       ReviewInput
	masker   *masking.Masker
	contexts contexts
	noEcho   map[string]bool // of the root set
	account  string
	region   string
	after    template.Template
	before   template.Template
	parsed   struct{ after, before bool }
	problems []string // limits found while reading templates

	changes      []*change
	taken        map[string]int // paths in use, and how often they were wanted
	completeness plan.Completeness
}

func newBuilder(d Description, in ReviewInput) *builder {
	b := &builder{in: in, masker: masking.New(in.Secrets...), noEcho: map[string]bool{}, taken: map[string]int{}, account: in.Account, region: in.Region}
	if id, err := arn.Parse(aws.ToString(d.Set.StackId)); err == nil {
		b.account, b.region = nameOf(b.account, id.AccountID), nameOf(b.region, id.Region)
	}
	b.after, b.parsed.after = b.parse(in.AfterTemplate, "template")
	b.before, b.parsed.before = b.parse(in.BeforeTemplate, "template of the last deployment")
	for _, names := range [][]string{in.NoEcho, b.after.NoEcho(), b.before.NoEcho()} {
		for _, name := range names {
			b.noEcho[name] = true
		}
	}
	return b
}

func (b *builder) parse(body []byte, what string) (template.Template, bool) {
	if len(body) == 0 {
		return template.Template{}, false
	}
	t, err := template.Parse(body)
	if err != nil {
		b.problems = append(b.problems, "The "+what+" could not be read, so hidden parameters are recognised by CloudFormation's answer only: "+b.masker.Script(err.Error()))
		return template.Template{}, false
	}
	return t, true
}

func (b *builder) target(d Description) plan.Target {
	return plan.Target{
		Account: b.account, AccountAlias: b.in.AccountAlias, Region: b.region,
		StackName: aws.ToString(d.Set.StackName), StackID: aws.ToString(d.Set.StackId),
		ChangeSetID: aws.ToString(d.Set.ChangeSetId), ChangeSetName: aws.ToString(d.Set.ChangeSetName),
		ChangeSetType: b.in.ChangeSetType, Description: aws.ToString(d.Set.Description),
	}
}

// reported counts the changes of every nested set. It is made from the description alone, so that it can disagree with
// what is shown.
func reported(d Description) int {
	n := len(d.Set.Changes)
	for _, change := range d.Set.Changes {
		if c := change.ResourceChange; c != nil {
			if child, ok := d.Nested[aws.ToString(c.ChangeSetId)]; ok {
				n += reported(child)
			}
		}
	}
	return n
}

// finish orders, counts and sums up.
func finish(r *plan.Review) {
	sumUpChildren(r.Items)
	slices.SortFunc(r.Items, plan.CompareItems)
	r.Counts = plan.CountItems(r.Items)
	r.Level = plan.LevelInfo
	shown, ack := map[string]bool{}, 0
	for i := range r.Items {
		item := &r.Items[i]
		if item.Level == plan.LevelCritical {
			ack++
			item.Ack = ack
		}
		r.Level = r.Level.Worst(item.Level)
		shown[item.Path] = true
	}
	r.Completeness.Shown = len(shown)
	r.Completeness.Unknown = r.Counts.ByImpact[plan.ImpactUnknown]
	if r.Completeness.Partial || r.Completeness.Reported != r.Completeness.Shown {
		r.Level = plan.LevelCritical
	}
	if slices.ContainsFunc(r.Security, func(f plan.SecurityFinding) bool { return f.Path == "" && f.Direction != plan.DirectionNarrowed }) {
		r.Level = r.Level.Worst(plan.LevelHigh)
	}
	sortFindings(r)
	r.Clusters = plan.ClusterItems(r.Items)
	r.Verdict = plan.Verdict(r.Items, r.Security, r.Completeness)
}

package local

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"stackgate/internal/deployment"
	"stackgate/internal/frontdoor"
	"stackgate/internal/functions"
	"stackgate/internal/service"
	"stackgate/internal/store"
)

// asking counts how templates are passed, and has what is passed by its address lie there.
type asking struct {
	functions.Client
	w           *world
	bodies, url *int
}

func (a asking) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	if in.TemplateURL == nil {
		*a.bodies++
	} else {
		*a.url++
		content, err := a.w.store.Document(ctx, strings.TrimPrefix(aws.ToString(in.TemplateURL), a.w.bucket))
		if err != nil {
			return nil, err
		}
		if err := a.w.simulator.PutObject(ctx, *in.TemplateURL, string(content)); err != nil {
			return nil, err
		}
	}
	return a.Client.CreateChangeSet(ctx, in, opts...)
}

// A template that fits no call is passed by its address, and reviewed, approved, verified and executed like any other.
func TestALargeTemplate(t *testing.T) {
	story(t, func(w *world) {
		w.bucket = "https://hub.s3.eu-west-1.amazonaws.com/documents/"
		var bodies, url int
		w.wrap = func(c functions.Client) functions.Client { return asking{c, w, &bodies, &url} }
		w.deployed()
		large := table("orders", "") + "  More: {Type: AWS::SNS::Topic}\n" + strings.Repeat("# as long as it is wide\n", service.MaxTemplate/24-100)
		w.template(large)
		record := w.deployed()
		w.walked(record.ID, toExecution+collected+finished+"Deployed")
		if bodies != 1 || url != 1 {
			t.Errorf("%d templates were passed in the call and %d by address", bodies, url)
		}
		client := w.simulator.Client(account, region)
		got, err := client.GetTemplate(w.t.Context(), &cloudformation.GetTemplateInput{StackName: aws.String(stackOf)})
		if err != nil || aws.ToString(got.TemplateBody) != large {
			t.Errorf("the stack has %d bytes of template, not the %d that were deployed: %v", len(aws.ToString(got.TemplateBody)), len(large), err)
		}
		// What is left of it without what only lengthens it fits a call, and changes nothing.
		w.template(strings.TrimRight(large, "# aslongitwde\n") + "\n")
		again := w.request(deployment.IntentDeploy)
		w.ended(w.start(again.ID)(), deployment.OutcomeNoChange, "")
	})
}

// Without a bucket such a template is refused when it is asked for, and nothing is written down.
func TestALargeTemplateWithoutABucket(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "") + strings.Repeat("#", service.MaxInlineTemplate))
		w.host.FrontDoor.InlineTemplates = true
		_, err := w.host.FrontDoor.Request(w.t.Context(), frontdoor.Caller{Name: "ana"}, frontdoor.Ask{
			Service: name, Environment: where, Intent: deployment.IntentDeploy, Reason: "a story",
		})
		if deployment.FaultOf(err) != deployment.InvalidRequest || !strings.Contains(err.Error(), "without a bucket, as in solo mode, CloudFormation takes at most 51200") {
			t.Errorf("%v", err)
		}
		if got := w.stackStatus(); got != "absent" {
			t.Errorf("the stack is %s", got)
		}
		if records, err := w.store.Records(w.t.Context(), store.Filter{}); err != nil || len(records) > 0 {
			t.Errorf("%d deployments are written down: %v", len(records), err)
		}
	})
}

// Where the front door let one pass all the same, the flow refuses it before anything is made.
func TestALargeTemplateThatGotIn(t *testing.T) {
	story(t, func(w *world) {
		w.template(table("orders", "") + strings.Repeat("#", service.MaxInlineTemplate))
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "")
		if ended.Fault != deployment.InvalidRequest || w.stackStatus() != "absent" {
			t.Errorf("%s: %s; the stack is %s", ended.Fault, ended.Cause, w.stackStatus())
		}
	})
}

// What keeps CloudFormation from the bucket is the installation's, and no mistake of the template.
func TestALargeTemplateThatCannotBeRead(t *testing.T) {
	story(t, func(w *world) {
		w.bucket = "https://hub.s3.eu-west-1.amazonaws.com/documents/"
		w.template(table("orders", "") + strings.Repeat("#", service.MaxInlineTemplate))
		record := w.request(deployment.IntentDeploy)
		ended := w.start(record.ID)()
		w.ended(ended, deployment.OutcomeFailedBeforeChange, "CloudFormation cannot read the template at "+w.bucket+record.Template)
		if ended.Fault != deployment.NotPermitted || w.stackStatus() != "absent" {
			t.Errorf("%s: %s; the stack is %s", ended.Fault, ended.Cause, w.stackStatus())
		}
	})
}

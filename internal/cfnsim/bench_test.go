package cfnsim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim"
)

// large is a template with 500 resources, half of which refer to others.
func large(value string) string {
	var body strings.Builder
	body.WriteString("Resources:\n")
	for i := range 250 {
		fmt.Fprintf(&body, "  Topic%d:\n    Type: AWS::SNS::Topic\n    Properties: {DisplayName: %s}\n", i, value)
		fmt.Fprintf(&body, "  Queue%d:\n    Type: AWS::SQS::Queue\n    Properties: {RedrivePolicy: {a: !GetAtt 'Topic%d.TopicArn', b: !Sub 'x${Topic%d}'}}\n", i, i, (i+1)%250)
	}
	return body.String()
}

// BenchmarkLargeStack makes, describes and executes a change set over 500 resources, reporting the slowest call.
func BenchmarkLargeStack(b *testing.B) {
	for name, storage := range map[string]bool{"memory": false, "stored": true} {
		b.Run(name, func(b *testing.B) {
			body := large("v1")
			for b.Loop() {
				clock := &tickingClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
				options := cfnsim.Options{Clock: clock}
				if storage {
					options.Storage = &bytesStorage{}
				}
				sim, err := cfnsim.New(options)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(slowest(b.Context(), b, sim, clock, body).Milliseconds()), "ms/slowest-call")
			}
		})
	}
}

func slowest(ctx context.Context, b *testing.B, sim *cfnsim.Simulator, clock *tickingClock, body string) time.Duration {
	client := sim.Client("111111111111", "us-east-1")
	var worst time.Duration
	timed := func(f func() error) {
		started := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		worst = max(worst, time.Since(started))
	}
	var set *cloudformation.CreateChangeSetOutput
	timed(func() (err error) {
		set, err = client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: aws.String("big"), ChangeSetName: aws.String("set"),
			ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &body})
		return err
	})
	clock.tick(time.Minute)
	timed(func() error {
		_, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id})
		return err
	})
	timed(func() error {
		_, err := client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id})
		return err
	})
	for range 60 {
		clock.tick(time.Second)
		timed(func() error {
			_, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("big")})
			return err
		})
	}
	return worst
}

// bytesStorage keeps the world as its encoded bytes, as a file or a database does.
type bytesStorage struct{ content []byte }

func (s *bytesStorage) Update(_ context.Context, change func([]byte) ([]byte, error)) error {
	content, err := change(s.content)
	if err == nil && content != nil {
		s.content = content
	}
	return err
}

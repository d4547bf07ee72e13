package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var soloFiles = map[string]string{
	"project.yaml": `version: 1
project: shop
environments:
  prod:
    account: "` + hub + `"
    region: ` + region + `
    rank: 1
defaults:
  stackName: ${project}-${service}-${environment}
`,
	"jobs.yaml": `version: 1
service: jobs
owner: team-jobs
template: templates/queue.yaml
`,
	"templates/queue.yaml": `Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: jobs
`,
}

// TestSoloMode: the program as people run it, against a CloudFormation that speaks the protocol. Moto's CloudFormation is no
// more than a happy path, so that this shows that the wires are right, and nothing of what CloudFormation does.
func TestSoloMode(t *testing.T) {
	e := moto(t)
	t.Parallel()
	folder := t.TempDir()
	for name, content := range soloFiles {
		path := filepath.Join(folder, "services", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(folder, "stackgate")
	if out, err := exec.Command("go", "build", "-o", binary, "stackgate/cmd/stackgate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	command := func(arguments ...string) (*exec.Cmd, *bytes.Buffer) {
		c := exec.CommandContext(ctx, binary, append(arguments, "--mode", "solo", "--no-input")...)
		c.Dir = folder
		c.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+e.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+region, "AWS_CA_BUNDLE=")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		return c, &out
	}
	deploy, said := command("deploy", "jobs", "-e", "prod", "--as", "ana", "--verbose")
	if err := deploy.Start(); err != nil {
		t.Fatal(err)
	}
	id, digest := "", ""
	for id == "" && ctx.Err() == nil {
		list, out := command("list", "--unfinished", "-o", "json")
		if err := list.Run(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		id, digest = awaiting(t, out.Bytes())
		time.Sleep(200 * time.Millisecond)
	}
	approve, out := command("approve", id, "--digest", digest, "--as", "ana")
	if err := approve.Run(); err == nil {
		t.Errorf("the requester approved: %s", out)
	}
	approve, out = command("approve", id, "--digest", digest, "--as", "bo")
	if err := approve.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := deploy.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	status, out := command("status", id, "-o", "json")
	if err := status.Run(); err != nil || !strings.Contains(out.String(), `"Deployed"`) || !strings.Contains(out.String(), `"CREATE_COMPLETE"`) {
		t.Errorf("%v: %s", err, out)
	}
	if queues, _ := e.call(t, "sqs", "AmazonSQS.ListQueues", map[string]any{"QueueNamePrefix": "jobs"})["QueueUrls"].([]any); len(queues) != 1 {
		t.Errorf("the stack made the queues %v", queues)
	}
}

// awaiting finds the deployment that waits for approval, and its digest.
func awaiting(t *testing.T, listed []byte) (id, digest string) {
	t.Helper()
	var list struct {
		Deployments []struct {
			ID     string `json:"id"`
			Phase  string `json:"phase"`
			Review struct {
				Digest string `json:"digest"`
			} `json:"review"`
		} `json:"deployments"`
	}
	if err := json.Unmarshal(listed, &list); err != nil {
		t.Fatalf("%v: %s", err, listed)
	}
	for _, d := range list.Deployments {
		if d.Phase == "awaiting-approval" {
			return d.ID, d.Review.Digest
		}
	}
	return "", ""
}

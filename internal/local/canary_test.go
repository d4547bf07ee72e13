package local

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	_ "modernc.org/sqlite"

	"stackgate/internal/approval"
	"stackgate/internal/asl"
	"stackgate/internal/cli/feed"
	"stackgate/internal/deployment"
	"stackgate/internal/functions"
	"stackgate/internal/plan"
	"stackgate/internal/plan/delta"
	"stackgate/internal/render/html"
	"stackgate/internal/render/jsonout"
	"stackgate/internal/render/markdown"
	"stackgate/internal/render/terminal"
	"stackgate/internal/service"
	"stackgate/internal/store"
	"stackgate/internal/store/sqlite"
	"stackgate/internal/tail"
	"stackgate/internal/tail/tailtext"
)

// canaries are secrets, each of which comes by one way. They can be told apart, and nothing else holds one by chance.
type canaries struct{ made []string }

func (c *canaries) secret(way string) string {
	s := fmt.Sprintf("c4n4ry%02dx%sQ7", len(c.made), way)
	c.made = append(c.made, s)
	return s
}

// random is a secret that nothing but its randomness gives away.
func (c *canaries) random(n int) string {
	s := fmt.Sprintf("zT%d9fG2kQw7Rm4Xb1Lp%d8Vc3Ns6Hd", n, n)
	c.made = append(c.made, s)
	return s
}

// found returns the canaries that a text holds.
func (c *canaries) found(text string) []string {
	var found []string
	for _, secret := range c.made {
		if strings.Contains(text, secret) {
			found = append(found, secret)
		}
	}
	return found
}

// secretive is a template with a secret wherever one can stand. Failing makes one of its resources fail with a reason that
// repeats secrets, as handlers do.
func (c *canaries) secretive(version int, failing string) string {
	metadata := ""
	if failing != "" {
		reason := "Resource handler returned message: cannot connect to postgres://app:" + c.secret("reasonurl") + "@db.example:5432/orders, Authorization: Bearer " +
			c.secret("reasonbearer0123456789") + ", password=" + c.secret("reasonpassword") + " (Service: Sqs, Status Code: 400)"
		metadata = fmt.Sprintf("\n    Metadata: {\"Stackgate::Simulate\": {FailOn: %s, Reason: %q}}", failing, reason)
	}
	return fmt.Sprintf(`
Parameters:
  Password: {Type: String, NoEcho: true, Default: %s}
  ApiToken: {Type: String, Default: %s}
Metadata: {Note: {Password: %s}}
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: postgres, MasterUsername: app, MasterUserPassword: !Ref Password, AllocatedStorage: "%d"}
  Literal:
    Type: AWS::RDS::DBInstance
    Metadata: {ApiKey: %s}
    Properties: {Engine: postgres, MasterUsername: app, MasterUserPassword: %s}
  Reference:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: postgres, MasterUsername: app, MasterUserPassword: "{{resolve:secretsmanager:prod/db%d:SecretString:password}}"}
  Kept:
    Type: AWS::SecretsManager::Secret
    Properties: {SecretString: %q}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::111111111111:role/x
      Code: {ZipFile: "const token = '%s'; // version %d"}
      Environment:
        Variables: {API_KEY: %s, DATABASE_URL: "postgres://app:%s@db.example/orders", PASSED: !Sub "x-${Password}", RANDOM: %s}
  Server:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-0123456789abcdef0
      UserData:
        Fn::Base64: |
          #!/bin/sh
          export DB_PASSWORD=%s
          curl https://joe:%s@artifacts.example/app%d.tgz
          agent --enroll %s
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: [Database, Literal, Reference, Function, Server, Kept]%s
    Properties: {DelaySeconds: %d}
Outputs:
  Link: {Value: "https://joe:%s@orders.example/"}
  DatabasePassword: {Value: %s}
  Hidden: {Value: !Ref Password}
`, c.secret("noecho"), c.secret("namedparameter"), c.secret("stackmetadata"), 10*version, c.secret("metadata"), c.secret("property"), version,
		fmt.Sprintf(`{"password":"%s"}`, c.secret("secretstring")), c.secret("code"), version, c.secret("environment"), c.secret("environmenturl"), c.random(version),
		c.secret("script"), c.secret("scripturl"), version, c.random(version+50), metadata, version,
		c.secret("outputurl"), c.secret("output"))
}

// lines collects what is written by several goroutines.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// TestNoSecretIsKeptLoggedOrShown sends secrets by every way through whole deployments, one of which fails, and looks for
// them in everything that stackgate keeps, logs, tracks or shows. One place holds them: the template as it was given, which
// CloudFormation must get; secrets do not belong in it, and the review says where they stand.
func TestNoSecretIsKeptLoggedOrShown(t *testing.T) {
	story(t, func(w *world) {
		var history lines
		observe := w.host.options.Observe
		w.host.options.Observe = func(e asl.Event) {
			observe(e)
			// An event that cannot be encoded would be a fault of the engine, which has tests of its own.
			_ = json.NewEncoder(&history).Encode(e)
		}
		c := &canaries{}
		w.define(func(d *service.Definition) {
			d.Capabilities = []string{"CAPABILITY_IAM"}
			d.Parameters = map[string]string{}
		})
		var records []store.Record
		deploy := func(template string, verdict approval.Verdict, outcome deployment.Outcome) {
			w.template(template)
			r := w.request(deployment.IntentDeploy)
			wait := w.start(r.ID)
			if err := w.decide("bo", verdict, w.reach(r.ID, deployment.StageAwaiting)); err != nil {
				w.t.Fatal(err)
			}
			r = wait()
			if r.Outcome != outcome {
				w.t.Fatalf("ended as %s because %s, want %s", r.Outcome, r.Cause, outcome)
			}
			records = append(records, r)
		}
		deploy(c.secretive(1, ""), approval.Approve, deployment.OutcomeDeployed)
		deploy(c.secretive(2, "update"), approval.Approve, deployment.OutcomeFailedRolledBack)
		deploy(c.secretive(3, ""), approval.Reject, deployment.OutcomeRejected)

		look := func(what, text string) {
			w.t.Helper()
			if text == "" {
				w.t.Errorf("%s is empty: nothing was looked at", what)
			}
			for _, secret := range c.found(text) {
				at := strings.Index(text, secret)
				w.t.Errorf("%s holds %s: …%s…", what, secret, text[max(0, at-160):min(len(text), at+60)])
			}
		}
		look("the log", w.log.String())
		look("the engine's history", history.String())
		for table, text := range w.rows() {
			look("table "+table, text)
		}
		for _, r := range records {
			w.lookAtRenderings(r, look)
		}
		w.lookAtComparison(records, look)
		if tracked := w.tracker.String(); tracked != "" {
			look("the tracker", tracked)
		}
	})
}

// rows reads every column of every table of the store, whatever tables there are, but for the templates.
func (w *world) rows() map[string]string {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, sqlite.FileName))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	names, err := db.QueryContext(w.t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		w.t.Fatal(err)
	}
	var tables []string
	for names.Next() {
		var table string
		if err := names.Scan(&table); err != nil {
			w.t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if err := names.Err(); err != nil {
		w.t.Fatal(err)
	}
	texts := map[string]string{}
	templates := 0
	for _, table := range tables {
		rows, err := db.QueryContext(w.t.Context(), "SELECT * FROM "+table)
		if err != nil {
			w.t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			w.t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				w.t.Fatal(err)
			}
			line := ""
			for _, value := range values {
				switch v := (*(value.(*any))).(type) {
				case []byte:
					line += string(v) + "\n"
				default:
					line += fmt.Sprint(v) + "\n"
				}
			}
			if table == "documents" && strings.HasPrefix(line, "template/") {
				templates++
				continue
			}
			texts[table] += line
		}
		if err := rows.Err(); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, table := range []string{"requests", "records", "decisions", "documents", "events"} {
		if texts[table] == "" {
			w.t.Errorf("table %s was not looked at", table)
		}
	}
	if templates == 0 {
		w.t.Error("no template was left out: it is not kept where it was looked for")
	}
	delete(texts, "sqlite_sequence")
	for table, text := range texts {
		if text == "" {
			delete(texts, table)
		}
	}
	return texts
}

// lookAtRenderings looks at everything that a deployment leaves behind, in every form in which people and programs get it.
func (w *world) lookAtRenderings(r store.Record, look func(what, text string)) {
	w.t.Helper()
	ctx := w.t.Context()
	show := func(what string, render func(b *bytes.Buffer) error) {
		w.t.Helper()
		var b bytes.Buffer
		if err := render(&b); err != nil {
			w.t.Errorf("%s: %v", what, err)
		}
		look(what+" of "+string(r.Outcome), b.String())
	}
	review := w.review(r)
	now := time.Now()
	for _, full := range []bool{false, true} {
		show(fmt.Sprintf("terminal, full %v", full), func(b *bytes.Buffer) error { return terminal.Render(b, review, terminal.Options{Full: full, Now: now}) })
	}
	show("markdown", func(b *bytes.Buffer) error {
		return markdown.Render(b, review, markdown.Options{Budget: 900_000, Now: now})
	})
	show("html", func(b *bytes.Buffer) error { return html.Render(b, review, html.Options{Now: now}) })
	show("json", func(b *bytes.Buffer) error { return jsonout.Render(b, review, jsonout.Options{}) })
	show("record", func(b *bytes.Buffer) error { return json.NewEncoder(b).Encode(r) })

	events, err := w.store.Events(ctx, r.ID, 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	show("ndjson", func(b *bytes.Buffer) error {
		printer := feed.NewNDJSON(b)
		for _, e := range events {
			if err := printer.Print(e); err != nil {
				return err
			}
		}
		return nil
	})
	show("feed", func(b *bytes.Buffer) error {
		printer := &feed.Text{W: b, Columns: 100, Verbose: true}
		for _, e := range events {
			if err := printer.Print(e); err != nil {
				return err
			}
		}
		return nil
	})
	if r.Outcome != deployment.OutcomeFailedRolledBack {
		return
	}
	content, err := w.store.Document(ctx, r.Tail.Document)
	if err != nil {
		w.t.Fatal(err)
	}
	var doc tail.Document
	if err := json.Unmarshal(content, &doc); err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(doc.Headline, "Queue") || !strings.Contains(string(content), "cannot connect to") {
		w.t.Errorf("the tail does not repeat the reason, so that it proves nothing: %s", doc.Headline)
	}
	show("tail", func(b *bytes.Buffer) error { return tailtext.Terminal(b, doc, tailtext.Options{Width: 100}) })
	show("tail as markdown", func(b *bytes.Buffer) error { return tailtext.Markdown(b, doc, tailtext.Options{}) })
	show("tail as html", func(b *bytes.Buffer) error { return tailtext.HTML(b, doc, tailtext.Options{}) })
}

func (w *world) lookAtComparison(records []store.Record, look func(what, text string)) {
	w.t.Helper()
	d := delta.Between(delta.Named{Name: "then", Review: w.review(records[1])}, delta.Named{Name: "now", Review: w.review(records[2])})
	if len(d.Hidden) == 0 {
		w.t.Error("the comparison names no hidden value")
	}
	var b bytes.Buffer
	if err := terminal.RenderDelta(&b, d, terminal.Options{Full: true}); err != nil {
		w.t.Error(err)
	}
	if err := markdown.RenderDelta(&b, d, markdown.Options{}); err != nil {
		w.t.Error(err)
	}
	if err := jsonout.RenderDelta(&b, d); err != nil {
		w.t.Error(err)
	}
	look("the comparison", b.String())
}

func (w *world) review(r store.Record) plan.Review {
	w.t.Helper()
	content, err := w.store.Document(w.t.Context(), r.Review.Document)
	if err != nil {
		w.t.Fatal(err)
	}
	review, err := plan.Decode(content)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(string(content), `"sensitive":true`) {
		w.t.Error("the review hides nothing, so that it proves nothing")
	}
	return review
}

// What CloudFormation answers with is as secret as what it was told: the raw bytes of the store's files hold nothing that
// came by a parameter that only CloudFormation knows.
func TestNoValueOfAHiddenParameterIsInTheStoresFiles(t *testing.T) {
	story(t, func(w *world) {
		const secret = "c4n4ry-only-cloudformation-knows"
		w.define(func(d *service.Definition) {
			d.Template = []byte("Parameters: {Password: {Type: String, NoEcho: true}}\nResources:\n  Database:\n    Type: AWS::RDS::DBInstance\n" +
				"    Properties: {Engine: postgres, MasterUsername: app, MasterUserPassword: !Ref Password}\n")
			d.Parameters = map[string]string{"Password": "{{resolve:secretsmanager:prod/db:SecretString:password}}"}
		})
		w.wrap = resolving(secret)
		record := w.deployed()
		if record.Outcome != deployment.OutcomeDeployed {
			w.t.Fatalf("%s: %s", record.Outcome, record.Cause)
		}
		files, err := os.ReadDir(w.dir)
		if err != nil {
			w.t.Fatal(err)
		}
		looked := 0
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join(w.dir, file.Name()))
			if err != nil {
				w.t.Fatal(err)
			}
			looked += len(content)
			if bytes.Contains(content, []byte(secret)) {
				w.t.Errorf("%s holds the value", file.Name())
			}
		}
		if looked < 10_000 {
			w.t.Errorf("only %d bytes were looked at", looked)
		}
		if !strings.Contains(w.rows()["documents"], "{{resolve:secretsmanager:prod/db:SecretString:password}}") {
			w.t.Error("the reference, which is no secret, is not kept")
		}
	})
}

// resolving is a CloudFormation that shows values which it should hide: the secret stands wherever a reference or a mask did.
func resolving(secret string) func(functions.Client) functions.Client {
	return func(c functions.Client) functions.Client { return indiscreet{c, secret} }
}

type indiscreet struct {
	functions.Client
	secret string
}

func (c indiscreet) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	out, err := c.Client.DescribeChangeSet(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	for _, change := range out.Changes {
		r := change.ResourceChange
		c.reveal(r.BeforeContext, r.AfterContext)
		for _, d := range r.Details {
			c.reveal(d.Target.BeforeValue, d.Target.AfterValue)
		}
	}
	for _, p := range out.Parameters {
		c.reveal(p.ParameterValue, p.ResolvedValue)
	}
	return out, nil
}

func (c indiscreet) reveal(texts ...*string) {
	for _, text := range texts {
		if text != nil {
			*text = strings.ReplaceAll(strings.ReplaceAll(*text, "****", c.secret), "{{resolve:secretsmanager:prod/db:SecretString:password}}", c.secret)
		}
	}
}

package installed_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"stackgate/internal/deployment"
	"stackgate/internal/identity"
	"stackgate/internal/installed"
	"stackgate/internal/store"
	"stackgate/internal/taskrun"
	"stackgate/internal/web"
)

func TestTheDoorNeedsItsMachinesAndNoRoles(t *testing.T) {
	environment := map[string]string{installed.TableVariable: "t", installed.BucketVariable: "b"}
	getenv := func(name string) string { return environment[name] }
	if _, err := installed.ReadSettings(getenv, installed.Review); err == nil || !strings.Contains(err.Error(), installed.MachinePatternVariable) || strings.Contains(err.Error(), installed.RolePatternVariable) {
		t.Errorf("%v", err)
	}
	environment[installed.MachinePatternVariable] = machines
	if s, err := installed.ReadSettings(getenv, installed.Review); err != nil || s.Function != installed.Review {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := installed.OpenDoor(t.Context(), func(string) string { return "" }, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a door without an environment")
	}
	for name, value := range map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"} {
		t.Setenv(name, value)
	}
	if _, err := installed.OpenDoor(t.Context(), getenv, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

// call is a call as API Gateway sends it (payload format 2.0, IAM authorizer).
const call = `{"version":"2.0","routeKey":"$default","rawPath":"/deployments","rawQueryString":"","headers":{"content-type":"application/json","x-who":"ana"},
"requestContext":{"accountId":"333333333333","apiId":"a","domainName":"a.execute-api.eu-west-1.amazonaws.com","stage":"$default",
"authorizer":{"iam":{"accessKey":"AKIAEXAMPLE","accountId":"333333333333","callerId":"AROAEXAMPLE:ana","userArn":"arn:aws:sts::333333333333:assumed-role/AWSReservedSSO_Engineers_0123456789abcdef/ana","userId":"AROAEXAMPLE:ana"}},
"http":{"method":"POST","path":"/deployments","protocol":"HTTP/1.1","sourceIp":"198.51.100.7","userAgent":"stackgate"},"time":"x","timeEpoch":1},"body":"eyJhIjoxfQ==","isBase64Encoded":true}`

func TestTheCallerIsWhomIAMVerified(t *testing.T) {
	rules := identity.Rules{{Name: "engineers", Kind: identity.SSO, PermissionSet: "Engineers", Account: "333333333333"}}
	for name, c := range map[string]struct {
		call  string
		known string
	}{
		"verified":              {call, "ana"},
		"no authorizer":         {strings.Replace(call, `"authorizer":`, `"elsewhere":`, 1), ""},
		"another authorizer":    {strings.Replace(call, `"iam":`, `"jwt":`, 1), ""},
		"only a header says so": {strings.Replace(strings.Replace(call, `"authorizer":`, `"elsewhere":`, 1), "x-who", "x-golambdaproxy-apigw-context", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var event events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal([]byte(c.call), &event); err != nil {
				t.Fatal(err)
			}
			reached, body := "", ""
			door := installed.NewDoor(rules, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				content, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				body = string(content)
				if caller, ok := web.CallerOf(r.Context()); ok {
					reached = caller.Name
					if caller.Source.Address != "198.51.100.7" || caller.Source.Agent != "stackgate" || caller.Source.PrincipalID != "AROAEXAMPLE:ana" || !caller.Verified {
						t.Errorf("%+v", caller)
					}
				}
				w.WriteHeader(http.StatusTeapot)
			}))
			answer, err := door.Handle(t.Context(), event)
			if err != nil || answer.StatusCode != http.StatusTeapot || reached != c.known || body != `{"a":1}` {
				t.Errorf("%d, caller %q, body %q, %v", answer.StatusCode, reached, body, err)
			}
		})
	}
}

// captures keeps what the exception tracker is told.
type captures struct{ told []taskrun.Exception }

func (c *captures) Capture(_ context.Context, e taskrun.Exception) { c.told = append(c.told, e) }

// offline is a network on which nothing answers.
type offline struct{}

func (offline) Do(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }

func TestTheTrackerIsToldOfCallsThatFail(t *testing.T) {
	pattern, err := installed.ParseMachinePattern(machines)
	if err != nil {
		t.Fatal(err)
	}
	tracker := &captures{}
	door, err := installed.ComposeDoor(installed.Settings{Table: "t", Bucket: "b", Machines: pattern}, aws.Config{
		Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}, HTTPClient: offline{}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, slog.New(slog.DiscardHandler), tracker)
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayV2HTTPRequest
	list := strings.NewReplacer(`"POST"`, `"GET"`, "AWSReservedSSO_Engineers_", "AWSReservedSSO_PlatformEngineer_").Replace(call)
	if err := json.Unmarshal([]byte(list), &event); err != nil {
		t.Fatal(err)
	}
	answer, err := door.Handle(t.Context(), event)
	if err != nil || answer.StatusCode != http.StatusInternalServerError || strings.Contains(answer.Body, "no route") {
		t.Errorf("%d %s, %v", answer.StatusCode, answer.Body, err)
	}
	if len(tracker.told) != 1 || !strings.Contains(tracker.told[0].Task, "/deployments") || !strings.Contains(tracker.told[0].Err.Error(), "no route") {
		t.Errorf("the tracker was told %+v", tracker.told)
	}
	event.RawPath, event.RequestContext.HTTP.Path = "/deployments/zzzzzzzz/nowhere", "/deployments/zzzzzzzz/nowhere"
	if answer, err = door.Handle(t.Context(), event); err != nil || answer.StatusCode != http.StatusNotFound || len(tracker.told) != 1 {
		t.Errorf("%d %s, %v; the tracker was told %+v", answer.StatusCode, answer.Body, err, tracker.told)
	}
}

// executions keeps what was started.
type executions struct {
	started []*sfn.StartExecutionInput
	err     error
}

func (e *executions) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	e.started = append(e.started, in)
	return &sfn.StartExecutionOutput{}, e.err
}

func TestRecoveriesHaveAMachineOfTheirOwn(t *testing.T) {
	pattern, err := installed.ParseMachinePattern(machines)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pattern.Machine(store.Record{Intent: deployment.IntentRecover, Service: "orders", Environment: "prod"})
	if err != nil || got != "arn:aws:states:eu-west-1:999999999999:stateMachine:stackgate-recover" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestStart(t *testing.T) {
	pattern, err := installed.ParseMachinePattern(machines)
	if err != nil {
		t.Fatal(err)
	}
	record := store.Record{ID: "orders-prod-20261122T140203Z-7q4k2mxa", CorrelationID: "cor-1", Service: "orders", Environment: "prod"}
	for name, c := range map[string]struct {
		answer error
		failed bool
		fault  deployment.Fault
	}{
		"started":         {nil, false, ""},
		"started before":  {&types.ExecutionAlreadyExists{}, false, ""},
		"not installed":   {&types.StateMachineDoesNotExist{}, true, deployment.InvalidRequest},
		"being removed":   {&types.StateMachineDeleting{}, true, deployment.InvalidRequest},
		"not permitted":   {&smithy.GenericAPIError{Code: "AccessDeniedException"}, true, deployment.NotPermitted},
		"nobody knows":    {errors.New("connection reset"), true, deployment.InternalError},
		"slowed down":     {&smithy.GenericAPIError{Code: "ThrottlingException"}, true, deployment.InternalError},
		"a limit is full": {&types.ExecutionLimitExceeded{}, true, deployment.InternalError},
	} {
		t.Run(name, func(t *testing.T) {
			client := &executions{err: c.answer}
			err := (installed.Starter{Client: client, Machines: pattern}).Start(t.Context(), record)
			if (err != nil) != c.failed || (c.failed && deployment.FaultOf(err) != c.fault) {
				t.Errorf("%v", err)
			}
			in := client.started[0]
			if !strings.HasSuffix(aws.ToString(in.StateMachineArn), ":stackgate-orders-prod") || aws.ToString(in.Name) != record.ID.String() ||
				aws.ToString(in.Input) != `{"correlationId":"cor-1","deploymentId":"orders-prod-20261122T140203Z-7q4k2mxa"}` {
				t.Errorf("%s as %s with %s", aws.ToString(in.StateMachineArn), aws.ToString(in.Name), aws.ToString(in.Input))
			}
		})
	}
}

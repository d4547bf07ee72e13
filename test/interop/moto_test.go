package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"stackgate/internal/installed"
)

const (
	// serverVariable names moto_server; run.sh sets it.
	serverVariable = "STACKGATE_MOTO_SERVER"

	region = "eu-west-1"
	// hub is moto's own account.
	hub = "123456789012"
)

// emulator is one moto_server for all tests, with a port of ours before it: its interpreter's calls go there, those of
// functions are answered by ours, and all others go back to moto.
type emulator struct {
	url  string
	stop func()

	mu        sync.Mutex
	functions map[string]lambda.Handler

	writes writes
}

// writes is an HTTP client that sends one writing call to DynamoDB at a time: moto checks a condition and writes in two steps,
// and under load loses what DynamoDB would refuse (README.md).
type writes struct{ one sync.Mutex }

// Do implements aws.HTTPClient. The body is read before the next call may begin.
func (w *writes) Do(r *http.Request) (*http.Response, error) {
	switch operation, found := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."); {
	case !found, operation == "GetItem", operation == "Query", operation == "BatchGetItem":
		return http.DefaultClient.Do(r)
	}
	w.one.Lock()
	defer w.one.Unlock()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(answer.Body)
	answer.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(content), answer.Body}
	return answer, err
}

var (
	started  *emulator
	failed   error
	starting sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		started.stop()
	}
	os.Exit(code)
}

// moto returns the emulator, or skips where there is none.
func moto(t *testing.T) *emulator {
	t.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		t.Skipf("%s is not set: run make interop, which installs moto_server (Python) and runs this test against it", serverVariable)
	}
	starting.Do(func() { started, failed = start(server) })
	if failed != nil {
		t.Fatal(failed)
	}
	return started
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

func start(server string) (*emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e := &emulator{url: "http://127.0.0.1:" + port, functions: map[string]lambda.Handler{}}
	backend, err := url.Parse(e.url)
	if err != nil {
		return nil, err
	}
	back := httputil.NewSingleHostReverseProxy(backend)
	back.ErrorLog = log.New(io.Discard, "", 0)
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := functionOf(r.URL.Path); ok {
			e.invoke(w, r, name)
			return
		}
		back.ServeHTTP(w, r)
	}))
	// The shell ends the server when our end of its input closes, which it does however this process ends.
	command := exec.Command("sh", "-c", `"$@" </dev/null & server=$!; cat >/dev/null; kill "$server"; wait "$server"`, "sh", server, "-H", "127.0.0.1", "-p", port)
	alive, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	ours, err := url.Parse(before.URL)
	if err != nil {
		return nil, err
	}
	// What the interpreter calls (toolchain: AWS_ENDPOINT_URL_LAMBDA is not honoured).
	command.Env = append(os.Environ(), "MOTO_PORT="+ours.Port(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION="+region)
	output, err := os.CreateTemp("", "stackgate-moto-*.log")
	if err != nil {
		return nil, err
	}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", server, err)
	}
	e.stop = func() {
		_ = alive.Close()
		_ = command.Wait()
		before.Close()
		_ = output.Close()
		if os.Getenv("STACKGATE_MOTO_LOG") == "" {
			_ = os.Remove(output.Name())
		}
	}
	for range 300 {
		if err = e.configure(); err == nil {
			return e, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	e.stop()
	return nil, fmt.Errorf("moto_server does not answer: %w", err)
}

// configure lets state machines really run.
func (e *emulator) configure() error {
	answer, err := http.Post(e.url+"/moto-api/config", "application/json", strings.NewReader(`{"stepfunctions": {"execute_state_machine": true}}`))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("HTTP %d", answer.StatusCode)
	}
	return nil
}

// functionOf is the function's name in the path of the API Invoke: /2015-03-31/functions/<name or ARN>/invocations.
func functionOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "/2015-03-31/functions/")
	name, isInvoke := strings.CutSuffix(rest, "/invocations")
	if !ok || !isInvoke {
		return "", false
	}
	return name[strings.LastIndexByte(name, ':')+1:], true
}

// invoke answers as Lambda does: the fault of a function is a good answer with a header.
func (e *emulator) invoke(w http.ResponseWriter, r *http.Request, name string) {
	e.mu.Lock()
	handler := e.functions[name]
	e.mu.Unlock()
	if handler == nil {
		http.Error(w, `{"Type": "User", "Message": "Function not found: `+name+`"}`, http.StatusNotFound)
		return
	}
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := handler.Invoke(context.WithoutCancel(r.Context()), payload)
	if err != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer = faultBody(err)
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// faultBody is what Lambda answers with an error: its type is the name of Go's, where it does not name one itself
// (aws-lambda-go, lambda/errors.go).
func faultBody(err error) []byte {
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	fault := map[string]string{"errorMessage": err.Error(), "errorType": kind.Name()}
	var named messages.InvokeResponse_Error
	if errors.As(err, &named) {
		fault = map[string]string{"errorMessage": named.Message, "errorType": named.Type}
	}
	body, _ := json.Marshal(fault)
	return body
}

// function installs a function and returns its ARN.
func (e *emulator) function(name string, handler lambda.Handler) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.functions[name] = handler
	return "arn:aws:lambda:" + region + ":" + hub + ":function:" + name
}

// configuration is for clients that talk to moto itself. They try again as installed functions do: moto answers
// SendTaskSuccess with 500 while any other execution is about to begin (README.md).
func (e *emulator) configuration() aws.Config {
	return aws.Config{HTTPClient: &e.writes, Retryer: installed.Retryer, Region: region, BaseEndpoint: aws.String(e.url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

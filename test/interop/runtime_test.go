package interop_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// runtime is the Lambda Runtime API with one compiled function behind it (Lambda developer guide, "Using the Lambda runtime
// API for custom runtimes").
type runtime struct {
	name        string
	invocations chan invocation
	results     chan result
	// ready is closed when the function asks for its first invocation: its initialization is over.
	ready chan struct{}
	first sync.Once
	log   *lockedLog
}

type invocation struct {
	id      string
	payload string
}

type result struct {
	id, body string
	failed   bool
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// has waits until the log, which comes through a pipe, has something at least so often.
func (l *lockedLog) has(t *testing.T, name string, times int, text string) {
	t.Helper()
	for range 100 {
		if strings.Count(l.String(), text) >= times {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s has not logged %s %d times:\n%s", name, text, times, l)
}

const api = "/2018-06-01/runtime/"

func (r *runtime) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	path, ok := strings.CutPrefix(request.URL.Path, api)
	if !ok {
		http.NotFound(w, request)
		return
	}
	if path == "invocation/next" {
		r.first.Do(func() { close(r.ready) })
		select {
		case next := <-r.invocations:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", next.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+hub+":function:"+r.name)
			w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
			_, _ = io.WriteString(w, next.payload)
		case <-request.Context().Done():
		}
		return
	}
	body, _ := io.ReadAll(request.Body)
	id, kind, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
	switch kind {
	case "response", "error":
		r.results <- result{id, string(body), kind == "error"}
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, request)
	}
}

// run starts a compiled function with an environment and nothing else.
func run(t *testing.T, name, bootstrap string, environment map[string]string) (*runtime, time.Duration) {
	t.Helper()
	r := &runtime{name: name, invocations: make(chan invocation), results: make(chan result, 1), ready: make(chan struct{}), log: &lockedLog{}}
	server := httptest.NewServer(r)
	command := exec.Command(bootstrap)
	command.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=" + name}
	for key, value := range environment {
		command.Env = append(command.Env, key+"="+value)
	}
	command.Stdout, command.Stderr = r.log, r.log
	began := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		server.CloseClientConnections()
		server.Close()
	})
	ended := make(chan struct{})
	go func() {
		select {
		case <-r.ready:
		case <-time.After(30 * time.Second):
		}
		close(ended)
	}()
	<-ended
	select {
	case <-r.ready:
		return r, time.Since(began)
	default:
		t.Fatalf("%s does not ask for an invocation:\n%s", name, r.log)
		return nil, 0
	}
}

// invoke sends one payload, and returns what the function posted.
func (r *runtime) invoke(t *testing.T, id, payload string) result {
	t.Helper()
	select {
	case r.invocations <- invocation{id, payload}:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s takes no invocation:\n%s", r.name, r.log)
	}
	select {
	case out := <-r.results:
		if out.id != id {
			t.Errorf("%s answered %s, not %s", r.name, out.id, id)
		}
		return out
	case <-time.After(60 * time.Second):
		t.Fatalf("%s does not answer %s:\n%s", r.name, payload, r.log)
		return result{}
	}
}

// build compiles a function as make lambdas does, but for this machine, and without -trimpath and with cgo, for whose change
// everything would have to be compiled anew.
func build(t *testing.T, pkg string) string {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", bootstrap, pkg)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return bootstrap
}

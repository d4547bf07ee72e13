// Package calls records what AWS SDK clients are asked for, answers them from objects in memory, and says which
// permissions each call needs. It decides about none.
package calls

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Session is an assumed role.
type Session struct {
	// Role is the ARN of the role; Name the session's.
	Role, Name, ExternalID string
	// Policy is the session policy, empty where there is none.
	Policy string
}

// Caller is who makes a call.
type Caller struct {
	// Function is the hub's function.
	Function string
	// Session is the role that the function had assumed for it, nil where it used its own.
	Session *Session
	// Account is the session's, or the hub's.
	Account string
}

// Call is one call of a client.
type Call struct {
	Caller
	// Service is the endpoint's, as cloudformation; Operation the API's, as CreateChangeSet.
	Service, Operation string
	Region             string
	// Input is the SDK's input.
	Input any
	// Stack is the ARN of the stack that a change set belongs to, where the input names the set by its ARN.
	Stack string
}

func (c Call) String() string {
	return fmt.Sprintf("%s: %s:%s", c.Function, c.Service, c.Operation)
}

// Recorder keeps calls. It may be used from many goroutines.
type Recorder struct {
	// Who says whose an access key is.
	Who func(accessKey string) Caller
	// Answers gives the object whose method, by the name of the operation, answers a call.
	Answers func(Call) any

	mu    sync.Mutex
	calls []Call
	// stacks are the stacks of change sets, by the sets' ARNs, as answers told them.
	stacks map[string]string
}

// Calls returns what was recorded.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Call{}, r.calls...)
}

// Add records a call that no SDK client made.
func (r *Recorder) Add(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

type inputKey struct{}

// Option makes clients of the SDK record their calls and take the answers from here. A call goes all the way that it goes
// in AWS, up to its signature, by which the caller is known; nothing is sent. A member of APIOptions.
func (r *Recorder) Option(stack *middleware.Stack) error {
	operation := stack.ID()
	remember := middleware.InitializeMiddlewareFunc("RememberInput",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(middleware.WithStackValue(ctx, inputKey{}, in.Parameters), in)
		})
	answer := middleware.FinalizeMiddlewareFunc("AnswerFromMemory",
		func(ctx context.Context, in middleware.FinalizeInput, _ middleware.FinalizeHandler) (out middleware.FinalizeOutput, _ middleware.Metadata, err error) {
			out.Result, err = r.answer(ctx, operation, in.Request, middleware.GetStackValue(ctx, inputKey{}))
			return out, middleware.Metadata{}, err
		})
	if err := stack.Initialize.Add(remember, middleware.After); err != nil {
		return err
	}
	return stack.Finalize.Add(answer, middleware.After)
}

// credential finds who signed a request, and for which region and service.
var credential = regexp.MustCompile(`Credential=([^/]+)/[0-9]+/([^/]+)/([^/]+)/aws4_request`)

func (r *Recorder) answer(ctx context.Context, operation string, request, input any) (any, error) {
	sent, ok := request.(*smithyhttp.Request)
	if !ok {
		return nil, fmt.Errorf("%s: it is no HTTP request", operation)
	}
	signed := credential.FindStringSubmatch(sent.Header.Get("Authorization"))
	if signed == nil {
		return nil, fmt.Errorf("%s: it is not signed", operation)
	}
	return r.take(ctx, Call{Caller: r.Who(signed[1]), Service: signed[3], Operation: operation, Region: signed[2], Input: input})
}

// take records a call and has it answered.
func (r *Recorder) take(ctx context.Context, call Call) (any, error) {
	r.mu.Lock()
	r.calls = append(r.calls, call)
	at := len(r.calls) - 1
	r.mu.Unlock()
	defer r.place(at, text(call.Input, "ChangeSetName")+text(call.Input, "TargetId"))
	method := reflect.ValueOf(r.Answers(call)).MethodByName(call.Operation)
	if !method.IsValid() {
		return nil, fmt.Errorf("%s:%s is not answered here", call.Service, call.Operation)
	}
	answers := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(call.Input)})
	if err, failed := answers[1].Interface().(error); failed {
		return nil, err
	}
	r.learn(answers[0])
	return answers[0].Interface(), nil
}

// place notes the stack of the change set that a call named. The call's own answer may have told it.
func (r *Recorder) place(at int, set string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[at].Stack = r.stacks[set]
}

// learn keeps which stack a change set belongs to.
func (r *Recorder) learn(answer reflect.Value) {
	set, stack := text(answer.Interface(), "ChangeSetId"), text(answer.Interface(), "StackId")
	if set == "" {
		set = text(answer.Interface(), "Id")
	}
	if set == "" || stack == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stacks == nil {
		r.stacks = map[string]string{}
	}
	r.stacks[set] = stack
}

// text is a field of a struct, which may be left out.
func text(input any, name string) string {
	value := reflect.Indirect(reflect.ValueOf(input))
	if value.Kind() != reflect.Struct {
		return ""
	}
	field := value.FieldByName(name)
	if !field.IsValid() {
		return ""
	}
	if pointer, ok := field.Interface().(*string); ok {
		return aws.ToString(pointer)
	}
	return ""
}

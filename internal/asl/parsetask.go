package asl

import (
	"slices"
	"time"
)

// The resources that are implemented.
const (
	// ResourceInvoke invokes a function and takes its answer as the task's result.
	ResourceInvoke = "arn:aws:states:::lambda:invoke"
	// ResourceInvokeCallback invokes a function with a task token and waits until the token is answered.
	ResourceInvokeCallback = "arn:aws:states:::lambda:invoke.waitForTaskToken"
)

// invokeParameters are the parameters of lambda:invoke that are implemented; both are needed.
func invokeParameters() []string { return []string{"FunctionName", "Payload"} }

func (p *parser) task(n *node, s *state) behaviour {
	parsed := &taskState{
		resource:       p.text(n, "Resource"),
		parameters:     p.parameters(n),
		resultSelector: p.template(n, "ResultSelector"),
		resultPath:     p.resultPath(n),
		next:           s.next,
		timeout:        p.timeout(n),
		retry:          p.retry(n.fields["Retry"]),
		catch:          p.catch(n.fields["Catch"]),
	}
	p.resource(n, parsed)
	p.invokeParameters(n, parsed)
	return parsed
}

// parameters reads the payload template that may pass on the task token.
func (p *parser) parameters(n *node) template {
	resource := n.fields["Resource"]
	p.tokenVisible = resource != nil && resource.scalar == ResourceInvokeCallback
	defer func() { p.tokenVisible = false }()
	return p.template(n, "Parameters")
}

func (p *parser) resource(n *node, parsed *taskState) {
	field := n.fields["Resource"]
	switch {
	case field == nil:
		p.refuse(n, "a Task state needs the field \"Resource\"")
	case parsed.resource == ResourceInvokeCallback:
		parsed.callback = true
	case parsed.resource != ResourceInvoke:
		p.refuse(field, "resource %s is not implemented; implemented are %s and %s", quoted(parsed.resource), ResourceInvoke, ResourceInvokeCallback)
	}
}

// invokeParameters checks what lambda:invoke is given. Whether the names are computed does not matter.
func (p *parser) invokeParameters(n *node, parsed *taskState) {
	field := n.fields["Parameters"]
	object, ok := parsed.parameters.(objectTemplate)
	if field == nil || !ok {
		if field == nil {
			p.refuse(n, "a Task state needs the field \"Parameters\" with FunctionName and Payload")
		}
		return
	}
	var given []string
	for i, part := range object {
		given = append(given, part.name)
		at := field.fields[field.keys[i]]
		if !slices.Contains(invokeParameters(), part.name) {
			p.refuse(at, "parameter %s of lambda:invoke is not implemented; implemented are FunctionName and Payload", quoted(part.name))
		}
		if constant, isConstant := part.nested.(constantTemplate); isConstant && part.name == "FunctionName" {
			name, isText := constant.value.(string)
			if !isText || name == "" {
				p.refuse(at, "FunctionName must be a string that is not empty")
			}
			parsed.functionName = name
		}
	}
	for _, name := range invokeParameters() {
		if !slices.Contains(given, name) {
			p.refuse(field, "lambda:invoke needs the parameter %s or %s", quoted(name), quoted(name+expressionSuffix))
		}
	}
	if parsed.callback && !slices.ContainsFunc(parsed.parameters.paths(), path.mentionsTaskToken) {
		p.refuse(field, "Parameters do not pass on $$.Task.Token, so nobody could ever answer the task")
	}
}

func (p *parser) timeout(n *node) timeout {
	parsed := timeout{seconds: p.integer(n, "TimeoutSeconds", 1, maxSeconds, 0)}
	if found, given := p.path(n, "TimeoutSecondsPath"); given {
		parsed.path = &found
		if n.fields["TimeoutSeconds"] != nil {
			p.refuse(n.fields["TimeoutSecondsPath"], "a Task state has either TimeoutSeconds or TimeoutSecondsPath")
		}
	}
	return parsed
}

// retrierFields and catcherFields is what entries of Retry and Catch may have.
func retrierFields() []string {
	return []string{"BackoffRate", "Comment", "ErrorEquals", "IntervalSeconds", "JitterStrategy", "MaxAttempts", "MaxDelaySeconds"}
}

func catcherFields() []string { return []string{"Comment", "ErrorEquals", "Next", "ResultPath"} }

func (p *parser) retry(n *node) []retrier {
	var all []retrier
	for _, item := range p.errorHandlers(n, "Retry", "a retrier", retrierFields(), "ErrorEquals") {
		all = append(all, retrier{
			errorEquals: p.errorEquals(item),
			interval:    time.Duration(p.integer(item, "IntervalSeconds", 1, maxSeconds, int64(defaultRetryInterval/time.Second))) * time.Second,
			maxAttempts: int(p.integer(item, "MaxAttempts", 0, maxSeconds, defaultMaxAttempts)),
			backoffRate: p.backoffRate(item),
			maxDelay:    time.Duration(p.integer(item, "MaxDelaySeconds", 1, maxSeconds, 0)) * time.Second,
			jitter:      JitterStrategy(p.oneOf(item, "JitterStrategy", string(JitterNone), string(JitterFull))),
		})
	}
	return all
}

func (p *parser) backoffRate(n *node) float64 {
	field := n.fields["BackoffRate"]
	if field == nil {
		return defaultBackoffRate
	}
	rate, ok := number(field.scalar)
	if !ok || rate < 1 {
		p.refuse(field, "BackoffRate must be a number of at least 1.0")
		return defaultBackoffRate
	}
	return rate
}

func (p *parser) catch(n *node) []catcher {
	var all []catcher
	for _, item := range p.errorHandlers(n, "Catch", "a catcher", catcherFields(), "ErrorEquals", "Next") {
		all = append(all, catcher{errorEquals: p.errorEquals(item), next: p.text(item, "Next"), resultPath: p.resultPath(item)})
	}
	return all
}

// errorHandlers reads what Retry and Catch have in common: an array of objects of which only the last may be for
// States.ALL.
func (p *parser) errorHandlers(n *node, key, what string, known []string, required ...string) []*node {
	if n == nil {
		return nil
	}
	if !n.isArray() {
		p.refuse(n, "%s must be an array, not %s", key, n.kind())
		return nil
	}
	var all []*node
	for i, item := range n.items {
		if !p.object(item, what, known, required...) {
			continue
		}
		all = append(all, item)
		p.text(item, "Comment")
		names := item.fields["ErrorEquals"]
		if names != nil && i < len(n.items)-1 && slices.ContainsFunc(names.items, func(name *node) bool { return name.scalar == ErrorAll }) {
			p.refuse(names, "States.ALL must be in the last entry of %s: it matches everything that later entries name", key)
		}
	}
	return all
}

func (p *parser) errorEquals(n *node) errorNames {
	field := n.fields["ErrorEquals"]
	if field == nil {
		return nil // named as missing already
	}
	if !field.isArray() || len(field.items) == 0 {
		p.refuse(field, "ErrorEquals must be an array of at least one error name")
		return nil
	}
	var names errorNames
	for _, item := range field.items {
		name, ok := item.scalar.(string)
		if !ok {
			p.refuse(item, "an error name must be a string, not %s", item.kind())
			continue
		}
		if problem := errorNameProblem(name); problem != "" {
			p.refuse(item, "%s", problem)
		}
		names = append(names, name)
	}
	if slices.Contains(names, ErrorAll) && len(field.items) > 1 {
		p.refuse(field, "States.ALL must stand alone in ErrorEquals")
	}
	return names
}

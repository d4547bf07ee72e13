package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is a resolved value of a definition, with the place where it was written.
type Value struct {
	// Key is its place in the rendered form, as parameters.Cpu.
	Key string `json:"key"`
	// Value is text, a number, a boolean or a list of texts. A time span is text, as it may stand in a file.
	Value any `json:"value"`
	// Origin is where it was written; nil for the name of the environment, which is asked for.
	Origin *Origin `json:"origin,omitempty"`
}

// line is a line of the rendered form: a key and, where it holds no further keys, its value.
type line struct {
	depth int
	key   string
	// value as YAML writes it.
	value string
	Value
}

// renderer gathers the lines of a definition.
type renderer struct {
	definition Definition
	lines      []line
}

// Values returns every resolved value in the order of Render, masked as Render masks them.
func Values(d Definition) []Value {
	values := []Value{}
	for _, l := range linesOf(d) {
		if l.Key != "" {
			values = append(values, l.Value)
		}
	}
	return values
}

// Render writes the definition as YAML, every resolved value in a fixed order, with the place where each was written
// behind it where withOrigin says so. Parameters that nobody gives are shown with the template's default, and those that
// the template declares NoEcho are masked.
func Render(d Definition, withOrigin bool) []byte {
	return write(linesOf(d), withOrigin)
}

func linesOf(d Definition) []line {
	r := renderer{definition: d}
	r.identity()
	r.settings()
	r.policy()
	return r.lines
}

// add adds the value at a path of the definition, under a key that is fit for YAML.
func (r *renderer) add(depth int, key, path, written string, value any) {
	l := line{depth: depth, key: key, value: written, Value: Value{Key: path, Value: value}}
	if at, ok := r.definition.Origins[path]; ok {
		l.Origin = &at
	}
	r.lines = append(r.lines, l)
}

func (r *renderer) text(depth int, key, path, value string) {
	if value != "" {
		r.add(depth, key, path, quote(value), value)
	}
}

func (r *renderer) top(key, value string) { r.text(0, key, key, value) }

func (r *renderer) span(depth int, key, path string, value time.Duration) {
	r.add(depth, key, path, formatSpan(value), formatSpan(value))
}

func (r *renderer) number(depth int, key, path string, value int) {
	r.add(depth, key, path, strconv.Itoa(value), value)
}

func (r *renderer) boolean(depth int, key, path string, value bool) {
	r.add(depth, key, path, strconv.FormatBool(value), value)
}

func (r *renderer) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = quoteInFlow(v)
	}
	r.add(0, key, key, "["+strings.Join(items, ", ")+"]", values)
}

func (r *renderer) section(key string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	r.lines = append(r.lines, line{key: key})
	for _, name := range slices.Sorted(maps.Keys(values)) {
		r.add(1, quote(name), key+"."+name, quote(values[name]), values[name])
	}
}

func (r *renderer) identity() {
	d := r.definition
	r.top("project", d.Project)
	r.top("service", d.Service)
	r.top("environment", d.Environment)
	r.top("owner", d.Owner)
	r.top("stackGroup", d.StackGroup)
	r.top("description", d.Description)
	r.section("links", d.Links)
	r.top("account", d.Account)
	r.top("region", d.Region)
	r.number(0, "rank", "rank", d.Rank)
	r.top("stackName", d.StackName)
	r.top("template", d.TemplatePath)
}

func (r *renderer) settings() {
	d := r.definition
	r.parameters()
	r.section("tags", d.Tags)
	r.list("capabilities", d.Capabilities)
	r.top("executionRole", d.ExecutionRole)
	r.boolean(0, "nestedStacks", "nestedStacks", d.NestedStacks)
	r.top("onFailure", string(d.OnFailure))
	r.top("onFailedCreate", string(d.OnFailedCreate))
	r.lines = append(r.lines, line{key: "timeouts"})
	r.span(1, "queue", "timeouts.queue", d.Timeouts.Queue)
	r.span(1, "changeSet", "timeouts.changeSet", d.Timeouts.ChangeSet)
	r.span(1, "execution", "timeouts.execution", d.Timeouts.Execution)
	r.list("stateful", d.Stateful)
	r.list("ignoreChanges", d.IgnoreChanges)
}

func (r *renderer) parameters() {
	d := r.definition
	names := slices.Sorted(maps.Keys(d.Parameters))
	for name, p := range d.declared {
		if _, given := d.Parameters[name]; !given && p.hasFallback {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	r.lines = append(r.lines, line{key: "parameters"})
	for _, name := range names {
		p := d.declared[name]
		value, given := d.Parameters[name]
		if !given {
			value = p.fallback
		}
		if p.noEcho && !dynamicReference.MatchString(value) {
			value = "****"
		}
		r.add(1, quote(name), "parameters."+name, quote(value), value)
		if !given {
			r.lines[len(r.lines)-1].Origin = &p.origin
		}
	}
}

func (r *renderer) policy() {
	d := r.definition
	r.lines = append(r.lines, line{key: "policy"}, line{depth: 1, key: "approval"})
	r.text(2, "when", "policy.approval.when", string(d.Approval.When))
	r.number(2, "count", "policy.approval.count", d.Approval.Count)
	r.span(2, "expiresAfter", "policy.approval.expiresAfter", d.Approval.ExpiresAfter)
	r.text(2, "selfApproval", "policy.approval.selfApproval", string(d.Approval.Self))
	if groups := d.Approval.Groups; len(groups) > 0 {
		names := make([]string, len(groups))
		for i, g := range groups {
			names[i] = g.Name
		}
		r.add(2, "groups", "policy.approval.groups", "["+strings.Join(names, ", ")+"]", names)
	}
	r.boolean(1, "allowParameterOverrides", "policy.allowParameterOverrides", d.AllowParameterOverrides)
}

func write(lines []line, withOrigin bool) []byte {
	const widest = 60
	texts := make([]string, len(lines))
	width := 0
	for i, l := range lines {
		texts[i] = strings.Repeat("  ", l.depth) + l.key + ":"
		if l.value != "" {
			texts[i] += " " + l.value
		}
		if size := len([]rune(texts[i])); size <= widest {
			width = max(width, size)
		}
	}
	var b bytes.Buffer
	for i, l := range lines {
		b.WriteString(texts[i])
		if withOrigin && l.Origin != nil {
			b.WriteString(strings.Repeat(" ", max(width-len([]rune(texts[i])), 0)))
			fmt.Fprintf(&b, "  # %s", l.Origin)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// plainText needs no quotes in any YAML reader, unless it reads as something other than text.
var plainText = regexp.MustCompile(`^[A-Za-z/$(][A-Za-z0-9 _./$(){}*?@+=:-]*$`)

// quote writes text as YAML. What JSON writes in double quotes, YAML reads the same.
func quote(s string) string {
	if plainText.MatchString(s) && resolvePlain(s) == textKind && !legacyBoolean.MatchString(s) &&
		!strings.Contains(s, ": ") && !strings.HasSuffix(s, ":") && !strings.HasSuffix(s, " ") {
		return s
	}
	return quoted(s)
}

// quoteInFlow writes text as YAML between brackets or braces, where more characters mean something.
func quoteInFlow(s string) string {
	if strings.ContainsAny(s, "{}[],") {
		return quoted(s)
	}
	return quote(s)
}

func quoted(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	// Encoding a string into memory cannot fail.
	_ = encoder.Encode(s)
	return strings.TrimRight(b.String(), "\n")
}

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
)

// line is a line of the rendered form: a key and, where it holds no further keys, its value.
type line struct {
	depth  int
	key    string
	value  string
	origin string
}

// renderer gathers the lines of a definition.
type renderer struct {
	definition Definition
	lines      []line
}

// Render writes the definition as YAML, every resolved value in a fixed order, with the place where each was written
// behind it where withOrigin says so. Parameters that nobody gives are shown with the template's default, and those that
// the template declares NoEcho are masked.
func Render(d Definition, withOrigin bool) []byte {
	r := renderer{definition: d}
	r.identity()
	r.settings()
	r.policy()
	return r.write(withOrigin)
}

func (r *renderer) add(depth int, key, value, path string) {
	origin := ""
	if at, ok := r.definition.Origins[path]; ok {
		origin = at.String()
	}
	r.lines = append(r.lines, line{depth, key, value, origin})
}

func (r *renderer) text(depth int, key, value, path string) {
	if value != "" {
		r.add(depth, key, quote(value), path)
	}
}

func (r *renderer) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = quoteInFlow(v)
	}
	r.add(0, key, "["+strings.Join(items, ", ")+"]", key)
}

func (r *renderer) section(key string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	r.lines = append(r.lines, line{key: key})
	for _, name := range slices.Sorted(maps.Keys(values)) {
		r.add(1, quote(name), quote(values[name]), key+"."+name)
	}
}

func (r *renderer) identity() {
	d := r.definition
	r.text(0, "project", d.Project, "project")
	r.text(0, "service", d.Service, "service")
	r.text(0, "environment", d.Environment, "")
	r.text(0, "owner", d.Owner, "owner")
	r.text(0, "stackGroup", d.StackGroup, "stackGroup")
	r.text(0, "description", d.Description, "description")
	r.section("links", d.Links)
	r.text(0, "account", d.Account, "account")
	r.text(0, "region", d.Region, "region")
	r.add(0, "rank", strconv.Itoa(d.Rank), "rank")
	r.text(0, "stackName", d.StackName, "stackName")
	r.text(0, "template", d.TemplatePath, "template")
}

func (r *renderer) settings() {
	d := r.definition
	r.parameters()
	r.section("tags", d.Tags)
	r.list("capabilities", d.Capabilities)
	r.text(0, "executionRole", d.ExecutionRole, "executionRole")
	r.add(0, "nestedStacks", strconv.FormatBool(d.NestedStacks), "nestedStacks")
	r.text(0, "onFailure", string(d.OnFailure), "onFailure")
	r.text(0, "onFailedCreate", string(d.OnFailedCreate), "onFailedCreate")
	r.lines = append(r.lines, line{key: "timeouts"})
	r.add(1, "queue", formatSpan(d.Timeouts.Queue), "timeouts.queue")
	r.add(1, "changeSet", formatSpan(d.Timeouts.ChangeSet), "timeouts.changeSet")
	r.add(1, "execution", formatSpan(d.Timeouts.Execution), "timeouts.execution")
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
		if given {
			r.add(1, name, quote(value), "parameters."+name)
			continue
		}
		r.lines = append(r.lines, line{1, name, quote(value), p.origin.String()})
	}
}

func (r *renderer) policy() {
	d := r.definition
	r.lines = append(r.lines, line{key: "policy"}, line{depth: 1, key: "approval"})
	r.add(2, "when", string(d.Approval.When), "policy.approval.when")
	r.add(2, "count", strconv.Itoa(d.Approval.Count), "policy.approval.count")
	r.add(2, "expiresAfter", formatSpan(d.Approval.ExpiresAfter), "policy.approval.expiresAfter")
	r.add(2, "selfApproval", string(d.Approval.Self), "policy.approval.selfApproval")
	r.add(1, "allowParameterOverrides", strconv.FormatBool(d.AllowParameterOverrides), "policy.allowParameterOverrides")
}

func (r *renderer) write(withOrigin bool) []byte {
	const widest = 60
	texts := make([]string, len(r.lines))
	width := 0
	for i, l := range r.lines {
		texts[i] = strings.Repeat("  ", l.depth) + l.key + ":"
		if l.value != "" {
			texts[i] += " " + l.value
		}
		if size := len([]rune(texts[i])); size <= widest {
			width = max(width, size)
		}
	}
	var b bytes.Buffer
	for i, l := range r.lines {
		b.WriteString(texts[i])
		if withOrigin && l.origin != "" {
			b.WriteString(strings.Repeat(" ", max(width-len([]rune(texts[i])), 0)))
			fmt.Fprintf(&b, "  # %s", l.origin)
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

package service

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"stackgate/internal/approval"
	"stackgate/internal/identity"
)

// The forms of a leaf. Each keeps its node, and with it its place, for problems that are found later.
type (
	text struct {
		Value string
		At    *node
	}
	integer struct {
		Value int
		At    *node
	}
	boolean struct {
		Value bool
		At    *node
	}
	// scalar is a single value of any kind, kept as its characters.
	scalar struct {
		Value string
		At    *node
	}
	// scalars is a single value or a list of them.
	scalars struct {
		Values []scalar
		At     *node
	}
	// unimplemented is a key of the format that nothing acts upon yet. It is refused: a key that is read and ignored
	// would promise what nobody keeps.
	unimplemented struct{}
)

// The leaves that have rules.
type (
	formatVersion  integer
	rank           integer
	approvalCount  integer
	projectName    text
	serviceName    text
	ownerName      text
	stackGroup     text
	accountID      text
	regionName     text
	filled         text
	description    text
	span           text
	approvalWhen   text
	selfApproval   text
	capability     text
	driftMode      text
	onFailure      text
	onFailedCreate text
	resourceType   text
	changePath     text
	secretName     text
	parameterPath  text
	jsonKey        text
	versionWord    text
	versionNumber  integer
	personName     text
	groupName      text
	identityKind   text
	permissionSet  text
)

// rule is what a leaf must satisfy beyond its form. A JSON Schema can say the same.
type rule struct {
	form     reflect.Type
	enum     []string
	pattern  *regexp.Regexp
	min, max int
	// says completes a problem: what the value must be, and why.
	says string
}

var (
	textForm    = reflect.TypeFor[text]()
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)

	groupPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
)

var rules = map[reflect.Type]rule{
	reflect.TypeFor[formatVersion](): {form: reflect.TypeFor[integer](), min: 1, max: 1, says: "this stackgate reads version 1"},
	reflect.TypeFor[rank]():          {form: reflect.TypeFor[integer](), min: 1, max: 100, says: "use 1 to 100, lower ranks first"},
	reflect.TypeFor[approvalCount](): {form: reflect.TypeFor[integer](), min: 1, max: 10, says: "use 1 to 10 people"},
	reflect.TypeFor[projectName](): {form: textForm, pattern: namePattern,
		says: "use 1 to 24 lower-case letters, digits and hyphens, a letter first"},
	reflect.TypeFor[serviceName](): {form: textForm, pattern: namePattern,
		says: "use 1 to 24 lower-case letters, digits and hyphens, a letter first"},
	reflect.TypeFor[stackGroup](): {form: textForm, pattern: namePattern,
		says: "use 1 to 24 lower-case letters, digits and hyphens, a letter first"},
	reflect.TypeFor[ownerName](): {form: textForm, min: 1, max: 64, says: "use 1 to 64 characters"},
	reflect.TypeFor[accountID](): {form: textForm, pattern: regexp.MustCompile(`^[0-9]{12}$`), says: "an AWS account id has 12 digits"},
	reflect.TypeFor[regionName](): {form: textForm, pattern: regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`),
		says: "an AWS region looks like eu-west-1"},
	reflect.TypeFor[filled]():      {form: textForm, min: 1, max: 2048, says: "use 1 to 2048 characters"},
	reflect.TypeFor[description](): {form: textForm, max: 1024, says: "use at most 1024 characters"},
	reflect.TypeFor[span](): {form: textForm, pattern: regexp.MustCompile(`^([0-9]{1,5}[dhms]){1,4}$`),
		says: "a time span looks like 90s, 15m, 1h30m or 7d"},
	reflect.TypeFor[approvalWhen]():   {form: textForm, enum: words(approval.Whens())},
	reflect.TypeFor[selfApproval]():   {form: textForm, enum: words(approval.Selves())},
	reflect.TypeFor[capability]():     {form: textForm, enum: []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}},
	reflect.TypeFor[driftMode]():      {form: textForm, enum: []string{"ignore"}},
	reflect.TypeFor[onFailure]():      {form: textForm, enum: words(FailureHandlings())},
	reflect.TypeFor[onFailedCreate](): {form: textForm, enum: words(FailedCreateHandlings())},
	reflect.TypeFor[resourceType](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9]{2,64}(::[A-Za-z0-9_@-]{1,64}){1,3}$`),
		says: "a resource type looks like AWS::DynamoDB::Table or Custom::Ledger"},
	reflect.TypeFor[changePath](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9]{1,255}(\.[A-Za-z0-9_*.-]{1,255})?$`),
		says: "name a resource, or a resource and its property, as Function.Code"},
	reflect.TypeFor[secretName](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9/_+=.@${}:-]{1,512}$`),
		says: "use the name or ARN of a secret: letters, digits and / _ + = . @ - :"},
	reflect.TypeFor[parameterPath](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9/_.${}-]+$`), max: 1011,
		says: "use the name of a parameter: letters, digits and / _ . -"},
	reflect.TypeFor[jsonKey](): {form: textForm, pattern: regexp.MustCompile(`^[^:{}]{1,128}$`),
		says: "use 1 to 128 characters other than : { }"},
	reflect.TypeFor[versionWord](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,256}$`),
		says: "use letters, digits and / _ + = . @ -"},
	reflect.TypeFor[personName](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`),
		says: "use 1 to 64 letters, digits and + = , . @ _ -, as IAM does in session names"},
	reflect.TypeFor[groupName](): {form: textForm, pattern: groupPattern,
		says: "use 1 to 64 lower-case letters, digits and hyphens, a letter first"},
	reflect.TypeFor[identityKind](): {form: textForm, enum: words(identity.Kinds())},
	reflect.TypeFor[permissionSet](): {form: textForm, pattern: regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,32}$`),
		says: "a permission set's name has 1 to 32 letters, digits and + = , . @ _ -"},
	reflect.TypeFor[versionNumber](): {form: reflect.TypeFor[integer](), min: 1, max: 100000, says: "use 1 or more"},
}

func words[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

// notYet are values that the format knows and nothing acts upon yet.
var notYet = map[reflect.Type][]string{
	reflect.TypeFor[driftMode](): {"detect", "require-clean", "revert"},
}

// formOf returns the form of a leaf type.
func formOf(t reflect.Type) (reflect.Type, bool) {
	if r, ok := rules[t]; ok {
		return r.form, true
	}
	switch t {
	case textForm, reflect.TypeFor[integer](), reflect.TypeFor[boolean](), reflect.TypeFor[scalar](),
		reflect.TypeFor[scalars](), reflect.TypeFor[unimplemented]():
		return t, true
	}
	return nil, false
}

// decodeLeaf reads a scalar into a leaf of the form and reports what does not fit.
func (d decoder) decodeLeaf(n *node, into reflect.Value, form reflect.Type) {
	switch form {
	case reflect.TypeFor[unimplemented]():
		d.report.at(n, "this key is part of the format but not implemented yet; remove it")
	case textForm:
		if n.broken {
			return
		}
		if n.kind != textKind {
			hint := ""
			if n.scalar() {
				hint = "; put it in quotes"
			}
			d.report.at(n, "want text, got %s%s", n.kind, hint)
			return
		}
		store(into, text{n.text, n}, d.checkText(n, into.Type()))
	case reflect.TypeFor[integer]():
		value, err := strconv.Atoi(n.text)
		if n.kind != integerKind || !n.faithful() || err != nil {
			d.report.at(n, "want a whole number, got %s", describe(n))
			return
		}
		r := rules[into.Type()]
		if value < r.min || value > r.max {
			d.report.at(n, "%d cannot be used: %s", value, r.says)
			return
		}
		store(into, integer{value, n}, true)
	case reflect.TypeFor[boolean]():
		if n.kind != booleanKind || !n.faithful() {
			d.report.at(n, "want true or false, got %s", describe(n))
			return
		}
		store(into, boolean{n.text == "true", n}, true)
	case reflect.TypeFor[scalar]():
		store(into, scalar{n.text, n}, d.checkScalar(n))
	case reflect.TypeFor[scalars]():
		items := []*node{n}
		if n.kind == listKind {
			items = n.items
		}
		values, fine := make([]scalar, 0, len(items)), true
		for _, item := range items {
			fine = d.checkScalar(item) && fine
			values = append(values, scalar{item.text, item})
		}
		store(into, scalars{values, n}, fine)
	}
}

func store(into reflect.Value, leaf any, fine bool) {
	if fine {
		into.Set(reflect.ValueOf(leaf).Convert(into.Type()))
	}
}

func (d decoder) checkScalar(n *node) bool {
	switch {
	case !n.scalar():
		d.report.at(n, "want text, a number, true or false, got %s", describe(n))
		return false
	case n.broken:
		return false
	case !n.faithful():
		d.report.at(n, "%s is read differently by different YAML readers; put it in quotes", n.text)
		return false
	}
	return true
}

func (d decoder) checkText(n *node, t reflect.Type) bool {
	r, ok := rules[t]
	if !ok {
		return true
	}
	length := utf8.RuneCountInString(n.text)
	switch {
	case len(r.enum) > 0 && !slices.Contains(r.enum, n.text):
		if slices.Contains(notYet[t], n.text) {
			d.report.at(n, "%q is part of the format but not implemented yet; use %s", n.text, r.enum[0])
			return false
		}
		d.report.at(n, "%q is not known%s", n.text, didYouMean(n.text, r.enum))
		return false
	case r.pattern != nil && !r.pattern.MatchString(n.text),
		r.min > 0 && length < r.min, r.max > 0 && length > r.max:
		d.report.at(n, "%q cannot be used: %s", shorten(n.text), r.says)
		return false
	}
	return true
}

func describe(n *node) string {
	if n.scalar() {
		return string(n.kind) + " (" + shorten(n.text) + ")"
	}
	return string(n.kind)
}

// shorten keeps a hostile value from filling the screen.
func shorten(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

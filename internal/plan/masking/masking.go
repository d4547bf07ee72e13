// Package masking replaces secrets in what CloudFormation reports of a change, before anything is stored or shown.
// It does not decide what a change means, and it never hashes a secret: guessing the hashed value would reveal it.
package masking

import (
	"encoding/json"
	"slices"
	"strings"

	"stackgate/internal/plan/jsontree"
)

// Version names the rules. It enters the review digest, so that a review made under other rules is another review.
const Version = "1"

// Masker applies the rules to the values of one change set and remembers what it hid, so that the same secret is found
// where no rule would look for it. It is not safe for concurrent use.
type Masker struct {
	secrets map[string]bool
	scrub   *strings.Replacer
	// starts holds the first bytes of the secrets; a text without any of them needs no replacing.
	starts map[[minSecret]byte]bool
	first  [256]bool
	// names and variables remember what SensitiveName and SensitiveVariable said: the same few names come again and again.
	names, variables map[string]bool
}

// minSecret is the length, in bytes, from which a value is searched for. Shorter ones would be found everywhere.
const minSecret = 6

// New makes a masker that knows some secrets already: values of NoEcho parameters, for example.
func New(secrets ...string) *Masker {
	m := &Masker{secrets: map[string]bool{}, names: map[string]bool{}, variables: map[string]bool{}}
	for _, secret := range secrets {
		if len(secret) >= minSecret && !allStars(secret) {
			m.secrets[secret] = true
		}
	}
	return m
}

// Resource masks the tree of a resource, with documents already expanded. Everything at or below a tainted JSON pointer
// is hidden whole.
func (m *Masker) Resource(resourceType string, tree any, tainted []string) any {
	return m.value(place{resourceType: resourceType, tainted: tainted}, tree)
}

// Value masks one value that stands at a JSON pointer of a resource.
func (m *Masker) Value(resourceType, pointer string, value any, tainted []string) any {
	p := place{resourceType: resourceType, tainted: tainted}
	for token := range jsontree.Steps(pointer) {
		p = p.member(token)
	}
	return m.value(p, value)
}

// Parameter masks the value of a stack parameter that is not NoEcho.
func (m *Masker) Parameter(name, value string) (text string, sensitive bool) {
	switch masked := m.leaf(place{name: name}, value).(type) {
	case jsontree.Masked:
		return masked.Text, true
	default:
		return value, false
	}
}

// Hide remembers a value as a secret wherever it occurs.
func (m *Masker) Hide(value string) {
	if len(value) >= minSecret && !allStars(value) {
		m.secrets[value], m.scrub = true, nil
	}
}

// Text masks a text of any origin: reasons, descriptions, names. It hides the secrets that the masker has met, and what
// is a secret by its form.
func (m *Masker) Text(text string) string {
	return m.scrubText(hideFormats(text))
}

// Again hides, in a tree that was masked, the secrets that the masker met after that.
func (m *Masker) Again(tree any) any {
	if len(m.secrets) == 0 {
		return tree
	}
	switch v := tree.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = m.Again(member)
		}
	case []any:
		for i, element := range v {
			v[i] = m.Again(element)
		}
	case jsontree.Document:
		return jsontree.Document{Value: m.Again(v.Value)}
	case jsontree.Masked:
		if text := m.scrubText(v.Text); text != v.Text {
			return jsontree.Mask(text, v.Text)
		}
	case string:
		if text := m.scrubText(v); text != v {
			return jsontree.Mask(text, v)
		}
	}
	return tree
}

// Script masks a piece of text that may be anything: beside what Text hides, the values that it assigns to sensitive
// names, and what looks like a random key.
func (m *Masker) Script(text string) string {
	return m.scrubText(hideRandom(hideAssignments(hideFormats(text))))
}

func (m *Masker) scrubText(text string) string {
	if len(m.secrets) == 0 {
		return text
	}
	if m.scrub == nil {
		known := make([]string, 0, len(m.secrets))
		for secret := range m.secrets {
			known = append(known, secret)
		}
		// The longest first: a secret that begins with another must not leave its end behind.
		slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) })
		pairs := make([]string, 0, 2*len(known))
		for _, secret := range known {
			pairs = append(pairs, secret, hidden)
		}
		m.scrub = strings.NewReplacer(pairs...)
		m.starts, m.first = map[[minSecret]byte]bool{}, [256]bool{}
		for _, secret := range known {
			m.starts[[minSecret]byte([]byte(secret[:minSecret]))] = true
			m.first[secret[0]] = true
		}
	}
	for i := 0; i+minSecret <= len(text); i++ {
		if m.first[text[i]] && m.starts[[minSecret]byte([]byte(text[i:i+minSecret]))] {
			return m.scrub.Replace(text)
		}
	}
	return text
}

// place is where in a resource a value stands.
type place struct {
	resourceType string
	pointer      string
	// name is the nearest member name; list elements have that of their list.
	name string
	// environment, script: the value is, or is inside, an environment block or a piece of program text.
	environment, script bool
	tainted             []string
}

// places says whether it matters where in the resource a value stands, and not only what it is called.
func (p place) places() bool { return len(p.tainted) > 0 || typedSecrets[p.resourceType] != "" }

func (p place) member(name string) place {
	if p.places() {
		p.pointer = jsontree.Join(p.pointer, name)
	}
	p.name = name
	switch name {
	case "Environment", "EnvironmentVariables", "Variables", "EnvironmentVariable", "ContainerEnvironment":
		p.environment = true
	case "UserData", "ZipFile", "InlineCode", "Command", "EntryPoint", "Commands", "commands", "command", "content", "Content",
		"OnCreate", "OnStart", "BuildSpec", "Metadata", "AWS::CloudFormation::Init", "FunctionCode", "DefaultArguments":
		p.script = true
	}
	return p
}

func (p place) element(index int) place {
	if p.places() {
		p.pointer = jsontree.JoinIndex(p.pointer, index)
	}
	return p
}

func (p place) isTainted() bool {
	return slices.ContainsFunc(p.tainted, func(root string) bool { return jsontree.Within(p.pointer, root) })
}

// typedSecrets are the properties that hold a secret without saying so in their name. It is never written to.
var typedSecrets = map[string]string{
	"AWS::ApiGateway::ApiKey":     "/Properties/Value",
	"AWS::IAM::ServerCertificate": "/Properties/PrivateKey",
	"AWS::EC2::KeyPair":           "/Properties/KeyMaterial",
}

func typedSecret(resourceType, pointer string) bool {
	return pointer != "" && typedSecrets[resourceType] == pointer
}

func (m *Masker) value(p place, value any) any {
	switch v := value.(type) {
	case map[string]any:
		return m.object(p, v)
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = m.value(p.element(i), element)
		}
		return out
	case jsontree.Document:
		if m.sensitive(p) {
			jsontree.Walk(v.Value, func(_ string, part any) bool {
				if text, ok := part.(string); ok {
					m.hide(text)
				}
				return true
			})
			return m.hide(jsontree.Canonical(v.Value))
		}
		return jsontree.Document{Value: m.value(p, v.Value)}
	case string:
		return m.leaf(p, v)
	case json.Number:
		if m.sensitive(p) {
			return m.hide(v.String())
		}
	case bool, nil:
		if p.isTainted() && value != nil {
			return jsontree.Mask(hidden, jsontree.Canonical(v))
		}
	}
	return value
}

// object masks the members by their own names, and the value of a name-and-value pair by the name that it is paired with.
func (m *Masker) object(p place, object map[string]any) any {
	out := make(map[string]any, len(object))
	paired, isPair := pairedName(object)
	for key, member := range object {
		at := p.member(key)
		if isPair && (key == "Value" || key == "ParameterValue" || key == "value") {
			at.name = paired
		}
		out[key] = m.value(at, member)
	}
	return out
}

func pairedName(object map[string]any) (string, bool) {
	for _, key := range []string{"Name", "name", "Key", "ParameterName", "ParameterKey", "OptionName"} {
		if name, ok := object[key].(string); ok {
			return name, true
		}
	}
	return "", false
}

func (m *Masker) sensitive(p place) bool {
	if p.isTainted() || typedSecret(p.resourceType, p.pointer) || remembered(m.names, p.name, SensitiveName) {
		return true
	}
	return p.environment && remembered(m.variables, p.name, SensitiveVariable)
}

func remembered(known map[string]bool, name string, judge func(string) bool) bool {
	verdict, ok := known[name]
	if !ok {
		verdict = judge(name)
		known[name] = verdict
	}
	return verdict
}

// leaf masks a string.
func (m *Masker) leaf(p place, text string) any {
	if p.isTainted() && text != "" && text != "{{changeSet:KNOWN_AFTER_APPLY}}" {
		return m.hide(text)
	}
	if allStars(text) {
		return jsontree.Mask(hidden, text)
	}
	if noSecret(text) {
		return text
	}
	if m.sensitive(p) {
		return m.hide(text)
	}
	shown := hideFormats(text)
	if p.script || p.environment || strings.Contains(text, "\n") || strings.Contains(text, ";") {
		shown = hideAssignments(shown)
	}
	if p.script || p.environment && !hashName(p.name) || p.resourceType == "AWS::SSM::Parameter" && p.name == "Value" {
		shown = hideRandom(shown)
	}
	if shown != text {
		return jsontree.Mask(shown, text)
	}
	return text
}

// hide masks a value whole and remembers it, unless it is a word that would be found by chance.
func (m *Masker) hide(text string) any {
	if len(text) >= 8 && !isWord(text) {
		m.Hide(text)
	}
	return jsontree.Mask(hidden, text)
}

func isWord(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
}

// hashName says whether a variable holds a content hash or an id by its name.
func hashName(name string) bool {
	words := nameWords(name)
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "hash", "digest", "sha", "sha256", "checksum", "commit", "revision", "version", "etag", "tag", "image", "arn", "id",
		"url", "uri", "bucket", "table", "queue", "topic", "name", "fingerprint", "object", "artifact":
		return true
	}
	return false
}

// allStars recognises what CloudFormation itself prints for a hidden value. A single star is a wildcard.
func allStars(text string) bool {
	return len(text) >= 4 && strings.Trim(text, "*") == ""
}

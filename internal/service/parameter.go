package service

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// parameter is a parameter as its template declares it.
type parameter struct {
	kind        string
	origin      Origin
	noEcho      bool
	hasFallback bool
	// fallback is the template's default, where hasFallback says that there is one.
	fallback       string
	allowed        []string
	pattern        *regexp.Regexp
	patternText    string
	minLength      *big.Rat
	maxLength      *big.Rat
	minValue       *big.Rat
	maxValue       *big.Rat
	constraintText string
}

// CloudFormation quotas: parameter values have at most 4,096 bytes, templates at most 200 parameters.
const (
	maxParameterBytes = 4096
	maxParameters     = 200
)

var parameterKeys = []string{
	"Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength",
	"MinValue", "MaxValue", "NoEcho",
}

var parameterName = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// declaredParameters reads a template's Parameters section.
func declaredParameters(section *node, r *report) map[string]parameter {
	declared := map[string]parameter{}
	if section == nil || section.kind == nullKind {
		return declared
	}
	if section.kind != mapKind {
		r.at(section, "want a map of parameters, got %s", describe(section))
		return declared
	}
	if len(section.entries) > maxParameters {
		r.at(section, "%d parameters are more than CloudFormation's %d", len(section.entries), maxParameters)
	}
	for _, e := range section.entries {
		if !parameterName.MatchString(e.key) {
			r.add(e.at, e.value.path, "a parameter's name has 1 to 255 letters and digits and nothing else")
		}
		if e.value.kind != mapKind {
			r.at(e.value, "want a map with a Type, got %s", describe(e.value))
			continue
		}
		declared[e.key] = declaredParameter(e, r)
	}
	return declared
}

func declaredParameter(e entry, r *report) parameter {
	p := parameter{origin: e.at, kind: "String"}
	for _, attribute := range e.value.entries {
		if !slices.Contains(parameterKeys, attribute.key) {
			r.add(attribute.at, attribute.value.path, "CloudFormation knows no such key of a parameter%s", didYouMean(attribute.key, parameterKeys))
		}
	}
	if kind := e.value.get("Type"); kind == nil || kind.kind != textKind {
		r.add(e.at, e.value.path, "a parameter needs a Type, as String or Number")
	} else {
		p.kind = kind.text
	}
	if fallback := e.value.get("Default"); fallback != nil {
		p.hasFallback = true
		p.fallback = templateScalar(fallback, r)
	}
	if allowed := e.value.get("AllowedValues"); allowed != nil {
		for _, item := range allowed.items {
			p.allowed = append(p.allowed, templateScalar(item, r))
		}
	}
	if pattern := e.value.get("AllowedPattern"); pattern != nil {
		p.patternText = pattern.text
		// CloudFormation reads patterns as java.util.regex does. What Go's RE2 does not know (look-around, back-references)
		// is left to CloudFormation, which checks every value again.
		if compiled, err := regexp.Compile(`^(?:` + pattern.text + `)$`); err == nil {
			p.pattern = compiled
		}
	}
	if text := e.value.get("ConstraintDescription"); text != nil {
		p.constraintText = text.text
	}
	if noEcho := e.value.get("NoEcho"); noEcho != nil {
		p.noEcho = strings.EqualFold(noEcho.text, "true")
	}
	p.minLength, p.maxLength = bound(e.value, "MinLength", r), bound(e.value, "MaxLength", r)
	p.minValue, p.maxValue = bound(e.value, "MinValue", r), bound(e.value, "MaxValue", r)
	return p
}

func bound(n *node, key string, r *report) *big.Rat {
	value := n.get(key)
	if value == nil {
		return nil
	}
	number, ok := parseNumber(value.text)
	if !ok {
		r.at(value, "want a number, got %s", describe(value))
		return nil
	}
	return number
}

// templateScalar reads a scalar as CloudFormation does, which reads YAML 1.1: an unquoted yes, no, on or off is a
// boolean there, and becomes the text true or false.
func templateScalar(n *node, r *report) string {
	if n.kind == textKind && !n.quoted && legacyBoolean.MatchString(n.text) {
		r.at(n, "CloudFormation reads an unquoted %s as true or false; put it in quotes", n.text)
	}
	if !n.scalar() {
		r.at(n, "want text or a number, got %s", describe(n))
	}
	return n.text
}

var legacyBoolean = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$`)

var numberText = regexp.MustCompile(`^[-+]?[0-9]{1,40}(\.[0-9]{1,40})?$`)

// parseNumber reads a number exactly. Exponents are refused: 1e999999999 would take all memory.
func parseNumber(s string) (*big.Rat, bool) {
	if !numberText.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// list says whether values of the parameter are lists, which CloudFormation splits at commas.
func (p parameter) list() bool {
	return p.kind == "CommaDelimitedList" || strings.HasPrefix(p.kind, "List<")
}

// stored says whether the value is the name of a value in Parameter Store; constraints are then for CloudFormation,
// which alone sees the value.
func (p parameter) stored() bool { return strings.HasPrefix(p.kind, "AWS::SSM::Parameter::") }

var dynamicReference = regexp.MustCompile(`^\{\{resolve:(secretsmanager|ssm-secure|ssm):[^{}]+\}\}$`)

// checkParameter reports what is wrong with a value that is given to a parameter.
func checkParameter(declared map[string]parameter, templatePath, name, value string, at Origin, path string, r *report) {
	p, ok := declared[name]
	if !ok {
		hint := didYouMean(name, slices.Collect(maps.Keys(declared)))
		r.add(at, path, "template %s declares no parameter %q%s; where it is inherited, null removes it", templatePath, shorten(name), hint)
		return
	}
	if len(value) > maxParameterBytes {
		r.add(at, path, "the value has %d bytes, more than CloudFormation's %d", len(value), maxParameterBytes)
		return
	}
	reference := dynamicReference.MatchString(value)
	if p.noEcho && !reference {
		r.add(at, path, "template %s declares %s as NoEcho, so its value is a secret and must not stand here; give a reference, as {{resolve:secretsmanager:NAME}}", templatePath, name)
		return
	}
	if p.stored() || reference {
		return
	}
	values := []string{value}
	if p.list() {
		values = strings.Split(value, ",")
	}
	for _, v := range values {
		if problem := p.refuses(strings.TrimSpace(v), v); problem != "" {
			if p.constraintText != "" {
				problem += " (" + p.constraintText + ")"
			}
			r.add(at, path, "template %s does not take %q: %s", templatePath, shorten(v), problem)
		}
	}
}

// refuses says why a single value is not taken; "" where it is.
func (p parameter) refuses(trimmed, value string) string {
	if p.list() {
		value = trimmed
	}
	if p.kind == "Number" || p.kind == "List<Number>" {
		number, ok := parseNumber(value)
		switch {
		case !ok:
			return "it is not a number"
		case p.minValue != nil && number.Cmp(p.minValue) < 0:
			return "it is below MinValue " + p.minValue.RatString()
		case p.maxValue != nil && number.Cmp(p.maxValue) > 0:
			return "it is above MaxValue " + p.maxValue.RatString()
		}
	}
	length := new(big.Rat).SetInt64(int64(utf8.RuneCountInString(value)))
	switch {
	case len(p.allowed) > 0 && !slices.Contains(p.allowed, value):
		return "AllowedValues has it not" + didYouMean(value, p.allowed)
	case p.pattern != nil && !p.pattern.MatchString(value):
		return fmt.Sprintf("it does not match AllowedPattern %s", p.patternText)
	case p.minLength != nil && length.Cmp(p.minLength) < 0:
		return fmt.Sprintf("it has %s characters, MinLength is %s", length.RatString(), p.minLength.RatString())
	case p.maxLength != nil && length.Cmp(p.maxLength) > 0:
		return fmt.Sprintf("it has %s characters, MaxLength is %s", length.RatString(), p.maxLength.RatString())
	}
	return ""
}

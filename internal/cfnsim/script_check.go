package cfnsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackgate/internal/cfnsim/template"
)

// keyRule says what a key of a script may hold. A script that would silently do nothing is refused.
type keyRule struct {
	// words are the values that mean something, nil for any.
	words []string
	check func(text string) error
	// keys are those of the map that the key holds, or of each map in a list.
	keys map[string]keyRule
}

var (
	anyText     = keyRule{}
	aDuration   = keyRule{check: checkDuration}
	aNumber     = keyRule{check: checkNumber}
	aSwitch     = keyRule{words: []string{"true", "false"}}
	failureMode = keyRule{words: []string{"fail", "warn"}}

	hookKeys = map[string]keyRule{
		"Type": anyText, "On": {words: []string{"create", "update", "delete", "changeset", "never"}}, "Mode": failureMode,
		"Status": {words: []string{"failed", "error", "succeeded"}}, "Reason": anyText, "Times": aNumber,
		"Annotations": {keys: map[string]keyRule{"Name": anyText, "Status": {words: []string{"passed", "failed", "skipped"}}, "Message": anyText,
			"Remediation": anyText, "Link": anyText, "Severity": {words: []string{"informational", "low", "medium", "high", "critical"}}}},
	}

	resourceScriptKeys = map[string]keyRule{
		"FailOn": {words: []string{"create", "update", "delete", "rollback", "never"}}, "Reason": anyText, "After": aDuration, "Times": aNumber, "Replace": aSwitch,
		"Hook":       {keys: hookKeys},
		"Validation": {keys: map[string]keyRule{"Name": anyText, "Mode": failureMode, "Path": anyText, "Reason": anyText, "On": {words: []string{"changeset", "never"}}}},
	}

	templateScriptKeys = map[string]keyRule{
		"FailOn": {words: []string{"create", "update", "never"}}, "Reason": anyText, "Times": aNumber, "Hook": {keys: hookKeys},
		"Transform": {keys: map[string]keyRule{"Name": anyText, "Reason": anyText}},
		"Events":    {keys: map[string]keyRule{"Late": aDuration, "Twice": aSwitch}},
	}
)

func checkDuration(text string) error {
	if _, err := time.ParseDuration(text); err != nil {
		return fmt.Errorf("%q is not a duration such as 5s", text)
	}
	return nil
}

func checkNumber(text string) error {
	if _, err := strconv.Atoi(text); err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	return nil
}

// checkScripts refuses scripts with words that mean nothing. Values that are functions are known only later, and then
// mean nothing where they are no known word.
func checkScripts(parsed *template.Template) error {
	if err := checkScript(simulated(parsed.Metadata), templateScriptKeys, "/Metadata/"+SimulateKey); err != nil {
		return err
	}
	for _, id := range sortedIDs(parsed.Resources) {
		if err := checkScript(simulated(parsed.Resources[id].Metadata), resourceScriptKeys, "/Resources/"+id+"/Metadata/"+SimulateKey); err != nil {
			return err
		}
	}
	return nil
}

func checkScript(script map[string]any, keys map[string]keyRule, path string) error {
	if isFunction(script) {
		return nil
	}
	for _, key := range sortedIDs(script) {
		rule, known := keys[key]
		if !known {
			return scriptError("[%s] unknown key %q; known are %s", path, key, enumerate(sortedIDs(keys)))
		}
		if err := rule.checkValue(script[key], path+"/"+key); err != nil {
			return err
		}
	}
	return nil
}

func (r keyRule) checkValue(value any, path string) error {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := r.checkValue(item, path); err != nil {
				return err
			}
		}
	case map[string]any:
		if r.keys == nil && !isFunction(v) {
			return scriptError("[%s] must be text", path)
		}
		return checkScript(v, r.keys, path)
	case string:
		switch {
		case r.keys != nil:
			return scriptError("[%s] must be a map with %s", path, enumerate(sortedIDs(r.keys)))
		case r.words != nil && v != "" && !slices.Contains(r.words, strings.ToLower(v)):
			return scriptError("[%s] unknown word %q; known are %s", path, v, enumerate(r.words))
		case r.check != nil:
			if err := r.check(v); err != nil {
				return scriptError("[%s] %v", path, err)
			}
		}
	}
	return nil
}

func scriptError(format string, args ...any) error {
	return &template.Error{Message: "Template error: " + fmt.Sprintf(format, args...)}
}

// isFunction says whether a map is an intrinsic function, whose value is not known yet.
func isFunction(m map[string]any) bool {
	if len(m) != 1 {
		return false
	}
	for key := range m {
		return key == "Ref" || strings.HasPrefix(key, "Fn::")
	}
	return false
}

func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

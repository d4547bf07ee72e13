package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Condition is one operator and key of a statement.
type Condition struct {
	// Operator is without its set and without IfExists.
	Operator string
	// Set is ForAllValues, ForAnyValue or empty.
	Set      string
	IfExists bool
	Key      string
	Values   []string
}

// operator compares one value of a request with one of the policy.
type operator struct {
	match func(pattern, value string) bool
	// negated operators hold where no value of the policy matches, and where the request has no such key.
	negated bool
}

func equal(pattern, value string) bool { return pattern == value }

func less(limit, value string) bool {
	l, errLimit := strconv.ParseFloat(limit, 64)
	v, errValue := strconv.ParseFloat(value, 64)
	return errLimit == nil && errValue == nil && v < l
}

// operators are those that are known (IAM user guide, "IAM JSON policy elements: Condition operators").
var operators = map[string]operator{
	"StringEquals":    {match: equal},
	"StringNotEquals": {match: equal, negated: true},
	"StringLike":      {match: glob},
	"StringNotLike":   {match: glob, negated: true},
	"ArnEquals":       {match: globARN},
	"ArnLike":         {match: globARN},
	"ArnNotEquals":    {match: globARN, negated: true},
	"ArnNotLike":      {match: globARN, negated: true},
	"Bool":            {match: strings.EqualFold},
	"NumericLessThan": {match: less},
}

func newCondition(name, key string, values []string) (Condition, error) {
	c := Condition{Operator: name, Key: key, Values: values}
	for _, set := range []string{"ForAllValues", "ForAnyValue"} {
		if rest, found := strings.CutPrefix(name, set+":"); found {
			c.Set, c.Operator = set, rest
		}
	}
	if rest, found := strings.CutSuffix(c.Operator, "IfExists"); found {
		c.IfExists, c.Operator = true, rest
	}
	if _, known := operators[c.Operator]; !known && c.Operator != "Null" {
		return c, fmt.Errorf("condition operator %s is not known here", name)
	}
	if c.Operator == "Null" && (c.Set != "" || c.IfExists || len(values) != 1 || values[0] != "true" && values[0] != "false") {
		return c, fmt.Errorf("condition Null of %s wants true or false alone", key)
	}
	for _, value := range values {
		if strings.Contains(value, "${") {
			return c, fmt.Errorf("%q has a policy variable, which is not known here", value)
		}
		if strings.HasPrefix(c.Operator, "Arn") {
			if err := checkARN(value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// holds says whether the condition holds for a request. A key with several values needs a set operator: which of them
// counts without one is not defined.
func (c Condition) holds(context Context) (bool, error) {
	given, present := context.values(c.Key)
	if c.Operator == "Null" {
		return (c.Values[0] == "true") != present, nil
	}
	op := operators[c.Operator]
	if !present {
		switch {
		case c.IfExists, c.Set == "ForAllValues":
			return true, nil
		case c.Set == "ForAnyValue":
			return false, nil
		}
		return op.negated, nil
	}
	matches := func(value string) bool {
		return slices.ContainsFunc(c.Values, func(pattern string) bool { return op.match(pattern, value) }) != op.negated
	}
	switch c.Set {
	case "ForAllValues":
		return !slices.ContainsFunc(given, func(v string) bool { return !matches(v) }), nil
	case "ForAnyValue":
		return slices.ContainsFunc(given, matches), nil
	}
	if len(given) != 1 {
		return false, fmt.Errorf("%s has %d values, and %s says not which of them counts", c.Key, len(given), c.Operator)
	}
	return matches(given[0]), nil
}

// Context is what is known of a request, by condition key. Keys are the same in capitals and small letters.
type Context map[string][]string

func (c Context) values(key string) ([]string, bool) {
	for name, values := range c {
		if strings.EqualFold(name, key) {
			return values, len(values) > 0
		}
	}
	return nil, false
}

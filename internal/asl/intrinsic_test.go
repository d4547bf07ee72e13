package asl

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

const intrinsicData = `{"text": "a,b;c", "empty": "", "n": 3, "f": 2.5, "big": 9223372036854775807, "yes": true, "nil": null,
	"list": [1, "two", {"three": 3}], "object": {"a": 1, "b": {"c": 2}}, "json": "{\"x\": [1, 2.50]}", "template": "{} \\{\\} {}",
	"name with ' and (": 1, "ends": "x\\"}`

func evaluateIntrinsic(t testing.TB, source string) (any, error) {
	t.Helper()
	parsed, err := parseExpression(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return parsed.evaluate(evaluation{
		scope:  scope{data: mustValue(t, intrinsicData), context: func() any { return mustValue(t, `{"State": {"Name": "S"}}`) }},
		random: fixedRandom(),
	})
}

func TestIntrinsicResults(t *testing.T) {
	for source, want := range map[string]string{
		"States.Array()": `[]`,
		"States.Array(1, 'x', true, null, $.n, States.Array($.n))": `[1, "x", true, null, 3, [3]]`,

		"States.ArrayContains($.list, 1.0)":                                        `true`,
		"States.ArrayContains($.list, 'two')":                                      `true`,
		"States.ArrayContains($.list, '1')":                                        `false`,
		"States.ArrayContains($.list, $.list[2])":                                  `true`,
		"States.ArrayGetItem($.list, 0)":                                           `1`,
		"States.ArrayGetItem($.list, $.list[0])":                                   `"two"`,
		"States.ArrayLength($.list)":                                               `3`,
		"States.ArrayLength(States.Array())":                                       `0`,
		"States.ArrayPartition(States.Array(1,2,3,4,5), 2)":                        `[[1,2],[3,4],[5]]`,
		"States.ArrayPartition(States.Array(1,2,3), 1.6)":                          `[[1,2],[3]]`,
		"States.ArrayPartition(States.Array(), 2)":                                 `[]`,
		"States.ArrayPartition(States.Array(1), 4294967296)":                       `[[1]]`,
		"States.Format('x')":                                                       `"x"`,
		"States.Format('')":                                                        `""`,
		"States.Format('{} is {}, {}, {}', $.text, $.n, $.yes, $.nil)":             `"a,b;c is 3, true, null"`,
		"States.Format('{}', 1.50)":                                                `"1.50"`,
		"States.Format('{}{}', 'a', 'b')":                                          `"ab"`,
		`States.Format('\{\} it\'s \\ {}', 1)`:                                     `"{} it's \\ 1"`,
		"States.Format($.template, 1, 2)":                                          `"1 {} 2"`,
		"States.Format('{}', $$.State.Name)":                                       `"S"`,
		"States.Format('{}', States.Format('<{}>', $.n))":                          `"<3>"`,
		"States.Hash('abc', 'MD5')":                                                `"900150983cd24fb0d6963f7d28e17f72"`,
		"States.Hash('abc', 'SHA-1')":                                              `"a9993e364706816aba3e25717850c26c9cd0d89d"`,
		"States.Hash('abc', 'SHA-256')":                                            `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`,
		"States.Hash('abc', 'SHA-384')":                                            `"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"`,
		"States.Hash('abc', 'SHA-512')":                                            `"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"`,
		"States.JsonMerge($.object, States.StringToJson('\\{\"b\": 9\\}'), false)": `{"a": 1, "b": 9}`,
		"States.JsonToString($.object)":                                            `"{\"a\":1,\"b\":{\"c\":2}}"`,
		"States.JsonToString($.text)":                                              `"\"a,b;c\""`,
		"States.StringToJson($.json)":                                              `{"x": [1, 2.50]}`,
		"States.StringToJson('null')":                                              `null`,
		"States.MathAdd($.n, -1)":                                                  `2`,
		"States.MathAdd(2.5, -2.5)":                                                `1`, // Java rounds halves up: 3 + -2
		"States.MathAdd(1e2, 0)":                                                   `100`,
		"States.MathAdd(-5, -6)":                                                   `-11`,
		"States.StringSplit($.text, ',;')":                                         `["a", "b", "c"]`,
		"States.StringSplit(',,a,,', ',')":                                         `["a"]`,
		"States.StringSplit(',,', ',')":                                            `[]`,
		"States.StringSplit('abc', '')":                                            `["abc"]`,
		"States.ArrayLength( States.Array( $['name with \\' and ('] , 2 ) )":       `2`,
		"States.Array( 'a,b)' )":                                                   `["a,b)"]`,
		"States.Array(true)":                                                       `[true]`,
		"States.Array(-0.5e-1)":                                                    `[-0.5e-1]`,
	} {
		got, err := evaluateIntrinsic(t, source)
		if err != nil || !sameJSON(encodeValue(got), want) {
			t.Errorf("%s = %s (%v), want %s", source, encodeValue(got), err, want)
		}
	}
}

func TestUUIDIsRandomVersion4(t *testing.T) {
	parsed, err := parseExpression("States.Array(States.UUID(), States.UUID())")
	if err != nil {
		t.Fatal(err)
	}
	value, err := parsed.evaluate(evaluation{random: fixedRandom()})
	if err != nil {
		t.Fatal(err)
	}
	pair := value.([]any)
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if !form.MatchString(pair[0].(string)) || !form.MatchString(pair[1].(string)) || pair[0] == pair[1] {
		t.Errorf("UUIDs %v", pair)
	}
	again, err := parsed.evaluate(evaluation{random: fixedRandom()})
	if err != nil || !equalValues(again, value) {
		t.Errorf("the same randomness gives %v (%v), gave %v", again, err, value)
	}
}

// noRandom is randomness that cannot be read.
type noRandom struct{ fixedFloat }

func (noRandom) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func TestUUIDWithoutRandomness(t *testing.T) {
	r := newRig(t)
	r.random = noRandom{}
	wantFailure(t, r.run(one(minimal[Pass]+`, "Parameters": {"id.$": "States.UUID()"}`), `{}`), ErrorIntrinsicFailure, "no entropy")
}

func TestSystemRandom(t *testing.T) {
	var a, b [16]byte
	for _, p := range [][]byte{a[:], b[:]} {
		if n, err := (SystemRandom{}).Read(p); n != 16 || err != nil {
			t.Fatal(n, err)
		}
	}
	if a == b {
		t.Error("the same bytes twice")
	}
	for range 100 {
		if f := (SystemRandom{}).Float64(); f < 0 || f >= 1 {
			t.Fatalf("%v", f)
		}
	}
}

func TestIntrinsicRefusesItsArguments(t *testing.T) {
	for source, reason := range map[string]string{
		"States.ArrayContains($.text, 1)":             "must be an array",
		"States.ArrayGetItem($.list, 3)":              "index 3 is outside of an array of 3",
		"States.ArrayGetItem($.list, -1)":             "outside",
		"States.ArrayGetItem($.list, 1.5)":            "must be an integer",
		"States.ArrayGetItem($.object, 0)":            "must be an array",
		"States.ArrayLength($.nil)":                   "must be an array",
		"States.ArrayPartition($.list, 0)":            "positive",
		"States.ArrayPartition($.list, 'x')":          "positive",
		"States.ArrayPartition($.n, 1)":               "must be an array",
		"States.Format($.n)":                          "must be a string",
		"States.Format($.template, 1)":                "2 {} for 1 values",
		"States.Format($.ends)":                       "ends in a backslash",
		"States.Format($.json)":                       "without }",
		"States.Format('{}', $.list)":                 "States.JsonToString",
		"States.Format('{}', $.object)":               "States.JsonToString",
		"States.Hash($.n, 'MD5')":                     "first argument must be a string",
		"States.Hash('x', $.n)":                       "second argument must be a string",
		"States.Hash('x', 'CRC')":                     "unknown algorithm",
		"States.JsonMerge($.list, $.object, false)":   "must be objects",
		"States.JsonMerge($.object, $.object, $.yes)": "only the top level",
		"States.MathAdd($.text, 1)":                   "must be integers",
		"States.MathAdd(1, $.nil)":                    "must be integers",
		"States.MathAdd($.big, 1)":                    "too large",
		"States.MathAdd(1e300, 1)":                    "must be integers",
		"States.StringSplit($.n, ',')":                "first argument must be a string",
		"States.StringSplit('a', $.n)":                "second argument must be a string",
		"States.StringToJson('nope')":                 "not JSON",
		"States.StringToJson($.empty)":                "not JSON",
		"States.StringToJson($.n)":                    "must be a string",
		"States.Array(States.ArrayLength($.text))":    "The function 'States.ArrayLength($.text)'",
	} {
		_, err := evaluateIntrinsic(t, source)
		var refused *intrinsicError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: error %v, want one with %q", source, err, reason)
		}
	}
	long := strings.Repeat("é", maxHashCharacters)
	if _, err := hash(evaluation{}, []any{long, "MD5"}); err != nil {
		t.Errorf("hash of %d characters: %v", maxHashCharacters, err)
	}
	if _, err := hash(evaluation{}, []any{long + "x", "MD5"}); err == nil {
		t.Errorf("hash of more than %d characters works", maxHashCharacters)
	}
}

func TestIntrinsicPathThatFindsNothing(t *testing.T) {
	_, err := evaluateIntrinsic(t, "States.Array(States.Format('{}', $.gone))")
	var missing *intrinsicPathError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v, want that a path finds nothing", err)
	}
	if want := "The function 'States.Format('{}', $.gone)' had the following error: The JsonPath argument for the field '$.gone' could not be found in the input '{"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q, want it to begin with %q", err, want)
	}
}

func TestExpressionIsRefused(t *testing.T) {
	deep := strings.Repeat("States.Array(", maxNesting+2) + strings.Repeat(")", maxNesting+2)
	for source, reason := range map[string]string{
		"":                                 "neither a path",
		"plain text":                       `function "plain" is not implemented`,
		"States.Array":                     "( is missing",
		"States.Array(1":                   "a comma or ) is missing",
		"States.Array(1 2)":                "a comma or ) is missing",
		"States.Array(,)":                  "neither a path",
		"States.Array(1,)":                 "neither a path",
		"States.Array(1) x":                "unexpected",
		"States.Array('a":                  "not closed",
		`States.Array('a\n')`:              "a backslash stands only before",
		`States.Array('a\`:                 "a backslash stands only before",
		"States.Array(\"a\")":              "neither a path",
		"States.Array($.a[*])":             "wildcard",
		"States.Array(01)":                 "a comma or ) is missing",
		"States.Array(truest)":             `function "truest" is not implemented`,
		"states.array()":                   `function "states.array" is not implemented`,
		"States.ArrayLength()":             "does not take 0 arguments",
		"States.ArrayLength(1, 2)":         "does not take 2 arguments",
		"States.UUID(1)":                   "does not take 1 arguments",
		"States.Format()":                  "does not take 0 arguments",
		"States.Format(1)":                 "the template must be a string",
		"States.Format('{}')":              "1 {} for 0 values",
		"States.Format('{', 1)":            "without }",
		"States.Format('}')":               "without {",
		"States.JsonMerge($.a, $.b, true)": "only the top level",
		deep:                               "nested deeper",
	} {
		parsed, err := parseExpression(source)
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, error %v, want one with %q", source, parsed, err, reason)
		}
	}
}

func FuzzIntrinsic(f *testing.F) {
	for _, seed := range []string{
		"States.Format('{} \\{ \\' {}', $.a, 1)", "States.Array(1, 'x', null, $.b['c'])", "States.StringToJson('[1')",
		"States.ArrayGetItem($.list, 0)", "States.MathAdd(1e308, -1)", "States.Format($.text)", "States.UUID()", "$.a", "States.JsonMerge($, $, false)",
		"States.ArrayPartition($.list, 0.4)", "States.Hash('', 'MD5')", "States.StringSplit('\xff', '\xfe')",
	} {
		f.Add(seed)
	}
	data := mustValue(f, intrinsicData)
	random := fixedRandom()
	f.Fuzz(func(t *testing.T, source string) {
		parsed, err := parseExpression(source)
		if err != nil {
			return
		}
		value, err := parsed.evaluate(evaluation{scope: scope{data: data, context: func() any { return data }}, random: random})
		if err != nil {
			return
		}
		if _, err := decodeValue(encodeValue(value)); err != nil {
			t.Fatalf("%q gives what is not JSON: %s", source, encodeValue(value))
		}
	})
}

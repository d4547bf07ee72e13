package asl

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const formatFunction = "States.Format"

// maxHashCharacters is the most that States.Hash takes.
const maxHashCharacters = 10000

// intrinsic is one intrinsic function of the States Language.
// https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
type intrinsic struct {
	name     string
	min, max int // number of arguments; max < 0 is any number
	apply    func(env evaluation, arguments []any) (any, error)
	// constants, where given, refuses constant arguments that can only fail.
	constants func(arguments []expression) error
}

func (f intrinsic) check(arguments []expression) error {
	if len(arguments) < f.min || f.max >= 0 && len(arguments) > f.max {
		return fmt.Errorf("it does not take %d arguments", len(arguments))
	}
	if f.constants != nil {
		return f.constants(arguments)
	}
	return nil
}

// intrinsicFunctions is what is implemented.
func intrinsicFunctions() []intrinsic {
	return []intrinsic{
		{name: "States.Array", max: -1, apply: array},
		{name: "States.ArrayContains", min: 2, max: 2, apply: arrayContains},
		{name: "States.ArrayGetItem", min: 2, max: 2, apply: arrayGetItem},
		{name: "States.ArrayLength", min: 1, max: 1, apply: arrayLength},
		{name: "States.ArrayPartition", min: 2, max: 2, apply: arrayPartition},
		{name: formatFunction, min: 1, max: -1, apply: format, constants: checkFormat},
		{name: "States.Hash", min: 2, max: 2, apply: hash},
		{name: "States.JsonMerge", min: 3, max: 3, apply: jsonMerge, constants: checkJSONMerge},
		{name: "States.JsonToString", min: 1, max: 1, apply: jsonToString},
		{name: "States.MathAdd", min: 2, max: 2, apply: mathAdd},
		{name: "States.StringSplit", min: 2, max: 2, apply: stringSplit},
		{name: "States.StringToJson", min: 1, max: 1, apply: stringToJSON},
		{name: "States.UUID", apply: uuid},
	}
}

func intrinsicFunction(name string) (intrinsic, bool) {
	functions := intrinsicFunctions()
	at := slices.IndexFunc(functions, func(f intrinsic) bool { return f.name == name })
	if at < 0 {
		return intrinsic{}, false
	}
	return functions[at], true
}

func intrinsicNames() []string {
	var names []string
	for _, function := range intrinsicFunctions() {
		names = append(names, function.name)
	}
	return names
}

func asArray(value any) ([]any, error) {
	if items, ok := value.([]any); ok {
		return items, nil
	}
	return nil, errors.New("the first argument must be an array")
}

func asText(value any, which string) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	return "", fmt.Errorf("the %s argument must be a string", which)
}

func array(_ evaluation, arguments []any) (any, error) { return arguments, nil }

func arrayContains(_ evaluation, arguments []any) (any, error) {
	items, err := asArray(arguments[0])
	if err != nil {
		return nil, err
	}
	return slices.ContainsFunc(items, func(item any) bool { return equalValues(item, arguments[1]) }), nil
}

func arrayGetItem(_ evaluation, arguments []any) (any, error) {
	items, err := asArray(arguments[0])
	if err != nil {
		return nil, err
	}
	index, ok := integer(arguments[1])
	if !ok {
		return nil, errors.New("the index must be an integer")
	}
	if index < 0 || index >= int64(len(items)) {
		return nil, fmt.Errorf("index %d is outside of an array of %d", index, len(items))
	}
	return items[index], nil
}

func arrayLength(_ evaluation, arguments []any) (any, error) {
	items, err := asArray(arguments[0])
	return integerValue(int64(len(items))), err
}

func arrayPartition(_ evaluation, arguments []any) (any, error) {
	items, err := asArray(arguments[0])
	if err != nil {
		return nil, err
	}
	size, err := rounded(arguments[1])
	if err != nil || size < 1 {
		return nil, errors.New("the chunk size must be a positive integer")
	}
	chunks := []any{}
	for chunk := range slices.Chunk(items, int(min(size, math.MaxInt32))) {
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

// rounded turns a number into an integer as Java's Math.round does, which AWS shows: halves go up.
func rounded(value any) (int64, error) {
	if exact, ok := integer(value); ok {
		return exact, nil
	}
	parsed, ok := number(value)
	if !ok || math.Abs(parsed) >= 1<<63 {
		return 0, errors.New("the arguments must be integers")
	}
	return int64(math.Floor(parsed + 0.5)), nil
}

func mathAdd(_ evaluation, arguments []any) (any, error) {
	a, err := rounded(arguments[0])
	if err != nil {
		return nil, err
	}
	b, err := rounded(arguments[1])
	if err != nil {
		return nil, err
	}
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return nil, errors.New("the sum is too large")
	}
	return integerValue(sum), nil
}

// format replaces each {} of the template. Step Functions writes objects and arrays in Java's notation ({a=1, b=[]}),
// which nothing can read back; they are refused here.
func format(_ evaluation, arguments []any) (any, error) {
	template, err := asText(arguments[0], "first")
	if err != nil {
		return nil, err
	}
	parts, err := splitTemplate(template)
	if err != nil {
		return nil, err
	}
	values := arguments[1:]
	if len(parts)-1 != len(values) {
		return nil, fmt.Errorf("the template has %d {} for %d values", len(parts)-1, len(values))
	}
	var text strings.Builder
	for i, part := range parts {
		text.WriteString(part)
		if i == len(values) {
			break
		}
		switch value := values[i].(type) {
		case string:
			text.WriteString(value)
		case []any, map[string]any:
			return nil, errors.New("an object or array cannot be formatted: use States.JsonToString on it")
		default:
			text.Write(encodeValue(value))
		}
	}
	return text.String(), nil
}

// splitTemplate cuts a template at its {} and resolves the escapes between them.
func splitTemplate(template string) ([]string, error) {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(template); i++ {
		switch template[i] {
		case '\\':
			i++
			if i == len(template) {
				return nil, errors.New("the template ends in a backslash")
			}
			part.WriteByte(template[i])
		case '{':
			if i++; i == len(template) || template[i] != '}' {
				return nil, errors.New(`the template has a { without }; write \{ for a brace`)
			}
			parts = append(parts, part.String())
			part.Reset()
		case '}':
			return nil, errors.New(`the template has a } without {; write \} for a brace`)
		default:
			part.WriteByte(template[i])
		}
	}
	return append(parts, part.String()), nil
}

func checkFormat(arguments []expression) error {
	constant, ok := arguments[0].(literal)
	if !ok {
		return nil
	}
	if _, isText := constant.value.(string); !isText {
		return errors.New("the template must be a string")
	}
	parts, err := splitTemplate(constant.written)
	if err == nil && len(parts) != len(arguments) {
		err = fmt.Errorf("the template has %d {} for %d values", len(parts)-1, len(arguments)-1)
	}
	return err
}

func hash(_ evaluation, arguments []any) (any, error) {
	text, err := asText(arguments[0], "first")
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(text) > maxHashCharacters {
		return nil, fmt.Errorf("the data has more than %d characters", maxHashCharacters)
	}
	algorithm, err := asText(arguments[1], "second")
	if err != nil {
		return nil, err
	}
	data := []byte(text)
	var sum []byte
	switch algorithm {
	case "MD5":
		all := md5.Sum(data)
		sum = all[:]
	case "SHA-1":
		all := sha1.Sum(data)
		sum = all[:]
	case "SHA-256":
		all := sha256.Sum256(data)
		sum = all[:]
	case "SHA-384":
		all := sha512.Sum384(data)
		sum = all[:]
	case "SHA-512":
		all := sha512.Sum512(data)
		sum = all[:]
	default:
		return nil, fmt.Errorf("unknown algorithm %s; MD5, SHA-1, SHA-256, SHA-384 and SHA-512 exist", quoted(algorithm))
	}
	return hex.EncodeToString(sum), nil
}

func jsonMerge(_ evaluation, arguments []any) (any, error) {
	first, ok := arguments[0].(map[string]any)
	second, ok2 := arguments[1].(map[string]any)
	if !ok || !ok2 {
		return nil, errors.New("the first two arguments must be objects")
	}
	if arguments[2] != false {
		return nil, errDeepMerge
	}
	merged := maps.Clone(first)
	maps.Copy(merged, second)
	return merged, nil
}

var errDeepMerge = errors.New("the third argument must be false: Step Functions merges only the top level")

func checkJSONMerge(arguments []expression) error {
	if constant, ok := arguments[2].(literal); ok && constant.value != false {
		return errDeepMerge
	}
	return nil
}

func jsonToString(_ evaluation, arguments []any) (any, error) {
	return string(encodeValue(arguments[0])), nil
}

func stringToJSON(_ evaluation, arguments []any) (any, error) {
	text, err := asText(arguments[0], "first")
	if err != nil {
		return nil, err
	}
	value, err := decodeValue([]byte(text))
	if err != nil {
		return nil, errors.New("the string is not JSON")
	}
	return value, nil
}

// stringSplit cuts at every character of the second argument and drops empty pieces, as recorded on AWS.
func stringSplit(_ evaluation, arguments []any) (any, error) {
	text, err := asText(arguments[0], "first")
	if err != nil {
		return nil, err
	}
	separators, err := asText(arguments[1], "second")
	if err != nil {
		return nil, err
	}
	pieces := []any{}
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

// uuid makes a random UUID (version 4).
func uuid(env evaluation, _ []any) (any, error) {
	var b [16]byte
	if _, err := env.random.Read(b[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	text := hex.EncodeToString(b[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-"), nil
}

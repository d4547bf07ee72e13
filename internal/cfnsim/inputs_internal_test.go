package cfnsim

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Every operation that Client offers has an input rule, every rule names members that exist, and every member that a
// rule does not name is refused when it is given.
func TestEveryInputMemberIsUnderstoodOrRefused(t *testing.T) {
	client := reflect.TypeFor[*Client]()
	offered := map[string]bool{}
	for i := range client.NumMethod() {
		method := client.Method(i)
		offered[method.Name] = true
		rule, known := inputRules[method.Name]
		if !known {
			t.Errorf("%s has no input rule", method.Name)
			continue
		}
		input := method.Type.In(2).Elem()
		for _, name := range slices.Concat(rule.required, rule.understood) {
			if _, exists := input.FieldByName(name); !exists {
				t.Errorf("%s has no member %s", input.Name(), name)
			}
		}
		for j := range input.NumField() {
			field := input.Field(j)
			if !field.IsExported() || slices.Contains(rule.required, field.Name) || slices.Contains(rule.understood, field.Name) {
				continue
			}
			in := reflect.New(input)
			in.Elem().Field(j).Set(filled(field.Type))
			if err := checkInput(method.Name, in.Interface()); err == nil || !strings.Contains(err.Error(), field.Name) {
				t.Errorf("%s.%s is neither understood nor refused: %v", input.Name(), field.Name, err)
			}
		}
	}
	for operation := range inputRules {
		if !offered[operation] {
			t.Errorf("there is a rule for %s, which Client does not offer", operation)
		}
	}
}

// Client's methods are those of the SDK's client, so that it fits every interface cut from that.
func TestClientHasTheSDKsSignatures(t *testing.T) {
	sdk, own := reflect.TypeFor[*cloudformation.Client](), reflect.TypeFor[*Client]()
	for i := range own.NumMethod() {
		method := own.Method(i)
		original, exists := sdk.MethodByName(method.Name)
		if !exists {
			t.Errorf("the SDK has no %s", method.Name)
			continue
		}
		for j := 1; j < max(method.Type.NumIn(), original.Type.NumIn()); j++ {
			if method.Type.In(j) != original.Type.In(j) {
				t.Errorf("%s takes %s, the SDK's %s", method.Name, method.Type.In(j), original.Type.In(j))
			}
		}
		for j := range method.Type.NumOut() {
			if method.Type.Out(j) != original.Type.Out(j) {
				t.Errorf("%s returns %s, the SDK's %s", method.Name, method.Type.Out(j), original.Type.Out(j))
			}
		}
	}
}

func filled(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		if t.Elem().Kind() == reflect.Bool {
			v.Elem().SetBool(true)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case reflect.String:
		v.SetString("given")
	default:
	}
	return v
}

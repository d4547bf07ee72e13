package interop_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"stackgate/internal/cfnsim"
)

// served puts the simulator behind the protocol of CloudFormation and STS (AWS Query: a form in, XML out), so that the SDK of
// another process reaches it. It knows no operation: names and members are those of the SDK's own types.
func served(t *testing.T, simulator *cfnsim.Simulator) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		action := r.PostForm.Get("Action")
		if action == "AssumeRole" {
			assumeRole(w, r.PostForm)
			return
		}
		parts := signedFor.FindStringSubmatch(r.Header.Get("Authorization"))
		if parts == nil {
			writeError(w, http.StatusForbidden, "AccessDenied", "the call is not signed with the credentials of an assumed role")
			return
		}
		answer(w, r, reflect.ValueOf(simulator.Client(parts[1], parts[2])).MethodByName(action), action)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// signedFor finds account and region in a signature: assumeRole puts the account into the key's id.
var signedFor = regexp.MustCompile(`Credential=ASIA([0-9]{12})/[0-9]{8}/([a-z0-9-]+)/cloudformation/`)

var roleAccount = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/stackgate-(plan|execute|events)-`)

func assumeRole(w http.ResponseWriter, form url.Values) {
	role := roleAccount.FindStringSubmatch(form.Get("RoleArn"))
	if role == nil || form.Get("ExternalId") == "" || form.Get("Policy") == "" {
		writeError(w, http.StatusForbidden, "AccessDenied", "not authorized to perform: sts:AssumeRole")
		return
	}
	fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA%s</AccessKeyId>`+
		`<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		role[1], time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func answer(w http.ResponseWriter, r *http.Request, method reflect.Value, action string) {
	if !method.IsValid() {
		writeError(w, http.StatusBadRequest, "InvalidAction", "there is no "+action)
		return
	}
	in := reflect.New(method.Type().In(1).Elem())
	if err := decode(in.Elem(), "", r.PostForm); err != nil {
		writeError(w, http.StatusBadRequest, "ValidationError", err.Error())
		return
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(r.Context()), in})
	if err, failed := results[1].Interface().(error); failed {
		status, code, message := http.StatusInternalServerError, "InternalFailure", err.Error()
		var named smithy.APIError
		var answered *smithyhttp.ResponseError
		if errors.As(err, &named) {
			code, message = named.ErrorCode(), named.ErrorMessage()
		}
		if errors.As(err, &answered) {
			status = answered.HTTPStatusCode()
		}
		writeError(w, status, code, message)
		return
	}
	var out strings.Builder
	encode(&out, action+"Result", results[0].Elem())
	fmt.Fprintf(w, `<%sResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">%s<ResponseMetadata><RequestId>request</RequestId></ResponseMetadata></%sResponse>`, action, out.String(), action)
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>request</RequestId></ErrorResponse>", code, escaped(message))
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

// encode writes a value as an element: lists as members, times as ISO 8601, and nothing where there is nothing.
func encode(out *strings.Builder, name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	text := ""
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		text = v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.000Z")
	case v.Kind() == reflect.Struct:
		fmt.Fprintf(out, "<%s>", name)
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
				encode(out, field.Name, v.Field(i))
			}
		}
		fmt.Fprintf(out, "</%s>", name)
		return
	case v.Kind() == reflect.Slice:
		if v.IsNil() {
			return
		}
		fmt.Fprintf(out, "<%s>", name)
		for i := range v.Len() {
			encode(out, "member", v.Index(i))
		}
		fmt.Fprintf(out, "</%s>", name)
		return
	case v.Kind() == reflect.Map:
		fmt.Fprintf(out, "<%s>", name)
		for _, key := range v.MapKeys() {
			fmt.Fprintf(out, "<entry><key>%s</key>", escaped(key.String()))
			encode(out, "value", v.MapIndex(key))
			out.WriteString("</entry>")
		}
		fmt.Fprintf(out, "</%s>", name)
		return
	default:
		text = fmt.Sprint(v.Interface())
		if v.Kind() == reflect.String && text == "" {
			return
		}
	}
	fmt.Fprintf(out, "<%s>%s</%s>", name, escaped(text), name)
}

// decode reads a value from the form's fields below a prefix, and refuses fields that the type does not have.
func decode(v reflect.Value, prefix string, form url.Values) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return decode(v.Elem(), prefix, form)
	}
	switch v.Kind() {
	case reflect.Struct:
		known := []string{"Action", "Version"}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			known = append(known, field.Name)
			if key := below(prefix, field.Name); given(form, key) {
				if err := decode(v.Field(i), key, form); err != nil {
					return err
				}
			}
		}
		for key := range form {
			rest, inside := strings.CutPrefix(key, prefix)
			if name, _, _ := strings.Cut(strings.TrimPrefix(rest, "."), "."); inside && !slices.Contains(known, name) {
				return fmt.Errorf("there is no field %s", key)
			}
		}
	case reflect.Slice:
		for i := 1; given(form, fmt.Sprintf("%s.member.%d", prefix, i)); i++ {
			element := reflect.New(v.Type().Elem()).Elem()
			if err := decode(element, fmt.Sprintf("%s.member.%d", prefix, i), form); err != nil {
				return err
			}
			v.Set(reflect.Append(v, element))
		}
	case reflect.String:
		v.SetString(form.Get(prefix))
	case reflect.Bool:
		v.SetBool(form.Get(prefix) == "true")
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(form.Get(prefix), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", prefix, err)
		}
		v.SetInt(n)
	default:
		return fmt.Errorf("%s is of a kind that this server does not read", prefix)
	}
	return nil
}

func below(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func given(form url.Values, key string) bool {
	for name := range form {
		if name == key || strings.HasPrefix(name, key+".") {
			return true
		}
	}
	return false
}

package cfn

import (
	"reflect"

	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
)

// scrubbed runs every text of the finished document past the masker once more: a secret that stands where no rule looks,
// in a description or a reason, is found by its form, or because it was met elsewhere. The document that comes back
// shares nothing with the caller's.
func scrubbed(r plan.Review, m *masking.Masker) (plan.Review, error) {
	encoded, err := plan.Encode(r)
	if err != nil {
		return plan.Review{}, err
	}
	own, err := plan.Decode(encoded)
	if err != nil {
		return plan.Review{}, err
	}
	scrubValue(reflect.ValueOf(&own).Elem(), m)
	return own, nil
}

// scrubValue masks the strings of a value in place. Map keys are impacts and levels, which are no text.
func scrubValue(v reflect.Value, m *masking.Masker) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(m.Text(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scrubValue(v.Elem(), m)
		}
	case reflect.Slice:
		for i := range v.Len() {
			scrubValue(v.Index(i), m)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scrubValue(v.Field(i), m)
		}
	}
}

package cfn

import (
	"reflect"
	"slices"

	"stackgate/internal/plan"
	"stackgate/internal/plan/masking"
)

// scrubbed runs every text of the finished document past the masker once more: a secret that stands where no rule looks,
// in a description or a reason, is found by its form, or because it was met elsewhere. What the caller handed in is not
// changed.
func scrubbed(r plan.Review, m *masking.Masker) plan.Review {
	if r.Deployment != nil {
		own := *r.Deployment
		if own.Previous != nil {
			previous := *own.Previous
			own.Previous = &previous
		}
		r.Deployment = &own
	}
	r.Findings, r.Limits = slices.Clone(r.Findings), slices.Clone(r.Limits)
	r.Completeness.Warnings = slices.Clone(r.Completeness.Warnings)
	r = r.Normalised()
	scrubValue(reflect.ValueOf(&r).Elem(), m)
	return r
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

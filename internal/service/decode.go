package service

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// decoder reads nodes into the raw types, strictly: unknown keys, wrong kinds and missing keys are all reported, each
// with its place. No YAML library reports more than the first.
type decoder struct {
	report *report
	// merged nodes come from files that were read before, so that their unknown keys are known.
	merged bool
}

// moved says where keys belong that people write from memory of other tools, or of an earlier draft.
var moved = map[string]string{
	"required":    "write approval.when: always, dangerous or never",
	"account":     "accounts are set in project.yaml, environments.E.account",
	"region":      "regions are set in project.yaml, environments.E.region",
	"policy":      "policies are set in project.yaml, environments.E.policy, and tightened in a service",
	"enabled":     "it stands in a service's environments.E",
	"environment": "write environments",
	"name":        "write service",
	"stackGroup":  "it stands at the top of a service's file, once for all environments",
	"stackGroups": "it stands in project.yaml under installation",
	"extends":     "there is no inheritance between services; use defaults in project.yaml",
}

// decode reads a node into the value, which is a raw struct, a map, a list or a leaf.
func (d decoder) decode(n *node, into reflect.Value, nullable bool) {
	if n.kind == nullKind {
		d.checkNull(n, nullable)
		return
	}
	t := into.Type()
	if form, leaf := formOf(t); leaf {
		d.decodeLeaf(n, into, form)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, into)
	case reflect.Map:
		if n.kind != mapKind {
			d.report.at(n, "want a map of keys, got %s", describe(n))
			return
		}
		into.Set(reflect.MakeMapWithSize(t, len(n.entries)))
		for _, e := range n.entries {
			value := reflect.New(t.Elem()).Elem()
			d.decode(e.value, value, nullable)
			if e.value.kind != nullKind {
				into.SetMapIndex(reflect.ValueOf(e.key), value)
			}
		}
	case reflect.Slice:
		if n.kind != listKind {
			d.report.at(n, "want a list, got %s; write [%s]", describe(n), shorten(n.text))
			return
		}
		into.Set(reflect.MakeSlice(t, len(n.items), len(n.items)))
		for i, item := range n.items {
			d.decode(item, into.Index(i), false)
		}
	}
}

func (d decoder) checkNull(n *node, nullable bool) {
	switch {
	case !nullable && n.text == "":
		d.report.at(n, "the key has no value; give it one or remove it")
	case !nullable:
		d.report.at(n, "null removes nothing here; give the key a value or remove it")
	case n.text == "":
		d.report.at(n, `the key has no value; write null to remove what is inherited, or "" for empty text`)
	}
}

func (d decoder) decodeStruct(n *node, into reflect.Value) {
	if n.kind != mapKind {
		d.report.at(n, "want a map of keys, got %s", describe(n))
		return
	}
	fields := structs[into.Type()]
	for _, e := range n.entries {
		f, known := fields[e.key]
		if !known {
			if !d.merged {
				d.unknownKey(e, fields)
			}
			continue
		}
		d.decode(e.value, into.FieldByIndex(f.index), f.nullable)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fields[name].required && !slices.Contains(n.keys(), name) {
			d.report.add(n.origin, n.path, "the key %q is missing; add it", name)
		}
	}
}

func (d decoder) unknownKey(e entry, fields map[string]field) {
	var known []string
	for name, f := range fields {
		if !f.promised {
			known = append(known, name)
		}
	}
	hint := didYouMean(e.key, known)
	if advice, ok := moved[e.key]; ok {
		hint = "; " + advice
	}
	d.report.add(e.at, e.value.path, "unknown key %q%s", shorten(e.key), hint)
}

// field is how a key of a struct is read.
type field struct {
	index    []int
	required bool
	// nullable keys may be null, which removes what is inherited; so may the keys of maps below them.
	nullable bool
	// promised keys are known and refused.
	promised bool
}

// structs holds the keys of every raw struct, those of embedded structs included.
var structs = map[reflect.Type]map[string]field{
	reflect.TypeFor[rawProject]():            fieldsOf(reflect.TypeFor[rawProject]()),
	reflect.TypeFor[rawInstallation]():       fieldsOf(reflect.TypeFor[rawInstallation]()),
	reflect.TypeFor[rawEnvironment]():        fieldsOf(reflect.TypeFor[rawEnvironment]()),
	reflect.TypeFor[rawPolicy]():             fieldsOf(reflect.TypeFor[rawPolicy]()),
	reflect.TypeFor[rawApproval]():           fieldsOf(reflect.TypeFor[rawApproval]()),
	reflect.TypeFor[rawService]():            fieldsOf(reflect.TypeFor[rawService]()),
	reflect.TypeFor[rawServiceEnvironment](): fieldsOf(reflect.TypeFor[rawServiceEnvironment]()),
	reflect.TypeFor[rawSettings]():           fieldsOf(reflect.TypeFor[rawSettings]()),
	reflect.TypeFor[rawTimeouts]():           fieldsOf(reflect.TypeFor[rawTimeouts]()),
	reflect.TypeFor[rawSecret]():             fieldsOf(reflect.TypeFor[rawSecret]()),
	reflect.TypeFor[rawIdentity]():           fieldsOf(reflect.TypeFor[rawIdentity]()),
}

var identityType = reflect.TypeFor[rawIdentity]()

// inherited are the structs whose keys stand in several layers.
var inherited = []reflect.Type{reflect.TypeFor[rawSettings](), reflect.TypeFor[rawTimeouts](), reflect.TypeFor[rawSecret]()}

func fieldsOf(t reflect.Type) map[string]field {
	fields := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		owner := t
		if len(f.Index) > 1 {
			owner = t.FieldByIndex(f.Index[:len(f.Index)-1]).Type
		}
		fields[name] = field{
			index:    f.Index,
			required: options != "omitempty",
			nullable: slices.Contains(inherited, owner),
			promised: f.Type == reflect.TypeFor[unimplemented](),
		}
	}
	return fields
}

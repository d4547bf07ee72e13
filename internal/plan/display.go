package plan

import (
	"strconv"
	"strings"
)

// Placeholders for values that cannot be printed. They are never quoted, so that no string value can be taken for one.
const (
	TextSensitive   = "(sensitive)"
	TextChanged     = "(sensitive, changed)"
	TextUnchanged   = "(sensitive, unchanged?)"
	TextKnownLater  = "(known after apply)"
	TextNotReported = "(not reported)"
	TextAbsent      = "(none)"
)

// KnownAfterApply is what CloudFormation puts in the place of a value that it learns only while it runs. It stands alone
// or inside a longer string.
const KnownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// BeforeText is the old value as every renderer prints it: strings in quotes, the rest as JSON, or a placeholder in
// brackets. It is not shortened and not escaped for any medium.
func (p Property) BeforeText() string {
	return valueText(p.Before, p.Encoding, p.Sensitive, p.Change == ChangeAdd)
}

// AfterText is the new value, in the form of BeforeText.
func (p Property) AfterText() string {
	if p.Sensitive && p.Change == ChangeModify {
		return TextChanged
	}
	if p.Sensitive && p.Change == ChangeNone {
		return TextUnchanged
	}
	if p.After == nil && p.KnownAfterApply {
		return TextKnownLater
	}
	return valueText(p.After, p.Encoding, p.Sensitive, p.Change == ChangeRemove)
}

func valueText(value *string, encoding Encoding, sensitive, absent bool) string {
	switch {
	case absent:
		return TextAbsent
	case sensitive:
		return TextSensitive
	case value == nil:
		return TextNotReported
	case *value == KnownAfterApply:
		return TextKnownLater
	case encoding == EncodingJSON:
		return Later(*value)
	}
	return quoteText(*value)
}

// Later writes the marker of what CloudFormation learns while it runs as people read it: as the placeholder where it is
// a whole JSON string, and inside the quotes where it is part of a longer one.
func Later(text string) string {
	text = strings.ReplaceAll(text, strconv.Quote(KnownAfterApply), TextKnownLater)
	return strings.ReplaceAll(text, KnownAfterApply, TextKnownLater)
}

// quoteText quotes a string and leaves its printable characters alone, so that a value cannot end its own quotation.
func quoteText(s string) string {
	return Later(strconv.Quote(s))
}

// BeforeText is the old part as every renderer prints it; see Property.BeforeText.
func (e Edit) BeforeText() string {
	return editText(e.Before, e.Sensitive, e.Change == ChangeAdd)
}

// AfterText is the new part, in the form of BeforeText.
func (e Edit) AfterText() string {
	if e.Sensitive && e.Change == ChangeModify {
		return TextChanged
	}
	return editText(e.After, e.Sensitive, e.Change == ChangeRemove)
}

func editText(value *string, sensitive, absent bool) string {
	switch {
	case absent:
		return TextAbsent
	case sensitive:
		return TextSensitive
	case value == nil:
		return TextNotReported
	}
	return Later(*value)
}

// Name is the path as people write it: "/Properties/Environment/Variables/TABLE" becomes "Environment.Variables.TABLE",
// and "/DeletionPolicy" becomes "DeletionPolicy".
func (p Property) Name() string {
	return PointerName(strings.TrimPrefix(p.Path, "/Properties"))
}

// PointerName writes a JSON pointer as people do: "/A/0/B" becomes "A[0].B".
func PointerName(pointer string) string {
	if pointer == "" {
		return ""
	}
	var name strings.Builder
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch _, err := strconv.ParseUint(token, 10, 32); {
		case err == nil && name.Len() > 0:
			name.WriteString("[" + token + "]")
		case name.Len() > 0:
			name.WriteString("." + token)
		default:
			name.WriteString(token)
		}
	}
	return name.String()
}

// Sentence says in words what the cause is: "parameter TableName", "OrdersTable (Ref)".
func (c Cause) Sentence() string {
	switch c.Source {
	case "ParameterReference":
		return strings.TrimSpace("parameter " + c.Entity)
	case "ResourceReference":
		return strings.TrimSpace("reference to " + c.Entity)
	case "ResourceAttribute":
		return strings.TrimSpace("attribute " + c.Entity)
	case "DirectModification":
		return "the template"
	case "Automatic":
		return "the nested stack itself"
	case "NoModification":
		return "no modification"
	case "":
		return "cause not reported"
	}
	return strings.TrimSpace(c.Source + " " + c.Entity)
}

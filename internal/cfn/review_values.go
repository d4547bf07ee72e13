package cfn

import (
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/propdiff"
)

// maxValue bounds the text of one side of a property in the document, in bytes.
const maxValue = 16 << 10

// sides are the two values of a property. A value that is not there and one that was not reported are told apart by the
// property's Change.
type sides struct {
	old, new       any
	hasOld, hasNew bool
	cutOld, cutNew bool
}

// take keeps the values of the first detail that has them, in an order that does not depend on the answer's.
func (s *sides) take(d detail) {
	if d.hasOld && (!s.hasOld || jsontree.Canonical(d.before) < jsontree.Canonical(s.old)) {
		s.old, s.hasOld, s.cutOld = d.before, true, d.cutOld
	}
	if d.hasNew && (!s.hasNew || jsontree.Canonical(d.after) < jsontree.Canonical(s.new)) {
		s.new, s.hasNew, s.cutNew = d.after, true, d.cutNew
	}
}

// consult prefers the contexts, which are whole, to the values of the details, which can be cut off. Where the two
// disagree in more than length the detail is right: the element numbers in its path may be those of the other side.
func (s *sides) consult(c *change, place string, kind plan.Change) {
	if old, ok := jsontree.Lookup(c.before, place); ok && kind != plan.ChangeAdd && (!s.hasOld || agree(s.old, old)) {
		s.old, s.hasOld, s.cutOld = old, true, false
	}
	if new, ok := jsontree.Lookup(c.after, place); ok && kind != plan.ChangeRemove && (!s.hasNew || agree(s.new, new)) {
		s.new, s.hasNew, s.cutNew = new, true, false
	}
}

// agree says whether the value of a detail is the one in the context, or its beginning.
func agree(reported, context any) bool {
	if jsontree.Equal(reported, context) {
		return true
	}
	if _, masked := reported.(jsontree.Masked); masked {
		return true
	}
	short, whole := displayText(reported), displayText(context)
	if short == whole {
		return true
	}
	const least = 32 // a shorter value is not one that was cut off
	short = strings.TrimSuffix(strings.TrimSuffix(short, "…"), "...")
	return len(short) >= least && strings.HasPrefix(whole, short)
}

// kind derives the change from the values where CloudFormation gave no word for it.
func (s sides) kind() plan.Change {
	switch {
	case s.hasOld && s.hasNew:
		return plan.ChangeModify
	case s.hasOld:
		return plan.ChangeRemove
	case s.hasNew:
		return plan.ChangeAdd
	}
	return plan.ChangeUnknown
}

// property fills the values into a line.
func (s sides) property(p plan.Property) plan.Property {
	p.Encoding = plan.EncodingString
	p.KnownAfterApply = s.hasNew && jsontree.HasText(s.new, plan.KnownAfterApply)
	p.Truncated = s.hasOld && s.cutOld || s.hasNew && s.cutNew
	if s.hasOld && hidden(s.old) || s.hasNew && hidden(s.new) || s.hasOld && s.hasNew && alike(s.old, s.new) && !strings.Contains(displayText(s.new), "\n") {
		p.Sensitive = true
		return p
	}
	p.Encoding = encodingOf(s)
	if s.hasOld {
		p.Before = s.text(s.old, p.Encoding, &p.Truncated)
	}
	if s.hasNew {
		p.After = s.text(s.new, p.Encoding, &p.Truncated)
	}
	if s.hasOld && s.hasNew && worthEdits(p, s) {
		p.Edits, p.EditsOmitted = propdiff.Compare(lastToken(p.Path), s.old, s.new)
	}
	return p
}

func hidden(value any) bool {
	m, ok := value.(jsontree.Masked)
	return ok && m.Text == plan.TextSensitive
}

// alike says whether two values differ in what is hidden only.
func alike(a, b any) bool {
	x, ok := a.(jsontree.Masked)
	y, also := b.(jsontree.Masked)
	return ok && also && x.Text == y.Text && !x.Same(y)
}

func encodingOf(s sides) plan.Encoding {
	encoding := plan.EncodingString
	for _, side := range []struct {
		value any
		has   bool
	}{{s.old, s.hasOld}, {s.new, s.hasNew}} {
		if !side.has {
			continue
		}
		switch v := side.value.(type) {
		case string:
			if strings.Contains(v, "\n") && encoding == plan.EncodingString {
				encoding = plan.EncodingText
			}
		case jsontree.Masked:
			if strings.Contains(v.Text, "\n") && encoding == plan.EncodingString {
				encoding = plan.EncodingText
			}
		case jsontree.Document:
			if encoding != plan.EncodingJSON {
				encoding = plan.EncodingDocument
			}
		default:
			return plan.EncodingJSON
		}
	}
	return encoding
}

func (s sides) text(value any, encoding plan.Encoding, truncated *bool) *string {
	text := displayText(value)
	if encoding == plan.EncodingJSON {
		text = jsontree.Canonical(value)
	}
	text, cut := propdiff.Shorten(text, maxValue)
	*truncated = *truncated || cut
	return &text
}

// displayText writes a string as it is and everything else as JSON.
func displayText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case jsontree.Masked:
		return v.Text
	case jsontree.Document:
		return jsontree.Canonical(v.Value)
	}
	return jsontree.Canonical(value)
}

// worthEdits says whether a value is better read as its differences than as a whole.
func worthEdits(p plan.Property, s sides) bool {
	const short = 400
	if p.Encoding != plan.EncodingString {
		return container(s.old) && container(s.new) || p.Encoding == plan.EncodingText || p.Encoding == plan.EncodingDocument
	}
	return len(*p.Before) > short && len(*p.After) > short
}

func container(value any) bool {
	switch value.(type) {
	case map[string]any, []any, jsontree.Document:
		return true
	}
	return false
}

func lastToken(pointer string) string {
	tokens := jsontree.Tokens(pointer)
	for _, token := range slices.Backward(tokens) {
		if _, err := strconv.Atoi(token); err != nil {
			return token
		}
	}
	return ""
}

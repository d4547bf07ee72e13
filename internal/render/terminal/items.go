package terminal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/wording"
)

// Where a line of a harmless change ends unless Options.Full is set. What ranks high or worse is never cut.
const (
	maxValue = 240
	maxEdits = 20
	maxLines = 40
)

// How far a column may push the next one to the right.
const (
	maxPathColumn = 34
	maxTypeColumn = 34
	maxNameColumn = 34
)

// columnsOf are the widths that the items of a section share.
type columnsOf struct {
	ack, mark, path, kind int
}

func (p *page) columnsOf(items []plan.Item) columnsOf {
	var c columnsOf
	for _, item := range items {
		c.ack = max(c.ack, columns(p.ack(item)))
		c.mark = max(c.mark, columns(p.mark(item.Impact)))
		c.path = max(c.path, min(columns(p.clean(item.Path)), maxPathColumn))
		c.kind = max(c.kind, min(columns(p.clean(item.Type)), maxTypeColumn))
	}
	if c.ack > 0 {
		c.ack++
	}
	return c
}

// body is the column in which the text below an item begins.
func (c columnsOf) body() int { return 2 + c.ack + c.mark + 2 }

func (p *page) ack(item plan.Item) string {
	switch {
	case item.Ack > 0:
		return "!" + strconv.Itoa(item.Ack)
	case item.Impact.Uncertain():
		return "?"
	}
	return ""
}

func (p *page) item(item plan.Item, c columnsOf) {
	head := pad(p.ack(item), c.ack) + pad(p.mark(item.Impact), c.mark)
	line := p.style(levelStyle(item.Level), head) + "  " + p.style(bold, pad(p.clean(item.Path), c.path)) + "  " + pad(p.clean(item.Type), c.kind)
	serious := p.serious(item)
	if item.PhysicalID != "" && serious {
		line += "  " + p.clean(item.PhysicalID)
	}
	p.text(2, c.body()+2, strings.TrimRight(line, " "))
	if serious || item.Sentence != item.Impact.Sentence() || !item.Impact.Known() {
		p.text(c.body(), c.body()+2, p.style(levelStyle(item.Level), p.clean(wording.Sentence(item))))
	}
	for _, note := range item.Notes {
		p.text(c.body(), c.body()+2, p.clean(note))
	}
	p.properties(item, c.body()+2)
	p.circumstances(item, c.body()+2)
	if item.Unchanged > 0 {
		p.text(c.body()+2, c.body()+2, p.style(dim, fmt.Sprintf("(%s hidden)", propertiesText(item.Unchanged))))
	}
}

func propertiesText(unchanged int) string {
	if unchanged == 1 {
		return "1 unchanged property"
	}
	return fmt.Sprintf("%d unchanged properties", unchanged)
}

// serious changes are shown with everything that is known of them.
func (p *page) serious(item plan.Item) bool {
	return p.o.Full || item.Level.AtLeast(plan.LevelMedium) || slices.Contains(p.o.Resources, item.Path)
}

// whole says that no value of the item may be cut.
func (p *page) whole(item plan.Item) bool {
	return p.o.Full || item.Level.AtLeast(plan.LevelHigh) || slices.Contains(p.o.Resources, item.Path)
}

func (p *page) properties(item plan.Item, indent int) {
	width := 0
	for _, property := range item.Properties {
		width = max(width, min(columns(p.clean(wording.PropertyName(property))), maxNameColumn))
	}
	for _, property := range item.Properties {
		p.property(item, property, indent, width)
	}
}

func (p *page) property(item plan.Item, property plan.Property, indent, width int) {
	name := pad(p.clean(wording.PropertyName(property)), width)
	remarks := wording.Remarks(property)
	if causes := wording.Causes(property); causes != "" && !p.serious(item) {
		remarks = append(remarks, "from "+causes)
	}
	values := p.shorten(item, wording.PropertyValues(item, property))
	if len(property.Edits) > 0 {
		values = wording.Values{New: wording.Differences(property)}
	}
	remark := ""
	if len(remarks) > 0 {
		remark = p.style(remarkStyle(property), "# "+p.clean(strings.Join(remarks, "; ")))
	}
	p.values(indent, name, values, remark)
	for i, edit := range property.Edits {
		if i == maxEdits && !p.whole(item) {
			p.cut++
			p.text(indent+2, indent+4, fmt.Sprintf("(%s more)", wording.Count(len(property.Edits)-i, "difference")))
			break
		}
		p.edit(item, edit, indent+2)
	}
}

func remarkStyle(property plan.Property) style {
	if property.Recreation == plan.RecreationAlways {
		return red
	}
	return dim
}

func (p *page) edit(item plan.Item, edit plan.Edit, indent int) {
	name := p.clean(wording.EditName(edit))
	if len(edit.Lines) == 0 {
		p.values(indent, strings.TrimLeft(edit.Change.Mark()+" "+name, " "), p.shorten(item, wording.EditValues(edit)), "")
		return
	}
	if name != "" {
		p.text(indent, indent+4, name)
	}
	for i, line := range edit.Lines {
		if i == maxLines && !p.whole(item) {
			p.cut++
			p.text(indent, indent, fmt.Sprintf("(%s more)", wording.Count(len(edit.Lines)-i, "line")))
			break
		}
		op, text, look := wording.LineOp(line), p.clean(wording.LineText(line)), plain
		switch op {
		case "+":
			look = green
		case "-":
			look = red
		case "@":
			look = dim
		}
		p.text(indent, indent+4, p.style(look, "| "+op+" "+text))
	}
}

// values writes a name with its change: in one line where it fits, else the old value above the new one.
func (p *page) values(indent int, name string, v wording.Values, remark string) {
	line := strings.TrimRight(name+"  "+v.Join("->"), " ")
	if remark != "" {
		line += "  " + remark
	}
	if v.Old == "" || indent+columns(line) <= p.width {
		p.text(indent, indent+4, line)
		return
	}
	p.text(indent, indent+4, strings.TrimRight(strings.TrimRight(name, " ")+"  "+remark, " "))
	p.text(indent+4, indent+6, "- "+v.Old)
	p.text(indent+4, indent+6, "+ "+v.New)
}

// shorten makes a change of a value safe to print, and cuts each side where the item allows it.
func (p *page) shorten(item plan.Item, v wording.Values) wording.Values {
	v.Old, v.New = p.clean(v.Old), p.clean(v.New)
	if !p.whole(item) {
		v.Old, v.New = p.shortened(v.Old), p.shortened(v.New)
	}
	return v
}

func (p *page) shortened(value string) string {
	runes := []rune(value)
	if len(runes) <= maxValue {
		return value
	}
	p.cut++
	return fmt.Sprintf("%s ... (%d more characters)", string(runes[:maxValue]), len(runes)-maxValue)
}

// circumstances are what is known of an item beside its properties.
func (p *page) circumstances(item plan.Item, indent int) {
	fact := func(label, text string) {
		if text != "" {
			p.text(indent, indent+12, pad(label, 10)+"  "+p.clean(text))
		}
	}
	for _, protection := range wording.Protections(item) {
		fact("protection", protection)
	}
	fact("also", wording.Also(item))
	fact("inside", wording.Children(item))
	if p.serious(item) {
		for _, property := range item.Properties {
			causes := wording.Causes(property)
			if causes != "" && len(item.Properties) > 1 {
				causes = wording.PropertyName(property) + " from " + causes
			}
			fact("cause", causes)
		}
		fact("reported", wording.Reported(item))
	}
	fact("follows", p.paths(item, item.CausedBy))
	fact("knock-on", p.paths(item, item.KnockOn))
	fact("module", item.Module)
	if status := item.DriftStatus; status != "" && status != "IN_SYNC" && (p.serious(item) || status != "NOT_CHECKED") {
		fact("live", "drift status "+status)
	}
	fact("left alone", strings.Join(item.DriftIgnored, ", "))
}

const maxPaths = 8

func (p *page) paths(item plan.Item, paths []string) string {
	if len(paths) <= maxPaths || p.whole(item) {
		return strings.Join(paths, ", ")
	}
	p.cut++
	return strings.Join(paths[:maxPaths], ", ") + fmt.Sprintf("  (+%d)", len(paths)-maxPaths)
}

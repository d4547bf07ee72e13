package markdown

import (
	"fmt"
	"strings"

	"stackgate/internal/plan"
	"stackgate/internal/render/hostile"
	"stackgate/internal/render/wording"
)

// diffPart holds the properties of all items, except those that a cluster shows, in the form that GitHub colours as a diff:
// "!" for what is modified, "-" and "+" for old and new.
func diffPart(r plan.Review) part {
	p := part{
		title: "property diff", close: "\n</details>\n\n",
		more: func(n int) string { return fmt.Sprintf("# ... and the properties of %d more resources\n", n) },
		wrap: func(rows string) string { return fenced("diff", rows) },
	}
	for _, section := range r.Sections() {
		alone, _ := wording.FoldClusters(section.Items, r.Clusters)
		for _, item := range alone {
			if len(item.Properties) > 0 {
				p.rows = append(p.rows, row{text: itemDiff(item), paths: []string{item.Path}})
			}
		}
	}
	p.open = folding("Property diff (" + wording.Count(len(p.rows), "resource") + ")")
	return p
}

func itemDiff(item plan.Item) string {
	d := &diff{}
	d.line("@@", item.Path+" "+cut(item.Type, maxTypeLength)+" @@")
	for _, p := range item.Properties {
		remark := strings.Join(wording.Remarks(p), "; ")
		if len(p.Edits) == 0 {
			d.values(p.Change, wording.PropertyName(p), wording.PropertyValues(item, p), remark)
			continue
		}
		d.line("!", wording.PropertyName(p)+": "+wording.Differences(p)+hash(remark))
		for _, edit := range p.Edits {
			if len(edit.Lines) == 0 {
				d.values(edit.Change, "  "+wording.EditName(edit), wording.EditValues(edit), "")
				continue
			}
			for _, line := range edit.Lines {
				op := wording.LineOp(line)
				if op == "@" || op == "?" {
					op = "#"
				}
				d.line(op, "  "+wording.LineText(line))
			}
		}
	}
	return d.String()
}

// diff collects the lines of one item, at most maxDiffLines, and says how many are missing.
type diff struct {
	out           strings.Builder
	lines, beyond int
}

func (d *diff) line(op, text string) {
	if d.lines == maxDiffLines {
		d.beyond++
		return
	}
	d.lines++
	text = hostile.Visible(text)
	if op != "@@" {
		text = cut(text, 2*maxValue)
	}
	d.out.WriteString(op + " " + text + "\n")
}

func (d *diff) values(change plan.Change, name string, v wording.Values, remark string) {
	v.Old, v.New = cut(v.Old, maxValue), cut(v.New, maxValue)
	if len(name)+len(v.Old)+len(v.New) <= maxOneLine || v.Old == "" {
		op := map[plan.Change]string{plan.ChangeAdd: "+", plan.ChangeRemove: "-", plan.ChangeNone: " "}[change]
		if op == "" {
			op = "!"
		}
		d.line(op, name+": "+v.Join("->")+hash(remark))
		return
	}
	d.line("-", name+": "+v.Old+hash(remark))
	d.line("+", name+": "+v.New)
}

func (d *diff) String() string {
	if d.beyond > 0 {
		return d.out.String() + fmt.Sprintf("# ... %d more lines of this resource\n", d.beyond)
	}
	return d.out.String()
}

func hash(remark string) string {
	if remark == "" {
		return ""
	}
	return "  # " + remark
}

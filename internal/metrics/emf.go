package metrics

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"time"
)

// Value is one measurement.
type Value struct {
	Name  Name
	Value float64
}

// document is the member _aws of a line in the embedded metric format (CloudWatch user guide, "Specification: Embedded
// metric format"). The values and the dimensions' values are members of the line beside it.
type document struct {
	// Timestamp is in milliseconds since 1970.
	Timestamp  int64       `json:"Timestamp"`
	Directives []directive `json:"CloudWatchMetrics"`
}

type directive struct {
	Namespace  string        `json:"Namespace"`
	Dimensions [][]Dimension `json:"Dimensions"`
	Metrics    []definition  `json:"Metrics"`
}

type definition struct {
	Name Name `json:"Name"`
	Unit Unit `json:"Unit"`
}

// maxDimensionValue is how many characters the value of a dimension may have (API Dimension, member Value).
const maxDimensionValue = 1024

// Attributes returns what makes a JSON log line, at the time when something was measured, a measurement too: CloudWatch
// Logs reads the metrics from the line, which costs no call and loses none to a crash after it. The line's other
// attributes stay what they are, so that a data point leads to its deployment.
//
// The attributes belong at the root of the line, in no group. The values of all dimensions of the metrics are needed. An
// error names what CloudWatch would drop without a word; then there are no attributes.
func Attributes(at time.Time, dimensions map[Dimension]string, values ...Value) ([]slog.Attr, error) {
	var (
		d          = document{Timestamp: at.UnixMilli()}
		attributes []slog.Attr
		named      = map[Dimension]bool{}
		measured   = map[Name]bool{}
	)
	for _, v := range values {
		sets := v.Name.Dimensions()
		switch {
		case sets == nil:
			return nil, fmt.Errorf("there is no metric %q", v.Name)
		case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
			return nil, fmt.Errorf("metric %s is %v, which is no measurement", v.Name, v.Value)
		case measured[v.Name]:
			return nil, fmt.Errorf("metric %s stands twice in one line", v.Name)
		}
		measured[v.Name] = true
		attributes = append(attributes, slog.Float64(string(v.Name), v.Value))
		for _, name := range slices.Concat(sets...) {
			if named[name] {
				continue
			}
			named[name] = true
			text := dimensions[name]
			if err := checkDimension(text); err != nil {
				return nil, fmt.Errorf("dimension %s of metric %s: %w", name, v.Name, err)
			}
			attributes = append(attributes, slog.String(string(name), text))
		}
		d.add(v.Name, sets)
	}
	if len(values) == 0 {
		return nil, nil
	}
	return append(attributes, slog.Any("_aws", d)), nil
}

// add puts a metric to those with the same dimensions: a directive holds for all of its metrics.
func (d *document) add(name Name, sets [][]Dimension) {
	of := definition{Name: name, Unit: name.Unit()}
	for i := range d.Directives {
		if reflect.DeepEqual(d.Directives[i].Dimensions, sets) {
			d.Directives[i].Metrics = append(d.Directives[i].Metrics, of)
			return
		}
	}
	d.Directives = append(d.Directives, directive{Namespace: Namespace, Dimensions: sets, Metrics: []definition{of}})
}

// checkDimension holds a dimension's value to what CloudWatch takes: printable ASCII, at least one character that is no
// space, and no colon at the beginning (API Dimension, member Value).
func checkDimension(text string) error {
	blank := true
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return fmt.Errorf("%q has characters that CloudWatch does not take", text)
		}
		blank = blank && text[i] == ' '
	}
	switch {
	case blank:
		return fmt.Errorf("%q is no value", text)
	case text[0] == ':':
		return fmt.Errorf("%q begins with a colon", text)
	case len(text) > maxDimensionValue:
		return fmt.Errorf("its value has %d characters, and CloudWatch takes %d", len(text), maxDimensionValue)
	}
	return nil
}

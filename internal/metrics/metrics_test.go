package metrics_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/metrics"
)

// namePattern is what CloudWatch takes for the name of a metric or dimension, as far as we go.
var namePattern = regexp.MustCompile(`^[A-Z][A-Za-z]{0,49}$`)

func TestEveryMetricHasUnitAndDimensions(t *testing.T) {
	seen := map[metrics.Name]bool{}
	for _, name := range metrics.Names() {
		if seen[name] || !namePattern.MatchString(string(name)) {
			t.Errorf("%q is there twice, or no name of a metric", name)
		}
		seen[name] = true
		if strings.HasSuffix(string(name), "Seconds") != (name.Unit() == metrics.Seconds) || name.Unit() == "" {
			t.Errorf("%s is in %q", name, name.Unit())
		}
		sets := name.Dimensions()
		if len(sets) == 0 {
			t.Errorf("%s is published nowhere", name)
		}
		for _, set := range sets {
			for _, dimension := range set {
				if !namePattern.MatchString(string(dimension)) {
					t.Errorf("%s: %q is no name of a dimension", name, dimension)
				}
				if slices.Contains(metrics.Names(), metrics.Name(dimension)) {
					t.Errorf("%s is a metric and a dimension, and one line has room for one of them", dimension)
				}
			}
		}
	}
	if unknown := metrics.Name("Moons"); unknown.Unit() != "" || unknown.Dimensions() != nil {
		t.Error("an unknown metric has a unit or dimensions")
	}
}

func TestWhatAlarmsWatchHasNoDimensions(t *testing.T) {
	for _, name := range []metrics.Name{metrics.FailedNeedsHuman, metrics.UnexpectedFault, metrics.StuckWaiters} {
		if !slices.ContainsFunc(name.Dimensions(), func(set []metrics.Dimension) bool { return len(set) == 0 }) {
			t.Errorf("%s is not published without dimensions", name)
		}
	}
}

var at = time.Date(2026, 11, 22, 14, 2, 3, 456_000_000, time.UTC)

func TestALineIsAMeasurement(t *testing.T) {
	attributes, err := metrics.Attributes(at,
		map[metrics.Dimension]string{metrics.Service: "orders", metrics.Environment: "prod", metrics.Outcome: "Deployed"},
		metrics.Value{Name: metrics.Deployments, Value: 1},
		metrics.Value{Name: metrics.DurationSeconds, Value: 93.5},
		metrics.Value{Name: metrics.Transitions, Value: 14},
	)
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).LogAttrs(t.Context(), slog.LevelInfo, "deployment ended", attributes...)
	if bytes.Count(line.Bytes(), []byte("\n")) != 1 {
		t.Errorf("more than one line: %s", line.String())
	}
	var got map[string]any
	if err := json.Unmarshal(line.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "deployment ended",
		"Service": "orders", "Environment": "prod", "Outcome": "Deployed",
		"Deployments": 1.0, "DurationSeconds": 93.5, "Transitions": 14.0,
		"_aws": map[string]any{
			"Timestamp": 1795356123456.0,
			"CloudWatchMetrics": []any{
				map[string]any{
					"Namespace": "Stackgate", "Dimensions": []any{[]any{"Service", "Environment", "Outcome"}, []any{"Outcome"}},
					"Metrics": []any{map[string]any{"Name": "Deployments", "Unit": "Count"}},
				},
				map[string]any{
					"Namespace": "Stackgate", "Dimensions": []any{[]any{"Service", "Environment"}},
					"Metrics": []any{map[string]any{"Name": "DurationSeconds", "Unit": "Seconds"}, map[string]any{"Name": "Transitions", "Unit": "Count"}},
				},
			},
		},
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Error(difference)
	}
}

func TestNothingMeasuredIsNoMeasurement(t *testing.T) {
	if attributes, err := metrics.Attributes(at, nil); err != nil || len(attributes) != 0 {
		t.Errorf("%v, %v", attributes, err)
	}
}

func TestWhatCloudWatchWouldDropIsAnError(t *testing.T) {
	of := func(text string) map[metrics.Dimension]string {
		return map[metrics.Dimension]string{metrics.Function: text}
	}
	one := metrics.Value{Name: metrics.UnexpectedFault, Value: 1}
	for name, test := range map[string]struct {
		dimensions map[metrics.Dimension]string
		values     []metrics.Value
		want       string
	}{
		"unknown metric":      {of("plan"), []metrics.Value{{Name: "Moons", Value: 1}}, `no metric "Moons"`},
		"not a number":        {of("plan"), []metrics.Value{{Name: metrics.UnexpectedFault, Value: math.NaN()}}, "no measurement"},
		"infinite":            {of("plan"), []metrics.Value{{Name: metrics.UnexpectedFault, Value: math.Inf(1)}}, "no measurement"},
		"twice":               {of("plan"), []metrics.Value{one, one}, "twice"},
		"missing dimension":   {nil, []metrics.Value{one}, `dimension Function of metric UnexpectedFault: "" is no value`},
		"blank dimension":     {of("  "), []metrics.Value{one}, "no value"},
		"colon":               {of(":plan"), []metrics.Value{one}, "colon"},
		"line break":          {of("pl\nan"), []metrics.Value{one}, "does not take"},
		"not ASCII":           {of("plän"), []metrics.Value{one}, "does not take"},
		"long dimension":      {of(strings.Repeat("p", 1025)), []metrics.Value{one}, "takes 1024"},
		"the longest is fine": {of(strings.Repeat("p", 1024)), []metrics.Value{one}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			attributes, err := metrics.Attributes(at, test.dimensions, test.values...)
			if test.want == "" {
				if err != nil || len(attributes) != 3 {
					t.Errorf("%v, %v", attributes, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || attributes != nil {
				t.Errorf("attributes %v, error %v, want …%s…", attributes, err, test.want)
			}
		})
	}
}

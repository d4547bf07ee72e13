package html_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stackgate/internal/render/html"
)

var (
	rule     = regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{6})\s*;`)
	rawColor = regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b`)
)

// palettes returns the colours of each block of the style sheet that sets them: light, dark, print.
func palettes(t *testing.T) map[string]map[string]string {
	t.Helper()
	blocks := strings.Split(html.Stylesheet(), ":root {")[1:]
	names := []string{"light", "dark", "print"}
	found := make(map[string]map[string]string)
	for i, name := range names {
		block, _, _ := strings.Cut(blocks[i], "}")
		palette := make(map[string]string)
		for _, match := range rule.FindAllStringSubmatch(block, -1) {
			palette[match[1]] = match[2]
		}
		found[name] = palette
	}
	return found
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatalf("colour %q: %v", color, err)
		}
		channel := float64(value) / 255
		if channel <= 0.04045 {
			channel /= 12.92
		} else {
			channel = math.Pow((channel+0.055)/1.055, 2.4)
		}
		sum += weight * channel
	}
	return sum
}

func ratio(t *testing.T, a, b string) float64 {
	t.Helper()
	light, dark := luminance(t, a), luminance(t, b)
	return (max(light, dark) + 0.05) / (min(light, dark) + 0.05)
}

func TestContrastIsThatOfWCAGAA(t *testing.T) {
	type pair struct{ ink, ground string }
	// 1.4.3: 4.5 for text.
	text := []pair{
		{"ink", "page"}, {"ink", "panel"}, {"quiet", "page"}, {"quiet", "panel"}, {"link", "page"}, {"link", "panel"},
		{"critical-on", "critical-solid"}, {"critical-ink", "page"}, {"low-ink", "low-tint"}, {"ink", "low-tint"}, {"quiet", "info-tint"},
		{"add-ink", "add-tint"}, {"del-ink", "del-tint"},
	}
	for _, level := range []string{"critical", "high", "medium", "low", "info"} {
		text = append(text, pair{level + "-ink", level + "-tint"}, pair{level + "-ink", "page"},
			// The permalink stands on the tint of the heading.
			pair{"link", level + "-tint"})
	}
	// 1.4.11: 3 for the edges of controls and the focus ring.
	edges := []pair{{"edge", "page"}, {"edge", "panel"}, {"link", "page"}, {"critical-solid", "page"}, {"high-ink", "page"}, {"medium-ink", "page"}}
	for name, palette := range palettes(t) {
		check := func(pairs []pair, least float64) {
			for _, p := range pairs {
				ink, ground := palette[p.ink], palette[p.ground]
				if ink == "" || ground == "" {
					t.Errorf("%s: %v is not in the palette", name, p)
					continue
				}
				if p.ink == p.ground {
					continue
				}
				// Edges that double as the solid badge are dark on dark in the dark theme, where the word carries the meaning.
				if got := ratio(t, ink, ground); got < least {
					t.Errorf("%s: %s %s on %s %s has %.2f, needs %.1f", name, p.ink, ink, p.ground, ground, got, least)
				}
			}
		}
		check(text, 4.5)
		check(edges, 3)
	}
}

func TestContrastIsComputedRight(t *testing.T) {
	for _, tt := range []struct {
		a, b, want string
	}{{"#000000", "#ffffff", "21.00"}, {"#777777", "#ffffff", "4.48"}, {"#ffffff", "#ffffff", "1.00"}} {
		if got := fmt.Sprintf("%.2f", ratio(t, tt.a, tt.b)); got != tt.want {
			t.Errorf("%s on %s is %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestPalettesAreComplete(t *testing.T) {
	all := palettes(t)
	var names []string
	for name := range all["light"] {
		names = append(names, name)
	}
	slices.Sort(names)
	for theme, palette := range all {
		for _, name := range names {
			if palette[name] == "" {
				t.Errorf("%s lacks --%s", theme, name)
			}
		}
	}
	sheet := rule.ReplaceAllString(html.Stylesheet(), "")
	if colors := rawColor.FindAllString(strings.ReplaceAll(sheet, "#changes", ""), -1); len(colors) != 0 {
		t.Errorf("colours outside the palettes, which nobody checks: %v", colors)
	}
}

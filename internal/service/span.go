package service

import (
	"strconv"
	"time"
)

// parseSpan reads a span that has passed its rule, as 1h30m or 7d.
func parseSpan(s string) time.Duration {
	var total time.Duration
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	start := 0
	for i := range len(s) {
		unit, ok := units[s[i]]
		if !ok {
			continue
		}
		if count, err := strconv.Atoi(s[start:i]); err == nil {
			total += time.Duration(count) * unit
		}
		start = i + 1
	}
	return total
}

// formatSpan writes a span as it may stand in a file.
func formatSpan(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var s string
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		// People say 24h and 48h, and 7d.
		if unit.name == "d" && d <= 48*time.Hour {
			continue
		}
		if count := d / unit.size; count > 0 {
			s += strconv.FormatInt(int64(count), 10) + unit.name
			d -= count * unit.size
		}
	}
	return s
}

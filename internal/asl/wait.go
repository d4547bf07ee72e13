package asl

import (
	"fmt"
	"time"
)

// waitState lets time pass. Without a path it waits for the seconds, or until the time where that is set.
type waitState struct {
	seconds     time.Duration
	secondsPath *path
	until       time.Time
	untilPath   *path
}

func (s waitState) describe(d *State) {}

func (s waitState) run(v *visit) (any, string, error) {
	data, err := v.effectiveInput()
	if err != nil {
		return nil, "", err
	}
	wait, err := s.duration(v, data)
	if err != nil {
		return nil, "", err
	}
	if err := v.sleep(wait); err != nil {
		return nil, "", err
	}
	output, err := v.outputFrom(data)
	return output, v.state.next, err
}

func (v *visit) sleep(d time.Duration) error {
	if d <= 0 {
		return v.ctx.Err()
	}
	if err := v.run.engine.Clock.Sleep(v.ctx, d); err != nil {
		return fmt.Errorf("sleep in state %s: %w", v.state.name, err)
	}
	return nil
}

func (s waitState) duration(v *visit, data any) (time.Duration, error) {
	switch {
	case s.secondsPath != nil:
		return secondsAt(v, *s.secondsPath, data)
	case s.untilPath != nil:
		until, err := timestampAt(v, *s.untilPath, data)
		return until.Sub(v.enteredAt), err
	case !s.until.IsZero():
		return s.until.Sub(v.enteredAt), nil
	}
	return s.seconds, nil
}

// The causes are worded as recorded on AWS.

func secondsAt(v *visit, p path, data any) (time.Duration, error) {
	value, err := p.find(v.scope(data))
	if err != nil {
		return 0, v.failed(ErrorRuntime, "The SecondsPath parameter does not reference an input value: "+p.source)
	}
	seconds, ok := integer(value)
	switch {
	case !ok:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter cannot be parsed as a long value: %s == %s", p.source, display(value)))
	case seconds < 0:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter references a negative value: %s == %d", p.source, seconds))
	case seconds > maxSeconds:
		return 0, v.failed(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter references a value above %d: %s == %d", maxSeconds, p.source, seconds))
	}
	return time.Duration(seconds) * time.Second, nil
}

func timestampAt(v *visit, p path, data any) (time.Time, error) {
	value, err := p.find(v.scope(data))
	if err != nil {
		return time.Time{}, v.failed(ErrorRuntime, "The TimestampPath parameter does not reference an input value: "+p.source)
	}
	until, ok := timestamp(value)
	if !ok {
		return time.Time{}, v.failed(ErrorRuntime,
			fmt.Sprintf("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", p.source, display(value)))
	}
	return until, nil
}

// display writes a value for a cause: strings without quotes.
func display(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return string(encodeValue(value))
}

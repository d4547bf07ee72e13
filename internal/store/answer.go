package store

import (
	"encoding/json"
	"errors"
)

// Answer is what a task token of the embedded engine is answered with: an output, as SendTaskSuccess, or an error name
// and cause, as SendTaskFailure.
type Answer struct {
	// Output is a JSON value; it is nil for a failure.
	Output    json.RawMessage `json:"output,omitempty"`
	ErrorName string          `json:"errorName,omitempty"`
	Cause     string          `json:"cause,omitempty"`
}

// Validate says what is wrong with the answer: it must be a success or a failure, not both and not neither.
func (a Answer) Validate() error {
	switch {
	case a.Output == nil && a.ErrorName == "":
		return errors.New("an answer needs an output or an error name")
	case a.Output != nil && (a.ErrorName != "" || a.Cause != ""):
		return errors.New("an answer has an output or an error, not both")
	case a.Output != nil && !json.Valid(a.Output):
		return errors.New("the output of an answer must be JSON")
	}
	return nil
}

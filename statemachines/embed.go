// Package statemachines carries the state machine definitions, so that every mode runs the same bytes. It is not where
// they are interpreted or installed.
package statemachines

import _ "embed"

// Deploy is the definition of the deployment flow in the Amazon States Language. Its ${Placeholders} name functions.
//
//go:embed deploy.asl.json
var Deploy []byte

// The placeholders of Deploy, and thereby the functions that it invokes.
const (
	// PlanFunction may make, describe and delete change sets; it may not execute them.
	PlanFunction = "PlanFunction"
	// ExecuteFunction alone may execute change sets.
	ExecuteFunction = "ExecuteFunction"
	// EventsFunction only reads.
	EventsFunction = "EventsFunction"
)

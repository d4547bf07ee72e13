// Package statemachines carries the state machine definitions, so that every mode runs the same bytes. It is not where
// they are interpreted or installed.
package statemachines

import _ "embed"

// Deploy is the definition of the deployment flow in the Amazon States Language. Its ${Placeholders} name functions.
//
//go:embed deploy.asl.json
var Deploy []byte

// Recover is the definition of the recovery flow, with the same placeholders.
//
//go:embed recover.asl.json
var Recover []byte

// The placeholders of the definitions, and thereby the functions that they invoke.
const (
	// PlanFunction may make, describe and delete change sets, and propose recoveries; it may execute and perform nothing.
	PlanFunction = "PlanFunction"
	// ExecuteFunction alone may execute change sets and perform recoveries.
	ExecuteFunction = "ExecuteFunction"
	// EventsFunction only reads.
	EventsFunction = "EventsFunction"
)

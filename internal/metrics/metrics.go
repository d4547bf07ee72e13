// Package metrics names what stackgate measures, and turns log lines into measurements in CloudWatch's embedded metric
// format. It decides neither when something is measured nor what becomes an alarm.
package metrics

// Namespace is where CloudWatch shows the metrics.
const Namespace = "Stackgate"

// Name names a metric. The set is closed: the alarms and the dashboard that are installed are made from it.
type Name string

// The metrics.
const (
	// Deployments counts deployments that ended, by outcome.
	Deployments Name = "Deployments"
	// FailedNeedsHuman counts deployments that ended with a stack that a person must look at.
	FailedNeedsHuman Name = "FailedNeedsHuman"
	// UnexpectedFault counts tasks that ended with a fault that nobody expected, panics included. Lambda's own count of
	// errors is no measure of it: rejected deployments are errors there.
	UnexpectedFault Name = "UnexpectedFault"
	// StuckWaiters is how many callbacks still wait long after the limit of their wait; every sweep measures it.
	StuckWaiters Name = "StuckWaiters"
	// DurationSeconds is the time from a request to its end.
	DurationSeconds Name = "DurationSeconds"
	// ApprovalWaitSeconds is the part of it in which people were waited for.
	ApprovalWaitSeconds Name = "ApprovalWaitSeconds"
	// OverheadSeconds is the part of it that is stackgate's own: neither CloudFormation's work on the stack, nor people,
	// nor other deployments were waited for.
	OverheadSeconds Name = "OverheadSeconds"
	// Transitions is how many state transitions the deployment's execution made, which is what Step Functions charges for.
	Transitions Name = "Transitions"
)

// Names lists every metric.
func Names() []Name {
	return []Name{
		Deployments, FailedNeedsHuman, UnexpectedFault, StuckWaiters,
		DurationSeconds, ApprovalWaitSeconds, OverheadSeconds, Transitions,
	}
}

// Unit is the unit of a metric's values, one of CloudWatch's (API MetricDatum, member Unit).
type Unit string

// The units.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
)

// Unit returns the unit of the metric's values, nothing for an unknown metric.
func (n Name) Unit() Unit {
	switch n {
	case Deployments, FailedNeedsHuman, UnexpectedFault, StuckWaiters, Transitions:
		return Count
	case DurationSeconds, ApprovalWaitSeconds, OverheadSeconds:
		return Seconds
	}
	return ""
}

// Dimension names what tells the values of a metric apart.
type Dimension string

// The dimensions.
const (
	Service     Dimension = "Service"
	Environment Dimension = "Environment"
	// Outcome is a deployment.Outcome.
	Outcome Dimension = "Outcome"
	// Function is one of the installed functions: plan, execute, events, review.
	Function Dimension = "Function"
)

// Dimensions returns under which sets of dimensions a metric is published. CloudWatch adds nothing up over dimensions, so
// that what an alarm or a dashboard watches over all services is published once more without them.
func (n Name) Dimensions() [][]Dimension {
	switch n {
	case Deployments:
		return [][]Dimension{{Service, Environment, Outcome}, {Outcome}}
	case FailedNeedsHuman:
		return [][]Dimension{{Service, Environment}, {}}
	case UnexpectedFault:
		return [][]Dimension{{Function}, {}}
	case StuckWaiters:
		return [][]Dimension{{}}
	case DurationSeconds, ApprovalWaitSeconds, OverheadSeconds, Transitions:
		return [][]Dimension{{Service, Environment}}
	}
	return nil
}

package controlplane

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"stackgate/infra/installation"
	"stackgate/internal/installed"
	"stackgate/internal/metrics"
)

// alarm is what a person is called for. What expected faults and rejected deployments are is no alarm.
type alarm struct {
	id, name, description string
	metric                awscloudwatch.Metric
	threshold             float64
	minutes               float64
	// below means that too little is wrong, and so is nothing.
	below bool
}

// watch makes the alarms; all tell the alarm topic.
func (h *hub) watch() []interfacesawscloudwatch.IAlarmRef {
	all := []alarm{
		{id: "NeedsHuman", name: "failed-needs-human", threshold: 1, minutes: 1, metric: ours(metrics.FailedNeedsHuman, "Sum"),
			description: "A deployment ended with a stack that a person must look at: stackgate list, then stackgate recover"},
		{id: "Unexpected", name: "unexpected-fault", threshold: 1, minutes: 5, metric: ours(metrics.UnexpectedFault, "Sum"),
			description: "A task failed in a way that nobody foresaw: see the log lines with fault InternalError"},
		{id: "Stuck", name: "stuck-waiters", threshold: 1, minutes: 5, metric: ours(metrics.StuckWaiters, "Maximum"),
			description: "A callback still waits long after the limit of its wait: see the log lines of the sweep"},
		{id: "SweepSilent", name: "sweep-silent", threshold: 1, minutes: 15, below: true, metric: ours(metrics.StuckWaiters, "SampleCount"),
			description: "The sweep has not run for a quarter of an hour, so that lost events go unnoticed: see rule stackgate-sweep"},
		{id: "DeadLetter", name: "dead-letters", threshold: 1, minutes: 5, metric: h.deadLetters.MetricApproximateNumberOfMessagesVisible(options("Maximum")),
			description: "An event could not be handled: read queue stackgate-dead-letters, mend the cause; the sweep has done what the event asked for"},
	}
	review := h.functions[installed.Review]
	all = append(all,
		alarm{id: "ReviewErrors", name: "review-errors", threshold: 1, minutes: 5, metric: review.MetricErrors(options("Sum")),
			description: "The front door failed to answer: see the log of function stackgate-review"},
		alarm{id: "FrontDoorFails", name: "front-door-5xx", threshold: 1, minutes: 5, metric: h.counted("FrontDoorFails", h.frontDoor.logs, failedAnswers),
			description: "The front door answered with 500, 502 or 504; if review-errors is quiet, API Gateway may not invoke stackgate-review: see log " + frontDoorLogGroup})
	for _, f := range installed.Functions() {
		all = append(all, alarm{id: identifier(f) + "Broken", name: string(f) + "-broken", threshold: 1, minutes: 5, metric: h.counted(identifier(f)+"Broken", h.functions[f].logs, brokenLines),
			description: "Function " + installation.FunctionName(f) + " ran out of time or memory, or crashed: see the lines of its log that are no JSON; states are tried again"})
	}
	for _, f := range installation.AllFunctions() {
		all = append(all, alarm{id: identifier(f) + "Throttles", name: string(f) + "-throttles", threshold: 1, minutes: 5,
			metric:      h.functions[f].MetricThrottles(options("Sum")),
			description: "Function " + installation.FunctionName(f) + " was called more often at once than it may run; deployments wait and are tried again"})
	}
	s := h.Settings
	// A topic with a policy of its own has lost the one that lets CloudWatch of the same account in.
	h.alarms.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("AlarmsPublish"), Actions: texts("sns:Publish"), Resources: texts(*h.alarms.TopicArn()),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": s.Account},
			"ArnLike":      map[string]any{"aws:SourceArn": "arn:" + s.Partition() + ":cloudwatch:" + s.Region + ":" + s.Account + ":alarm:stackgate-*"},
		},
	}))
	var made []interfacesawscloudwatch.IAlarmRef
	for _, a := range all {
		made = append(made, h.newAlarm(a))
	}
	return made
}

func (h *hub) newAlarm(a alarm) awscloudwatch.Alarm {
	comparison, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
	if a.below {
		comparison, missing = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING
	}
	made := a.metric.With(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(&a.minutes)}).CreateAlarm(h.stack, &a.id, &awscloudwatch.CreateAlarmOptions{
		AlarmName: jsii.String("stackgate-" + a.name), AlarmDescription: &a.description,
		Threshold: &a.threshold, EvaluationPeriods: jsii.Number(1), ComparisonOperator: comparison, TreatMissingData: missing,
	})
	made.AddAlarmAction(awscloudwatchactions.NewSnsAction(h.alarms))
	return made
}

// platformMetrics is the namespace of what metric filters count. It is not that of what the functions measure themselves.
const platformMetrics = "Stackgate/Lines"

// brokenLines matches what Lambda writes into the log when it ends a function. The metric Errors would not do: the named
// faults that tasks answer states with, such as a rejected change, are among it. The function's own lines begin with a
// brace, so that a failure of somebody else's function, which they may quote, does not match. CloudWatch Logs
// knows no parentheses in regular expressions (user guide, "Supported regular expressions syntax").
const brokenLines = `%^[0-9TZ:.-]+\s[0-9a-f-]+\sTask\stimed\sout|^RequestId:\s[0-9a-f-]+\sError:\sTask\stimed\sout|^RequestId:\s[0-9a-f-]+\sError:\sRuntime\sexited%`

// failedAnswers matches what API Gateway writes of calls that failed, whether or not they reached the function. It is not the
// metric 5xx, among which are answers of 503, which are expected: two changed a deployment at once, and the client repeats
// the call.
const failedAnswers = `{ $.status = "500" || $.status = "502" || $.status = "504" }`

// counted counts the lines of a log that match.
func (h *hub) counted(name string, logs awslogs.LogGroup, pattern string) awscloudwatch.Metric {
	awslogs.NewCfnMetricFilter(h.stack, jsii.String(name+"Lines"), &awslogs.CfnMetricFilterProps{
		LogGroupName: logs.LogGroupName(), FilterPattern: &pattern,
		MetricTransformations: []any{map[string]any{
			"metricNamespace": platformMetrics, "metricName": name, "metricValue": "1", "unit": "Count",
		}},
	})
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(platformMetrics), MetricName: &name, Statistic: jsii.String("Sum"),
	})
}

// ours is a metric of stackgate's over all services.
func ours(name metrics.Name, statistic string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(metrics.Namespace), MetricName: jsii.String(string(name)), Statistic: &statistic,
	})
}

func options(statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Statistic: &statistic}
}

// newDashboard shows what operators look at first: the alarms, how deployments end, how long they take, and the functions.
func (h *hub) newDashboard(alarms []interfacesawscloudwatch.IAlarmRef) {
	width := jsii.Number(12)
	graph := func(title string, of ...awscloudwatch.IMetric) awscloudwatch.IWidget {
		return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Width: width, Left: &of})
	}
	outcomes := awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String("SUM(SEARCH('{" + metrics.Namespace + "," + string(metrics.Service) + "," + string(metrics.Environment) + "," + string(metrics.Outcome) + "} MetricName=\"" + string(metrics.Deployments) + "\"', 'Sum', 3600))"),
		Label:      jsii.String("deployments an hour"), UsingMetrics: &map[string]awscloudwatch.IMetric{},
	})
	times := []awscloudwatch.IMetric{}
	for _, name := range []metrics.Name{metrics.DurationSeconds, metrics.ApprovalWaitSeconds, metrics.OverheadSeconds} {
		times = append(times, awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("AVG(SEARCH('{" + metrics.Namespace + "," + string(metrics.Service) + "," + string(metrics.Environment) + "} MetricName=\"" + string(name) + "\"', 'Average', 3600))"),
			Label:      jsii.String(string(name)), UsingMetrics: &map[string]awscloudwatch.IMetric{},
		}))
	}
	var errors, durations []awscloudwatch.IMetric
	for _, f := range installation.AllFunctions() {
		label := installation.FunctionName(f)
		errors = append(errors, h.functions[f].MetricErrors(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Label: &label}))
		durations = append(durations, h.functions[f].MetricDuration(&awscloudwatch.MetricOptions{Statistic: jsii.String("p99"), Label: &label}))
	}
	awscloudwatch.NewDashboard(h.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String("stackgate"),
		Widgets: &[]*[]awscloudwatch.IWidget{
			{awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(24)})},
			{graph("Deployments that ended", outcomes), graph("Needs a person, unexpected, stuck", ours(metrics.FailedNeedsHuman, "Sum"), ours(metrics.UnexpectedFault, "Sum"), ours(metrics.StuckWaiters, "Maximum"))},
			{graph("Where the time goes, in seconds", times...), graph("Events that could not be handled", h.deadLetters.MetricApproximateNumberOfMessagesVisible(options("Maximum")))},
			{graph("Errors of functions; faults that tasks answer with are among them", errors...), graph("Duration of functions, 99th percentile", durations...)},
		},
	})
}

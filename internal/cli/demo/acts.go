package demo

import "stackgate/internal/deployment"

// The people. Nobody verifies them here.
const (
	requester = "ana"
	approver  = "bo"
)

const (
	serviceName = "carts"
	environment = "prod"
	serviceFile = "carts.yaml"
	template    = "templates/http-service.yaml"
)

// answer is what a person says to a review.
type answer struct {
	by string
	// reject gives the reason of a rejection; an empty one approves.
	reject string
	// refused says that the answer is expected to be refused.
	refused bool
}

// act is one deployment.
type act struct {
	title  string
	story  string
	reason string
	edits  []edit
	// revert takes the edits back afterwards, as a developer does whose change was not taken.
	revert  bool
	answers []answer
	// untouched checks afterwards that no change set is left behind.
	untouched bool
	expect    deployment.Outcome
}

// quota is the answer of Lambda in an account whose quota has not been raised.
const quota = `Resource handler returned message: "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008 (Service: Lambda, Status Code: 400, Request ID: 5d5ca1b3-7a6c-4d1a-9b0e-2f8d6a0c1e11)" (RequestToken: 1c9b6a52-8f0e-4f77-a3f3-0b8a7f1f2d10, HandlerErrorCode: InvalidRequest)`

func acts() []act {
	return []act{
		{
			title: "First deployment", reason: "carts goes live",
			story: "The stack does not exist yet. In prod somebody else than the requester must approve.",
			edits: []edit{
				// The table is not protected, so that act 3 can lose it.
				{serviceFile, "  TableName: ${project}-carts-${environment}\n",
					"  TableName: ${project}-carts-${environment}\nenvironments:\n  prod:\n    parameters:\n      Protection: basic\n"},
				// The quota that act 5 runs into.
				{template, "\nConditions:\n", "\nConditions:\n  IsBeyondQuota: !Equals [!Ref Memory, \"4096\"]\n"},
				{template, "  Function:\n    Type: AWS::Lambda::Function\n", "  Function:\n    Type: AWS::Lambda::Function\n    Metadata:\n      Stackgate::Simulate:\n        FailOn: !If [IsBeyondQuota, update, never]\n        Reason: >-\n          " + quota + "\n"},
			},
			answers: []answer{{by: approver}}, expect: deployment.OutcomeDeployed,
		},
		{
			title: "An update that adds and modifies", reason: "more memory, and an alarm when messages pile up",
			story: "Two lines of carts.yaml and one new resource in the shared template.",
			edits: []edit{
				{serviceFile, "      Protection: basic\n", "      Protection: basic\n      Memory: 512\n"},
				{template, "\nOutputs:\n", `
  DeadLettersAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: !Sub ${AWS::StackName} has messages that nobody could work on
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions:
        - { Name: QueueName, Value: !GetAtt DeadLetters.QueueName }
      Statistic: Maximum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold

Outputs:
`},
			},
			answers: []answer{{by: approver}}, expect: deployment.OutcomeDeployed,
		},
		{
			title: "An update that would replace a table", reason: "call the table baskets",
			story: "Another name is another table, and without its policy the old one is deleted with all its data. The review says so first; the requester may not approve it, and whoever does must acknowledge the loss by its number.",
			edits: []edit{
				{serviceFile, "${project}-carts-${environment}", "${project}-baskets-${environment}"},
				{template, "    UpdateReplacePolicy: Retain\n", ""},
			},
			answers: []answer{{by: requester, refused: true}, {by: approver}}, expect: deployment.OutcomeDeployed,
		},
		{
			title: "An update that is rejected", reason: "let partners in",
			story:   "One word in carts.yaml opens the API to everybody. The approver says no, and nothing is left behind.",
			edits:   []edit{{serviceFile, "      Memory: 512\n", "      Memory: 512\n      Ingress: public\n"}},
			answers: []answer{{by: approver, reject: "carts must not be open to everybody; give partners a role"}},
			revert:  true, untouched: true, expect: deployment.OutcomeRejected,
		},
		{
			title: "An update that fails half-way", reason: "much more memory for the sale",
			story: "The review is harmless, the account's quota is not: CloudFormation fails and rolls back. The root cause comes first. (Metadata in the template tells the simulator to fail here.)",
			edits: []edit{
				{serviceFile, "      Memory: 512\n", "      Memory: 4096\n"},
				{template, "      RetentionInDays: !Ref LogRetentionDays\n", "      RetentionInDays: !Ref LogRetentionDays\n\n  Sale:\n    Type: AWS::SQS::Queue\n    Properties:\n      SqsManagedSseEnabled: true\n"},
			},
			answers: []answer{{by: approver}}, revert: true, expect: deployment.OutcomeFailedRolledBack,
		},
		{
			title: "Nothing to change", reason: "the nightly run",
			story:  "The stack is what the definition says. That is a success, and nobody is asked.",
			expect: deployment.OutcomeNoChange,
		},
	}
}

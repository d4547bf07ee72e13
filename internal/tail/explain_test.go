package tail

import (
	"strings"
	"testing"
)

// TestExplain tells of each way in which an operation fails, and what the first line must say.
func TestExplain(t *testing.T) {
	for _, test := range []struct {
		name, events                       string
		headline, path, failures, rollback string
		cancelled                          int
		leftovers                          string
		status                             string
	}{
		{
			name: "first create fails and its siblings are cancelled",
			events: `
				App 0 . - CREATE_IN_PROGRESS User Initiated
				App 1 Topic AWS::SNS::Topic CREATE_IN_PROGRESS
				App 1 Table AWS::DynamoDB::Table CREATE_IN_PROGRESS
				App 1 Queue AWS::SQS::Queue CREATE_IN_PROGRESS
				App 2 Topic AWS::SNS::Topic CREATE_COMPLETE
				App 3 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
				App 3 Queue AWS::SQS::Queue CREATE_FAILED Resource creation cancelled
				App 4 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table, Queue]. Rollback requested by user.
				App 5 Topic AWS::SNS::Topic DELETE_IN_PROGRESS
				App 6 Topic AWS::SNS::Topic DELETE_COMPLETE
				App 7 . - ROLLBACK_COMPLETE`,
			headline: "Table (AWS::DynamoDB::Table) could not be created", path: "Table", cancelled: 1, status: "ROLLBACK_COMPLETE",
		},
		{
			name: "update fails and is rolled back",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
				App 2 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
				App 3 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn].
				App 4 Fn AWS::Lambda::Function UPDATE_COMPLETE
				App 5 . - UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
				App 6 . - UPDATE_ROLLBACK_COMPLETE`,
			headline: "Unzipped size must be smaller", path: "Fn", status: "UPDATE_ROLLBACK_COMPLETE",
		},
		{
			name: "two levels down, siblings cancelled",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Api >ApiStack UPDATE_IN_PROGRESS
				App 1 Web >WebStack UPDATE_IN_PROGRESS
				ApiStack 2 . - UPDATE_IN_PROGRESS Parent
				ApiStack 3 Data >DataStack CREATE_IN_PROGRESS
				WebStack 2 . - UPDATE_IN_PROGRESS Parent
				WebStack 3 Site AWS::S3::Bucket UPDATE_IN_PROGRESS
				DataStack 4 . - CREATE_IN_PROGRESS Parent
				DataStack 5 Table AWS::DynamoDB::Table CREATE_IN_PROGRESS
				DataStack 5 Stream AWS::Kinesis::Stream CREATE_IN_PROGRESS
				DataStack 6 Table AWS::DynamoDB::Table CREATE_FAILED Table already exists: orders
				DataStack 6.5 Stream AWS::Kinesis::Stream CREATE_FAILED Resource creation cancelled
				DataStack 7 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table, Stream]. Rollback requested by user.
				ApiStack 8 Data >DataStack CREATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/DataStack/id00000000 was not successfully created: The following resource(s) failed to create: [Table, Stream].
				ApiStack 9 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Data].
				App 10 Api >ApiStack UPDATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/ApiStack/id00000000 was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to create: [Data].
				WebStack 10 Site AWS::S3::Bucket UPDATE_FAILED Resource update cancelled
				WebStack 10.2 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Site].
				App 10.5 Web >WebStack UPDATE_FAILED Resource update cancelled
				App 11 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Api, Web].
				App 20 . - UPDATE_ROLLBACK_COMPLETE`,
			headline: "Api/Data/Table (AWS::DynamoDB::Table) could not be created", path: "Api/Data/Table", cancelled: 3,
		},
		{
			name: "two independent failures",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
				App 1 Role AWS::IAM::Role UPDATE_IN_PROGRESS
				App 2 Role AWS::IAM::Role UPDATE_FAILED Maximum policy size of 10240 bytes exceeded for role r
				App 3 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
				App 4 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Role, Fn].
				App 5 . - UPDATE_ROLLBACK_COMPLETE`,
			headline: "Role (AWS::IAM::Role) could not be updated", path: "Role", failures: "Fn",
		},
		{
			name: "the rollback fails too",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Fn AWS::Lambda::Function UPDATE_IN_PROGRESS
				App 1 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
				App 2 Db AWS::RDS::DBInstance UPDATE_COMPLETE
				App 3 Fn AWS::Lambda::Function UPDATE_FAILED Unzipped size must be smaller than 262144000 bytes
				App 4 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn].
				App 5 Db AWS::RDS::DBInstance UPDATE_IN_PROGRESS
				App 6 Db AWS::RDS::DBInstance UPDATE_FAILED DB instance db-1 is not in the available state
				App 7 . - UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Db].`,
			headline: "Fn (AWS::Lambda::Function) could not be updated", path: "Fn", rollback: "Db", status: "UPDATE_ROLLBACK_FAILED",
		},
		{
			name: "the word cancelled in a cause",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 2 Order Custom::Order UPDATE_FAILED The order was cancelled by the provider
				App 3 Fn AWS::Lambda::Function UPDATE_FAILED Resource update cancelled
				App 4 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Order, Fn].`,
			headline: "Order (Custom::Order) could not be updated: The order was cancelled by the provider", path: "Order", cancelled: 1,
		},
		{
			name: "only the stack's own row tells",
			events: `
				App 0 . - CREATE_IN_PROGRESS User Initiated
				App 1 . - ROLLBACK_IN_PROGRESS Transform AWS::Include failed with: S3 bucket [doesnotexist] does not exist.. Rollback requested by user.
				App 2 . - ROLLBACK_COMPLETE`,
			headline: "S3 bucket [doesnotexist] does not exist.", path: "",
		},
		{
			name: "a summary without its rows",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Fn]. The following resource(s) failed to create: [Table].
				App 2 . - UPDATE_ROLLBACK_COMPLETE`,
			headline: "The following resource(s) failed to update: [Fn]. The following resource(s) failed to create: [Table]", path: "",
		},
		{
			name: "the nested stack's events are not there",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Api >ApiStack UPDATE_IN_PROGRESS
				App 2 Api >ApiStack UPDATE_FAILED Embedded stack arn:aws:cloudformation:eu-west-1:111122223333:stack/ApiStack/id00000000 was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [Fn].
				App 3 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Api].`,
			headline: "Api (AWS::CloudFormation::Stack) could not be updated: The following resource(s) failed to update: [Fn].", path: "Api",
		},
		{
			name: "the nested stack itself is refused",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Api >ApiStack CREATE_IN_PROGRESS
				App 2 Api >ApiStack CREATE_FAILED Parameters: [Name] must have values
				App 3 . - UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Api].`,
			headline: "Parameters: [Name] must have values", path: "Api",
		},
		{
			name: "a skipped deletion and a failed one in the clean-up",
			events: `
				App 0 . - UPDATE_IN_PROGRESS User Initiated
				App 1 Topic AWS::SNS::Topic UPDATE_IN_PROGRESS
				App 2 Topic AWS::SNS::Topic UPDATE_COMPLETE
				App 3 . - UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
				App 4 Bucket AWS::S3::Bucket DELETE_SKIPPED
				App 5 Sg AWS::EC2::SecurityGroup DELETE_FAILED resource sg-1 has a dependent object
				App 6 Sg AWS::EC2::SecurityGroup DELETE_FAILED resource sg-1 has a dependent object
				App 7 Old AWS::SNS::Topic DELETE_FAILED Rate exceeded
				App 8 Old AWS::SNS::Topic DELETE_COMPLETE
				App 9 . - UPDATE_COMPLETE`,
			headline: "No failure among the 10 events of stack App, which is in UPDATE_COMPLETE; Bucket and 1 other are left behind.", leftovers: "Bucket Sg",
		},
		{
			name: "a foreign language",
			events: `
				App 0 . - CREATE_IN_PROGRESS User Initiated
				App 1 Haus Custom::Haus CREATE_FAILED Das Grundstück ist vergeben: 所有者がいます
				App 2 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Haus]. Rollback requested by user.`,
			headline: "Haus (Custom::Haus) could not be created: Das Grundstück ist vergeben: 所有者がいます", path: "Haus",
		},
		{
			name: "a failure without reason gives way to a later one that has one",
			events: `
				App 0 . - CREATE_IN_PROGRESS User Initiated
				App 1 A AWS::SNS::Topic CREATE_FAILED
				App 2 B AWS::SNS::Topic CREATE_FAILED Invalid parameter: TopicName
				App 3 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [A, B]. Rollback requested by user.`,
			headline: "B (AWS::SNS::Topic) could not be created", path: "B", failures: "A",
		},
		{
			name: "a failure without reason alone",
			events: `
				App 0 . - CREATE_IN_PROGRESS User Initiated
				App 1 A AWS::SNS::Topic CREATE_FAILED
				App 3 . - ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [A]. Rollback requested by user.`,
			headline: "A (AWS::SNS::Topic) could not be created; CloudFormation gave no reason.", path: "A",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := explained(t, "tok", test.events)
			if !strings.Contains(doc.Headline, test.headline) {
				t.Errorf("headline %q does not contain %q", doc.Headline, test.headline)
			}
			if doc.RootCause != nil && doc.RootCause.Path != test.path {
				t.Errorf("root cause is %q, want %q", doc.RootCause.Path, test.path)
			}
			if got := paths(doc.Failures); got != test.failures {
				t.Errorf("failures %q, want %q", got, test.failures)
			}
			if got := paths(doc.RollbackProblems); got != test.rollback {
				t.Errorf("rollback problems %q, want %q", got, test.rollback)
			}
			if doc.Cancelled != test.cancelled {
				t.Errorf("%d cancelled, want %d", doc.Cancelled, test.cancelled)
			}
			var left []string
			for _, leftover := range doc.Leftovers {
				left = append(left, leftover.Path)
			}
			if got := strings.Join(left, " "); got != test.leftovers {
				t.Errorf("leftovers %q, want %q", got, test.leftovers)
			}
			if test.status != "" && doc.Status != test.status {
				t.Errorf("status %q, want %q", doc.Status, test.status)
			}
		})
	}
}

package interop_test

// table is a template with a table of a name, and a queue that fails to be made where failing says how.
func table(tableName, failing string) string {
	queue := ""
	if failing != "" {
		queue = `
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: ` + failing + `, Reason: the queue is out of order}}`
	}
	return `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: ` + tableName + `
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]` + queue + "\n"
}

// stuck updates the table, then fails to make the queue, and then fails to return the table to what it was.
const stuck = `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata: {"Stackgate::Simulate": {FailOn: rollback, Reason: the table cannot go back}}
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Queue:
    Type: AWS::SQS::Queue
    DependsOn: Table
    Metadata: {"Stackgate::Simulate": {FailOn: create, Reason: the queue is out of order}}
`

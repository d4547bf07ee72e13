package plan

import "stackgate/internal/deployment"

// Recovery says that a review proposes to lead a stack out of a status that takes no deployment. Such a review has no
// change set; its items are the resources that the call concerns.
type Recovery struct {
	Action deployment.RecoveryAction `json:"action"`
	// Operation is the CloudFormation call: DeleteStack, ContinueUpdateRollback, RollbackStack.
	Operation string `json:"operation"`
	// Status is the stack's status that it leads out of, Reaches the one that it leads to.
	Status  string `json:"status"`
	Reaches string `json:"reaches"`
	// Skip are the resources that are left as they are, as the call names them; Retain those that a deletion leaves behind.
	Skip   []string `json:"skip"`
	Retain []string `json:"retain"`
	// Force: whatever cannot be deleted is left behind.
	Force bool `json:"force"`
}

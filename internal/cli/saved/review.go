package saved

import (
	"bytes"
	"encoding/json"

	"stackgate/internal/cfn"
	"stackgate/internal/cli/app"
	"stackgate/internal/cli/exit"
	"stackgate/internal/plan"
)

// Review reads a review: a document that `review -o json` wrote, or saved answers of DescribeChangeSet, of which one is
// made. Whatever cannot be read is a usage error.
func Review(a *app.App, names []string) (plan.Review, error) {
	answers, err := Read(a, names)
	if err != nil {
		return plan.Review{}, err
	}
	files := make([]cfn.SavedAnswer, 0, len(answers))
	for _, answer := range answers {
		if isReview(answer.Data) {
			if len(answers) > 1 {
				return plan.Review{}, exit.Usagef("%s is a whole review, and %d files were given; give it alone", answer.Name, len(answers))
			}
			review, err := plan.Decode(answer.Data)
			if err != nil {
				return plan.Review{}, exit.Usagef("read %s: %w", answer.Name, err)
			}
			return review, nil
		}
		files = append(files, cfn.SavedAnswer{Name: answer.Name, Data: answer.Data})
	}
	description, err := cfn.LoadDescription(files...)
	if err != nil {
		return plan.Review{}, exit.Usagef("%w", err)
	}
	return cfn.Review(description, cfn.ReviewInput{})
}

// isReview says whether a file begins like a review document. Ours have their schema first, so that a large answer of
// CloudFormation is not parsed for it; a document that was written anew by another program may have it anywhere.
func isReview(data []byte) bool {
	if !bytes.Contains(data, []byte(`"`+plan.Schema+`"`)) {
		return false
	}
	var head struct {
		Schema string `json:"schema"`
	}
	return json.Unmarshal(data, &head) == nil && head.Schema == plan.Schema
}

package cfnsim

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/cfnsim/template"
)

// evaluateOutputs returns the outputs of a stack whose resources are all there.
func (w *world) evaluateOutputs(s *stack) ([]types.Output, error) {
	scope, err := w.boundScope(s)
	if err != nil {
		return nil, err
	}
	outputs, err := scopeOutputs(scope)
	if err != nil {
		return nil, err
	}
	for _, output := range outputs {
		if output.ExportName == nil {
			continue
		}
		if owner := w.exporter(s, *output.ExportName); owner != nil {
			return nil, &template.Error{Message: fmt.Sprintf("Export with name %s is already exported by stack %s", *output.ExportName, owner.Name)}
		}
	}
	return outputs, nil
}

// exporter returns another stack that exports the name.
func (w *world) exporter(s *stack, name string) *stack {
	for _, other := range w.Stacks {
		if other == s || other.Account != s.Account || other.Region != s.Region || other.Status == types.StackStatusDeleteComplete {
			continue
		}
		for _, output := range other.Outputs {
			if output.ExportName != nil && *output.ExportName == name {
				return other
			}
		}
	}
	return nil
}

func scopeOutputs(scope *template.Scope) ([]types.Output, error) {
	var outputs []types.Output
	for _, name := range sortedIDs(scope.Template.Outputs) {
		source := scope.Template.Outputs[name]
		if !scope.Holds(source.Condition) {
			continue
		}
		value, err := outputText(scope, name, source.Value)
		if err != nil {
			return nil, err
		}
		output := types.Output{OutputKey: aws.String(name), OutputValue: &value}
		if source.Description != "" {
			output.Description = aws.String(source.Description)
		}
		if source.ExportName != nil {
			export, err := outputText(scope, name, source.ExportName)
			if err != nil {
				return nil, err
			}
			output.ExportName = &export
		}
		outputs = append(outputs, output)
	}
	return outputs, nil
}

func outputText(scope *template.Scope, name string, expression any) (string, error) {
	value, err := scope.Evaluate(expression)
	var missing *template.MissingExportError
	if err != nil && !errors.As(err, &missing) {
		// Recorded on AWS: an output that cannot be read fails the stack, and its row tells the place.
		return "", fmt.Errorf("[Error] /Outputs/%s/Value%s: %w", name, functionPath(expression), err)
	}
	if err != nil {
		return "", err
	}
	text, ok := value.(string)
	if !ok {
		return "", &template.Error{Message: "Template format error: The Value field of every Outputs member must evaluate to a String."}
	}
	return text, nil
}

// functionPath names the function at the top of an expression, as AWS does in the path of an error.
func functionPath(expression any) string {
	m, _ := expression.(map[string]any)
	if len(m) == 1 {
		for name := range m {
			return "/" + name
		}
	}
	return ""
}

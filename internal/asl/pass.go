package asl

// passState hands its input on, reshaped by Parameters or replaced by Result.
type passState struct {
	parameters template
	result     *constantTemplate
	resultPath resultPath
}

func (s passState) describe(d *State) {}

func (s passState) run(v *visit) (any, string, error) {
	result, err := v.effectiveInput()
	if err != nil {
		return nil, "", err
	}
	if s.parameters != nil {
		if result, err = v.render(s.parameters, result); err != nil {
			return nil, "", err
		}
	}
	if s.result != nil {
		result = s.result.value
	}
	combined, err := v.combine(s.resultPath, result)
	if err != nil {
		return nil, "", err
	}
	output, err := v.outputFrom(combined)
	return output, v.state.next, err
}

// passThrough applies InputPath and OutputPath, which is all that happens to the data of states that do not make any.
func (v *visit) passThrough() (any, error) {
	selected, err := v.effectiveInput()
	if err != nil {
		return nil, err
	}
	return v.outputFrom(selected)
}

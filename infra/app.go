package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"stackgate/infra/controlplane"
	"stackgate/infra/installation"
	"stackgate/infra/machines"
	"stackgate/infra/target"
	"stackgate/internal/service"
)

// install puts the whole installation into the app. Assets is the folder with the programs of the functions.
func install(app awscdk.App, settings installation.Settings, definitions []service.Definition, assets string) error {
	if err := settings.Check(definitions); err != nil {
		return err
	}
	groups := map[string][]service.Definition{}
	targets := map[installation.Target]map[string][]service.Definition{}
	for _, d := range definitions {
		group, t := installation.Group(d), installation.TargetOf(d)
		groups[group] = append(groups[group], d)
		if targets[t] == nil {
			targets[t] = map[string][]service.Definition{}
		}
		targets[t][group] = append(targets[t][group], d)
	}
	if err := checkSizes(groups, targets); err != nil {
		return err
	}
	ordered := slices.SortedFunc(maps.Keys(targets), installation.CompareTargets)
	hub := controlplane.New(app, controlplane.Props{Settings: settings, Targets: ordered, Assets: assets})
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		machines.New(app, machines.Props{Settings: settings, Group: group, Definitions: groups[group]}).AddStackDependency(hub, nil)
	}
	target.NewBase(app, settings, definitions)
	for _, t := range ordered {
		for _, group := range slices.Sorted(maps.Keys(targets[t])) {
			target.NewRoles(app, target.Props{Settings: settings, Target: t, Group: group, Definitions: targets[t][group]})
		}
	}
	return nil
}

// checkSizes refuses groups that would make a stack larger than CloudFormation takes, before CDK does so with less to say.
func checkSizes(groups map[string][]service.Definition, targets map[installation.Target]map[string][]service.Definition) error {
	var problems []error
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if n := len(groups[group]); n > machines.MaxMachines() {
			problems = append(problems, fmt.Errorf("stack group %s has %d services and environments, and a template holds the state machines of %d; "+
				"declare another group under installation.stackGroups in project.yaml and put new services into it: those that are installed must not move",
				group, n, machines.MaxMachines()))
		}
	}
	for _, t := range slices.SortedFunc(maps.Keys(targets), installation.CompareTargets) {
		for _, group := range slices.Sorted(maps.Keys(targets[t])) {
			if n := len(targets[t][group]); n > target.MaxServices {
				problems = append(problems, fmt.Errorf("stack group %s has %d services in account %s and region %s, and a stack holds the roles of %d; "+
					"declare another group under installation.stackGroups in project.yaml and put new services into it", group, n, t.Account, t.Region, target.MaxServices))
			}
		}
	}
	return errors.Join(problems...)
}

// checkAssets says which programs are not built.
func checkAssets(assets string) error {
	var problems []error
	for _, program := range controlplane.Programs() {
		path := filepath.Join(assets, program, "bootstrap")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("%s is missing: run make lambdas, which builds it", path))
		} else if err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

package service

import (
	"maps"
	"slices"
	"strings"
)

// checkStackNames reports stacks that are claimed twice, and those that a nested stack of another could be taken for:
// CloudFormation names nested stacks <parent>-<logical id>-<random>, and permissions are given on <parent>-*.
func checkStackNames(c *Catalog, l *loader) {
	type place struct{ account, region, name string }
	owners := map[place]Definition{}
	keys := slices.Sorted(maps.Keys(c.definitions))
	for _, key := range keys {
		d := c.definitions[key]
		if d.StackName == "" {
			continue
		}
		at := place{d.Account, d.Region, d.StackName}
		if other, taken := owners[at]; taken {
			l.report.add(l.placeOf(d, "stackName"), "stackName", "%s and %s both claim the stack %s in %s %s; give each its own name",
				other, d, d.StackName, d.Account, d.Region)
			continue
		}
		owners[at] = d
	}
	for _, key := range keys {
		d := c.definitions[key]
		for i := strings.IndexByte(d.StackName, '-'); i >= 0; {
			other, taken := owners[place{d.Account, d.Region, d.StackName[:i]}]
			if taken {
				l.report.add(l.placeOf(d, "stackName"), "stackName",
					"stack %s of %s begins with the name of %s's stack %s and a hyphen, as that stack's nested stacks do; choose another name",
					d.StackName, d, other, other.StackName)
			}
			next := strings.IndexByte(d.StackName[i+1:], '-')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
}

// checkJoinedNames reports services whose names and environments, joined with a hyphen, are the same: state machines and roles
// are named so, and orders in eu-prod would share them with orders-eu in prod.
func checkJoinedNames(c *Catalog, l *loader) {
	owners := map[string]Definition{}
	for _, d := range c.Definitions() {
		name := d.Service + "-" + d.Environment
		if other, taken := owners[name]; taken {
			l.report.add(l.services[d.Service].root.origin, "",
				"service %s in %s and service %s in %s are both %s, after which their state machines and roles are named; rename one of the services",
				d.Service, d.Environment, other.Service, other.Environment, name)
			continue
		}
		owners[name] = d
	}
}

package service

import (
	"fmt"
	"slices"
	"strings"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/identity"
)

// Catalog is all definitions of a project. It is not changed after Load, so it may be read from many goroutines.
type Catalog struct {
	project      string
	stackGroups  []string
	identities   identity.Rules
	environments []Environment
	services     []Service
	// definitions by deployment.Key.
	definitions map[string]Definition
	// disabled says where a service was disabled in an environment.
	disabled map[string]Origin
	// written holds the services' files, and inherited the parameters that environments give to all services, for New.
	written   map[string]*node
	inherited map[string][]string
}

// Environment is where services are deployed to.
type Environment struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Rank is its place in the order of promotion; lower comes first.
	Rank int `json:"rank"`
	// Approval is what every deployment here asks for at least.
	Approval                approval.Policy `json:"approval"`
	AllowParameterOverrides bool            `json:"allowParameterOverrides"`
}

// Service is a service as lists show it.
type Service struct {
	Name        string `json:"name"`
	Owner       string `json:"owner"`
	StackGroup  string `json:"stackGroup,omitempty"`
	Description string `json:"description,omitempty"`
	// File is where the service is defined.
	File string `json:"file"`
	// Environments are those in which it is deployed, in the order of their ranks.
	Environments []string `json:"environments"`
}

// ErrUnknownService says that there is no service of a name.
type ErrUnknownService struct {
	Name string
	// Suggestion is the service that was probably meant; it may be empty.
	Suggestion string
	// Known are all services.
	Known []string
}

func (e ErrUnknownService) Error() string { return unknown("service", e.Name, e.Suggestion, e.Known) }

// ErrUnknownEnvironment says that there is no environment of a name.
type ErrUnknownEnvironment struct {
	Name string
	// Suggestion is the environment that was probably meant; it may be empty.
	Suggestion string
	// Known are all environments.
	Known []string
}

func (e ErrUnknownEnvironment) Error() string {
	return unknown("environment", e.Name, e.Suggestion, e.Known)
}

// ErrDisabled says that a service is not deployed to an environment.
type ErrDisabled struct {
	Service, Environment string
	// Origin is where the service's file says so.
	Origin Origin
}

func (e ErrDisabled) Error() string {
	return fmt.Sprintf("service %s is not deployed to %s: enabled is false (%s)", e.Service, e.Environment, e.Origin)
}

func unknown(what, name, suggestion string, known []string) string {
	text := fmt.Sprintf("there is no %s %q", what, shorten(name))
	switch {
	case suggestion != "":
		return text + fmt.Sprintf("; did you mean %q?", suggestion)
	case len(known) == 0:
		return text + "; none is defined"
	case len(known) <= 20:
		return text + "; there are " + strings.Join(known, ", ")
	}
	return text + fmt.Sprintf("; %d others are defined, see stackgate services list", len(known))
}

// Project returns the project's name.
func (c *Catalog) Project() string { return c.project }

// StackGroups returns the groups of the project's installation, in the order of its file; there may be none. Every service
// names one of them where there are any.
func (c *Catalog) StackGroups() []string { return slices.Clone(c.stackGroups) }

// Services returns all services by name.
func (c *Catalog) Services() []Service { return slices.Clone(c.services) }

// Environments returns all environments in the order of their ranks, and by name within a rank.
func (c *Catalog) Environments() []Environment { return slices.Clone(c.environments) }

// Definitions returns every definition, which is every service in every environment where it is enabled: by service name
// and, within a service, in the order of the environments' ranks.
func (c *Catalog) Definitions() []Definition {
	all := make([]Definition, 0, len(c.definitions))
	for _, s := range c.services {
		for _, environment := range s.Environments {
			all = append(all, c.definitions[deployment.Key(s.Name, environment)])
		}
	}
	return all
}

// Definition returns a service's definition in an environment. The error is an ErrUnknownService, an
// ErrUnknownEnvironment or an ErrDisabled. What it returns is shared and must not be changed.
func (c *Catalog) Definition(service, environment string) (Definition, error) {
	if d, ok := c.definitions[deployment.Key(service, environment)]; ok {
		return d, nil
	}
	var services, environments []string
	for _, s := range c.services {
		services = append(services, s.Name)
	}
	for _, e := range c.environments {
		environments = append(environments, e.Name)
	}
	if !slices.Contains(services, service) {
		return Definition{}, ErrUnknownService{service, suggest(service, services), services}
	}
	if !slices.Contains(environments, environment) {
		return Definition{}, ErrUnknownEnvironment{environment, suggest(environment, environments), environments}
	}
	return Definition{}, ErrDisabled{service, environment, c.disabled[deployment.Key(service, environment)]}
}

// Package rules holds what the simulator knows of resource types, as data: what a change of a property does, what Ref
// and Fn::GetAtt yield, how long operations take.
// It is not a schema: a property that it does not mention is accepted and updated in place.
package rules

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed types.yaml
var typesYAML []byte

// Recreation says whether a change of a property replaces the resource.
type Recreation string

// The three answers of CloudFormation, in its spelling.
const (
	Never         Recreation = "Never"
	Conditionally Recreation = "Conditionally"
	Always        Recreation = "Always"
)

// Action is what an operation does to one resource.
type Action string

// The actions that take time.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Type is what is known of one resource type. types.yaml says what each field means.
type Type struct {
	Name            string             `yaml:"-"`
	Known           bool               `yaml:"-"`
	Seconds         map[Action]float64 `yaml:"seconds"`
	NameProperty    string             `yaml:"name"`
	Generated       string             `yaml:"generated"`
	MaxName         int                `yaml:"maxName"`
	Physical        string             `yaml:"physical"`
	Attributes      map[string]string  `yaml:"attributes"`
	Echo            []string           `yaml:"echo"`
	Replace         []string           `yaml:"replace"`
	MaybeReplace    []string           `yaml:"maybeReplace"`
	UsuallyReplace  []string           `yaml:"usuallyReplace"`
	Required        []string           `yaml:"required"`
	Tags            string             `yaml:"tags"`
	TagsMap         bool               `yaml:"tagsMap"`
	Snapshot        bool               `yaml:"snapshot"`
	DefaultDeletion string             `yaml:"defaultDeletion"`
	Capability      string             `yaml:"capability"`
	EmptyFirst      bool               `yaml:"emptyFirst"`
}

// Catalog is the set of known types.
type Catalog struct{ types map[string]Type }

// Default returns the embedded catalog. It never changes and may be shared.
var Default = sync.OnceValues(func() (*Catalog, error) { return parse(typesYAML) })

func parse(source []byte) (*Catalog, error) {
	c := &Catalog{types: map[string]Type{}}
	if err := yaml.UnmarshalWithOptions(source, &c.types, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read resource type rules: %w", err)
	}
	for name, t := range c.types {
		t.Name, t.Known = name, true
		c.types[name] = t
	}
	return c, nil
}

// Names returns the known types, sorted.
func (c *Catalog) Names() []string {
	names := make([]string, 0, len(c.types))
	for name := range c.types {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Lookup returns the rules of a type. A type that is not in the catalog is answered with what can honestly be said
// of it: any change may replace it, Ref is a generated name, every attribute is some text.
func (c *Catalog) Lookup(name string) Type {
	if t, known := c.types[name]; known {
		return t
	}
	t := Type{Name: name}
	if strings.HasPrefix(name, "Custom::") || name == "AWS::CloudFormation::CustomResource" {
		t.Seconds = map[Action]float64{Create: 12, Update: 10, Delete: 8}
		t.Required = []string{"ServiceToken"}
	}
	return t
}

// Recreation says what a change of the top-level property does to the resource.
func (t Type) Recreation(property string) Recreation {
	switch {
	case !t.Known:
		return Conditionally
	case slices.Contains(t.Replace, property), slices.Contains(t.Replace, "*") && property != "Tags":
		return Always
	case slices.Contains(t.MaybeReplace, property):
		return Conditionally
	default:
		return Never
	}
}

// Replaces says whether the simulator replaces the resource when the property changes.
func (t Type) Replaces(property string) bool {
	return t.Recreation(property) == Always || slices.Contains(t.UsuallyReplace, property)
}

// Duration is how long the action typically takes.
func (t Type) Duration(action Action) time.Duration {
	seconds, known := t.Seconds[action]
	if !known {
		seconds = 5
	}
	return time.Duration(seconds * float64(time.Second))
}

// Missing returns the required properties that are not given.
func (t Type) Missing(properties map[string]any) []string {
	var missing []string
	for _, name := range t.Required {
		if _, given := properties[name]; !given {
			missing = append(missing, name)
		}
	}
	return missing
}

// DeletionPolicy is what happens to a resource of this type when the template does not say.
func (t Type) DeletionPolicy(properties map[string]any) string {
	// The template reference excepts instances that belong to a cluster from the Snapshot default.
	if _, inCluster := properties["DBClusterIdentifier"]; t.DefaultDeletion != "" && !(t.Name == "AWS::RDS::DBInstance" && inCluster) {
		return t.DefaultDeletion
	}
	return "Delete"
}

package rules

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Identity is what the physical id and the attributes of one resource are made from. Two resources with equal
// identities have equal attributes, so nothing random needs to be stored.
type Identity struct {
	AccountID, Region, Partition, URLSuffix string
	StackName, LogicalID                    string
	// Salt makes a physical id unique: it differs for every resource ever created.
	Salt string
	// Name is the custom or generated name; PhysicalID is empty while the physical id itself is being made.
	Name, PhysicalID string
	Properties       map[string]any
}

// GenerateName makes the name of a resource whose template gives none.
func (t Type) GenerateName(in Identity) string {
	random := letters(in.Salt, 12)
	limit := t.MaxName
	if limit == 0 {
		limit = 80
	}
	name := in.StackName + "-" + in.LogicalID
	switch t.Generated {
	case "cfn":
		return "CFN-" + in.LogicalID + "-" + random
	case "lower":
		name, random = strings.ToLower(name), strings.ToLower(random)
	}
	if room := limit - len(random) - 1; len(name) > room {
		name = strings.TrimRight(name[:room], "-")
	}
	return name + "-" + random
}

// CustomName returns the name that the template gives the resource.
func (t Type) CustomName(properties map[string]any) (string, bool) {
	if t.NameProperty == "" {
		return "", false
	}
	name, given := properties[t.NameProperty].(string)
	return name, given && name != ""
}

// PhysicalID makes the physical id of a new resource, which is also what Ref yields.
func (t Type) PhysicalID(in Identity) string {
	pattern := t.Physical
	if pattern == "" {
		pattern = "{name}"
	}
	return expand(pattern, in)
}

// Attribute is what Fn::GetAtt of the resource yields; ok is false when the type has no such attribute.
func (t Type) Attribute(name string, in Identity) (value any, ok bool) {
	if pattern, known := t.Attributes[name]; known {
		return expand(pattern, in), true
	}
	// Recorded on AWS: Fn::GetAtt also gives back properties that the template sets.
	if value, given := in.Properties[name]; given {
		return value, true
	}
	if slices.Contains(t.Echo, name) {
		return "", true
	}
	if !t.Known {
		return fmt.Sprintf("%s-%s", in.PhysicalID, strings.ReplaceAll(name, ".", "-")), true
	}
	return nil, false
}

// HasAttribute says whether Fn::GetAtt accepts the name on a resource with these properties; of an unknown type it
// accepts any.
func (t Type) HasAttribute(name string, properties map[string]any) bool {
	_, ok := t.Attribute(name, Identity{Properties: properties})
	return ok
}

// expand replaces the {placeholders} of a pattern.
func expand(pattern string, in Identity) string {
	var out strings.Builder
	for {
		start := strings.IndexByte(pattern, '{')
		end := strings.IndexByte(pattern, '}')
		if start < 0 || end < start {
			out.WriteString(pattern)
			return out.String()
		}
		out.WriteString(pattern[:start])
		out.WriteString(placeholder(pattern[start+1:end], in))
		pattern = pattern[end+1:]
	}
}

func placeholder(text string, in Identity) string {
	name, argument, _ := strings.Cut(text, ":")
	length, variant, _ := strings.Cut(argument, ":")
	count, _ := strconv.Atoi(length)
	switch name {
	case "account":
		return in.AccountID
	case "region":
		return in.Region
	case "partition":
		return in.Partition
	case "suffix":
		return in.URLSuffix
	case "stack":
		return in.StackName
	case "logical":
		return in.LogicalID
	case "name":
		return in.Name
	case "id":
		return in.PhysicalID
	case "prop":
		value, _ := in.Properties[argument].(string)
		if value == "" {
			return in.LogicalID
		}
		return value
	case "uuid":
		return UUID(in.Salt)
	case "hex":
		return digest(in.Salt + variant)[:count]
	case "hash":
		return strings.ToLower(letters(in.Salt+variant, count))
	case "HASH":
		return strings.ToUpper(letters(in.Salt+variant, count))
	case "octet":
		sum := sha256.Sum256([]byte(in.Salt))
		return strconv.Itoa(int(sum[0])%254 + 1)
	default:
		return "{" + text + "}"
	}
}

func digest(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:])
}

// letters returns count letters and digits in mixed case.
func letters(seed string, count int) string {
	sum := sha256.Sum256([]byte(seed))
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	for i := range count {
		if sum[i%len(sum)]&1 == 1 {
			text = text[:i] + strings.ToLower(text[i:i+1]) + text[i+1:]
		}
	}
	return text[:count]
}

// UUID makes a version 4 shaped UUID from a seed.
func UUID(seed string) string {
	d := digest(seed)
	return d[0:8] + "-" + d[8:12] + "-4" + d[13:16] + "-a" + d[17:20] + "-" + d[20:32]
}

// Code makes the part of a name that CloudFormation adds to the names of nested stacks: capital letters and digits.
func Code(seed string, length int) string { return strings.ToUpper(letters(seed, length)) }

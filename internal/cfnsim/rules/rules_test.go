package rules

import (
	"slices"
	"strings"
	"testing"
)

func catalog(t *testing.T) *Catalog {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryRuleIsUsable(t *testing.T) {
	c := catalog(t)
	if len(c.Names()) < 40 {
		t.Errorf("%d types known, want at least 40", len(c.Names()))
	}
	for _, name := range c.Names() {
		t.Run(name, func(t *testing.T) {
			rule := c.Lookup(name)
			in := Identity{AccountID: "123456789012", Region: "eu-central-1", Partition: "aws", URLSuffix: "amazonaws.com",
				StackName: "orders", LogicalID: "Thing", Salt: "salt"}
			in.Name = rule.GenerateName(in)
			in.PhysicalID = rule.PhysicalID(in)
			if in.PhysicalID == "" || strings.ContainsAny(in.PhysicalID, "{}") {
				t.Errorf("physical id %q", in.PhysicalID)
			}
			for attribute := range rule.Attributes {
				value, ok := rule.Attribute(attribute, in)
				if text, _ := value.(string); !ok || strings.ContainsAny(text, "{}") {
					t.Errorf("attribute %s = %v, %t", attribute, value, ok)
				}
			}
			for _, list := range [][]string{rule.Replace, rule.MaybeReplace, rule.UsuallyReplace, rule.Required} {
				if !slices.IsSorted(list) {
					t.Errorf("%v is not sorted", list)
				}
			}
			for _, property := range rule.UsuallyReplace {
				if rule.Recreation(property) != Conditionally {
					t.Errorf("usuallyReplace lists %s, which maybeReplace does not", property)
				}
			}
			if rule.MaxName > 0 && len(in.Name) > rule.MaxName {
				t.Errorf("name %q is longer than %d", in.Name, rule.MaxName)
			}
			if rule.NameProperty != "" && rule.Recreation(rule.NameProperty) != Always {
				t.Errorf("a change of %s must replace", rule.NameProperty)
			}
			if !slices.Contains([]string{"", "IAM", "NAMED"}, rule.Capability) || !slices.Contains([]string{"", "lower", "cfn"}, rule.Generated) {
				t.Errorf("unknown word in capability %q or generated %q", rule.Capability, rule.Generated)
			}
		})
	}
}

func TestUnknownTypeMayBeReplacedByAnyChange(t *testing.T) {
	rule := catalog(t).Lookup("AWS::Future::Thing")
	if got := rule.Recreation("Anything"); got != Conditionally {
		t.Errorf("recreation = %s, want %s", got, Conditionally)
	}
	if !rule.HasAttribute("Whatever", nil) {
		t.Error("an unknown type must not refuse attributes")
	}
}

func TestGeneratedNamesLookLikeCloudFormations(t *testing.T) {
	in := Identity{StackName: "Orders", LogicalID: "Files", Salt: "x"}
	for typeName, prefix := range map[string]string{"AWS::S3::Bucket": "orders-files-", "AWS::SSM::Parameter": "CFN-Files-", "AWS::SQS::Queue": "Orders-Files-"} {
		if got := catalog(t).Lookup(typeName).GenerateName(in); !strings.HasPrefix(got, prefix) || len(got) != len(prefix)+12 {
			t.Errorf("%s: %q, want %q and 12 characters", typeName, got, prefix)
		}
	}
}

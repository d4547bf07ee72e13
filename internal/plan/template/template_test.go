package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackgate/internal/plan/template"
)

const yamlTemplate = `
AWSTemplateFormatVersion: '2010-09-09'
Transform: [AWS::Serverless-2016-10-31]
Parameters:
  DbPassword: {Type: String, NoEcho: true}
  ApiKey:
    Type: String
    NoEcho: "true"
  Size: {Type: Number, Default: 012}
  Ami: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>'}
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties:
      MasterUserPassword: !Ref DbPassword
      DBName: !Sub "${AWS::StackName}-db"
      Engine: '{{resolve:ssm:/engine}}'
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Code:
        ZipFile: |
          def handler(): pass
      Environment:
        Variables:
          URL: !Sub
            - "https://${Key}@${Host}"
            - Key: !Ref ApiKey
              Host: example.com
          PLAIN: !Sub "x-${Size}"
          LITERAL: !Sub "${!DbPassword}"
      Layers:
        - !If [HasLayer, !Ref Layer, !Ref AWS::NoValue]
        - !Join ["-", [a, !Ref DbPassword]]
      Tags:
        - Key: a
          Value: !GetAtt Db.Endpoint.Address
  Other:
    Type: AWS::SNS::Topic
    Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://bucket/include.yaml}}
`

func TestYAML(t *testing.T) {
	parsed, err := template.Parse([]byte(yamlTemplate))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ApiKey", "DbPassword"}, parsed.NoEcho()); diff != "" {
		t.Errorf("NoEcho:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Ami"}, parsed.SSMParameters()); diff != "" {
		t.Errorf("SSM parameters:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"AWS::Include (s3://bucket/include.yaml)", "AWS::Serverless-2016-10-31"}, parsed.Macros()); diff != "" {
		t.Errorf("macros:\n%s", diff)
	}
	hidden := map[string]bool{"ApiKey": true, "DbPassword": true}
	if diff := cmp.Diff([]string{"/Properties/MasterUserPassword"}, parsed.Reaches("Db", hidden)); diff != "" {
		t.Errorf("Db:\n%s", diff)
	}
	// The list of layers can lose its first element, so its numbers mean nothing.
	if diff := cmp.Diff([]string{"/Properties/Environment/Variables/URL", "/Properties/Layers"}, parsed.Reaches("Fn", hidden)); diff != "" {
		t.Errorf("Fn:\n%s", diff)
	}
	if got := parsed.Reaches("Missing", hidden); got != nil {
		t.Errorf("a resource that is not there is reached at %v", got)
	}
	want := []template.Reference{{LogicalID: "Db", Pointer: "/Properties/Engine", Text: "{{resolve:ssm:/engine}}"}}
	if diff := cmp.Diff(want, parsed.References()); diff != "" {
		t.Errorf("references:\n%s", diff)
	}
	if !parsed.HasParameter("Size") || parsed.HasParameter("Db") {
		t.Error("parameters are not told from resources")
	}
	if parsed.Resource("Db")["Type"] != "AWS::RDS::DBInstance" || parsed.Resource("X") != nil {
		t.Error("resources are not found")
	}
}

func TestJSONSaysTheSame(t *testing.T) {
	parsed, err := template.Parse([]byte(`{"Parameters":{"P":{"Type":"String","NoEcho":true}},"Resources":{"R":{"Properties":{"A":{"Fn::Join":["",["x",{"Ref":"P"}]]},"B":[{"Fn::Sub":"${P}"}]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/Properties/A", "/Properties/B/0"}, parsed.Reaches("R", map[string]bool{"P": true})); diff != "" {
		t.Errorf("reaches:\n%s", diff)
	}
}

func TestBadTemplates(t *testing.T) {
	for name, text := range map[string]string{
		"empty": " ", "list": "- a", "scalar": "hello", "broken JSON": `{"a":`, "broken YAML": "a: [b", "alias": "a: &x b\nc: *x",
		"tab": "a:\n\t- b", "deep": strings.Repeat("[", 5000),
	} {
		if _, err := template.Parse([]byte(text)); err == nil {
			t.Errorf("%s was read as a template", name)
		} else if !strings.HasPrefix(err.Error(), "read template: ") {
			t.Errorf("%s: %v does not say what was being done", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{yamlTemplate, `{"Resources":{}}`, "a: !Ref b", "a: !GetAtt [b, c]", "? a\n: b", "--- \n...", "a: !!binary x", "!Ref"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		parsed, err := template.Parse(body)
		if err != nil {
			return
		}
		parsed.NoEcho()
		parsed.Macros()
		parsed.References()
		parsed.Reaches("Db", map[string]bool{"DbPassword": true})
	})
}

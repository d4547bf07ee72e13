package synth_test

import (
	"strings"
	"testing"

	"stackgate/test/iam/synth"
)

const role = `{"Type": "AWS::IAM::Role", "Properties": {"RoleName": "reader", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}, "Policies": [{"PolicyName": "p", "PolicyDocument":
  {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": RESOURCE}]}}]}}`

func read(t *testing.T, resources string) (synth.Installation, error) {
	t.Helper()
	return synth.Read([]synth.Template{{Name: "t", Account: "111111111111", Region: "eu-west-1", Content: []byte(`{"Resources": {` + resources + `}}`)}})
}

func TestResourcesAreResolved(t *testing.T) {
	const bucket = `"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Join": ["-", ["things", {"Ref": "AWS::AccountId"}]]}}}`
	for resource, want := range map[string]string{
		`"arn:aws:s3:::x/*"`: "arn:aws:s3:::x/*",
		`{"Fn::Join": ["", [{"Fn::GetAtt": ["B", "Arn"]}, "/*"]]}`:        "arn:aws:s3:::things-111111111111/*",
		`{"Fn::Sub": "arn:${AWS::Partition}:s3:::${B}/${AWS::Region}/*"}`: "arn:aws:s3:::things-111111111111/eu-west-1/*",
		`[{"Fn::GetAtt": ["B", "Arn"]}]`:                                  "arn:aws:s3:::things-111111111111",
	} {
		in, err := read(t, bucket+`, "R": `+strings.Replace(role, "RESOURCE", resource, 1))
		if err != nil {
			t.Errorf("%s: %v", resource, err)
			continue
		}
		r := in.Roles["arn:aws:iam::111111111111:role/reader"]
		if len(r.Identity) != 1 || r.Identity[0].Statements[0].Resources[0] != want || r.Name() != "reader" {
			t.Errorf("%s: %+v, want %s", resource, r, want)
		}
	}
}

// What would be missed or guessed is refused.
func TestReadRefuses(t *testing.T) {
	for name, resources := range map[string]string{
		"a policy beside its role":  `"P": {"Type": "AWS::IAM::Policy", "Properties": {}}`,
		"managed policies":          `"R": ` + strings.Replace(strings.Replace(role, "RESOURCE", `"*"`, 1), `"RoleName"`, `"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"], "RoleName"`, 1),
		"a name made by AWS":        `"R": ` + strings.Replace(strings.Replace(role, "RESOURCE", `"*"`, 1), `"RoleName": "reader",`, "", 1),
		"a function that it is not": `"R": ` + strings.Replace(role, "RESOURCE", `{"Fn::Select": [0, ["a"]]}`, 1),
		"an attribute":              `"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}, "R": ` + strings.Replace(role, "RESOURCE", `{"Fn::GetAtt": ["B", "DomainName"]}`, 1),
		"what is not there":         `"R": ` + strings.Replace(role, "RESOURCE", `{"Ref": "Nothing"}`, 1),
		"one role twice":            `"R": ` + strings.Replace(role, "RESOURCE", `"*"`, 1) + `, "S": ` + strings.Replace(role, "RESOURCE", `"*"`, 1),
		"half an ARN":               `"R": ` + strings.Replace(role, "RESOURCE", `"arn:aws:s3*"`, 1),
	} {
		if _, err := read(t, resources); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

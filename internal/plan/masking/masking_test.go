package masking_test

import (
	"strings"
	"testing"

	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/masking"
)

func TestSensitiveName(t *testing.T) {
	for _, name := range []string{
		"Password", "MasterUserPassword", "password", "DB_PASSWORD", "dbPasswd", "DbPass", "SecretString", "SecretStringTemplate",
		"AuthToken", "OAuthToken", "AccessToken", "ClientSecret", "client_secret", "ApiKey", "API_KEY", "apikey", "SecretAccessKey",
		"PrivateKey", "PreSharedKey", "Passphrase", "Credentials", "ConnectionString", "Passwords", "SSHPrivateKey", "Password2",
		"webhook-signing-key", "BasicAuth", "RefreshToken", "SecretBinary", "KeyMaterial",
	} {
		if !masking.SensitiveName(name) {
			t.Errorf("%s is not taken for a secret", name)
		}
	}
	for _, name := range []string{
		"", "SecretArn", "SecretId", "SecretName", "PasswordPolicy", "PasswordResetRequired", "TokenValidityUnits", "KmsKeyId",
		"AccessKeyId", "PublicKey", "PartitionKey", "KeySchema", "TableName", "HttpTokens", "AccessTokenValidity", "Key", "TokenType",
		"SecretRotationEnabled", "PasswordLength", "Bypass", "CompassHeading", "S3Key", "SecretTargetAttachment", "CredentialsArn",
	} {
		if masking.SensitiveName(name) {
			t.Errorf("%s is taken for a secret", name)
		}
	}
	for name, want := range map[string]bool{
		"STRIPE_KEY": true, "SENTRY_DSN": true, "HASH_SALT": true, "TLS_PEM": true, "PARTITION_KEY": false, "S3_KEY": false,
		"TABLE_NAME": false, "KEY": false, "PUBLIC_KEY": false, "MY_AUTH": true, "LOG_LEVEL": false,
	} {
		if got := masking.SensitiveVariable(name); got != want {
			t.Errorf("variable %s: %v", name, got)
		}
	}
}

const canary = "canary-7Hq2-S3cr3t"

// Every place in which a secret is recognised. The canary must be gone from the masked tree; what stands beside it, in
// kept, must not.
func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		name, resourceType, tree, kept string
		tainted                        []string
	}{
		{"property name", "AWS::RDS::DBInstance", `{"Properties":{"MasterUserPassword":"canary-7Hq2-S3cr3t","Engine":"postgres"}}`, "postgres", nil},
		{"number", "AWS::X::Y", `{"Properties":{"Pin":1,"DbPassword":77001122}}`, `"Pin":1`, nil},
		{"list under a name", "AWS::ElastiCache::User", `{"Properties":{"Passwords":["canary-7Hq2-S3cr3t"],"UserId":"u"}}`, `"u"`, nil},
		{"document under a name", "AWS::SecretsManager::Secret", `{"Properties":{"SecretString":"{\"a\":\"canary-7Hq2-S3cr3t\"}","Name":"n"}}`, `"n"`, nil},
		{"inside a document", "AWS::X::Y", `{"Properties":{"Body":"{\"password\":\"canary-7Hq2-S3cr3t\",\"user\":\"joe\"}"}}`, "joe", nil},
		{"environment", "AWS::Lambda::Function", `{"Properties":{"Environment":{"Variables":{"STRIPE_KEY":"canary-7Hq2-S3cr3t","TABLE":"orders"}}}}`, "orders", nil},
		{"name and value", "AWS::ECS::TaskDefinition", `{"Properties":{"ContainerDefinitions":[{"Environment":[{"Name":"DB_PASSWORD","Value":"canary-7Hq2-S3cr3t"},{"Name":"TABLE","Value":"orders"}]}]}}`, "orders", nil},
		{"parameter of a nested stack", "AWS::CloudFormation::Stack", `{"Properties":{"Parameters":{"DbPassword":"canary-7Hq2-S3cr3t","Size":"2"}}}`, `"Size":"2"`, nil},
		{"URL", "AWS::Lambda::Function", `{"Properties":{"Environment":{"Variables":{"DATABASE":"postgres://joe:canary-7Hq2-S3cr3t@db.example.com/orders"}}}}`, "@db.example.com/orders", nil},
		{"URL with a slash in its password", "AWS::X::Y", `{"Properties":{"Target":"postgres://joe:canary-7Hq2-S3cr3t/x@db.example.com/orders"}}`, "@db.example.com/orders", nil},
		{"signed URL", "AWS::X::Y", `{"Properties":{"Source":"https://b.s3.amazonaws.com/k?X-Amz-Signature=canary-7Hq2-S3cr3t&X-Amz-Expires=60"}}`, "X-Amz-Expires=60", nil},
		{"private key", "AWS::X::Y", `{"Properties":{"Blob":"-----BEGIN RSA PRIVATE KEY-----\ncanary-7Hq2-S3cr3t\n-----END RSA PRIVATE KEY-----\nafter"}}`, "after", nil},
		{"script", "AWS::EC2::Instance", `{"Properties":{"UserData":"#!/bin/sh\nexport DB_PASSWORD=canary-7Hq2-S3cr3t\necho done\n"}}`, "echo done", nil},
		{"quoted in a script", "AWS::EC2::Instance", `{"Properties":{"UserData":"#!/bin/sh\nTOKEN='canary-7Hq2-S3cr3t'\necho done\n"}}`, "echo done", nil},
		{"flag", "AWS::ECS::TaskDefinition", `{"Properties":{"Command":["run --password canary-7Hq2-S3cr3t --table orders"]}}`, "--table orders", nil},
		{"base64 script", "AWS::EC2::Instance", `{"Properties":{"UserData":"ZXhwb3J0IERCX1BBU1NXT1JEPWNhbmFyeS03SHEyLVMzY3IzdAplY2hvIGRvbmUK"}}`, "echo done", nil},
		{"connection string", "AWS::X::Y", `{"Properties":{"Conn":"Server=db;User=joe;Password=canary-7Hq2-S3cr3t;Port=1"}}`, "Port=1", nil},
		{"typed", "AWS::ApiGateway::ApiKey", `{"Properties":{"Value":"canary-7Hq2-S3cr3t","Name":"n"}}`, `"n"`, nil},
		{"tainted", "AWS::X::Y", `{"Properties":{"Plain":"canary-7Hq2-S3cr3t","Other":"o"}}`, `"o"`, []string{"/Properties/Plain"}},
		{"below a tainted place", "AWS::X::Y", `{"Properties":{"Plain":{"a":["canary-7Hq2-S3cr3t"]},"Other":"o"}}`, `"o"`, []string{"/Properties/Plain"}},
		{"tainted with a part that is known later", "AWS::X::Y", `{"Properties":{"Plain":"canary-7Hq2-S3cr3t{{changeSet:KNOWN_AFTER_APPLY}}","Other":"o"}}`, `"o"`, []string{"/Properties/Plain"}},
		{"bearer", "AWS::X::Y", `{"Properties":{"Header":"Authorization: Bearer canary-7Hq2-S3cr3t"}}`, "Authorization", nil},
		{"buildspec", "AWS::CodeBuild::Project", `{"Properties":{"Source":{"BuildSpec":"env:\n  variables:\n    API_TOKEN: canary-7Hq2-S3cr3t\n    REGION: eu\n"}}}`, "REGION: eu", nil},
		{"password that looks like a variable", "AWS::RDS::DBInstance", `{"Properties":{"MasterUserPassword":"$canary-7Hq2-S3cr3t","Engine":"postgres"}}`, "postgres", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := jsontree.Parse(c.tree)
			if err != nil {
				t.Fatal(err)
			}
			got := jsontree.Canonical(masking.New().Resource(c.resourceType, jsontree.Expand(raw), c.tainted))
			for _, secret := range []string{canary, "7Hq2", "77001122", "Y2FuYXJ5"} {
				if strings.Contains(got, secret) {
					t.Errorf("the secret is in %s", got)
				}
			}
			if !strings.Contains(got, "(sensitive)") {
				t.Errorf("nothing says that something is hidden: %s", got)
			}
			if !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), c.kept) {
				t.Errorf("%s is gone from %s", c.kept, got)
			}
		})
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{
		`{"Properties":{"MasterUserPassword":"{{resolve:secretsmanager:prod/db:SecretString:password}}"}}`,
		`{"Properties":{"ManageMasterUserPassword":true,"Password":""}}`,
		`{"Properties":{"Password":"{{changeSet:KNOWN_AFTER_APPLY}}"}}`,
		`{"Properties":{"SecretArn":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:prod/db-AbCdEf"}}`,
		`{"Properties":{"Code":{"S3Key":"a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0.zip"}}}`,
		`{"Properties":{"Environment":{"Variables":{"TABLE":"shop-orders-prod-OrdersTable-1XQ7ABCDEF12","IMAGE":"repo@sha256:a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0c2e4b6d8a1f0"}}}}`,
		`{"Properties":{"Environment":{"Variables":{"URL":"https://example.com:8443/a/b@c","QUEUE_ARN":"arn:aws:sqs:eu-west-1:111111111111:orders-queue-AbCdEfGhIjKl"}}}}`,
		`{"Properties":{"PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}}}`,
		`{"Properties":{"UserData":"#!/bin/bash -xe\nyum install -y aws-cfn-bootstrap\nexport TOKEN=${TOKEN}\n/opt/aws/bin/cfn-init -v --stack shop --resource Instance --region eu-west-1\n"}}`,
		`{"Properties":{"SubnetIds":["subnet-0123456789abcdef0"],"Id":"123e4567-e89b-12d3-a456-426614174000"}}`,
	} {
		raw, err := jsontree.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		want := jsontree.Canonical(jsontree.Expand(raw))
		if got := jsontree.Canonical(masking.New().Resource("AWS::X::Y", jsontree.Expand(raw), nil)); got != want {
			t.Errorf("masked without need:\n%s\n%s", want, got)
		}
	}
}

func TestRandomTextInScriptsAndEnvironment(t *testing.T) {
	for _, secret := range []string{
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "h8Kq2vXz9LmPw4Rt7Yb3Nc6Jd", "dGhpc2lzYXNlY3JldGtleTEyMzQ1Njc4OTA=",
		"4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c", "AKIAIOSFODNN7EXAMPLE", "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
	} {
		raw := map[string]any{"Properties": map[string]any{"Environment": map[string]any{"Variables": map[string]any{"SETTING": secret}}}}
		if got := jsontree.Canonical(masking.New().Resource("AWS::Lambda::Function", raw, nil)); strings.Contains(got, secret) {
			t.Errorf("environment: %s", got)
		}
		raw = map[string]any{"Properties": map[string]any{"UserData": "#!/bin/sh\nstart " + secret + "\n"}}
		if got := jsontree.Canonical(masking.New().Resource("AWS::EC2::Instance", raw, nil)); strings.Contains(got, secret) {
			t.Errorf("script: %s", got)
		}
	}
}

func TestASecretMetOnceIsHiddenEverywhere(t *testing.T) {
	m := masking.New("given-by-the-caller")
	raw := map[string]any{"Properties": map[string]any{"MasterUserPassword": canary}}
	m.Resource("AWS::RDS::DBInstance", raw, nil)
	other := m.Again(map[string]any{"Properties": map[string]any{"Description": "the password is " + canary, "List": []any{"given-by-the-caller"}}})
	if got := jsontree.Canonical(other); strings.Contains(got, canary) || strings.Contains(got, "given-by") {
		t.Errorf("not hidden: %s", got)
	}
	if got := m.Text("failed for " + canary + " and AKIAIOSFODNN7EXAMPLE"); got != "failed for (sensitive) and (sensitive)" {
		t.Errorf("text %q", got)
	}
}

func TestShortOrCommonValuesAreNotSearchedFor(t *testing.T) {
	m := masking.New("abc", "****")
	m.Resource("AWS::X::Y", map[string]any{"Properties": map[string]any{"Password": "password", "Token": "a"}}, nil)
	const text = "the password of abc has **** in it"
	if got := m.Text(text); got != text {
		t.Errorf("text %q", got)
	}
}

func TestParameter(t *testing.T) {
	for _, c := range []struct {
		name, value, want string
		sensitive         bool
	}{
		{"Size", "2", "2", false}, {"DbPassword", canary, "(sensitive)", true}, {"Url", "https://joe:pw@example.com", "https://(sensitive)@example.com", true},
		{"Hidden", "****", "(sensitive)", true}, {"Pattern", "*", "*", false},
	} {
		if got, sensitive := masking.New().Parameter(c.name, c.value); got != c.want || sensitive != c.sensitive {
			t.Errorf("%s: %q %v", c.name, got, sensitive)
		}
	}
}

func FuzzMasker(f *testing.F) {
	for _, seed := range []string{"password=x y", "postgres://a:b@c", "-----BEGIN PRIVATE KEY-----", "{{resolve:ssm:a}}", "Bearer aaaaaaaaaaaaaaaaaaaaa", "a: b\n--token x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := masking.New("canary-secret-value")
		once := m.Script(text + "canary-secret-value")
		if strings.Contains(once, "canary-secret-value") {
			t.Errorf("the secret is in %q", once)
		}
		tree := m.Resource("AWS::EC2::Instance", map[string]any{"Properties": map[string]any{"UserData": text, "Password": text}}, nil)
		jsontree.Canonical(m.Again(tree))
	})
}

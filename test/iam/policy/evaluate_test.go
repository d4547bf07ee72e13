package policy_test

import (
	"strings"
	"testing"

	"stackgate/test/iam/policy"
)

const (
	role   = "arn:aws:iam::111111111111:role/worker"
	other  = "arn:aws:iam::222222222222:role/visitor"
	bucket = "arn:aws:s3:::things"
)

func document(t *testing.T, statements ...string) policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(`{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	allowRead = `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::things/*"}`
	allowAll  = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
	denyRead  = `{"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}`
	allowList = `{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::things"}`
)

// The rows are the cases of "Policy evaluation logic" and "Cross-account policy evaluation logic" in the IAM user guide.
func TestDecide(t *testing.T) {
	resource := func(principal, rest string) *policy.Document {
		d := document(t, `{"Effect": "Allow", "Principal": `+principal+`, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::things/*"`+rest+`}`)
		return &d
	}
	docs := func(statements ...string) []policy.Document { return []policy.Document{document(t, statements...)} }
	get := policy.Request{Role: role, Action: "s3:GetObject", Resource: bucket + "/a"}
	visit := get
	visit.Role = other
	service := policy.Request{Service: "events.amazonaws.com", Action: "s3:GetObject", Resource: bucket + "/a"}
	const home = "111111111111"
	for name, row := range map[string]struct {
		policies policy.Policies
		request  policy.Request
		want     policy.Decision
	}{
		"nothing says anything":               {policy.Policies{}, get, policy.NotAllowed},
		"identity allows":                     {policy.Policies{Identity: docs(allowRead)}, get, policy.Allowed},
		"another action is allowed":           {policy.Policies{Identity: docs(allowList)}, get, policy.NotAllowed},
		"a denial outweighs":                  {policy.Policies{Identity: docs(allowRead, denyRead)}, get, policy.Denied},
		"a denial in another policy":          {policy.Policies{Identity: append(docs(allowAll), docs(denyRead)...)}, get, policy.Denied},
		"the boundary allows too":             {policy.Policies{Identity: docs(allowAll), Boundary: docs(allowRead)}, get, policy.Allowed},
		"the boundary gives nothing":          {policy.Policies{Boundary: docs(allowAll)}, get, policy.NotAllowed},
		"the boundary does not allow":         {policy.Policies{Identity: docs(allowAll), Boundary: docs(allowList)}, get, policy.NotAllowed},
		"the session narrows":                 {policy.Policies{Identity: docs(allowAll), Session: docs(allowList)}, get, policy.NotAllowed},
		"the session gives nothing":           {policy.Policies{Identity: docs(allowList), Session: docs(allowAll)}, get, policy.NotAllowed},
		"the session allows too":              {policy.Policies{Identity: docs(allowAll), Session: docs(allowRead)}, get, policy.Allowed},
		"the session denies":                  {policy.Policies{Identity: docs(allowAll), Session: docs(allowAll, denyRead)}, get, policy.Denied},
		"the resource names the role":         {policy.Policies{Resource: resource(`{"AWS": "`+role+`"}`, ""), ResourceAccount: home}, get, policy.Allowed},
		"the resource names another":          {policy.Policies{Resource: resource(`{"AWS": "`+other+`"}`, ""), ResourceAccount: home}, get, policy.NotAllowed},
		"the resource leaves it to IAM":       {policy.Policies{Resource: resource(`{"AWS": "arn:aws:iam::`+home+`:root"}`, ""), ResourceAccount: home}, get, policy.NotAllowed},
		"and IAM allows":                      {policy.Policies{Identity: docs(allowRead), Resource: resource(`{"AWS": "`+home+`"}`, ""), ResourceAccount: home, Demanded: true}, get, policy.Allowed},
		"a key that does not leave it to IAM": {policy.Policies{Identity: docs(allowAll), Resource: resource(`{"AWS": "`+other+`"}`, ""), ResourceAccount: home, Demanded: true}, get, policy.NotAllowed},
		"the resource denies everybody":       {policy.Policies{Identity: docs(allowAll), Resource: ptr(document(t, `{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}`)), ResourceAccount: home}, get, policy.Denied},
		"a session bounds what is named":      {policy.Policies{Session: docs(allowList), Resource: resource(`{"AWS": "`+role+`"}`, ""), ResourceAccount: home}, get, policy.NotAllowed},
		"abroad, identity alone":              {policy.Policies{Identity: docs(allowAll), ResourceAccount: home}, visit, policy.NotAllowed},
		"abroad, resource alone":              {policy.Policies{Resource: resource(`{"AWS": "`+other+`"}`, ""), ResourceAccount: home}, visit, policy.NotAllowed},
		"abroad, both":                        {policy.Policies{Identity: docs(allowRead), Resource: resource(`{"AWS": "`+other+`"}`, ""), ResourceAccount: home}, visit, policy.Allowed},
		"abroad, the whole account":           {policy.Policies{Identity: docs(allowRead), Resource: resource(`{"AWS": "arn:aws:iam::222222222222:root"}`, ""), ResourceAccount: home}, visit, policy.Allowed},
		"abroad, the other account":           {policy.Policies{Identity: docs(allowRead), Resource: resource(`{"AWS": "arn:aws:iam::333333333333:root"}`, ""), ResourceAccount: home}, visit, policy.NotAllowed},
		"a service that is named":             {policy.Policies{Resource: resource(`{"Service": "events.amazonaws.com"}`, ""), ResourceAccount: home}, service, policy.Allowed},
		"a service that is not":               {policy.Policies{Resource: resource(`{"Service": "sns.amazonaws.com"}`, ""), ResourceAccount: home}, service, policy.NotAllowed},
		"a role is no service":                {policy.Policies{Resource: resource(`{"Service": "events.amazonaws.com"}`, ""), ResourceAccount: home}, get, policy.NotAllowed},
		"a condition that does not hold":      {policy.Policies{Resource: resource(`"*"`, `, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}`), ResourceAccount: home}, service, policy.NotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := row.policies.Decide(row.request)
			if err != nil || got != row.want {
				t.Errorf("%s %v, want %s", got, err, row.want)
			}
		})
	}
}

func ptr(d policy.Document) *policy.Document { return &d }

func TestActionsAndResources(t *testing.T) {
	for name, row := range map[string]struct {
		statement, action, resource string
		want                        bool
	}{
		"small letters":                {`"Action": "S3:getobject", "Resource": "*"`, "s3:GetObject", bucket + "/a", true},
		"a star in a name":             {`"Action": "s3:Get*", "Resource": "*"`, "s3:GetObjectVersion", bucket + "/a", true},
		"one character":                {`"Action": "s3:GetObjec?", "Resource": "*"`, "s3:GetObject", bucket + "/a", true},
		"all but":                      {`"NotAction": "s3:*", "Resource": "*"`, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111111111111:q", true},
		"all but this":                 {`"NotAction": ["sqs:*", "s3:*"], "Resource": "*"`, "s3:GetObject", bucket + "/a", false},
		"all resources but":            {`"Action": "s3:*", "NotResource": "arn:aws:s3:::things/secret/*"`, "s3:GetObject", bucket + "/a", true},
		"all resources but this":       {`"Action": "s3:*", "NotResource": "arn:aws:s3:::things/secret/*"`, "s3:GetObject", bucket + "/secret/a", false},
		"capitals of a resource count": {`"Action": "s3:*", "Resource": "arn:aws:s3:::Things/*"`, "s3:GetObject", bucket + "/a", false},
		"a star stays in its part":     {`"Action": "sqs:*", "Resource": "arn:aws:sqs:*:111111111111:q"`, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:222222222222:111111111111:q", false},
		"a star in the last part":      {`"Action": "states:*", "Resource": "arn:aws:states:eu-west-1:111111111111:execution:*"`, "states:StopExecution", "arn:aws:states:eu-west-1:111111111111:execution:a:b", true},
		"no resource needs a star":     {`"Action": "states:*", "Resource": "arn:aws:states:*:*:*"`, "states:SendTaskSuccess", "*", false},
		"and has one":                  {`"Action": "states:*", "Resource": "*"`, "states:SendTaskSuccess", "*", true},
		"stars that follow each other": {`"Action": "s3:*", "Resource": "arn:aws:s3:::t*g*s/**b"`, "s3:GetObject", bucket + "/aab", true},
		"an ARN that is only begun":    {`"Action": "s3:*", "Resource": "arn:aws:s3:::things"`, "s3:GetObject", bucket + "/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t, `{"Effect": "Allow", `+row.statement+`}`)
			got, err := policy.Policies{Identity: []policy.Document{d}}.Decide(policy.Request{Role: role, Action: row.action, Resource: row.resource})
			if err != nil || (got == policy.Allowed) != row.want {
				t.Errorf("%s %v", got, err)
			}
		})
	}
}

// The rows are those of "Condition operators" and "Multivalued context keys" in the IAM user guide.
func TestConditions(t *testing.T) {
	one := policy.Context{"k": {"abc"}}
	several := policy.Context{"k": {"abc", "xyz"}}
	none := policy.Context{}
	arn := policy.Context{"k": {"arn:aws:sns:eu-west-1:111111111111:topic"}}
	for name, row := range map[string]struct {
		condition string
		context   policy.Context
		want      bool
	}{
		"equal":                              {`"StringEquals": {"K": "abc"}`, one, true},
		"one of several":                     {`"StringEquals": {"k": ["x", "abc"]}`, one, true},
		"capitals count":                     {`"StringEquals": {"k": "ABC"}`, one, false},
		"equality knows no patterns":         {`"StringEquals": {"k": "a*"}`, one, false},
		"missing":                            {`"StringEquals": {"k": "abc"}`, none, false},
		"missing, if it exists":              {`"StringEqualsIfExists": {"k": "abc"}`, none, true},
		"there, if it exists":                {`"StringEqualsIfExists": {"k": "x"}`, one, false},
		"like":                               {`"StringLike": {"k": "a?c"}`, one, true},
		"not equal":                          {`"StringNotEquals": {"k": "x"}`, one, true},
		"not equal to any":                   {`"StringNotEquals": {"k": ["x", "abc"]}`, one, false},
		"missing is not equal":               {`"StringNotEquals": {"k": "abc"}`, none, true},
		"not like":                           {`"StringNotLike": {"k": "a*"}`, one, false},
		"ARN":                                {`"ArnLike": {"k": "arn:aws:sns:*:111111111111:t*"}`, arn, true},
		"ARN, equal takes patterns":          {`"ArnEquals": {"k": "arn:aws:sns:*:*:*"}`, arn, true},
		"ARN of another":                     {`"ArnLike": {"k": "arn:aws:sns:*:222222222222:*"}`, arn, false},
		"not the ARN":                        {`"ArnNotEquals": {"k": "arn:aws:sns:*:222222222222:*"}`, arn, true},
		"boolean":                            {`"Bool": {"aws:SecureTransport": false}`, policy.Context{"aws:SecureTransport": {"false"}}, true},
		"less":                               {`"NumericLessThan": {"s3:TlsVersion": 1.2}`, policy.Context{"s3:TlsVersion": {"1.1"}}, true},
		"not less":                           {`"NumericLessThan": {"s3:TlsVersion": 1.2}`, policy.Context{"s3:TlsVersion": {"1.2"}}, false},
		"no number is less":                  {`"NumericLessThan": {"s3:TlsVersion": 1.2}`, policy.Context{"s3:TlsVersion": {"one"}}, false},
		"null":                               {`"Null": {"k": "true"}`, none, true},
		"not null":                           {`"Null": {"k": "false"}`, one, true},
		"not null, and is":                   {`"Null": {"k": "false"}`, none, false},
		"all values":                         {`"ForAllValues:StringEquals": {"k": ["abc", "xyz", "q"]}`, several, true},
		"not all values":                     {`"ForAllValues:StringEquals": {"k": ["abc"]}`, several, false},
		"all of none":                        {`"ForAllValues:StringEquals": {"k": ["abc"]}`, none, true},
		"any value":                          {`"ForAnyValue:StringLike": {"k": "x*"}`, several, true},
		"any of none":                        {`"ForAnyValue:StringEquals": {"k": "abc"}`, none, false},
		"two operators, and both must hold":  {`"StringEquals": {"k": "abc"}, "Null": {"k": "true"}`, one, false},
		"two keys of one, and both must too": {`"StringEquals": {"k": "abc", "l": "x"}`, one, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := document(t, `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {`+row.condition+`}}`)
			got, err := policy.Policies{Identity: []policy.Document{d}}.Decide(policy.Request{Role: role, Action: "s3:GetObject", Resource: bucket + "/a", Context: row.context})
			if err != nil || (got == policy.Allowed) != row.want {
				t.Errorf("%s %v", got, err)
			}
		})
	}
	d := document(t, `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"k": "abc"}}}`)
	if _, err := (policy.Policies{Identity: []policy.Document{d}}).Decide(policy.Request{Role: role, Action: "s3:GetObject", Resource: bucket + "/a", Context: several}); err == nil {
		t.Error("several values are compared by an operator for one")
	}
}

func TestParseRefuses(t *testing.T) {
	for name, statement := range map[string]string{
		"an element":          `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Extra": 1}`,
		"an effect":           `{"Effect": "Maybe", "Action": "s3:*", "Resource": "*"}`,
		"no action":           `{"Effect": "Allow", "Resource": "*"}`,
		"both actions":        `{"Effect": "Allow", "Action": "s3:*", "NotAction": "s3:*", "Resource": "*"}`,
		"both resources":      `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "NotResource": "*"}`,
		"what is no action":   `{"Effect": "Allow", "Action": "s3", "Resource": "*"}`,
		"every service's":     `{"Effect": "Allow", "Action": "s*:Get", "Resource": "*"}`,
		"half an ARN":         `{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3*"}`,
		"a variable":          `{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}/*"}`,
		"an operator":         `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`,
		"a variable's value":  `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"k": "${aws:username}"}}}`,
		"null of what":        `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Null": {"k": "maybe"}}}`,
		"a pattern's ARN":     `{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"ArnLike": {"k": "arn:*"}}}`,
		"principals' pattern": `{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/*"}, "Action": "s3:*", "Resource": "*"}`,
		"a kind of principal": `{"Effect": "Allow", "Principal": {"Federated": "x"}, "Action": "s3:*", "Resource": "*"}`,
		"all principals but":  `{"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "s3:*", "Resource": "*"}`,
		"a number":            `{"Effect": "Allow", "Action": 1, "Resource": "*"}`,
	} {
		if _, err := policy.Parse([]byte(`{"Version": "2012-10-17", "Statement": ` + statement + `}`)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := policy.Parse([]byte(`{"Version": "2008-10-17", "Statement": ` + allowAll + `}`)); err == nil {
		t.Error("an old version is taken")
	}
	d := document(t, `{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}`)
	if _, err := (policy.Policies{Identity: []policy.Document{d}}).Decide(policy.Request{Role: role, Action: "s3:GetObject", Resource: "*"}); err == nil {
		t.Error("a role's policy with a principal is taken")
	}
}

// FuzzParse: whatever a policy holds, it is refused or can be evaluated.
func FuzzParse(f *testing.F) {
	for _, statement := range []string{allowRead, allowAll, denyRead, `[]`, `{"Effect": "Allow", "Principal": {"AWS": ["x"]}, "Action": ["a:b"], "Condition": {"Null": {"k": true}}}`} {
		f.Add([]byte(`{"Version": "2012-10-17", "Statement": ` + statement + `}`))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := policy.Parse(content)
		if err != nil {
			return
		}
		decision, err := policy.Policies{Identity: []policy.Document{d}}.Decide(policy.Request{Role: role, Action: "s3:GetObject", Resource: bucket + "/a"})
		if err != nil && decision == policy.Allowed {
			t.Fatalf("allowed with %v", err)
		}
	})
}

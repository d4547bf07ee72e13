package tail

import (
	"slices"
	"strings"
	"testing"
)

func TestReadReason(t *testing.T) {
	for text, want := range map[string]struct {
		kind         reasonKind
		rest, nested string
	}{
		"":                                   {reasonNone, "", ""},
		"User Initiated":                     {reasonNone, "", ""},
		"Rollback requested by user.":        {reasonNone, "", ""},
		"null":                               {reasonNone, "", ""},
		"Resource creation cancelled":        {reasonCancelled, "Resource creation cancelled", ""},
		" Resource update cancelled. ":       {reasonCancelled, "Resource update cancelled.", ""},
		"Resource creation canceled":         {reasonCancelled, "Resource creation canceled", ""},
		"Resource creation cancelled by Bob": {reasonSpecific, "Resource creation cancelled by Bob", ""},
		"The subscription was cancelled":     {reasonSpecific, "The subscription was cancelled", ""},
		"The following resource(s) failed to create: [A, B]. Rollback requested by user.":                     {reasonSummary, "The following resource(s) failed to create: [A, B].", ""},
		"The following resource(s) failed to delete: [A]. ":                                                   {reasonSummary, "The following resource(s) failed to delete: [A].", ""},
		"The following resource(s) failed to create: [A, B, Cut":                                              {reasonSummary, "The following resource(s) failed to create: [A, B, Cut", ""},
		"The following resource(s) failed to update: [A]. The following resource(s) failed to create: [B].":   {reasonSummary, "The following resource(s) failed to update: [A]. The following resource(s) failed to create: [B].", ""},
		"Validation failed for following resources: [Flow]. Rollback requested by user.":                      {reasonSummary, "Validation failed for following resources: [Flow].", ""},
		"The following resource(s) failed to create: [A]. Quota exceeded":                                     {reasonSpecific, "The following resource(s) failed to create: [A]. Quota exceeded", ""},
		"Transform A::B failed without an error message.. Rollback requested by user.":                        {reasonSpecific, "Transform A::B failed without an error message.", ""},
		"Wait... Rollback requested by user.":                                                                 {reasonSpecific, "Wait...", ""},
		"Embedded stack arn:x was not successfully created: The following resource(s) failed to create: [A].": {reasonEmbedded, "The following resource(s) failed to create: [A].", "arn:x"},
		"Embedded stack arn:x was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: Export A cannot be deleted as it is in use by B": {
			reasonEmbedded, "Export A cannot be deleted as it is in use by B", "arn:x"},
		"Embedded stack arn:x was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS.": {reasonEmbedded, "", "arn:x"},
		"Embedded stack arn:x was not successfully deleted:":                                           {reasonEmbedded, "", "arn:x"},
		"Embedded stacks are not allowed here":                                                         {reasonSpecific, "Embedded stacks are not allowed here", ""},
	} {
		if kind, rest, nested := readReason(text); kind != want.kind || rest != want.rest || nested != want.nested {
			t.Errorf("%q: %s %q %q, want %+v", text, kind, rest, nested, want)
		}
	}
	if got := resourcesIn("The following resource(s) failed to update: [A, B]. The following resource(s) failed to create: [C, Cut"); !slices.Equal(got, []string{"A", "B", "C", "Cut"}) {
		t.Errorf("resources %q", got)
	}
}

func TestPlain(t *testing.T) {
	for reason, want := range map[string]string{
		`Resource handler returned message: "The requested bucket name is not available. (Service: S3, Status Code: 409, Request ID: K, Extended Request ID: K+O2=) (SDK Attempt Count: 1)" (RequestToken: 690975cb, HandlerErrorCode: AlreadyExists)`: "The requested bucket name is not available.",
		`resource sg-1 has a dependent object (Service: AmazonEC2; Status Code: 400; Error Code: DependencyViolation; Request ID: 4; Proxy: null)`:                                                                                                     "resource sg-1 has a dependent object",
		`resource sg-1 has a dependent object (Service: AmazonEC2; Status Code: 400`:                                                                                                                                                                   "resource sg-1 has a dependent object",
		`Resource of type 'A' with identifier 'b' already exists. (HandlerErrorCode: AlreadyExists)`:                                                                                                                                                   "Resource of type 'A' with identifier 'b' already exists.",
		"Resource handler returned message: \"two\nlines\" (RequestToken: 1, HandlerErrorCode: NotFound)":                                                                                                                                              "two\nlines",
		"Something (by the way) happened": "Something (by the way) happened",
	} {
		if got := plain(reason); got != want {
			t.Errorf("%q became %q, want %q", reason, got, want)
		}
	}
	for reason, want := range map[string]string{
		"x (RequestToken: 1, HandlerErrorCode: AlreadyExists)":    "AlreadyExists",
		"x (Service: A; Error Code: DependencyViolation; Request": "DependencyViolation",
		"x": "",
	} {
		if got := errorCodeIn(reason); got != want {
			t.Errorf("%q carries %q, want %q", reason, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"connect to postgres://app:hunter2@db:5432/orders failed":                                            "connect to postgres://***@db:5432/orders failed",
		"connect to postgres://app:p@ss/word@db/orders failed":                                               "connect to postgres://***@db/orders failed",
		"key AKIAIOSFODNN7EXAMPLE is not valid":                                                              "key *** is not valid",
		"GET https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=abcdef&x=1 gave 403":     "GET https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1 gave 403",
		`{"password":"hunter2","user":"app"}`:                                                                `{"password":***,"user":"app"}`,
		"DB_PASSWORD=hunter2 is too short":                                                                   "DB_PASSWORD=*** is too short",
		"MasterUserPassword: hunter2, Port: 5432":                                                            "MasterUserPassword: ***, Port: 5432",
		"Authorization: Bearer abcdefghijklmnopqrstuvwxyz":                                                   "Authorization: Bearer ***",
		"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF":                                             "token ***",
		"clone with ghp_abcdefghijklmnopqrst":                                                                "clone with ***",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----":                               "***",
		"#/MasterUserPassword: expected minLength: 8, actual: 5":                                             "#/MasterUserPassword: expected minLength: 8, actual: 5",
		"The password must be longer than 8 characters":                                                      "The password must be longer than 8 characters",
		"arn:aws:iam::111122223333:role/deploy is not authorized":                                            "arn:aws:iam::111122223333:role/deploy is not authorized",
		"Resource handler returned message: \"x\" (RequestToken: 690975cb-5620, HandlerErrorCode: NotFound)": "Resource handler returned message: \"x\" (RequestToken: 690975cb-5620, HandlerErrorCode: NotFound)",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if again := Mask(want); again != want {
			t.Errorf("masking %q again gives %q", want, again)
		}
	}
}

// TestNoSecretInDocument looks for a secret everywhere, wherever it came in.
func TestNoSecretInDocument(t *testing.T) {
	const secret = "hunter2hunter2"
	leak := "connect to postgres://app:" + secret + "@db failed"
	events := script(t, "tok", "App 0 . - CREATE_IN_PROGRESS\nApp 1 Db Custom::Db CREATE_FAILED "+leak+"\nApp 2 Warn Custom::Db CREATE_COMPLETE\nApp 3 . - ROLLBACK_IN_PROGRESS "+leak)
	events[2].Hook = &HookRow{Type: "A::B::C", Status: "HOOK_COMPLETE_FAILED", Reason: leak, FailureMode: "FAIL"}
	events[1].Validation = &ValidationRow{Name: "N", Status: "FAILED", Reason: leak, FailureMode: "WARN"}
	long := script(t, "tok", "App 4 Long Custom::Db CREATE_FAILED x")
	long[0].EventID, long[0].Reason = "long", strings.Repeat("x", 2*maxReason-30)+leak+strings.Repeat("y", 100)
	hooks := []HookResult{{Type: "A::B::C", Status: "HOOK_FAILED", Reason: leak, Annotations: []Annotation{{Name: "N", Status: "FAILED", Message: leak, Remediation: leak}}}}
	set := failedSet(leak)
	set.Hooks, set.Events = hooks, events
	for name, doc := range map[string]Document{
		"an operation": Explain(Input{Operation: Operation{StackID: arn("App")}, Events: slices.Concat(events, long), Hooks: hooks}), "a change set": ExplainChangeSet(set),
	} {
		if text := dump(t, doc); strings.Contains(text, secret) || strings.Contains(text, secret[:7]) {
			t.Errorf("%s: the secret is in %s", name, text)
		}
	}
}

package installed

import (
	"fmt"
	"regexp"
	"strings"

	"stackgate/internal/deployment"
	"stackgate/internal/store"
	"stackgate/internal/store/dynamo"
)

// TemplateBucket is where the store keeps templates, from which CloudFormation reads those that fit no call. It reads with the
// rights of whoever makes the change set: the plan function's session in the account of the stack. A bucket in another
// region than the stack's is read too, as long as its address names its region.
type TemplateBucket struct {
	Name, Region string
	// Key is the ARN of the key that the bucket is encrypted with; empty where S3 manages it.
	Key string
}

// TemplateURL is the address of the template under a document's key. It names no version: the key is the hash of the
// content, and the bucket's policy lets nobody write over it.
func (b TemplateBucket) TemplateURL(documentKey string) (address string, found bool) {
	if b.Name == "" || b.Region == "" {
		return "", false
	}
	return "https://" + b.Name + ".s3." + b.Region + "." + domainOf(b.Region) + "/" + dynamo.DocumentPrefix + documentKey, true
}

var templateKeyPattern = regexp.MustCompile(`^template/[0-9a-f]{64}$`)

// statements let a session read the one template of its deployment, nothing where it makes no change set.
func (b TemplateBucket) statements(partition string, function Function, r store.Record) ([]statement, error) {
	if b.Name == "" || function != Plan || r.Intent == deployment.IntentRecover || r.Template == "" {
		return nil, nil
	}
	if !templateKeyPattern.MatchString(r.Template) || strings.ContainsAny(b.Name+b.Key, "*?$") {
		return nil, fmt.Errorf("template %q in bucket %q cannot be named in a policy", r.Template, b.Name)
	}
	read := statement{
		Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:" + partition + ":s3:::" + b.Name + "/" + dynamo.DocumentPrefix + r.Template},
	}
	if b.Key != "" {
		// In one statement because of MaxSessionPolicy. Each action knows only its own kind of resource, and that the key is used
		// through S3 alone, the role and the key's policy say.
		read.Action, read.Resource = append(read.Action, "kms:Decrypt"), append(read.Resource, b.Key)
	}
	return []statement{read}, nil
}

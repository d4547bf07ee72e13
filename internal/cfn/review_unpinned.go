package cfn

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"stackgate/internal/plan"
	"stackgate/internal/plan/jsontree"
)

// unpinned lists the inputs whose content can change between the review and the execution, or at any later update.
func (b *builder) unpinned(r *plan.Review) {
	for _, c := range b.changes {
		switch c.raw.Action {
		case types.ChangeActionRemove, types.ChangeActionSyncWithActual:
			continue
		}
		jsontree.Walk(jsontree.Member(c.after, "Properties"), func(pointer string, value any) bool {
			r.Unpinned = append(r.Unpinned, unpinnedAt(c, pointer, value)...)
			return true
		})
	}
	for _, reference := range b.after.References() {
		if u, ok := unpinnedReference(reference.Text); ok {
			u.Path, u.Property = reference.LogicalID, plan.PointerName(strings.TrimPrefix(reference.Pointer, "/Properties"))
			r.Unpinned = append(r.Unpinned, u)
		}
	}
	for _, name := range b.after.SSMParameters() {
		r.Unpinned = append(r.Unpinned, plan.Unpinned{
			Property: name, Kind: plan.UnpinnedSSMParameter,
			Summary: "the parameter " + name + " is looked up in the Systems Manager parameter store; its value there can change",
		})
	}
	for _, macro := range b.after.Macros() {
		if strings.HasPrefix(macro, "AWS::Include") {
			r.Unpinned = append(r.Unpinned, plan.Unpinned{Property: "Transform", Kind: plan.UnpinnedIncludedContent, Summary: macro + " takes in a file that can change"})
		}
	}
}

var (
	contentHash = regexp.MustCompile(`[0-9a-fA-F]{32,}`)
	imageTag    = regexp.MustCompile(`^[a-zA-Z0-9][^\s@]*?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$`)
	hashTag     = regexp.MustCompile(`:[0-9a-f]{64}$`)
)

func unpinnedAt(c *change, pointer string, value any) []plan.Unpinned {
	name := jsontree.Last(pointer)
	found := func(kind plan.UnpinnedKind, summary string) []plan.Unpinned {
		return []plan.Unpinned{{Path: c.path, Property: plan.PointerName(pointer), Kind: kind, Summary: summary}}
	}
	switch v := value.(type) {
	case string:
		switch {
		case (name == "Image" || name == "ImageUri") && mutableImage(v):
			return found(plan.UnpinnedImageTag, "the image "+v+" is named by a tag; its content can change after approval")
		case name == "TemplateURL" && c.resourceType() == nestedStackType && !contentHash.MatchString(v) && !strings.Contains(v, "versionId="):
			return found(plan.UnpinnedNestedTemplate, "the template "+v+" can change after approval")
		case name == "Version" && (v == "$Latest" || v == "$Default") && strings.Contains(pointer, "LaunchTemplate"):
			return found(plan.UnpinnedDefaultVersion, "the launch template is taken in its version "+v+", which can move")
		case strings.HasPrefix(v, "{{resolve:"):
			if u, ok := unpinnedReference(v); ok {
				return found(u.Kind, u.Summary)
			}
		case (name == "ScriptLocation" || name == "CodeUri" || name == "DefinitionUri") && strings.HasPrefix(v, "s3://") && !contentHash.MatchString(v):
			return found(plan.UnpinnedObject, "the object "+v+" can be overwritten after approval")
		}
	case map[string]any:
		if bucket, key, ok := objectOf(v); ok {
			return found(plan.UnpinnedObject, "the object s3://"+bucket+"/"+key+" is named without a version; it can be overwritten after approval")
		}
	}
	return nil
}

// mutableImage says whether an image is named by tag, and not by digest. A tag that is itself a SHA-256, as the CDK
// makes them, is taken for a digest.
func mutableImage(image string) bool {
	if strings.Contains(image, plan.KnownAfterApply) || strings.Contains(image, "@sha256:") || hashTag.MatchString(image) {
		return false
	}
	// EC2 and others call AMI ids images as well.
	return imageTag.MatchString(image) && !strings.HasPrefix(image, "ami-") && !strings.HasPrefix(image, "aws/")
}

// objectOf reads a bucket and key without a version. A key that holds a content hash names its content.
func objectOf(object map[string]any) (bucket, key string, ok bool) {
	for _, names := range [][3]string{
		{"S3Bucket", "S3Key", "S3ObjectVersion"},
		{"Bucket", "Key", "Version"},
		{"BucketName", "ObjectKey", "ObjectVersion"},
	} {
		bucket, isBucket := object[names[0]].(string)
		key, isKey := object[names[1]].(string)
		if isBucket && isKey && object[names[2]] == nil && !contentHash.MatchString(key) && !strings.Contains(key, plan.KnownAfterApply) {
			return bucket, key, true
		}
	}
	return "", "", false
}

// unpinnedReference judges a dynamic reference: {{resolve:ssm:name}} takes the latest version,
// {{resolve:secretsmanager:id:SecretString:key}} the current stage.
func unpinnedReference(text string) (plan.Unpinned, bool) {
	inner := strings.TrimSuffix(strings.TrimPrefix(text, "{{resolve:"), "}}")
	service, rest, _ := strings.Cut(inner, ":")
	switch service {
	case "ssm", "ssm-secure":
		at := strings.LastIndexByte(rest, ':')
		if at >= 0 && digits(rest[at+1:]) {
			return plan.Unpinned{}, false
		}
		return plan.Unpinned{Kind: plan.UnpinnedSSMParameter, Summary: "the parameter " + rest + " is read in its latest version, which can change after approval"}, true
	case "secretsmanager":
		id, pinned := secretReference(rest)
		if pinned {
			return plan.Unpinned{}, false
		}
		return plan.Unpinned{Kind: plan.UnpinnedSecretVersion, Summary: "the secret " + id + " is read in its current version, which can change after approval"}, true
	}
	return plan.Unpinned{}, false
}

// secretReference takes a reference apart: id, SecretString, key, version stage, version id. An ARN has colons too.
func secretReference(rest string) (id string, pinned bool) {
	parts := strings.Split(rest, ":")
	fields := 1
	if strings.HasPrefix(rest, "arn:") && len(parts) >= 7 {
		fields = 7
	}
	fields = min(fields, len(parts))
	id = strings.Join(parts[:fields], ":")
	tail := parts[fields:]
	return id, len(tail) >= 4 && tail[3] != ""
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

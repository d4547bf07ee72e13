package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// objectsFolder is the folder in the services folder that stands for S3 in the simulated mode: s3/BUCKET/KEY.
const objectsFolder = "s3"

// objects reads what a TemplateURL, such as that of a nested stack, leads to in the simulated mode. It reads no other
// files than those below the objects' folder, and no network.
type objects struct {
	// services returns the services folder.
	services func() (string, error)
	// documents are what is stored, the templates among them.
	documents documents
}

// documents is the store as the simulated S3 reads it.
type documents interface {
	Document(ctx context.Context, key string) ([]byte, error)
}

// documentsURL is where the simulated S3 has the store's documents, as the installation has them in its bucket.
const documentsURL = "https://stackgate-documents.s3.us-east-1.amazonaws.com/documents/"

// TemplateURL is the address of a stored template.
func (objects) TemplateURL(documentKey string) (address string, found bool) {
	return documentsURL + documentKey, true
}

var (
	hostedBucket = regexp.MustCompile(`^(.+)\.s3[.-][^/]*amazonaws\.com(?:\.cn)?$`)
	pathBucket   = regexp.MustCompile(`^s3[.-][^/]*amazonaws\.com(?:\.cn)?$`)
)

// Template returns the file that stands for the object. Which version a versionId names is not known here; there is
// only one.
func (o objects) Template(ctx context.Context, address string) (string, error) {
	if key, stored := strings.CutPrefix(address, documentsURL); stored {
		content, err := o.documents.Document(ctx, key)
		return string(content), err
	}
	bucket, key, err := bucketAndKey(address)
	if err != nil {
		return "", err
	}
	dir, err := o.services()
	if err != nil {
		return "", err
	}
	name := path.Join(objectsFolder, bucket, key)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("open the services folder for %s: %w", address, err)
	}
	defer root.Close()
	body, err := fs.ReadFile(root.FS(), name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the simulated mode reads %s from the file %s, which does not exist", address, filepath.Join(dir, filepath.FromSlash(name)))
	case err != nil:
		return "", fmt.Errorf("read %s from the file %s: %w", address, filepath.Join(dir, filepath.FromSlash(name)), err)
	}
	return string(body), nil
}

// bucketAndKey reads an S3 address in either of its forms: with the bucket in the host, and in the path.
func bucketAndKey(address string) (bucket, key string, err error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", "", fmt.Errorf("%q is no address: %w", address, err)
	}
	key = strings.TrimPrefix(parsed.Path, "/")
	if m := hostedBucket.FindStringSubmatch(parsed.Host); m != nil {
		bucket = m[1]
	} else if pathBucket.MatchString(parsed.Host) {
		bucket, key, _ = strings.Cut(key, "/")
	}
	if bucket == "" || key == "" || !fs.ValidPath(bucket+"/"+key) {
		return "", "", fmt.Errorf("%q names no object in S3; write https://BUCKET.s3.REGION.amazonaws.com/KEY", address)
	}
	return bucket, key, nil
}

package cfnsim

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"time"

	"stackgate/internal/cfnsim/template"
)

// object is a template in S3, known by its URL. Fetched ones were read from Options.Templates when a change set was
// made; the others were put.
type object struct {
	Body    string
	Fetched bool `json:",omitempty"`
}

// PutObject stores a template where a TemplateURL leads to it, also that of a nested stack. The URL is compared as text.
func (s *Simulator) PutObject(ctx context.Context, address, body string) error {
	if err := checkObjectURL(address); err != nil {
		return err
	}
	return s.update(ctx, func(w *world, _ time.Time) (bool, error) {
		w.putObject(address, object{Body: body})
		return true, nil
	})
}

func (w *world) putObject(address string, o object) {
	if w.Objects == nil {
		w.Objects = map[string]object{}
	}
	w.Objects[address] = o
}

var s3URL = regexp.MustCompile(`^https://([^/]+\.)?s3[.-][^/]*amazonaws\.com(\.cn)?/.+`)

// checkObjectURL refuses what is no address in S3, in the words recorded on AWS.
func checkObjectURL(address string) error {
	if !strings.HasPrefix(address, "https://") {
		return &template.Error{Message: "TemplateURL must be a supported URL."}
	}
	if !s3URL.MatchString(address) {
		host := address
		if parsed, err := url.Parse(address); err == nil && parsed.Host != "" {
			host = parsed.Host
		}
		return &template.Error{Message: "S3 error: Domain name specified in " + host + " is not a valid S3 domain"}
	}
	return nil
}

// fetchObject reads the template of a nested stack while a change set is made, so that an execution, in which nothing
// can be fetched any more, finds it.
func (r *request) fetchObject(address string) error {
	if err := checkObjectURL(address); err != nil {
		return err
	}
	known, found := r.w.Objects[address]
	if r.options.Templates != nil && (!found || known.Fetched) {
		body, err := r.options.Templates.Template(r.ctx, address)
		if err != nil {
			return &template.Error{Message: "S3 error: " + err.Error()}
		}
		r.w.putObject(address, object{Body: body, Fetched: true})
		return nil
	}
	if !found {
		return &template.Error{Message: "S3 error: Access Denied"}
	}
	return nil
}

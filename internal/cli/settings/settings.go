// Package settings reads and writes what a project or a person has configured for the command line, and says where each
// value comes from. It holds no secret, and judges a value only by its form.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Key names a setting.
type Key string

// The settings.
const (
	Mode Key = "mode"
	// URL is the address of the front door's API, for team mode.
	URL     Key = "url"
	Profile Key = "profile"
	Region  Key = "region"
)

// Keys lists every setting.
func Keys() []Key { return []Key{Mode, URL, Profile, Region} }

// Variable is the environment variable of a setting.
func (k Key) Variable() string { return "STACKGATE_" + strings.ToUpper(string(k)) }

// Value is a setting and where it comes from.
type Value struct {
	Key   Key    `json:"key"`
	Value string `json:"value"`
	// Origin is --mode, STACKGATE_MODE, a file, or Builtin.
	Origin string `json:"origin"`
}

// Builtin is the origin of what nobody has set.
const Builtin = "(built-in)"

// Sources are where settings are looked for, the most particular first.
type Sources struct {
	// Flags hold what was given on the command line.
	Flags map[Key]string
	// LookupEnv reads the environment.
	LookupEnv func(name string) (value string, found bool)
	// Dir is the working directory, absolute.
	Dir string
}

// Get returns a setting; its value is empty where nobody has set it.
func (s Sources) Get(key Key) (Value, error) {
	if value := s.Flags[key]; value != "" {
		return Value{key, value, "--" + string(key)}, Check(key, value)
	}
	if value, _ := s.LookupEnv(key.Variable()); value != "" {
		return Value{key, value, key.Variable()}, inOrigin(Check(key, value), key.Variable())
	}
	for _, path := range s.Files() {
		file, err := Read(path)
		if err != nil {
			return Value{}, err
		}
		if value := file[key]; value != "" {
			return Value{key, value, path}, inOrigin(Check(key, value), path)
		}
	}
	return Value{Key: key, Origin: Builtin}, nil
}

func inOrigin(err error, origin string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", origin, err)
}

// All returns every setting.
func (s Sources) All() ([]Value, error) {
	var all []Value
	var problems []error
	for _, key := range Keys() {
		value, err := s.Get(key)
		problems = append(problems, err)
		all = append(all, value)
	}
	return all, errors.Join(problems...)
}

const (
	folder = ".stackgate"
	name   = "config.yaml"
)

// Files are those that may hold settings, the most particular first: .stackgate/config.yaml in the working directory and
// the folders above it up to the root of the git work tree, then the person's own. Outside a work tree the folders above
// are left alone: they may be somebody else's.
func (s Sources) Files() []string {
	files := []string{filepath.Join(s.Dir, folder, name)}
	root := s.root()
	for dir := s.Dir; root != "" && dir != root; {
		dir = filepath.Dir(dir)
		files = append(files, filepath.Join(dir, folder, name))
	}
	if own := s.Own(); own != "" {
		files = append(files, own)
	}
	return files
}

// root is the root of the git work tree; empty outside one.
func (s Sources) root() string {
	for dir := s.Dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// Project is the file of the project's settings: the one that is there, or else the one at the root of the work tree.
func (s Sources) Project() string {
	own := s.Own()
	for _, file := range s.Files() {
		if _, err := os.Stat(file); err == nil && file != own {
			return file
		}
	}
	if root := s.root(); root != "" {
		return filepath.Join(root, folder, name)
	}
	return filepath.Join(s.Dir, folder, name)
}

// Own is the file of the person's own settings (XDG Base Directory); empty where no home is known.
func (s Sources) Own() string {
	if dir, _ := s.LookupEnv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "stackgate", name)
	}
	if home, _ := s.LookupEnv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config", "stackgate", name)
	}
	return ""
}

// maxFile is how long a file may be, in bytes.
const maxFile = 64 << 10

// Read reads a file of settings; one that is not there holds none.
func Read(path string) (map[Key]string, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, and settings have at most %d", path, len(content), maxFile)
	}
	values, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// Parse reads settings from YAML: a map of known keys to texts.
func Parse(content []byte) (map[Key]string, error) {
	var raw map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(content), yaml.DisallowUnknownField()).Decode(&raw); err != nil && len(bytes.TrimSpace(content)) > 0 && raw == nil && !onlyComments(content) {
		return nil, fmt.Errorf("it is no map of settings: %s", strings.SplitN(err.Error(), "\n", 2)[0])
	}
	values := map[Key]string{}
	for key, value := range raw {
		if !slices.Contains(Keys(), Key(key)) {
			return nil, fmt.Errorf("there is no setting %.64q; there are %v", key, Keys())
		}
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("%s must be text; put it in quotes", key)
		}
		values[Key(key)] = text
	}
	return values, nil
}

func onlyComments(content []byte) bool {
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// Write sets one setting in a file, or removes it where the value is empty. What else stands in the file stays, but for
// comments. The file is replaced whole.
func Write(path string, key Key, value string) error {
	values, err := Read(path)
	if err != nil {
		return err
	}
	if values == nil {
		values = map[Key]string{}
	}
	if values[key] = value; value == "" {
		delete(values, key)
	}
	content, err := yaml.Marshal(values)
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	beside := path + ".new"
	if err := os.WriteFile(beside, content, 0o600); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	if err := os.Rename(beside, path); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// Modes are the values of mode.
var Modes = []string{"simulated", "solo", "team"}

var (
	regionPattern  = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
	profilePattern = regexp.MustCompile(`^[^\x00-\x20]([^\x00-\x1f]{0,126}[^\x00-\x20])?$`)
)

// Check says what is wrong with the form of a value.
func Check(key Key, value string) error {
	switch key {
	case Mode:
		if !slices.Contains(Modes, value) {
			return fmt.Errorf("mode %.64q is not known; use simulated (CloudFormation in memory), solo (your AWS credentials) or team (an installed front door)", value)
		}
	case URL:
		return checkURL(value)
	case Region:
		if !regionPattern.MatchString(value) {
			return fmt.Errorf("region %.64q is not one of AWS; it looks like eu-west-1", value)
		}
	case Profile:
		if !profilePattern.MatchString(value) {
			return fmt.Errorf("profile %.64q cannot be the name of a profile of the AWS configuration", value)
		}
	default:
		return fmt.Errorf("there is no setting %.64q; there are %v", string(key), Keys())
	}
	return nil
}

// checkURL wants HTTPS: calls are signed, and reviews are read from what comes back. On this machine nobody listens between.
func checkURL(value string) error {
	address, err := url.Parse(value)
	switch {
	case err != nil || address.Host == "":
		return fmt.Errorf("url %.200q is no address; it looks like https://abc123.execute-api.eu-west-1.amazonaws.com", value)
	case address.User != nil || address.RawQuery != "" || address.Fragment != "":
		return fmt.Errorf("url %.200q must have neither a user, a query nor a fragment", address.Redacted())
	case address.Scheme == "https":
		return nil
	case address.Scheme == "http" && isLoopback(address.Hostname()):
		return nil
	}
	return fmt.Errorf("url %.200q must begin with https://", value)
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

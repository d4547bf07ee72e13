package service

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// secrets gives parameters whose values are secrets as dynamic references. No secret passes through stackgate, and none
// stands in a file.
func (b builder) secrets(d Definition) {
	section := b.merged.get("secrets")
	for _, name := range slices.Sorted(maps.Keys(b.settings.Secrets)) {
		n := section.get(name)
		if n == nil {
			continue
		}
		if _, twice := b.settings.Parameters[name]; twice {
			b.report.at(n, "%s is also given as a parameter; keep one, null removes an inherited one", name)
			continue
		}
		d.Parameters[name] = b.reference(b.settings.Secrets[name], n)
		d.Origins["parameters."+name] = n.origin
	}
}

// reference writes a dynamic reference (CloudFormation user guide, "Get values stored in other services using dynamic
// references").
func (b builder) reference(s rawSecret, n *node) string {
	inManager, inStore := s.SecretsManager.At != nil, s.SSMSecure.At != nil
	switch {
	case inManager == inStore:
		b.report.at(n, "say where the secret is kept: one of secretsManager or ssmSecure")
	case inStore && (s.JSONKey.At != nil || s.VersionStage.At != nil || s.VersionID.At != nil):
		b.report.at(n, "jsonKey, versionStage and versionId belong to secretsManager; a SecureString has only a version")
	case inManager && s.Version.At != nil:
		b.report.at(n, "version belongs to ssmSecure; a secret has a versionId or a versionStage")
	case s.VersionStage.At != nil && s.VersionID.At != nil:
		b.report.at(n, "versionStage and versionId exclude each other; keep one")
	}
	parts := []string{"ssm-secure", s.SSMSecure.Value}
	if s.Version.At != nil {
		parts = append(parts, strconv.Itoa(s.Version.Value))
	}
	if inManager {
		parts = []string{"secretsmanager", s.SecretsManager.Value, "SecretString", s.JSONKey.Value, s.VersionStage.Value, s.VersionID.Value}
	}
	return "{{resolve:" + strings.TrimRight(strings.Join(parts, ":"), ":") + "}}"
}

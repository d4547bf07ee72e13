package sqlite

// WithAttempts makes the store give up waiting for the write lock sooner.
func WithAttempts(n int) Option {
	return func(s *Store) { s.attempts = n }
}

// Migrations returns the scripts that make the schema.
var Migrations = migrations

// ApplicationID marks the store's files.
const ApplicationID = applicationID

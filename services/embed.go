// Package services carries this folder's definitions inside the program, for the demonstration and for installed
// versions. It does not read them: internal/service does.
package services

import "embed"

// Files is the folder as it was when the program was built.
//
//go:embed *.yaml templates schema
var Files embed.FS

package asl

import (
	cryptorand "crypto/rand"
	"math/rand/v2"
)

// SystemRandom is the machine's own randomness.
type SystemRandom struct{}

// Float64 is at least 0 and less than 1.
func (SystemRandom) Float64() float64 { return rand.Float64() }

// Read fills p from the operating system.
func (SystemRandom) Read(p []byte) (int, error) { return cryptorand.Read(p) }

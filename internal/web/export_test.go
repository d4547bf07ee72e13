package web

// DecodeStrictly and StatusOf are tested by themselves.
var (
	DecodeStrictly = decodeStrictly
	StatusOf       = statusOf
)

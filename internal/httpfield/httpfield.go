// Package httpfield knows what the names and values of HTTP fields may look like.
package httpfield

import "strings"

// ValidName tells whether s may be the name of a header (RFC 9110 section 5.1, token).
func ValidName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// ValidValue tells whether s can stand in a header's value: no control character but a tab (RFC 9110 section 5.5).
func ValidValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Sanitized is s with a space for each control character, for a server that must send something.
func Sanitized(s string) string {
	if ValidValue(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = ' '
		}
	}
	return strings.Trim(string(b), " 	") // no other space: the value need not be UTF-8
}

// EqualFold compares names without case (RFC 9110 section 5.1).
func EqualFold(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}

// BodyAllowed tells whether a response of this status may have a body (RFC 9110 section 6.4.1).
func BodyAllowed(status int) bool { return status >= 200 && status != 204 && status != 304 }

// Package httpfield knows what the names and values of HTTP fields may look like.
package httpfield

import (
	"iter"
	"net/textproto"
	"strconv"
	"strings"
)

// inName tells which bytes may stand in a name (RFC 9110 section 5.6.2, tchar).
var inName = func() (allowed [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		allowed[c] = !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	}
	return allowed
}()

// ValidName tells whether s may be the name of a header (RFC 9110 section 5.1, token).
func ValidName(s string) bool {
	for i := range len(s) {
		if !inName[s[i]] {
			return false
		}
	}
	return s != ""
}

// Canonicalize gives a header's name its canonical form (net/http, CanonicalHeaderKey), in place. What may not be a name stays
// as it is.
func Canonicalize(name []byte) {
	for _, c := range name {
		if !inName[c] {
			return
		}
	}
	first := true
	for i, c := range name {
		switch {
		case first && 'a' <= c && c <= 'z':
			name[i] = c - 'a' + 'A'
		case !first && 'A' <= c && c <= 'Z':
			name[i] = c - 'A' + 'a'
		}
		first = c == '-'
	}
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

// Get returns the first value of a name in a list of names and values.
func Get(fields [][2]string, name string) (value string, ok bool) {
	for _, f := range fields {
		if EqualFold(f[0], name) {
			return f[1], true
		}
	}
	return "", false
}

// ContentLength is what Content-Length says in a list of names and values, in bytes; -1 without one, or with one that is no
// number.
func ContentLength(fields [][2]string) int64 {
	value, _ := Get(fields, "Content-Length")
	length, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return -1
	}
	return int64(length)
}

// Elements yields those of a list, without the spaces round them; empty ones are left out (RFC 9110 section 5.6.1).
func Elements(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for element := range strings.SplitSeq(value, ",") {
			if element = strings.Trim(element, " \t"); element != "" && !yield(element) {
				return
			}
		}
	}
}

// TrailerNames yields the names in a header Trailer in canonical form, as net/http does: without those that are never
// trailers, because they frame the message (RFC 9110 section 6.5.1).
func TrailerNames(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range Elements(value) {
			switch name = textproto.CanonicalMIMEHeaderKey(name); name {
			case "Transfer-Encoding", "Trailer", "Content-Length":
			default:
				if !yield(name) {
					return
				}
			}
		}
	}
}

// HopByHop tells whether a header belongs to one connection rather than to the message (RFC 9110 section 7.6.1; PEP 3333,
// "Other HTTP Features").
func HopByHop(name string) bool {
	switch len(name) {
	case 2, 7, 8, 10, 16, 17, 18, 19:
	default:
		return false
	}
	for _, h := range [...]string{"TE", "Trailer", "Trailers", "Upgrade", "Connection", "Keep-Alive", "Transfer-Encoding",
		"Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization"} {
		if EqualFold(name, h) {
			return true
		}
	}
	return false
}

// Package stack shows where a panic came from.
package stack

import (
	"runtime/debug"
	"strings"
)

// OfPanic is the stack from where the panic was raised, as debug.Stack shows it. It is called by a deferred function that
// recovers; the calls that led there are left out.
func OfPanic() string {
	head, rest, _ := strings.Cut(string(debug.Stack()), "\n")
	if at := strings.LastIndex(rest, "\npanic("); at >= 0 {
		_, rest, _ = strings.Cut(rest[at+1:], "\n") // the call of panic
		_, rest, _ = strings.Cut(rest, "\n")        // and its place
	}
	return head + "\n" + rest
}

package apachebridge

// #include <string.h>
// #include "modgo.h"
import "C"

import (
	"strings"
	"unsafe"
)

// snapshot is all variables of a request, packed to be small, for the time when httpd's memory of them is gone: names and
// values by turns, each with a NUL behind it, as they have none within.
type snapshot string

// newSnapshot copies the variables of a request whose connection's lock the caller holds.
func newSnapshot(call *C.modgo_request) snapshot {
	var packed strings.Builder
	entries := tableEntries(C.modgo_variables_all(call))
	size := 0
	for _, e := range entries {
		size += int(C.strlen(e.key)) + int(C.strlen(e.val)) + 2
	}
	packed.Grow(size)
	for _, e := range entries {
		for _, s := range []*C.char{e.key, e.val} {
			packed.Write(unsafe.Slice((*byte)(unsafe.Pointer(s)), C.strlen(s)))
			packed.WriteByte(0)
		}
	}
	return snapshot(packed.String())
}

// each yields the variables until yield returns false.
func (s snapshot) each(yield func(name, value string) bool) {
	for rest := string(s); rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\x00")
		value, rest, _ = strings.Cut(rest, "\x00")
		if !yield(name, value) {
			return
		}
	}
}

// lookup finds a variable.
func (s snapshot) lookup(name string) (value string, ok bool) {
	for n, v := range s.each {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// all lists the variables.
func (s snapshot) all() (entries [][2]string) {
	for name, value := range s.each {
		entries = append(entries, [2]string{name, value})
	}
	return entries
}

package apachebridge

// #include "crossing.h"
import "C"

import (
	"sync"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// requestStrings are the strings of a request, parts of one block: those that strings.c counts, then names and values of
// the headers by turns. They are good until the memory is released.
type requestStrings struct {
	memory  *stringMemory
	block   string
	lengths []C.apr_uint32_t
}

// stringMemory is where C puts strings, before one copy of all is made. What most requests have fits.
type stringMemory struct {
	bytes   []byte
	lengths []C.apr_uint32_t
}

const (
	usualStringBytes = 4 << 10
	mostStringBytes  = 64 << 10                          // which are kept for the next request
	usualStrings     = C.MODGO_STRINGS_FIXED + 1 + 2*100 // httpd's LimitRequestFields
)

var stringMemories = sync.Pool{New: func() any {
	return &stringMemory{make([]byte, usualStringBytes), make([]C.apr_uint32_t, usualStrings)}
}}

// strings copies the strings of the request, with the names of headers in canonical form.
func (x *exchange) strings() requestStrings {
	m := stringMemories.Get().(*stringMemory)
	got := m.fill(x)
	for int(got.count) > len(m.lengths) || int(got.size) > len(m.bytes) {
		m.grow(got)
		got = m.fill(x)
	}
	lengths := m.lengths[:got.count]
	at := 0
	for i, n := range lengths {
		if i > C.MODGO_STRINGS_FIXED && (i-C.MODGO_STRINGS_FIXED)%2 == 1 {
			httpfield.Canonicalize(m.bytes[at : at+int(n)])
		}
		at += int(n)
	}
	return requestStrings{m, string(m.bytes[:at]), lengths}
}

// fill has C put the strings there, if they fit.
func (m *stringMemory) fill(x *exchange) C.modgo_strings {
	return C.modgo_cross_strings(x.number(), bytesOf(m.bytes), C.apr_size_t(len(m.bytes)), &m.lengths[0], C.int(len(m.lengths)))
}

// grow makes room for so many strings and bytes.
func (m *stringMemory) grow(needed C.modgo_strings) {
	if int(needed.count) > len(m.lengths) {
		m.lengths = make([]C.apr_uint32_t, needed.count)
	}
	if int(needed.size) > len(m.bytes) {
		m.bytes = make([]byte, needed.size)
	}
}

// next cuts off the first.
func (s *requestStrings) next() (first string) {
	n := s.lengths[0]
	first, s.block, s.lengths = s.block[:n], s.block[n:], s.lengths[1:]
	return first
}

// release gives up the memory; the strings stay.
func (s *requestStrings) release() {
	if cap(s.memory.bytes) <= mostStringBytes {
		stringMemories.Put(s.memory)
	}
}

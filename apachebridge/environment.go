package apachebridge

// #include "crossing.h"
import "C"

import (
	"net/http"
	"unsafe"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/environ"
)

// source reads variables from the request_rec in place (variables.c). After the request there are none.
type source struct{ exchange *exchange }

var (
	_ environ.RequestSource = source{}
	_ environ.ValueSource   = source{}
)

// Value has httpd's side of the request.
func (s source) Value(key any) any {
	if key == apache.Key() {
		return services(s)
	}
	return nil
}

func (s source) Lookup(name string) (string, bool) {
	x := s.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if name == "" {
		return "", false
	}
	if x.call == nil {
		return x.remembered().lookup(name)
	}
	if name == "REQUEST_METHOD" { // which modgo asks for each request
		return goMethod(x.call.r.method), true
	}
	var length C.apr_size_t
	value := C.modgo_cross_variable(x.number(), (*C.char)(unsafe.Pointer(unsafe.StringData(name))), C.apr_size_t(len(name)), &length)
	if value == nil {
		return "", false
	}
	return C.GoStringN(value, C.int(length)), true
}

// Request makes the *http.Request when it is asked for: an Application may be a handler's (modgo.FromHandler).
func (s source) Request() *http.Request {
	x := s.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.request == nil && x.call != nil {
		x.newRequest()
	}
	return x.request
}

func (s source) All(yield func(name, value string) bool) {
	for _, entry := range s.entries() {
		if !yield(entry[0], entry[1]) {
			return
		}
	}
}

// entries copies all variables, so that none is read while the application's code runs.
func (s source) entries() [][2]string {
	x := s.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return x.remembered().all()
	}
	return x.variables()
}

// variables copies all variables. The caller holds the lock.
func (x *exchange) variables() [][2]string {
	table := tableEntries(C.modgo_variables_all(x.call))
	entries := make([][2]string, len(table))
	for i, e := range table {
		entries[i] = [2]string{goString(e.key), goString(e.val)}
	}
	return entries
}

// methods are those of which goMethod makes no copy.
var methods = [...]string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions}

// goMethod is a request's method (RFC 9110 section 9.1).
func goMethod(method *C.char) string {
	for _, m := range methods {
		if equals(method, m) {
			return m
		}
	}
	return goString(method)
}

// equals compares a NUL-terminated string in place.
func equals(c *C.char, s string) bool {
	at := unsafe.Pointer(c)
	for i := range len(s) {
		if *(*byte)(unsafe.Add(at, i)) != s[i] {
			return false // at its NUL too
		}
	}
	return *(*byte)(unsafe.Add(at, len(s))) == 0
}

// tableEntries is the content of an apr_table_t, in place.
func tableEntries(table *C.apr_array_header_t) []C.apr_table_entry_t {
	return unsafe.Slice((*C.apr_table_entry_t)(unsafe.Pointer(table.elts)), int(table.nelts))
}

// goString copies a NUL-terminated string; NULL gives "".
func goString(s *C.char) string { return C.GoString(s) }

// errorLog is PEP 3333's wsgi.errors: the error log of the request's virtual host.
type errorLog struct{ exchange *exchange }

// Line logs a line.
func (l errorLog) Line(line []byte) {
	x := l.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		logLine(levelError, string(line)) // the request is over: to the main server's log
		return
	}
	C.modgo_log_request(x.call, levelError, bytesOf(line), C.apr_size_t(len(line)))
}

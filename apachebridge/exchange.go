package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/apphost"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// exchange is one request and its response, from the content handler's call to its return. Everything of it is one
// allocation.
type exchange struct {
	callable *modgo.Callable

	// mu is the lock round every call into httpd for this request's connection, whose pools, brigades and filters have
	// none of their own. Nothing waits while it holds it.
	mu   sync.Mutex
	call *C.modgo_request // nil once the handler has returned: its memory is gone

	writer  gateway.ResponseWriter // an http.Handler's response
	host    apphost.Host           // an Application's
	environ environ.Environ
	errors  errorWriter
	body    body
	context requestContext
	request *http.Request // an http.Handler's
}

//export modgoGoServe
func modgoGoServe(call *C.modgo_request) (result C.int) {
	if !current.ready(int(call.mapping.index)) {
		return http.StatusServiceUnavailable
	}
	callable := current.callables[call.mapping.index]
	x := &exchange{callable: callable, call: call}
	x.body.exchange = x
	x.context.exchange = x
	x.errors.exchange = x
	x.environ.Init(environ.Config{Source: source{x}, Context: &x.context, Input: &x.body, Errors: &x.errors})
	if call.goroutine == 0 {
		C.modgo_inflight_goroutine_set(call.slot, C.apr_int64_t(goroutineID()))
	}
	returned := false
	defer func() { result = x.end(recover(), returned, result) }()
	if callable.Handler != nil {
		result = x.serveHandler(callable.Handler)
	} else {
		result = x.serveApplication(callable.Application)
	}
	returned = true
	return result
}

func (x *exchange) serveHandler(handler http.Handler) C.int {
	r := x.newRequest()
	x.writer = gateway.ResponseWriter{
		Transport:     transport{x},
		Head:          r.Method == http.MethodHead,
		ErrorOverride: x.call.error_override != 0,
		Status:        int(x.call.r.status), // an ErrorDocument's handler inherits the error's
	}
	handler.ServeHTTP(&x.writer, r)
	status, err := x.writer.Finish()
	return x.outcome(status, err)
}

func (x *exchange) serveApplication(application modgo.Application) C.int {
	x.host = apphost.Host{Transport: transport{x}, ErrorOverride: x.call.error_override != 0}
	err := modgo.Serve(application, &x.environ, &x.host)
	return x.outcome(x.host.Status(), err)
}

// outcome is what the content handler returns when the application has returned: OK, or the status of an error document.
func (x *exchange) outcome(status int, err error) C.int {
	if err == nil {
		return C.int(status)
	}
	if errors.Is(err, gateway.ErrClientGone) || errors.Is(err, gateway.ErrAnswered) {
		return C.OK // as if it had been sent: nobody is there to tell
	}
	x.logError("MODGO0012", fmt.Sprintf("the application %s failed: %s", x.callable, strings.ReplaceAll(err.Error(), "\n", " ")))
	return x.failed()
}

// failed ends a response that cannot be completed: with 500 while the client has seen nothing, else so that it can tell.
func (x *exchange) failed() C.int {
	if !x.sent() {
		return http.StatusInternalServerError
	}
	x.abort()
	return C.OK
}

// abort ends the response so that the client can tell that it is not whole.
func (x *exchange) abort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	C.modgo_response_abort(x.call)
}

func (x *exchange) sent() bool { return x.writer.Sent() || x.host.Sent() }

// end is what happens last, whether the application returned, panicked or called runtime.Goexit.
func (x *exchange) end(panicked any, returned bool, result C.int) C.int {
	x.errors.flush()
	switch {
	case returned:
	case panicked == http.ErrAbortHandler:
		x.abort()
		result = C.OK
	case panicked != nil:
		x.logError("MODGO0011", fmt.Sprintf("the application %s panicked: %s", x.callable, strings.ReplaceAll(fmt.Sprint(panicked), "\n", " ")))
		logContinuation(levelError, stackOfPanic())
		result = x.failed()
	default:
		x.exiting()
	}
	if x.request != nil && x.request.MultipartForm != nil {
		_ = x.request.MultipartForm.RemoveAll() // the temporary files of large parts, as net/http does
	}
	x.mu.Lock()
	x.call = nil
	x.mu.Unlock()
	x.context.cancel() // after that, so that who waits for the end finds everything closed
	return result
}

// exiting handles runtime.Goexit, from which the process cannot return: it says so while it can.
func (x *exchange) exiting() {
	const verdict = "its handler called runtime.Goexit, which ends the thread of Apache that runs it, and so the process"
	x.logError("MODGO0014", fmt.Sprintf("the application %s cannot go on: %s", x.callable, verdict))
	logContinuation(levelError, string(debug.Stack()))
	C.modgo_inflight_verdict(x.call.slot, (*C.char)(unsafe.Pointer(unsafe.StringData(verdict))), C.apr_size_t(len(verdict)))
	if x.sent() {
		x.abort()
		return
	}
	head := gateway.AppendHead(nil, http.StatusInternalServerError, "Internal Server Error", modgo.Headers{{"Connection", "close"}})
	_ = transport{x}.Send(head, nil, gateway.End|gateway.Flush)
}

// logError logs a failure of this request with its id.
func (x *exchange) logError(number, text string) {
	line := fmt.Sprintf("%s: %s (request id %s)", number, text, C.GoString(C.modgo_request_id(x.call.r)))
	logLine(levelError, line)
}

// stackOfPanic is the stack from where the panic was raised: what came after is the bridge's own.
func stackOfPanic() string {
	head, rest, _ := strings.Cut(string(debug.Stack()), "\n")
	if at := strings.LastIndex(rest, "\npanic("); at >= 0 {
		_, rest, _ = strings.Cut(rest[at+1:], "\n") // the call of panic
		_, rest, _ = strings.Cut(rest, "\n")        // and its place
	}
	return head + "\n" + rest
}

// goroutineID is the number of the calling goroutine in tracebacks. It stays the same for all calls on one thread of
// Apache, and lets a crash in a goroutine be traced to the request that started it.
func goroutineID() int64 {
	var b [64]byte
	head := strings.TrimPrefix(string(b[:runtime.Stack(b[:], false)]), "goroutine ")
	number, _, _ := strings.Cut(head, " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return -1
	}
	return id
}

package apachebridge

// #include "modgo.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/mod-go/mod-go/internal/apphost"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/stack"
	"github.com/mod-go/mod-go/modgo"
)

//export modgoGoServe
func modgoGoServe(call *C.modgo_request) C.int {
	if !current.ready(int(call.mapping.index)) {
		return current.unavailable(call)
	}
	memoryGuard.note()
	x := newExchange(call, current.callables[call.mapping.index])
	if call.goroutine == 0 {
		C.modgo_inflight_goroutine_set(call.slot, C.apr_int64_t(goroutineID()))
	}
	if call.time_limit != 0 {
		limits.enter(x, microseconds(call.time_limit))
	}
	if call.upgrade != 0 {
		return x.serveApart()
	}
	return x.serve()
}

// serveApart runs the handler on a goroutine of its own, so that it can go on with a connection that it has taken over when
// Apache's thread has gone back to serve others.
func (x *exchange) serveApart() C.int {
	call := x.call
	x.released = make(chan struct{})
	result := make(chan C.int, 1)
	go func() {
		C.modgo_inflight_goroutine_set(call.slot, C.apr_int64_t(goroutineID()))
		result <- x.serve()
	}()
	defer func() { C.modgo_inflight_goroutine_set(call.slot, C.apr_int64_t(goroutineID())) }()
	select {
	case status := <-result:
		return status
	case <-x.released:
		return C.OK
	}
}

// serve runs the handler, and returns what the content handler returns: OK, or the status of an error document.
func (x *exchange) serve() (result C.int) {
	returned := false
	var begun time.Time // unless nobody wants to know
	if x.call.slow != 0 {
		begun = time.Now()
	}
	defer func() { result = x.end(recover(), returned, result, begun) }()
	if x.callable.Handler != nil {
		result = x.serveHandler(x.callable.Handler)
	} else {
		result = x.serveApplication(x.callable.Application)
	}
	returned = true
	return result
}

// mostExpected is for how many headers a response gets memory before it has them.
const mostExpected = 64

func (x *exchange) serveHandler(handler http.Handler) C.int {
	r := x.newRequest()
	headers := &current.headers[x.call.mapping.index]
	expected := headers.Load()
	x.writer.ResponseWriter = gateway.ResponseWriter{
		Transport:     transport{x},
		Head:          r.Method == http.MethodHead,
		ErrorOverride: x.call.error_override != 0,
		Status:        int(x.call.r.status), // an ErrorDocument's handler inherits the error's
		Expected:      int(min(expected, mostExpected)),
	}
	if x.call.stream != 0 {
		handler.ServeHTTP(&x.writer, r)
	} else {
		handler.ServeHTTP(connectionWriter{&x.writer}, r)
	}
	status, err := x.writer.Finish()
	if set := int32(x.writer.HeaderCount()); set != expected {
		headers.Store(set)
	}
	return x.outcome(status, err)
}

func (x *exchange) serveApplication(application modgo.Application) C.int {
	a := x.application
	a.host.Host = apphost.Host{Transport: transport{x}, ErrorOverride: x.call.error_override != 0}
	err := a.serving.Serve(application, &x.environment.Environ, &a.host)
	return x.outcome(a.host.Status(), err)
}

// outcome is what the content handler returns when the application has returned.
func (x *exchange) outcome(status int, err error) C.int {
	switch {
	case x.handedOver():
		return C.OK
	case err == nil:
		return C.int(status)
	case refusal(err) != 0 && !x.sent():
		return refusal(err)
	case errors.Is(err, gateway.ErrClientGone) || errors.Is(err, gateway.ErrAnswered) || errors.Is(err, http.ErrHijacked) || errors.Is(err, os.ErrDeadlineExceeded):
		return C.OK // as if it had been sent: nobody is there to tell
	case errors.Is(err, http.ErrHandlerTimeout) && x.hasExpired():
		return C.OK // as the log says already
	case x.clientGone(): // which may be why
		x.abort()
		return C.OK
	}
	x.logError("MODGO0012", fmt.Sprintf("the application %s failed: %s", x.callable, strings.ReplaceAll(err.Error(), "\n", " ")))
	if errors.Is(err, context.DeadlineExceeded) && x.context.timedOut() && !x.sent() {
		return http.StatusGatewayTimeout
	}
	return x.failed()
}

// handedOver tells whether the application has asked httpd to make the response.
func (x *exchange) handedOver() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && (x.call.redirect != nil || x.call.file != nil)
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
	if x.call != nil {
		C.modgo_response_abort(x.call)
	}
}

func (x *exchange) sent() bool {
	return x.writer.Sent() || x.application != nil && x.application.host.Sent()
}

// end is what happens last, whether the application returned, panicked or called runtime.Goexit.
func (x *exchange) end(panicked any, returned bool, result C.int, begun time.Time) C.int {
	expired := x.handlerReturned()
	x.flushErrors()
	switch {
	case returned:
	case panicked == http.ErrAbortHandler:
		x.abort()
		result = C.OK
	case panicked != nil:
		x.logError("MODGO0011", fmt.Sprintf("the application %s panicked: %s", x.callable, strings.ReplaceAll(fmt.Sprint(panicked), "\n", " ")))
		x.logContinuation(levelError, stack.OfPanic())
		result = x.failed()
	case x.released != nil:
		x.logError("MODGO0011", fmt.Sprintf("the application %s called runtime.Goexit in its handler", x.callable))
		x.logContinuation(levelError, string(debug.Stack()))
		result = x.failed()
	default:
		x.exiting()
	}
	if x.request != nil && x.request.MultipartForm != nil {
		_ = x.request.MultipartForm.RemoveAll() // the temporary files of large parts, as net/http does
	}
	if conn := x.takenFiltered(); conn != nil {
		conn.awaitEnd() // Apache's thread holds the connection that the application has
	}
	if expired {
		result = C.OK
	}
	if !begun.IsZero() {
		x.logIfSlow(begun, result)
	}
	x.finish()
	x.context.cancel() // after that, so that who waits for the end finds everything closed
	return result
}

// exiting handles runtime.Goexit, from which the process cannot return: it says so while it can.
func (x *exchange) exiting() {
	const verdict = "its handler called runtime.Goexit, which ends the thread of Apache that runs it, and so the process"
	x.logError("MODGO0014", fmt.Sprintf("the application %s cannot go on: %s", x.callable, verdict))
	x.logContinuation(levelError, string(debug.Stack()))
	C.modgo_inflight_verdict(x.call.slot, (*C.char)(unsafe.Pointer(unsafe.StringData(verdict))), C.apr_size_t(len(verdict)))
	if x.sent() {
		x.abort()
		return
	}
	head := gateway.AppendHead(nil, http.StatusInternalServerError, "Internal Server Error", modgo.Headers{{"Connection", "close"}})
	_ = transport{x}.Send(head, nil, gateway.Flush)
	_ = transport{x}.Send(nil, nil, gateway.End)
}

// logError logs a failure of this request with its id.
func (x *exchange) logError(number, text string) {
	x.logLine(levelError, fmt.Sprintf("%s: %s (request id %s)", number, text, x.id()))
}

// logLine writes one line to the log of this request from any goroutine; when it is over, to the log that logLine writes to.
func (x *exchange) logLine(level C.int, line string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		logLine(level, line)
		return
	}
	C.modgo_log_request(x.call, level, (*C.char)(unsafe.Pointer(unsafe.StringData(line))), C.apr_size_t(len(line)))
}

// logContinuation writes what belongs to the line before to the log of this request.
func (x *exchange) logContinuation(level C.int, text string) {
	for line := range strings.Lines(text) {
		x.logLine(level, "| "+strings.TrimRight(line, "\r\n"))
	}
}

// id is the request's id in log lines.
func (x *exchange) id() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call != nil {
		return C.GoString(C.modgo_request_id(x.call.r))
	}
	id, _ := x.remembered().lookup("mod_go.request_id")
	return id
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

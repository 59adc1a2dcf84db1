package apachebridge

// #include "modgo.h"
import "C"

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unsafe"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/lines"
	"github.com/mod-go/mod-go/modgo"
)

// exchange is one request and its response, from the content handler's call to its return, or longer when the
// connection is taken over. Nearly everything of it is one allocation.
type exchange struct {
	callable *modgo.Callable

	// mu is the lock round every call into httpd for this request's connection, whose pools, brigades and filters have
	// none of their own. Nothing waits while it holds it.
	mu     sync.Mutex
	call   *C.modgo_request // nil once httpd goes on without us: its memory is gone
	waiter *waiter          // nil until the client is first waited for
	broken error            // why nothing more can be written; sticks

	writer      responseWriter   // an http.Handler's response
	application *applicationPart // an Application's; nil without
	environment *environment     // an Application's, and what a handler asks the context for; nil until then
	bodyEnd     error            // why nothing more of the body can be read, io.EOF too; sticks
	context     requestContext
	limit       *limit        // nil without GoRequestTimeout
	request     *http.Request // an http.Handler's
	parts       *requestParts // memory for it; nil until it is made for an Application

	released   chan struct{} // closed when Apache's thread can go, though the handler has not returned; nil if it cannot
	taken      *takenOver    // nil unless the connection was taken over
	lateServer *http.Server  // of a request that came when the child had begun to end; nil before it is asked for
}

// takenOver is what is known of a connection that was taken over.
type takenOver struct {
	variables snapshot      // of the request
	local     net.Addr      // the address that the client connected to
	filtered  *filteredConn // the connection, if it is reached through its filters
}

// applicationPart is what only an Application's exchange needs.
type applicationPart struct {
	host    applicationHost
	serving modgo.Serving
}

// requestParts is what an http.Request points to.
type requestParts struct {
	url    url.URL
	values [4]string // of its headers, unless there are more
}

// environment is the environ of a request, with the writer for its errors.
type environment struct {
	environ.Environ
	errors lines.Writer
}

// An exchange is one allocation with what goes with its kind of callable.
type (
	handlerExchange struct {
		exchange
		requestParts
	}
	applicationExchange struct {
		exchange
		applicationPart
		environment
	}
	limitedHandlerExchange struct {
		handlerExchange
		own limit
	}
	limitedApplicationExchange struct {
		applicationExchange
		own limit
	}
)

// mostExchange is how many bytes the exchange of a handler may take: a size of Go's allocator, whose next one is 576. Each byte of
// a request's memory moves through the processor's caches.
const mostExchange = 512

var _ [mostExchange - unsafe.Sizeof(handlerExchange{})]struct{}

// newExchange makes the exchange of a call of the content handler.
func newExchange(call *C.modgo_request, callable *modgo.Callable) *exchange {
	var x *exchange
	if callable.Handler != nil {
		whole := newHandlerExchange(call.time_limit != 0)
		x = &whole.exchange
		x.parts = &whole.requestParts
	} else {
		whole := newApplicationExchange(call.time_limit != 0)
		x = &whole.exchange
		x.application = &whole.applicationPart
		x.application.host.exchange = x
		x.environment = &whole.environment
		x.environment.init(x)
	}
	x.callable, x.call = callable, call
	x.context.exchange = x
	x.writer.Transport = transport{x}
	return x
}

func newHandlerExchange(limited bool) *handlerExchange {
	if !limited {
		return new(handlerExchange)
	}
	whole := new(limitedHandlerExchange)
	whole.limit = &whole.own
	return &whole.handlerExchange
}

func newApplicationExchange(limited bool) *applicationExchange {
	if !limited {
		return new(applicationExchange)
	}
	whole := new(limitedApplicationExchange)
	whole.limit = &whole.own
	return &whole.applicationExchange
}

func (e *environment) init(x *exchange) {
	e.errors.To = errorLog{x}
	e.Init(environ.Config{Source: source{x}, Context: &x.context, Input: (*body)(x), Errors: &e.errors})
}

// environ is that of the request, which is made for a handler that asks for it.
func (x *exchange) environ() *environ.Environ {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.environment == nil {
		x.environment = new(environment)
		x.environment.init(x)
	}
	return &x.environment.Environ
}

// flushErrors logs the last line that the application has written to its environ's errors, which may have no end.
func (x *exchange) flushErrors() {
	x.mu.Lock()
	e := x.environment
	x.mu.Unlock()
	if e != nil {
		e.errors.Flush()
	}
}

// number is the request as the functions of crossing.h take it. The caller holds the lock.
func (x *exchange) number() C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(x.call))) }

// patience is what it takes to wait for the client: the waiter, and how long httpd lets it be silent.
func (x *exchange) patience() (*waiter, time.Duration, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return nil, 0, errFinished
	}
	if x.waiter == nil {
		w, err := newWaiter(int(x.call.descriptor))
		if err != nil {
			return nil, 0, err
		}
		x.waiter = w
	}
	return x.waiter, time.Duration(x.call.timeout) * time.Microsecond, nil
}

// finish ends what refers to httpd's memory: the content handler is about to return.
func (x *exchange) finish() {
	x.mu.Lock()
	x.call = nil
	w := x.waiter
	x.waiter = nil
	x.mu.Unlock()
	if w != nil {
		w.close()
	}
}

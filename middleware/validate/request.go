package validate

import (
	"fmt"
	"sync"

	"github.com/mod-go/mod-go/modgo"
)

// request is one call of the application and what has been seen of it.
type request struct {
	*validator
	app    modgo.Application
	env    *modgo.Environ
	caller stack // the server's
	name   string
	toHEAD bool

	mu         sync.Mutex
	started    bool
	startedAt  stack
	status     int
	headers    modgo.Headers // the application's
	asStarted  modgo.Headers // a copy, as they were
	length     int64         // Content-Length, -1 without
	written    int64         // bytes of the body that the server has taken
	sent       bool          // some of the body has been taken, hence the head is out
	inspected  bool          // the head has been looked at once more, at the first non-empty block
	iterated   bool          // a non-empty block has come from the body
	pastLength bool          // the server asked for more than Content-Length
	cut        bool          // the body has a reason not to be whole

	unstarted bool // that startResponse was not called has been reported
	returned  bool // the application has returned a body
	begun     bool // the server has begun to iterate it
	iterating bool
	giving    bool // a block is with the server
	stopped   bool // the server wants no more
	ended     bool
}

// call calls the application. It is a boundary; see stack.
//
//go:noinline
func (r *request) call(startResponse modgo.StartResponse) modgo.Body {
	others := r.enter()
	defer r.leave()
	if others > 0 && !r.env.Multithread() {
		r.fault(Server, "C16", r.server(), "wsgi.multithread is false, and the application was called while it was answering another request")
	}
	return r.app(r.env, startResponse)
}

// end is the end of the request as the application sees it: the body's clean-up has run.
func (r *request) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	if r.unfinished != nil {
		r.unfinished.remove(r)
	}
}

// fault reports a breach of the contract. It must not be called with mu held: the report may panic.
func (r *request) fault(side Side, clause string, place Place, format string, args ...any) {
	r.mu.Lock()
	late := r.ended
	r.mu.Unlock()
	r.report(r.violation(side, clause, place, format, args...), late)
}

func (r *request) violation(side Side, clause string, place Place, format string, args ...any) *Violation {
	return &Violation{Clause: clause, Side: side, Problem: fmt.Sprintf(format, args...), Place: place, Request: r.name}
}

// server is the function that called the application.
func (r *request) server() Place { return r.caller.server() }

// application is the place that a stack shows, or the application as a whole.
func (r *request) application(s stack) Place {
	if place, ok := s.application(); ok {
		return place
	}
	return functionPlace(r.app)
}

// bodyPlace is the function that makes the body's blocks, or the application if that is modgo's.
func (r *request) bodyPlace(body modgo.Body) Place {
	place := functionPlace(body)
	switch packageOf(place.Function) {
	case "", modgoPackage, middlewarePackage, thisPackage:
		return functionPlace(r.app)
	}
	return place
}

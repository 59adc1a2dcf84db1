package validate

import (
	"errors"
	"net/http"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// wrapBody is the application's body, watched.
func (r *request) wrapBody(body modgo.Body) modgo.Body {
	r.mu.Lock()
	r.returned = true
	started := r.started
	r.mu.Unlock()
	wrapped := false
	defer func() {
		if wrapped {
			return
		}
		defer r.end() // the report panicked
		if body != nil {
			body(func([]byte, error) bool { return false }) // nobody else will have it cleaned up (C42)
		}
	}()
	switch {
	case started:
	case body == nil:
		r.checkStarted(body)
	case modgo.KindOf(body) != modgo.Iterated: // any other may start the response when it is iterated (C38)
		r.mu.Lock()
		r.unstarted = true
		r.mu.Unlock()
		r.fault(Application, "V8", r.bodyPlace(body), "a body that begins without startResponse was returned before it was called")
	}
	watched := r.transparent(body)
	wrapped = true
	return watched
}

// run runs the body. It is a boundary; see stack.
//
//go:noinline
func (r *request) run(body modgo.Body, yield func([]byte, error) bool) { body(yield) }

// iterate passes the body's blocks on to the server.
func (r *request) iterate(body modgo.Body, yield func([]byte, error) bool) {
	consumer := callers()
	r.mu.Lock()
	again, both := r.begun, r.iterating
	r.begun, r.iterating = true, true
	r.mu.Unlock()
	if again {
		how := "a second time"
		if both {
			how = "twice at the same time"
		}
		// It is the server's goroutine, also when the request has ended: a panic is seen.
		r.report(r.violation(Server, "C42", consumer.server(), "the body was iterated %s; it and its clean-up run once", how), false)
		r.run(body, yield)
		return
	}
	others := r.enter()
	defer r.leave()
	if others > 0 && !r.env.Multithread() {
		r.fault(Server, "C16", consumer.server(), "wsgi.multithread is false, and the body was iterated while the application was answering another request")
	}
	defer r.setIterating(false)
	r.run(body, func(block []byte, err error) bool { return r.give(consumer, block, err, yield) })
	r.checkEnd(body)
}

func (r *request) setIterating(iterating bool) {
	r.mu.Lock()
	r.iterating = iterating
	r.mu.Unlock()
}

// give hands one block to the server.
func (r *request) give(consumer stack, block []byte, err error, yield func([]byte, error) bool) (more bool) {
	here := callers()
	r.mu.Lock()
	over, both, stopped, asked := !r.iterating, r.giving, r.stopped, r.pastLength
	missing := !r.started && !r.unstarted
	if missing && err == nil && len(block) > 0 {
		r.unstarted = true
	}
	r.giving = true
	r.mu.Unlock()
	switch {
	case over:
		r.fault(Application, "V11", r.application(here), "a block of %d bytes was given after the body had ended", len(block))
		return false
	case both:
		r.fault(Application, "C39", r.application(here), "a block of %d bytes was given while the server had another: a body gives one at a time", len(block))
		return false
	case stopped:
		r.fault(Application, "C42", r.application(here), "the body went on after the server had stopped iterating; it must return when yield returns false")
	}
	defer func() {
		r.mu.Lock()
		r.giving = false
		r.stopped = r.stopped || !more
		r.mu.Unlock()
	}()
	if err != nil {
		r.mu.Lock()
		r.cut = true
		r.mu.Unlock()
		if more = yield(block, err); more {
			r.fault(Server, "C48", consumer.server(), "the server went on after the body had given an error, which ends the response")
		}
		return more
	}
	if len(block) == 0 {
		return yield(block, nil)
	}
	if missing {
		r.fault(Application, "V8", r.application(here), "the body gave a block of %d bytes before startResponse was called", len(block))
	}
	if !stopped {
		if beyond := r.checkBlock(here, block, "a block"); beyond && asked {
			r.fault(Server, "C44", consumer.server(), "the server went on iterating when it had the bytes of the Content-Length, which is all that it may send")
		}
	}
	lent := lend(block)
	more = yield(lent.copy, nil)
	r.checkReturned(here, lent, consumer.server())
	r.mu.Lock()
	r.iterated = true
	r.sent = r.sent || more
	r.written += int64(len(block))
	r.pastLength = more && r.length >= 0 && r.written >= r.length
	r.mu.Unlock()
	return more
}

// checkEnd checks a body that has ended of itself.
func (r *request) checkEnd(body modgo.Body) {
	r.mu.Lock()
	started, inspected, whole := r.started, r.inspected, !r.cut && !r.stopped && !r.unstarted
	code, length, written := r.status, r.length, r.written
	r.mu.Unlock()
	if !whole {
		return
	}
	if !started {
		r.checkStarted(body)
		return
	}
	if !inspected {
		r.checkHeadersKept()
	}
	if length > written && !r.toHEAD && httpfield.BodyAllowed(code) {
		r.fault(Application, "C45", r.bodyPlace(body), "the body ended after %d of the %d bytes that Content-Length promised", written, length)
	}
}

// checkStarted reports an application that is done and has not called startResponse. One that has taken the connection
// over need not.
func (r *request) checkStarted(body modgo.Body) {
	// Without a head Flush sends nothing; it only tells.
	if errors.Is(modgo.NewController(r.env).Flush(), http.ErrHijacked) {
		return
	}
	r.fault(Application, "C27", r.bodyPlace(body), "the application is done and has not called startResponse")
}

package modgo

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// Serve calls the application for one request and drives the response that it makes on host. It is the server's side of
// PEP 3333, without a server.
//
// The error is nil when the response is whole; the host's own error when the client went away; a *ContractError or the
// application's own error when the response must be aborted, or answered with 500 if nothing has been sent. Panics of the
// application pass through.
func Serve(app Application, env *Environ, host Host) error { return new(Serving).Serve(app, env, host) }

// A Serving is the memory of one call of Serve, for a server that keeps it inside its own request and so saves an
// allocation. It cannot be used again.
type Serving struct{ response response }

// Serve is the function Serve.
func (s *Serving) Serve(app Application, env *Environ, host Host) error {
	r := &s.response
	r.host, r.env, r.input, r.length = host, env, env.Input(), -1
	r.bodiless = env.Get("REQUEST_METHOD") == http.MethodHead
	env.SetExtension(r)
	defer r.end()
	if err := r.iterate(app(env, r.start)); err != nil {
		return err
	}
	return r.finish()
}

// end is what happens last, on every path: clean-ups that the body has beside its own run, and nothing can be sent any
// more (V11).
func (r *response) end() {
	r.mu.Lock()
	r.ended = true
	if r.err == nil {
		r.err = errEnded
	}
	r.mu.Unlock()
	for i := range r.cleanups { // the innermost first, and the others even if one panics
		defer r.cleanups[i]()
	}
}

var errEnded = &ContractError{"V11", "the response was used when it had ended"}

// iterate sends the body. Every body is iterated, or at least begun, so that its clean-up runs (C42).
func (r *response) iterate(body Body) error {
	if isSingle(body) {
		return r.takeSingle(body)
	}
	l := peel(body)
	r.cleanups = l.cleanups
	switch {
	case l.file != nil:
		return r.sendFile(l.file)
	case l.core == nil:
		return nil
	case isSingle(l.core) && len(l.watches) == 0:
		return r.takeSingle(l.core)
	}
	r.single = isSingle(l.core)
	return r.iterateBlocks(l.watched())
}

// takeSingle sends a body of one block, for which nothing has to be allocated.
func (r *response) takeSingle(body Body) error {
	r.single = true
	return r.iterated(singleBlock(body))
}

// iterateBlocks sends a body block by block.
func (r *response) iterateBlocks(body Body) error {
	for block, err := range body {
		if err != nil {
			return err
		}
		if err := r.iterated(block); err != nil {
			return err
		}
		if r.complete {
			return nil // PEP 3333: never more than Content-Length; C44
		}
	}
	return nil
}

// response is the state of one response between start and the end of the body.
//
// mu is held by what the application can reach, so that writers, the Controller and a middleware that answers in the
// application's place (middleware.Timeout) may be used from several goroutines. Nothing that is called with it held calls back
// into the application.
type response struct {
	mu       sync.Mutex
	host     Host
	env      *Environ
	input    io.Reader // the host's own
	head     *Head
	sent     bool   // the head is out
	bodiless bool   // HEAD: blocks are not sent
	length   int64  // Content-Length, -1 without
	written  int64  // bytes of the body so far
	complete bool   // no more blocks are wanted
	single   bool   // the body is of one block, so that what comes is all
	last     []byte // that block: it goes out with the end
	err      error  // the host's
	hijacked bool   // the connection is the application's
	ended    bool
	trailers Headers
	cleanups []func() // of OnClose, the outermost first

	headSpace  Head
	fieldSpace [6][2]string // a copy of the headers, which are the application's to use again
}

// usable is why nothing can be done to the response any more, nil while something can. The caller holds mu.
func (r *response) usable() error {
	if r.hijacked {
		return http.ErrHijacked
	}
	return r.err
}

// start is the StartResponse of this response.
func (r *response) start(status string, headers Headers, cause ...error) io.Writer {
	var raised error // a nil cause is none, as PEP 3333's exc_info None
	if len(cause) > 0 {
		raised = cause[0]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		panic(&ContractError{"V11", "startResponse was called when the response had ended"})
	}
	if r.head != nil && raised == nil {
		panic(&ContractError{"C34", "startResponse was called twice; a second call needs a cause"})
	}
	if r.sent && raised != nil {
		panic(raised)
	}
	n, reason, length := checkHead(status, headers)
	r.headSpace = Head{Status: n, Reason: reason, Headers: append(r.fieldSpace[:0], headers...)}
	r.head, r.length = &r.headSpace, length
	return (*writer)(r)
}

// writer is what start returns.
type writer response

// Write sends a block at once.
func (w *writer) Write(block []byte) (int, error) {
	r := (*response)(w)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	if len(block) == 0 {
		return 0, nil
	}
	within := block
	if r.length >= 0 && int64(len(block)) > r.length-r.written {
		within = block[:r.length-r.written]
	}
	if len(within) > 0 {
		if err := r.send(within); err != nil {
			return 0, err
		}
	}
	if len(within) < len(block) {
		return len(within), fmt.Errorf("application contract C44: a write of %d bytes goes beyond the Content-Length of %d", len(block), r.length)
	}
	return len(block), nil
}

// iterated takes the body's next block.
func (r *response) iterated(block []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || len(block) == 0 {
		return r.err
	}
	if r.head == nil {
		return &ContractError{"C38", "the body gave a block before startResponse was called"}
	}
	if r.single && r.length < 0 {
		r.last = block // the server can tell its length (C46)
		r.written += int64(len(block))
		return nil
	}
	if r.length >= 0 && int64(len(block)) >= r.length-r.written {
		block = block[:r.length-r.written]
		r.complete = true
		if len(block) == 0 {
			return nil
		}
		if r.single {
			r.last = block
			r.written += int64(len(block))
			return nil
		}
	}
	r.complete = r.complete || r.bodiless // nothing that follows can reach the client
	return r.send(block)
}

func (r *response) send(block []byte) error {
	r.written += int64(len(block))
	if r.bodiless {
		if r.sent {
			return nil
		}
		block = nil
	}
	r.err = r.host.Send(r.unsent(), block)
	return r.err
}

// unsent is the head if it is still to be sent, as it now is.
func (r *response) unsent() *Head {
	if r.sent {
		return nil
	}
	r.sent = true
	return r.head
}

func (r *response) finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return r.err
	case r.hijacked:
		return nil
	case r.head == nil:
		return &ContractError{"C27", "the application returned without calling startResponse"}
	case r.length > r.written && !r.bodiless && httpfield.BodyAllowed(r.head.Status):
		return &ContractError{"C45", fmt.Sprintf("the body ended after %d of the %d bytes that Content-Length promised", r.written, r.length)}
	}
	if len(r.trailers) > 0 {
		r.host.(TrailerHost).SetTrailers(r.trailers) // SetTrailers of the Controller has made sure that it is one
	}
	return r.host.Finish(r.unsent(), r.last)
}

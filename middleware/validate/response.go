package validate

import (
	"bytes"
	"hash/maphash"
	"io"
	"slices"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// startResponse is the server's, watched.
func (r *request) startResponse(inner modgo.StartResponse) modgo.StartResponse {
	return func(status string, headers modgo.Headers, cause ...error) io.Writer {
		here := callers()
		hasCause := len(cause) > 0 && cause[0] != nil // a nil cause is none, as PEP 3333's exc_info None
		code, length, problems := checkHead(status, headers)

		r.mu.Lock()
		ended, second, sent := r.ended, r.started && !hasCause, r.sent
		r.mu.Unlock()
		if ended {
			r.fault(Application, "V11", r.application(here), "startResponse was called after the request had ended")
		}
		var refused *headProblem // what the server must raise
		if second {
			refused = &headProblem{clause: "C34", text: "startResponse was called twice; a second call needs a cause"}
			r.fault(Application, refused.clause, r.application(here), "%s", refused.text)
		}
		for i, p := range problems {
			if p.raised && refused == nil {
				refused = &problems[i]
			}
			r.fault(Application, p.clause, r.application(here), "%s", p.text)
		}

		returned := false
		defer func() {
			// An extension may have sent the head without a block.
			if !returned && hasCause && refused == nil && !sent && !ended && r.env.Extension() == nil {
				r.fault(Server, "C35", functionPlace(inner), "startResponse raised, though it was given a cause and nothing has been sent; it had to replace status and headers")
			}
		}()
		w := inner(status, headers, cause...)
		returned = true
		switch {
		case ended:
		case refused != nil:
			r.fault(Server, refused.clause, functionPlace(inner), "startResponse took what it must raise: %s", refused.text)
		case hasCause && sent:
			r.fault(Server, "C36", functionPlace(inner), "startResponse returned, though some of the response had been sent; it had to raise the cause")
		}
		r.mu.Lock()
		r.started, r.startedAt = true, here
		r.status, r.length = code, length
		r.headers, r.asStarted = headers, slices.Clone(headers)
		r.mu.Unlock()
		if w == nil {
			r.fault(Server, "C27", functionPlace(inner), "startResponse returned no writer")
			return nil
		}
		return &writer{r, w}
	}
}

// writer is what the server's startResponse returned, watched.
type writer struct {
	request *request
	writer  io.Writer
}

// Write checks C41 and C44.
func (w *writer) Write(block []byte) (int, error) {
	r := w.request
	here := callers()
	r.mu.Lock()
	ended, iterated := r.ended, r.iterated
	r.mu.Unlock()
	switch {
	case ended:
		r.fault(Application, "V11", r.application(here), "%d bytes were written after the request had ended", len(block))
	case iterated && len(block) > 0:
		r.fault(Application, "C41", r.application(here), "%d bytes were written after a block of the body; what is written precedes what is iterated", len(block))
	}
	beyond := false
	if len(block) > 0 && !ended {
		beyond = r.checkBlock(here, block, "a write")
	}
	lent := lend(block)
	n, err := w.writer.Write(lent.copy)
	r.checkReturned(here, lent, writePlace(w.writer))
	switch {
	case n < 0 || n > len(block):
		r.fault(Server, "C41", writePlace(w.writer), "a write of %d bytes returned %d", len(block), n)
		return n, err
	case n < len(block) && err == nil:
		r.fault(Server, "C41", writePlace(w.writer), "a write of %d bytes returned %d and no error", len(block), n)
	case beyond && err == nil:
		r.fault(Server, "C44", writePlace(w.writer), "a write beyond the Content-Length returned no error")
	}
	r.mu.Lock()
	r.written += int64(n)
	r.sent = r.sent || n > 0
	r.cut = r.cut || err != nil && !beyond
	r.mu.Unlock()
	return n, err
}

// checkBlock checks a non-empty block before the server gets it, and tells whether it goes beyond the Content-Length.
func (r *request) checkBlock(here stack, block []byte, what string) (beyond bool) {
	r.mu.Lock()
	first := !r.inspected && r.started
	r.inspected = r.inspected || first
	code, length, written := r.status, r.length, r.written
	startedAt, asStarted := r.startedAt, r.asStarted
	r.mu.Unlock()
	if first {
		r.checkHeadersKept()
		switch {
		case code != 0 && !httpfield.BodyAllowed(code):
			r.fault(Application, "V10", r.application(here), "%s of %d bytes was given for a response of status %d, which has no body", what, len(block), code)
		case code != 0:
			if _, typed := httpfield.Get(asStarted, "Content-Type"); !typed {
				r.fault(Application, "V10", r.application(startedAt), "the response has a body and no Content-Type")
			}
		}
	}
	if length >= 0 && written+int64(len(block)) > length {
		r.fault(Application, "C44", r.application(here), "%s of %d bytes goes beyond the Content-Length of %d, of which %d are left",
			what, len(block), length, max(0, length-written))
		return true
	}
	return false
}

// checkHeadersKept checks that the headers are still those that startResponse checked.
func (r *request) checkHeadersKept() {
	r.mu.Lock()
	kept, startedAt := slices.Equal(r.headers, r.asStarted), r.startedAt
	r.mu.Unlock()
	if kept {
		return
	}
	r.fault(Application, "C29", r.application(startedAt), "the headers were changed after they had been given to startResponse, which checks them")
}

// A loan is a block that the server has got. It gets a copy, so that it can be told which side has changed a block.
type loan struct {
	block, copy []byte
	sum         uint64
}

var seed = maphash.MakeSeed()

func lend(block []byte) loan {
	return loan{block, bytes.Clone(block), maphash.Bytes(seed, block)}
}

// checkReturned checks that neither side has changed the block while the server had it.
func (r *request) checkReturned(here stack, l loan, server Place) {
	if bytes.Equal(l.block, l.copy) {
		return
	}
	if maphash.Bytes(seed, l.block) != l.sum {
		r.fault(Application, "C41", r.application(here), "a block of %d bytes was changed while the server was sending it", len(l.block))
	}
	if maphash.Bytes(seed, l.copy) != l.sum {
		r.fault(Server, "C40", server, "the server changed a block of %d bytes, which belongs to the application", len(l.block))
	}
}

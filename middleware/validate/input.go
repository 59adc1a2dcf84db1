package validate

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// input is the server's input, watched. It is safe for use by several goroutines if the server's is.
type input struct {
	request *request
	reader  io.Reader
	length  int64 // CONTENT_LENGTH, -1 where the body may be of another
	read    atomic.Int64
	atEnd   atomic.Bool
}

// closingInput is an input that can be closed.
type closingInput struct{ *input }

// Close closes the server's input.
func (c closingInput) Close() error { return c.reader.(io.Closer).Close() }

// Unwrap is the server's own reader: nothing that was done to it is lost when it is used instead.
func (i *input) Unwrap() io.Reader { return i.reader }

// wrapInput puts a watched input in the place of the server's.
func (r *request) wrapInput() {
	reader := r.env.Input()
	if reader == nil || reader == http.NoBody {
		return // the first has been reported; a handler may look for the second
	}
	i := &input{request: r, reader: reader, length: r.inputLength()}
	if _, ok := reader.(io.Closer); ok {
		r.env.SetInput(closingInput{i})
		return
	}
	r.env.SetInput(i)
}

// inputLength is the number of bytes that the input must have, -1 if that is not known. A server that decodes a
// Content-Encoding for the application may leave CONTENT_LENGTH as the client sent it.
func (r *request) inputLength() int64 {
	for _, name := range [...]string{"HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"} {
		if _, encoded := r.env.Lookup(name); encoded {
			return -1
		}
	}
	length, err := strconv.ParseInt(r.env.Get("CONTENT_LENGTH"), 10, 64)
	if err != nil || length < 0 {
		return -1
	}
	return length
}

// Read checks C20 and C22.
func (i *input) Read(p []byte) (int, error) {
	r := i.request
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	if ended {
		r.fault(Application, "C20", r.application(callers()),
			"the input was read after the request had ended; what could come by then is the next request's")
	}
	atEnd := i.atEnd.Load()
	n, err := i.reader.Read(p)
	place := func() Place { return readPlace(i.reader) }
	if n < 0 || n > len(p) {
		r.fault(Server, "C19", place(), "a read of %d bytes of the input returned %d", len(p), n)
		return n, err
	}
	total := i.read.Add(int64(n))
	if i.length >= 0 && total > i.length && n > 0 {
		r.fault(Server, "C20", place(), "the input gave %d bytes, more than the CONTENT_LENGTH of %d", total, i.length)
	}
	switch {
	case ended:
	case atEnd && n > 0:
		r.fault(Server, "C22", place(), "the input gave %d bytes after io.EOF", n)
	case atEnd && err == nil && len(p) > 0:
		r.fault(Server, "C22", place(), "the input returned no error after io.EOF; io.EOF comes again and again")
	}
	if err == io.EOF && !atEnd {
		i.atEnd.Store(true)
		if total < i.length {
			r.fault(Server, "C20", place(), "the input ended after %d of the %d bytes of CONTENT_LENGTH; a body that was cut short is an error, not io.EOF", total, i.length)
		}
	}
	return n, err
}

package gateway

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// bufferSize is how many bytes of the body are gathered before they are sent: a response up to this size goes out in
// one call, with its head and, made by the server, its Content-Length.
const bufferSize = 8 << 10

// sniffLength is how many bytes of the body http.DetectContentType looks at.
const sniffLength = 512

// A ResponseWriter is the http.ResponseWriter of one response on a Transport, with the behaviour of net/http's own: what
// is said there of WriteHeader, Write and Flush holds here.
type ResponseWriter struct {
	// Set before the first use, and left alone after it.
	Transport     Transport
	Status        int  // of a response whose handler sets none; 0 means 200
	Expected      int  // how many headers the handler is likely to set; 0 where that is not known
	Head          bool // the request is a HEAD: the body is counted, and not sent
	ErrorOverride bool // error responses get the server's body, whatever the handler's

	excess bool // a write went beyond Content-Length
	typed  bool // Content-Type is set, or must not be
	sent   bool // the head is out
	left   bool // the server makes the body

	// mu makes calls from other goroutines than the handler's safe, and those that come when it has returned an error. A
	// write that waits for the client holds it, so that others wait for their turn.
	mu      sync.Mutex
	header  http.Header
	status  int      // 0 until WriteHeader was called
	scratch *Scratch // what is put together, from WriteHeader to the end
	length  int64    // Content-Length, -1 without
	written int64    // bytes of the body, sent or not
	err     error    // of the Transport; sticks
}

var (
	_ http.ResponseWriter = (*ResponseWriter)(nil)
	_ http.Flusher        = (*ResponseWriter)(nil)
	_ io.StringWriter     = (*ResponseWriter)(nil)
	_ io.ReaderFrom       = (*ResponseWriter)(nil)
)

// Header returns the headers that WriteHeader will send.
func (w *ResponseWriter) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header, w.Expected)
	}
	return w.header
}

// WriteHeader fixes the status and the headers. A 1xx status other than 101 is sent at once as an informational
// response; the final status is still to come (RFC 9110 section 15.2).
func (w *ResponseWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *ResponseWriter) writeHeader(status int) {
	if w.err != nil && w.status == 0 {
		return // nobody would see it
	}
	if w.status != 0 {
		log.Printf("http: superfluous response.WriteHeader call: status %d after %d", status, w.status)
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // the words of net/http
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.fail(w.Transport.Send(w.appendHeaders(appendStatus(nil, status, reason(status)), false), nil, Interim))
		return
	}
	w.status = status
	w.length = -1
	w.scratch = NewScratch()
	w.scratch.buffer = w.scratch.body[:0]
	w.scratch.packed = w.appendHeaders(appendStatus(w.scratch.Head, status, reason(status)), true)
	w.left = w.ErrorOverride && status >= 400 && w.Transport.Leave(w.scratch.packed)
}

// appendHeaders packs the headers and, for the final head, remembers what they say of the body.
func (w *ResponseWriter) appendHeaders(dst []byte, final bool) []byte {
	var announced []string
	if final {
		for _, value := range w.header["Trailer"] {
			announced = slices.AppendSeq(announced, httpfield.TrailerNames(value))
		}
		w.scratch.announced = announced
	}
	_, trails := w.Transport.(TrailerTransport)
	for name, values := range w.header {
		switch {
		case name == "Trailer" && !(final && trails):
			continue
		case strings.HasPrefix(name, http.TrailerPrefix) || slices.Contains(announced, name):
			continue // after the body
		case !httpfield.ValidName(name):
			continue // as net/http does: it would break the response
		case httpfield.EqualFold(name, "Transfer-Encoding"):
			continue // the server's own
		case httpfield.EqualFold(name, "Content-Type"):
			w.typed = w.typed || final
		case httpfield.EqualFold(name, "Content-Encoding"):
			w.typed = w.typed || final && len(values) > 0 && values[0] != ""
		case httpfield.EqualFold(name, "Content-Length"):
			if !final || !w.setLength(values) {
				continue
			}
		}
		for _, value := range values {
			dst = AppendHeader(dst, name, httpfield.Sanitized(value))
		}
	}
	return dst
}

// setLength takes the Content-Length; an invalid one is dropped, as net/http does.
func (w *ResponseWriter) setLength(values []string) bool {
	if len(values) == 0 {
		return false
	}
	length, err := strconv.ParseInt(strings.TrimSpace(values[0]), 10, 64)
	if err != nil || length < 0 || len(values) > 1 {
		log.Printf("http: invalid Content-Length of %q", values)
		return false
	}
	w.length = length
	return true
}

// Write sends a block of the body, or gathers it with others.
func (w *ResponseWriter) Write(block []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(block)
}

func (w *ResponseWriter) write(block []byte) (int, error) {
	if err := w.admit(len(block)); err != nil || w.discards() {
		return len(block) * boolean(err == nil), err
	}
	if len(w.scratch.buffer)+len(block) <= bufferSize {
		w.scratch.buffer = append(w.scratch.buffer, block...)
		return len(block), nil
	}
	rest := block
	if len(w.scratch.buffer) > 0 {
		if n := sniffLength - len(w.scratch.buffer); n > 0 && !w.sent && !w.typed {
			w.scratch.buffer, rest = append(w.scratch.buffer, block[:n]...), block[n:]
		}
		w.push(w.scratch.buffer, 0)
		w.scratch.buffer = w.scratch.buffer[:0]
	}
	if len(rest) < bufferSize {
		w.scratch.buffer = append(w.scratch.buffer, rest...)
	} else {
		w.push(rest, 0)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(block), nil
}

// WriteString is Write for a string.
func (w *ResponseWriter) WriteString(block string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.admit(len(block)); err != nil || w.discards() {
		return len(block) * boolean(err == nil), err
	}
	if len(w.scratch.buffer)+len(block) <= bufferSize {
		w.scratch.buffer = append(w.scratch.buffer, block...)
		return len(block), nil
	}
	w.written -= int64(len(block)) // write admits it again
	return w.write([]byte(block))
}

// admit counts n more bytes of the body, if there may be so many.
func (w *ResponseWriter) admit(n int) error {
	if w.err != nil {
		return w.err
	}
	if w.status == 0 {
		w.writeHeader(w.defaultStatus())
	}
	if n == 0 {
		return nil
	}
	if !httpfield.BodyAllowed(w.status) {
		return http.ErrBodyNotAllowed
	}
	if w.excess || w.length >= 0 && int64(n) > w.length-w.written {
		w.excess = true // as in net/http, a shorter write does not fit after it
		return http.ErrContentLength
	}
	w.written += int64(n)
	return nil
}

// discards tells whether the body is not the handler's to make.
func (w *ResponseWriter) discards() bool {
	return w.left || w.Head && w.sent
}

func (w *ResponseWriter) defaultStatus() int {
	if w.Status != 0 {
		return w.Status
	}
	return http.StatusOK
}

// Flush sends what has been written, now.
func (w *ResponseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *ResponseWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.admit(0); err != nil || w.discards() {
		return err
	}
	w.push(w.scratch.buffer, Flush)
	w.scratch.buffer = w.scratch.buffer[:0]
	return w.err
}

// push sends body, after the head if that is not out yet.
func (w *ResponseWriter) push(body []byte, flags Flags) {
	head := w.scratch.packed
	if w.sent {
		head = nil
	} else if !w.typed && len(body) > 0 && httpfield.BodyAllowed(w.status) {
		head = AppendHeader(head, "Content-Type", http.DetectContentType(body))
	}
	if w.Head && w.length >= 0 {
		body = nil // of which the server would make another Content-Length than the handler's
	}
	w.sent = true
	err := w.Transport.Send(head, body, flags)
	if w.Head && errors.Is(err, ErrClientGone) {
		return // a client that has the head may go: over HTTP/2 its stream ends with that
	}
	w.fail(err)
}

func (w *ResponseWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Finish ends the response when its handler has returned. Status is what the server is to answer with by its error
// document, 0 when the response has been made. The error is the Transport's, or tells that the handler wrote less than
// its Content-Length: then the response must be aborted.
func (w *ResponseWriter) Finish() (status int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.release()
	defer w.fail(ErrFinished)
	if w.status == 0 {
		w.writeHeader(w.defaultStatus())
	}
	if w.err != nil {
		return 0, w.err
	}
	trailers := w.trailers()
	switch {
	case w.left:
		return w.status, nil
	case w.isBareError() && len(w.scratch.announced)+len(trailers) == 0 && w.Transport.Leave(w.scratch.packed):
		w.left = true
		return w.status, nil
	case w.length > w.written && !w.Head && httpfield.BodyAllowed(w.status):
		return 0, fmt.Errorf("the handler wrote %d of the %d bytes that its Content-Length promised", w.written, w.length)
	}
	w.sendTrailers(trailers)
	w.push(w.scratch.buffer, End)
	return 0, w.err
}

// release gives up what the response was put together in: nothing more can be written.
func (w *ResponseWriter) release() {
	if w.scratch != nil {
		w.scratch.Release(w.scratch.packed)
		w.scratch = nil
	}
}

// isBareError tells whether the handler has said nothing of an error but its status and headers.
func (w *ResponseWriter) isBareError() bool {
	return !w.ErrorOverride && !w.sent && w.status >= 400 && w.written == 0 && w.length < 0
}

// trailers are the fields that follow the body: those announced by the header Trailer, and those with
// http.TrailerPrefix.
func (w *ResponseWriter) trailers() (fields [][2]string) {
	for name, values := range w.header {
		trailer, prefixed := strings.CutPrefix(name, http.TrailerPrefix)
		if !prefixed && !slices.Contains(w.scratch.announced, name) || !httpfield.ValidName(trailer) {
			continue
		}
		for _, value := range values {
			fields = append(fields, [2]string{trailer, httpfield.Sanitized(value)})
		}
	}
	return fields
}

// sendTrailers gives the Transport the fields that follow the body.
func (w *ResponseWriter) sendTrailers(fields [][2]string) {
	if len(fields) == 0 {
		return
	}
	if t, ok := w.Transport.(TrailerTransport); ok {
		t.Trailers(fields)
		return
	}
	log.Printf("http: the trailers of a response are not sent: %q", fields)
}

// HeaderCount is how many headers the handler has set.
func (w *ResponseWriter) HeaderCount() int { return len(w.header) }

// Sent tells whether anything of the response may have reached the client.
func (w *ResponseWriter) Sent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

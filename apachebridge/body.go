package apachebridge

// #include "crossing.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

var (
	errBodyTimeout = fmt.Errorf("mod_go: the client has sent nothing, or too little, of the body for as long as Timeout, or RequestReadTimeout, allows: %w", os.ErrDeadlineExceeded)
	errBodyCoding  = errors.New("mod_go: the body is malformed: its transfer or content coding cannot be taken off")
)

// body is the request's body: what httpd's input filters give, which have removed its framing. Reads from any goroutine
// are safe; they wait without the connection's lock.
type body exchange

func (b *body) exchange() *exchange { return (*exchange)(b) }

var (
	_ io.ReadCloser = (*body)(nil)
	_ io.WriterTo   = (*body)(nil)
)

// Read returns what is there, and waits only while there is nothing (C23).
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, b.error()
	}
	return b.take(bytesOf(p), len(p))
}

// take is Read for room bytes at to; nil drops them.
func (b *body) take(to *C.char, room int) (int, error) {
	n, err, again := b.read(to, room)
	if !again {
		return n, err
	}
	x := b.exchange()
	defer x.waitEnds(x.waitBegins(), toSend)
	for again && x.awaitHere(0) {
		n, err, again = b.read(to, room)
	}
	if again {
		return b.await(to, room)
	}
	return n, err
}

// await is take when there is nothing yet.
func (b *body) await(to *C.char, room int) (n int, err error) {
	w, timeout, failed := b.exchange().patience()
	if failed == nil {
		failed = w.read.wait(timeout, func() (done, moved bool) {
			var again bool
			n, err, again = b.read(to, room)
			return !again, false
		})
	}
	switch {
	case failed == nil:
		return n, err
	case errors.Is(failed, errStalled):
		return 0, b.fail(errBodyTimeout)
	case errors.Is(failed, errFinished):
		return 0, b.fail(http.ErrBodyReadAfterClose)
	}
	return 0, b.fail(failed)
}

// WriteTo writes the body to w, as io.Copy wants it. A w that has its own way to read is left to it, as by net/http's bodies, which
// have no WriteTo: io.Copy would ask w second.
func (b *body) WriteTo(w io.Writer) (written int64, err error) {
	if w == io.Discard {
		return b.drop()
	}
	if from, ok := w.(io.ReaderFrom); ok {
		return from.ReadFrom(b)
	}
	block := bodyBlocks.Get().(*[bodyBlock]byte)
	defer bodyBlocks.Put(block)
	for {
		n, failed := b.Read(block[:])
		if n > 0 {
			taken, err := w.Write(block[:n])
			written += int64(max(taken, 0))
			switch {
			case err != nil:
				return written, err
			case taken != n:
				return written, io.ErrShortWrite
			}
		}
		switch failed {
		case nil:
		case io.EOF:
			return written, nil
		default:
			return written, failed
		}
	}
}

// drop reads the body to its end without copying it.
func (b *body) drop() (dropped int64, err error) {
	for {
		n, err := b.take(nil, bodyBlock)
		dropped += int64(n)
		switch err {
		case nil:
		case io.EOF:
			return dropped, nil
		default:
			return dropped, err
		}
	}
}

// bodyBlock is how many bytes WriteTo reads at a time.
const bodyBlock = 32 << 10

var bodyBlocks = sync.Pool{New: func() any { return new([bodyBlock]byte) }}

// error is why nothing more can be read, nil while something can.
func (b *body) error() error {
	x := b.exchange()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bodyEnd
}

// fail makes err the end of the body, unless it has ended already, and returns how it has.
func (b *body) fail(err error) error {
	x := b.exchange()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bodyEnd == nil {
		x.bodyEnd = err
	}
	return x.bodyEnd
}

// read takes what httpd has. Again tells that there is nothing yet. Who learns from it that the client has gone finds the
// context ended, as with net/http's server: it may be all that tells this from a client that sends too little.
func (b *body) read(to *C.char, room int) (n int, err error, again bool) {
	n, err, again = b.next(to, room)
	if err == io.ErrUnexpectedEOF {
		b.exchange().context.cancel()
	}
	return n, err, again
}

// next is read under the connection's lock.
func (b *body) next(to *C.char, room int) (n int, err error, again bool) {
	x := b.exchange()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bodyEnd != nil {
		return 0, x.bodyEnd, false
	}
	if x.call == nil {
		x.bodyEnd = http.ErrBodyReadAfterClose
		return 0, x.bodyEnd, false
	}
	got := C.modgo_cross_read(x.number(), to, C.apr_size_t(room))
	switch got.status {
	case C.MODGO_OK:
		return int(got.len), nil, false
	case C.MODGO_AGAIN:
		return 0, nil, true
	case C.MODGO_EOF:
		x.bodyEnd = io.EOF
		x.takeTrailers()
	case C.MODGO_ABORTED:
		x.bodyEnd = io.ErrUnexpectedEOF
	case C.MODGO_TIMEOUT:
		x.bodyEnd = errBodyTimeout
	case C.MODGO_TOOLARGE:
		x.bodyEnd = &http.MaxBytesError{Limit: int64(C.modgo_request_limit(x.call))}
	case C.MODGO_BADBODY:
		x.bodyEnd = errBodyCoding
	default:
		x.bodyEnd = fmt.Errorf("mod_go: the body cannot be read: %s", aprError(got.apr))
	}
	return 0, x.bodyEnd, false
}

// refusal is the status of a response to a client whose body could not be read for a reason that is the client's, if that is
// what the application has failed with; else 0.
func refusal(err error) C.int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errBodyTimeout):
		return http.StatusRequestTimeout
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errBodyCoding):
		return http.StatusBadRequest
	}
	return 0
}

// Close ends reading; httpd drops what is left of the body.
func (b *body) Close() error {
	b.fail(http.ErrBodyReadAfterClose)
	return nil
}

// aprError is the text of an apr_status_t.
func aprError(status C.int) string {
	var text [128]C.char
	C.apr_strerror(C.apr_status_t(status), &text[0], C.apr_size_t(len(text)))
	return C.GoString(&text[0])
}

package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// waitStep is how long a read waits before it asks httpd again: its filters, such as mod_reqtimeout, look at the clock
// only when they are asked.
const waitStep = time.Second

var (
	errBodyTimeout = errors.New("mod_go: the client sent nothing of the body for as long as Timeout, or RequestReadTimeout, allows")
	errBodyCoding  = errors.New("mod_go: the body is malformed: its transfer or content coding cannot be taken off")
)

// body is the request's body: what httpd's input filters give, which have removed its framing. Reads from any goroutine
// are safe; they wait without the connection's lock.
type body struct {
	exchange *exchange
	err      error // sticks, io.EOF too
}

var _ io.ReadCloser = (*body)(nil)

// Read returns what is there, and waits only while there is nothing (C23).
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, b.err
	}
	var waited time.Duration
	for {
		n, descriptor, timeout, again := b.read(p)
		if !again {
			return n, b.error(n)
		}
		if waited >= timeout {
			b.fail(errBodyTimeout)
			return 0, errBodyTimeout
		}
		begun := time.Now()
		C.modgo_descriptor_wait(descriptor, C.apr_int64_t(min(waitStep, timeout-waited)/time.Microsecond))
		waited += time.Since(begun)
	}
}

// error is what Read returns with n bytes.
func (b *body) error(n int) error {
	if n > 0 {
		return nil
	}
	x := b.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	return b.err
}

func (b *body) fail(err error) {
	x := b.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

// read takes what httpd has. Again tells to wait on descriptor, no longer than timeout in all.
func (b *body) read(p []byte) (n int, descriptor C.int, timeout time.Duration, again bool) {
	x := b.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.err != nil {
		return 0, 0, 0, false
	}
	if x.call == nil {
		b.err = http.ErrBodyReadAfterClose
		return 0, 0, 0, false
	}
	got := C.modgo_request_read(x.call, bytesOf(p), C.apr_size_t(len(p)))
	switch got.status {
	case C.MODGO_OK:
		return int(got.len), 0, 0, false
	case C.MODGO_AGAIN:
		return 0, x.call.descriptor, time.Duration(x.call.timeout) * time.Microsecond, true
	case C.MODGO_EOF:
		b.err = io.EOF
		x.takeTrailers()
	case C.MODGO_ABORTED:
		b.err = io.ErrUnexpectedEOF
	case C.MODGO_TIMEOUT:
		b.err = errBodyTimeout
	case C.MODGO_TOOLARGE:
		b.err = &http.MaxBytesError{Limit: int64(C.modgo_request_limit(x.call))}
	case C.MODGO_BADBODY:
		b.err = errBodyCoding
	default:
		b.err = fmt.Errorf("mod_go: the body cannot be read: %s", aprError(got.apr))
	}
	return 0, 0, 0, false
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

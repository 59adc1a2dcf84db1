package apachebridge

// #include "crossing.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// bodyPiece and filePiece are how many bytes are passed to httpd's filters at once: what the client does not take of them
// is kept in memory until it does. Files in pieces, because a filter such as mod_ssl's makes memory of them.
const (
	bodyPiece = 64 << 10
	filePiece = 512 << 10
)

// transport is the gateway.Transport of an exchange: response.c, under the connection's lock.
type transport struct{ exchange *exchange }

var (
	_ gateway.FileTransport    = transport{}
	_ gateway.TrailerTransport = transport{}
)

// Send passes the head and the body on, in pieces, and waits while the client does not take them; the last only if it is
// to be flushed.
func (t transport) Send(head, body []byte, flags gateway.Flags) error {
	x := t.exchange
	for {
		piece, rest, now := body, body[len(body):], flags
		if len(body) > bodyPiece {
			piece, rest, now = body[:bodyPiece], body[bodyPiece:], 0
		}
		err := x.send(now, func() C.modgo_status {
			return C.modgo_cross_send(x.number(), bytesOf(head), C.apr_size_t(len(head)), bytesOf(piece), C.apr_size_t(len(piece)), C.int(now))
		})
		if err != nil || len(rest) == 0 {
			return err
		}
		head, body = nil, rest
	}
}

// SendFile is Send for a part of a file. Where nothing but httpd's core stands between it and the client, all of it is
// the core's at once, which sends it when the handler has returned, too.
func (t transport) SendFile(head []byte, f *os.File, offset, length int64, flags gateway.Flags) error {
	x := t.exchange
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("mod_go: the file cannot be sent: %w", err)
	}
	for {
		piece, now := length, flags
		if length > filePiece && !x.direct() {
			piece, now = filePiece, 0
		}
		var sent error
		err := raw.Control(func(descriptor uintptr) {
			sent = x.send(now, func() C.modgo_status {
				return C.modgo_response_send_file(x.call, bytesOf(head), C.apr_size_t(len(head)), C.int(descriptor),
					C.apr_off_t(offset), C.apr_off_t(piece), C.int(now))
			})
		})
		if errors.Is(sent, errNotOpened) {
			return gateway.CopyFile(t, head, f, offset, length, flags)
		}
		if err = errors.Join(err, sent); err != nil || piece == length {
			return err
		}
		head, offset, length = nil, offset+piece, length-piece
	}
}

// errNotOpened tells that httpd could not open a file anew: its owner has changed, or there are too many open files.
var errNotOpened = errors.New("mod_go: the file cannot be opened anew")

// direct tells whether no filter changes the response.
func (x *exchange) direct() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && C.modgo_response_direct(x.call) != 0
}

// send is write for a part of a response. Once the application's deadline for writes has passed, that part is not sent even to
// a client who would take it at once: net/http's connection fails then.
func (x *exchange) send(flags gateway.Flags, pass func() C.modgo_status) error {
	if x.writeDeadlinePassed() {
		return x.giveUp(os.ErrDeadlineExceeded)
	}
	return x.write(flags, pass)
}

// write calls pass under the connection's lock. If the client does not take everything it waits, without the lock; not so
// for the end of a response, which is httpd's business unless the application has set a deadline. Who learns from it that
// the client has gone finds the context ended.
func (x *exchange) write(flags gateway.Flags, pass func() C.modgo_status) (err error) {
	defer func() {
		if err != nil && errors.Is(err, gateway.ErrClientGone) {
			x.context.cancel()
		}
	}()
	status, err := x.passed(pass)
	if err != nil || status != C.MODGO_AGAIN {
		return err
	}
	if flags&gateway.End != 0 && !x.hasWriteDeadline() {
		return nil
	}
	return x.drain()
}

// passed calls pass under the connection's lock, unless nothing can be written any more.
func (x *exchange) passed(pass func() C.modgo_status) (C.modgo_status, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken != nil {
		return C.MODGO_ABORTED, x.broken
	}
	if x.call == nil {
		return C.MODGO_ABORTED, gateway.ErrFinished
	}
	status := pass()
	if status != C.MODGO_ANSWERED && status != C.MODGO_FAILED {
		x.broken = sendError(status)
		return status, x.broken
	}
	return status, sendError(status)
}

// drain waits until the client, or its kernel, has taken everything.
func (x *exchange) drain() error {
	var before, after C.apr_uint64_t
	push := func() (C.modgo_status, error) {
		return x.passed(func() C.modgo_status {
			status := C.modgo_response_push(x.call)
			before, after = after, C.modgo_wire_passed(x.call.wire)
			return status
		})
	}
	defer x.waitEnds(x.waitBegins(), toTake)
	for x.awaitHere(1) {
		if status, err := push(); status != C.MODGO_AGAIN {
			return err
		}
	}
	w, timeout, err := x.patience()
	if err == nil {
		var failed error
		err = w.write.wait(timeout, func() (done, moved bool) {
			var status C.modgo_status
			status, failed = push()
			return status != C.MODGO_AGAIN, after != before
		})
		if err == nil {
			return failed
		}
	}
	return x.giveUp(err)
}

// giveUp ends the connection of a client that does not take the response.
func (x *exchange) giveUp(err error) error {
	switch {
	case errors.Is(err, errFinished):
		return gateway.ErrFinished
	case errors.Is(err, errStalled):
		err = fmt.Errorf("%w: %w", gateway.ErrClientGone, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken == nil {
		x.broken = err
	}
	if x.call != nil && !x.expired() {
		C.modgo_response_give_up(x.call)
	}
	return x.broken
}

func (x *exchange) writeDeadlinePassed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiter != nil && x.waiter.write.expired()
}

func (x *exchange) hasWriteDeadline() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiter != nil && x.waiter.write.limited()
}

// Trailers gives httpd the fields that follow the body.
func (t transport) Trailers(fields [][2]string) {
	x := t.exchange
	packed := gateway.AppendFields(nil, modgo.Headers(fields))
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call != nil {
		C.modgo_response_trailers(x.call, bytesOf(packed), C.apr_size_t(len(packed)))
	}
}

// Leave gives the head to httpd's error document.
func (t transport) Leave(head []byte) bool {
	x := t.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && C.modgo_response_leave(x.call, bytesOf(head), C.apr_size_t(len(head))) == C.MODGO_OK
}

func sendError(status C.modgo_status) error {
	switch status {
	case C.MODGO_OK, C.MODGO_AGAIN:
		return nil
	case C.MODGO_ANSWERED:
		return gateway.ErrAnswered
	case C.MODGO_FAILED:
		return errNotOpened
	}
	return gateway.ErrClientGone
}

func bytesOf(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// The two sides count flags alike.
var _ = [1]struct{}{}[gateway.Flush-C.MODGO_SEND_FLUSH+gateway.End-C.MODGO_SEND_END+gateway.Interim-C.MODGO_SEND_INTERIM]

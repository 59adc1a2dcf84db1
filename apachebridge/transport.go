package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"github.com/mod-go/mod-go/internal/gateway"
)

// transport is the gateway.Transport of an exchange: response.c, under the connection's lock.
type transport struct{ exchange *exchange }

var _ gateway.FileTransport = transport{}

func (t transport) Send(head, body []byte, flags gateway.Flags) error {
	x := t.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return gateway.ErrFinished
	}
	return sendError(C.modgo_response_send(x.call, bytesOf(head), C.apr_size_t(len(head)), bytesOf(body), C.apr_size_t(len(body)), C.int(flags)))
}

func (t transport) SendFile(head []byte, f *os.File, offset, length int64, flags gateway.Flags) error {
	x := t.exchange
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("mod_go: the file cannot be sent: %w", err)
	}
	var sent error
	err = raw.Control(func(descriptor uintptr) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.call == nil {
			sent = gateway.ErrFinished
			return
		}
		sent = sendError(C.modgo_response_send_file(x.call, bytesOf(head), C.apr_size_t(len(head)), C.int(descriptor),
			C.apr_off_t(offset), C.apr_off_t(length), C.int(flags)))
	})
	return errors.Join(err, sent)
}

func sendError(status C.modgo_status) error {
	switch status {
	case C.MODGO_OK:
		return nil
	case C.MODGO_ANSWERED:
		return gateway.ErrAnswered
	case C.MODGO_FAILED:
		return errors.New("mod_go: this child has too many open files to send one; raise the limit (ulimit -n)")
	}
	return gateway.ErrClientGone
}

func (t transport) Leave(head []byte) bool {
	x := t.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && C.modgo_response_leave(x.call, bytesOf(head), C.apr_size_t(len(head))) == C.MODGO_OK
}

func bytesOf(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// The two sides count flags alike.
var _ = [1]struct{}{}[gateway.Flush-C.MODGO_SEND_FLUSH+gateway.End-C.MODGO_SEND_END+gateway.Interim-C.MODGO_SEND_INTERIM]

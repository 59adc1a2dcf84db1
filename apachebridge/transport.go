package apachebridge

// #include "modgo.h"
import "C"

import (
	"unsafe"

	"github.com/mod-go/mod-go/internal/gateway"
)

// transport is the gateway.Transport of an exchange: response.c, under the connection's lock.
type transport struct{ exchange *exchange }

var _ gateway.Transport = transport{}

func (t transport) Send(head, body []byte, flags gateway.Flags) error {
	x := t.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return gateway.ErrFinished
	}
	status := C.modgo_response_send(x.call, bytesOf(head), C.apr_size_t(len(head)), bytesOf(body), C.apr_size_t(len(body)), C.int(flags))
	switch status {
	case C.MODGO_OK:
		return nil
	case C.MODGO_ANSWERED:
		return gateway.ErrAnswered
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

package gateway

import (
	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// ApplicationHost is the modgo.Host of one response on a Transport.
type ApplicationHost struct {
	Transport     Transport
	ErrorOverride bool // error responses get the server's body, whatever the application's

	sent   bool
	left   bool // to the server's error document
	status int
	buffer []byte
}

var _ modgo.Host = (*ApplicationHost)(nil)

// Sent tells whether anything of the response may have reached the client.
func (h *ApplicationHost) Sent() bool { return h.sent }

// Status is the status that the server is to answer with by its error document, 0 when the response has been made.
func (h *ApplicationHost) Status() int {
	if h.left {
		return h.status
	}
	return 0
}

// Send sends a block at once: the application may take its time to make the next (C39).
func (h *ApplicationHost) Send(head *modgo.Head, block []byte) error {
	if h.left {
		return nil
	}
	packed := h.pack(head)
	if head != nil && h.ErrorOverride && head.Status >= 400 && h.leave(packed) {
		return nil
	}
	if !bodyAllowed(h.status) {
		block = nil
	}
	h.sent = true
	return h.Transport.Send(packed, block, Flush)
}

// Finish ends the response. An error response that has no body, and does not say that it wants none, gets the server's.
func (h *ApplicationHost) Finish(head *modgo.Head, block []byte) error {
	if h.left {
		return nil
	}
	packed := h.pack(head)
	if head != nil && head.Status >= 400 && (h.ErrorOverride || len(block) == 0 && !hasLength(head.Headers)) && h.leave(packed) {
		return nil
	}
	if !bodyAllowed(h.status) {
		block = nil
	}
	h.sent = true
	return h.Transport.Send(packed, block, End)
}

func (h *ApplicationHost) pack(head *modgo.Head) []byte {
	if head == nil {
		return nil
	}
	h.status = head.Status
	if h.buffer == nil {
		h.buffer = make([]byte, 0, headSize)
	}
	h.buffer = AppendHead(h.buffer[:0], head.Status, head.Reason, head.Headers)
	return h.buffer
}

func (h *ApplicationHost) leave(packed []byte) bool {
	h.left = h.Transport.Leave(packed)
	return h.left
}

func hasLength(headers modgo.Headers) bool {
	for _, h := range headers {
		if httpfield.EqualFold(h[0], "Content-Length") {
			return true
		}
	}
	return false
}

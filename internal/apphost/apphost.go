// Package apphost is the modgo.Host of a response on a gateway.Transport.
package apphost

import (
	"fmt"
	"io"
	"os"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// Host is the modgo.Host of one response on a Transport.
type Host struct {
	Transport     gateway.Transport
	ErrorOverride bool // error responses get the server's body, whatever the application's

	sent   bool
	left   bool // to the server's error document
	closes bool // the connection, after the response
	status int
	buffer []byte
}

var (
	_ modgo.FileHost    = (*Host)(nil)
	_ modgo.InterimHost = (*Host)(nil)
	_ modgo.ClosingHost = (*Host)(nil)
)

// Sent tells whether anything of the response may have reached the client.
func (h *Host) Sent() bool { return h.sent }

// Status is the status that the server is to answer with by its error document, 0 when the response has been made.
func (h *Host) Status() int {
	if h.left {
		return h.status
	}
	return 0
}

// Send sends a block at once: the application may take its time to make the next (C39).
func (h *Host) Send(head *modgo.Head, block []byte) error {
	if h.left {
		return nil
	}
	packed := h.pack(head)
	if head != nil && h.ErrorOverride && head.Status >= 400 && h.leave(packed) {
		return nil
	}
	if !httpfield.BodyAllowed(h.status) {
		block = nil
	}
	h.sent = true
	return h.Transport.Send(packed, block, gateway.Flush)
}

// Finish ends the response. An error response that has no body, and does not say that it wants none, gets the server's.
func (h *Host) Finish(head *modgo.Head, block []byte) error {
	if h.left {
		return nil
	}
	packed := h.pack(head)
	if head != nil && head.Status >= 400 && (h.ErrorOverride || len(block) == 0 && !hasLength(head.Headers)) && h.leave(packed) {
		return nil
	}
	if !httpfield.BodyAllowed(h.status) {
		block = nil
	}
	h.sent = true
	return h.Transport.Send(packed, block, gateway.End)
}

// SendFile sends a part of a file, by the server's own means where it has some.
func (h *Host) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	transport, ok := h.Transport.(gateway.FileTransport)
	if !ok {
		return h.copyFile(head, io.NewSectionReader(f, offset, length))
	}
	if h.left {
		return nil
	}
	packed := h.pack(head)
	if head != nil && h.ErrorOverride && head.Status >= 400 && h.leave(packed) {
		return nil
	}
	h.sent = true
	if !httpfield.BodyAllowed(h.status) {
		return transport.Send(packed, nil, gateway.Flush)
	}
	return transport.SendFile(packed, f, offset, length, gateway.Flush)
}

// copyFile sends what r gives in blocks.
func (h *Host) copyFile(head *modgo.Head, r *io.SectionReader) error {
	block := make([]byte, 64<<10)
	for left := r.Size(); left > 0; {
		n, err := io.ReadFull(r, block[:min(left, int64(len(block)))])
		if err != nil {
			return fmt.Errorf("the file cannot be read: %w", err)
		}
		if err := h.Send(head, block[:n]); err != nil {
			return err
		}
		head = nil
		left -= int64(n)
	}
	return nil
}

// SendInterim sends a 1xx response.
func (h *Host) SendInterim(head *modgo.Head) error {
	return h.Transport.Send(gateway.AppendHead(nil, head.Status, head.Reason, head.Headers), nil, gateway.Interim)
}

// CloseConnection has the head say so.
func (h *Host) CloseConnection() { h.closes = true }

func (h *Host) pack(head *modgo.Head) []byte {
	if head == nil {
		return nil
	}
	h.status = head.Status
	if h.buffer == nil {
		h.buffer = make([]byte, 0, gateway.HeadSize)
	}
	h.buffer = gateway.AppendHead(h.buffer[:0], head.Status, head.Reason, head.Headers)
	if h.closes {
		h.buffer = gateway.AppendHeader(h.buffer, "Connection", "close")
	}
	return h.buffer
}

func (h *Host) leave(packed []byte) bool {
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

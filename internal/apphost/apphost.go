// Package apphost is the modgo.Host of a response on a gateway.Transport.
package apphost

import (
	"os"
	"strings"

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

	announced []string // trailers, by the header Trailer
	trailers  modgo.Headers
}

var (
	_ modgo.FileHost    = (*Host)(nil)
	_ modgo.InterimHost = (*Host)(nil)
	_ modgo.ClosingHost = (*Host)(nil)
	_ modgo.TrailerHost = (*Host)(nil)
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
	return h.respond(head, false, func(packed []byte) error {
		return h.Transport.Send(packed, h.allowed(block), gateway.Flush)
	})
}

// Finish ends the response. An error response that has no body, and does not say that it wants none, gets the server's.
func (h *Host) Finish(head *modgo.Head, block []byte) error {
	bare := false
	if head != nil && len(block) == 0 {
		_, sized := httpfield.Get(head.Headers, "Content-Length")
		bare = !sized && len(h.announced)+len(h.trailers) == 0
	}
	return h.respond(head, bare, func(packed []byte) error {
		if len(h.trailers) > 0 {
			if t, ok := h.Transport.(gateway.TrailerTransport); ok {
				t.Trailers(h.trailers)
			}
		}
		return h.Transport.Send(packed, h.allowed(block), gateway.End)
	})
}

// SendFile sends a part of a file, by the server's own means where it has some.
func (h *Host) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	return h.respond(head, false, func(packed []byte) error {
		if !httpfield.BodyAllowed(h.status) {
			return h.Transport.Send(packed, nil, gateway.Flush)
		}
		transport, able := h.Transport.(gateway.FileTransport)
		if !able {
			return gateway.CopyFile(h.Transport, packed, f, offset, length, gateway.Flush)
		}
		return transport.SendFile(packed, f, offset, length, 0) // all of it is with the server: nothing waits for more
	})
}

// SendInterim sends a 1xx response.
func (h *Host) SendInterim(head *modgo.Head) error {
	return h.Transport.Send(gateway.AppendHead(nil, head.Status, head.Reason, head.Headers), nil, gateway.Interim)
}

// CloseConnection has the head say so.
func (h *Host) CloseConnection() { h.closes = true }

// AnnounceTrailers has the head name them.
func (h *Host) AnnounceTrailers(names []string) { h.announced = names }

// SetTrailers gives the fields that Finish sends behind the body.
func (h *Host) SetTrailers(trailers modgo.Headers) { h.trailers = trailers }

// respond packs the head, if there is one, and calls send with it; not so where the server makes the response by its error
// document: of an error under ErrorOverride, or one that is bare of a body.
func (h *Host) respond(head *modgo.Head, bare bool, send func(packed []byte) error) error {
	if h.left {
		return nil
	}
	if head == nil {
		return send(nil)
	}
	scratch := gateway.NewScratch()
	packed := h.pack(scratch.Head, head)
	defer scratch.Release(packed)
	if head.Status >= 400 && (h.ErrorOverride || bare) && h.Transport.Leave(packed) {
		h.left = true
		return nil
	}
	h.sent = true
	return send(packed)
}

func (h *Host) pack(dst []byte, head *modgo.Head) []byte {
	h.status = head.Status
	dst = gateway.AppendHead(dst, head.Status, head.Reason, head.Headers)
	if len(h.announced) > 0 {
		dst = gateway.AppendHeader(dst, "Trailer", strings.Join(h.announced, ", "))
	}
	if h.closes {
		dst = gateway.AppendHeader(dst, "Connection", "close")
	}
	return dst
}

// allowed is the block, or nil where the response's status has no body.
func (h *Host) allowed(block []byte) []byte {
	if httpfield.BodyAllowed(h.status) {
		return block
	}
	return nil
}

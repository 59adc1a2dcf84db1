// Package gateway is the server's side of net/http's contract, and of the application contract, with no server in it:
// it turns what a handler or an application does into a few calls on a Transport.
//
// It uses no cgo, so that everything about responses that is not Apache's can be tested, fuzzed and measured alone.
package gateway

import (
	"errors"
	"net/http"
	"os"
	"strconv"
)

// ErrClientGone is a Transport's error when the client has closed the connection, or does not read what it asked for.
var ErrClientGone = errors.New("mod_go: the client has closed the connection")

// ErrAnswered is a Transport's error when the server has refused the request's body and answered the client itself.
var ErrAnswered = errors.New("mod_go: Apache has refused the request's body and answered the client itself")

// ErrFinished is the error of every use of a request or response after its handler has returned.
var ErrFinished = errors.New("mod_go: the handler of this request has returned")

// Flags say what follows the body's bytes in a call of Transport.Send.
type Flags int

const (
	Flush   Flags = 1 << iota // send everything now
	End                       // the response is complete
	Interim                   // the head is a 1xx response; neither body nor other flags come with it
)

// A Transport carries one response to the client.
type Transport interface {
	// Send passes on the packed head (AppendHead; empty when it has gone before), then body, then what flags say. Both
	// may be reused when it returns.
	Send(head, body []byte, flags Flags) error
	// Leave lets the server make the body of an error response of this packed head, with its own error document. It
	// returns false where the server has none for the status.
	Leave(head []byte) bool
}

// A FileTransport is a Transport that can send a file without reading it into memory.
type FileTransport interface {
	Transport
	// SendFile is Send for length bytes of f from offset. Nothing refers to f when it returns.
	SendFile(head []byte, f *os.File, offset, length int64, flags Flags) error
}

// A TrailerTransport is a Transport that can send trailers (RFC 9110 section 6.5). The head then has the header Trailer, if
// the handler announced some.
type TrailerTransport interface {
	Transport
	// Trailers gives the fields that follow the body, before the Send with End.
	Trailers(fields [][2]string)
}

// reason is the phrase that goes with a status, as net/http has it.
func reason(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "status code " + strconv.Itoa(status)
}

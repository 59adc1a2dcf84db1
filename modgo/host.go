package modgo

import (
	"net/http"
	"os"
)

// A Head is the status and the headers of a response.
type Head struct {
	Status  int    // 200 to 999; 100 to 199, but not 101, for InterimHost
	Reason  string // as the application gave it; may be empty
	Headers Headers
}

// A Host is the server's side of one response: what a server implements so that Serve can run an Application on it.
type Host interface {
	// Send sends block at once, after the head if there is one: it comes with the first call only. The block may be
	// reused when Send returns. An error means that the client cannot be reached any more.
	Send(head *Head, block []byte) error
	// Finish ends the response: with its last block, which may be empty, and with its head if no block was sent. The
	// server drops the block of a response to HEAD.
	Finish(head *Head, block []byte) error
}

// A FileHost is a Host that can send a file without reading it into memory first.
type FileHost interface {
	Host
	// SendFile sends length bytes of f from offset, after the head if there is one. The server keeps no reference to f
	// when it returns; f's offset is then as it was. A file that turns out to be shorter is an error of the application's,
	// as a block that cannot be made is.
	SendFile(head *Head, f *os.File, offset, length int64) error
}

// An InterimHost is a Host that can send interim responses.
type InterimHost interface {
	// SendInterim sends a head of 1xx, any number of them before the final one.
	SendInterim(head *Head) error
}

// A TrailerHost is a Host that can send trailers.
type TrailerHost interface {
	// AnnounceTrailers gives the names for the header Trailer, before the head is sent.
	AnnounceTrailers(names []string)
	// SetTrailers gives the trailers, before Finish.
	SetTrailers(trailers Headers)
}

// A ConnectionHost is a Host that controls its connection.
type ConnectionHost interface {
	// Connection does what http.ResponseController does.
	Connection() *http.ResponseController
}

// A ClosingHost is a Host that can close its connection after the response.
type ClosingHost interface {
	// CloseConnection asks for that, before the head is sent.
	CloseConnection()
}

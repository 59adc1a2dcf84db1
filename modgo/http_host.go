package modgo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// httpHost is the Host of a response on an http.ResponseWriter.
type httpHost struct {
	w         http.ResponseWriter
	head      bool // the request is a HEAD
	begun     bool // WriteHeader was called
	status    int
	announced []string // trailers
	trailing  bool     // trailers follow
	err       error    // why the client cannot be reached any more
}

var (
	_ FileHost       = (*httpHost)(nil)
	_ InterimHost    = (*httpHost)(nil)
	_ TrailerHost    = (*httpHost)(nil)
	_ ConnectionHost = (*httpHost)(nil)
	_ ClosingHost    = (*httpHost)(nil)
)

// Send writes the block and flushes it.
func (h *httpHost) Send(head *Head, block []byte) error {
	h.begin(head)
	if err := h.write(block); err != nil {
		return err
	}
	if err := http.NewResponseController(h.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		h.err = err
	}
	return h.err
}

// Finish writes the last block, with its length if the head has not been sent (C46).
func (h *httpHost) Finish(head *Head, block []byte) error {
	if head != nil && len(block) > 0 && httpfield.BodyAllowed(head.Status) && !h.trailing {
		if _, sized := httpfield.Get(head.Headers, "Content-Length"); !sized {
			h.w.Header().Set("Content-Length", strconv.Itoa(len(block)))
		}
	}
	h.begin(head)
	return h.write(block)
}

// SendFile copies the file by whatever means net/http has: sendfile, for which it has to be an *os.File that is read from
// its offset.
func (h *httpHost) SendFile(head *Head, f *os.File, offset, length int64) error {
	h.begin(head)
	if !httpfield.BodyAllowed(h.status) || h.head {
		return nil
	}
	before, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	n, err := io.CopyN(h.w, f, length)
	if _, restoring := f.Seek(before, io.SeekStart); err == nil {
		err = restoring
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("modgo: %s ended after %d of the %d bytes that it had when the response began: replace a file by renaming a new one to it, rather than by writing to it", f.Name(), n, length)
	}
	err = fmt.Errorf("modgo: %d of %d bytes of %s were sent: %w", n, length, f.Name(), err)
	if !isReadError(err) {
		h.err = err
	}
	return err
}

// isReadError tells whether copying a file failed because it cannot be read, rather than because the client has gone.
func isReadError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Op == "read" || errors.Is(err, syscall.EIO) // EIO is sendfile's
}

func (h *httpHost) begin(head *Head) {
	if head == nil {
		return
	}
	h.begun = true
	h.status = head.Status
	h.addHeaders(head)
	if _, typed := h.w.Header()["Content-Type"]; !typed {
		h.w.Header()["Content-Type"] = nil // else net/http would guess one
	}
	h.w.WriteHeader(head.Status)
}

func (h *httpHost) addHeaders(head *Head) {
	header := h.w.Header()
	for _, field := range head.Headers {
		header.Add(field[0], field[1])
	}
}

func (h *httpHost) write(block []byte) error {
	if len(block) == 0 || h.head || !httpfield.BodyAllowed(h.status) {
		return h.err
	}
	if _, err := h.w.Write(block); err != nil && h.err == nil {
		h.err = err
	}
	return h.err
}

// SendInterim sends a 1xx response.
func (h *httpHost) SendInterim(head *Head) error {
	header := h.w.Header()
	before := header.Clone()
	clear(header)
	h.addHeaders(head)
	h.w.WriteHeader(head.Status)
	clear(header)
	for name, values := range before {
		header[name] = values
	}
	return nil
}

// AnnounceTrailers sets the header Trailer.
func (h *httpHost) AnnounceTrailers(names []string) {
	h.trailing = true
	for _, name := range names {
		h.announced = append(h.announced, http.CanonicalHeaderKey(name))
	}
	h.w.Header().Add("Trailer", strings.Join(names, ", "))
}

// SetTrailers leaves the trailers where net/http finds them.
func (h *httpHost) SetTrailers(trailers Headers) {
	h.trailing = true
	for _, t := range trailers {
		name := http.CanonicalHeaderKey(t[0])
		if !slices.Contains(h.announced, name) {
			name = http.TrailerPrefix + name
		}
		h.w.Header().Add(name, t[1])
	}
}

// Connection is the server's http.ResponseController.
func (h *httpHost) Connection() *http.ResponseController { return http.NewResponseController(h.w) }

// CloseConnection sets the header by which net/http closes the connection.
func (h *httpHost) CloseConnection() { h.w.Header().Set("Connection", "close") }

// fail ends a response that cannot be completed.
func (h *httpHost) fail() {
	if h.begun {
		panic(http.ErrAbortHandler)
	}
	clear(h.w.Header())
	http.Error(h.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

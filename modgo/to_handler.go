package modgo

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// ToHandler makes an http.Handler of an application, for net/http's server and everything made for it.
//
// The request's variables are those of environ.FromRequest. Behind an application that this module hosts, as a route of a
// router for example, they stand on the Environ of that application: REMOTE_USER, SSL_* and SetEnv are seen, and SCRIPT_NAME
// grows by what http.StripPrefix has taken off the path.
//
// An application that fails before its head is sent is answered for with 500; later the response is aborted by
// panicking with http.ErrAbortHandler. Panics of the application pass through. net/http sends the reason phrase that belongs
// to the status, whatever the application's.
func ToHandler(app Application) http.Handler {
	return &appHandler{app: app, server: func(*http.Request) environ.Server { return environ.Server{Multithread: true} }}
}

// appHandler runs an application as an http.Handler.
type appHandler struct {
	app    Application
	server func(*http.Request) environ.Server // what it knows of the server
}

// baseSource is the Environ that a request came through already, as the Source of another.
type baseSource struct{ env *Environ }

func (s baseSource) Lookup(name string) (string, bool) { return s.env.Lookup(name) }

func (s baseSource) Value(key any) any { return s.env.Value(key) }

func (s baseSource) All(yield func(name, value string) bool) {
	for name, value := range s.env.All() {
		if !yield(name, value) {
			return
		}
	}
}

func (h *appHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	server := h.server(r)
	outer := FromContext(r.Context())
	if outer != nil {
		server.Base = baseSource{outer}
		server.Multithread, server.Multiprocess, server.RunOnce = outer.Multithread(), outer.Multiprocess(), outer.RunOnce()
	}
	if server.Errors == nil {
		server.Errors = errorLines(r, outer)
	}
	if lines, ok := server.Errors.(*lineWriter); ok {
		defer lines.flush()
	}
	env := environ.FromRequest(r, server)
	host := &httpHost{w: w, head: r.Method == http.MethodHead}
	err := Serve(h.app, env, host)
	switch {
	case err == nil:
	case host.err != nil:
		panic(http.ErrAbortHandler) // nobody is there to tell
	default:
		fmt.Fprintf(server.Errors, "the application failed: %v: %s %s\n", err, r.Method, r.URL.Path)
		host.fail()
	}
}

// fail ends a response that cannot be completed.
func (h *httpHost) fail() {
	if h.begun {
		panic(http.ErrAbortHandler)
	}
	clear(h.w.Header())
	http.Error(h.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// errorLines is where env.Errors leads: the Environ that the request came through, or the server's ErrorLog.
func errorLines(r *http.Request, outer *Environ) *lineWriter {
	if outer != nil {
		return &lineWriter{line: func(line []byte) { _, _ = outer.Errors().Write(append(line, '\n')) }}
	}
	logger := log.Default()
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		logger = server.ErrorLog
	}
	return &lineWriter{line: func(line []byte) { logger.Print(string(line)) }}
}

// httpHost is the Host of a response on an http.ResponseWriter.
type httpHost struct {
	w         http.ResponseWriter
	head      bool // the request is a HEAD
	begun     bool // WriteHeader was called
	status    int
	announced []string
	trailing  bool
	err       error
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
	if head != nil && len(block) > 0 && httpfield.BodyAllowed(head.Status) && !h.trailing && !hasField(head.Headers, "Content-Length") {
		h.w.Header().Set("Content-Length", strconv.Itoa(len(block)))
	}
	h.begin(head)
	return h.write(block)
}

// SendFile copies the file by whatever means net/http has.
func (h *httpHost) SendFile(head *Head, f *os.File, offset, length int64) error {
	h.begin(head)
	if !httpfield.BodyAllowed(h.status) || h.head {
		return nil
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	n, err := io.CopyN(h.w, f, length)
	if err != nil || n < length {
		h.err = fmt.Errorf("modgo: %d of %d bytes of %s were sent: %w", n, length, f.Name(), err)
	}
	return h.err
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

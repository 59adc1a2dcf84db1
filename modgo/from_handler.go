package modgo

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// FromHandler makes an application of an http.Handler: the handler gets the request behind env (environ.ToRequest), with
// whatever middleware changed in env, and a ResponseWriter that behaves as net/http's.
//
// The handler runs while the body is iterated, so startResponse is called then (C38). Each write that net/http would send is
// one block. Interim responses, trailers and what http.ResponseController does go through the Controller of env: where the
// server does not support them, or a middleware has taken them away, they give http.ErrNotSupported.
func FromHandler(h http.Handler) Application {
	if isNil(h) {
		panic("modgo: FromHandler with a nil http.Handler")
	}
	return func(env *Environ, start StartResponse) Body {
		return func(yield func([]byte, error) bool) {
			if err := serveHandler(h, env, start, yield); err != nil {
				yield(nil, err)
			}
		}
	}
}

func serveHandler(h http.Handler, env *Environ, start StartResponse, yield func([]byte, error) bool) error {
	r := environ.ToRequest(env)
	ctx := env.Context()
	if FromContext(ctx) != env {
		ctx = NewContext(ctx, env)
	}
	r = r.WithContext(ctx)
	defer func() {
		if r.MultipartForm != nil {
			_ = r.MultipartForm.RemoveAll() // temporary files of large parts, as net/http does
		}
	}()
	t := &blockTransport{controller: NewController(env), start: start, yield: yield}
	defer t.close()
	w := &handlerWriter{transport: t, ResponseWriter: gateway.ResponseWriter{
		Transport: t,
		Head:      r.Method == http.MethodHead,
		Status:    errorStatus(env),
	}}
	h.ServeHTTP(w, r)
	if t.isHijacked() {
		return nil
	}
	_, err := w.Finish()
	if t.stopped() {
		return nil // nobody iterates any more who could be told
	}
	return err
}

// errorStatus is the status of the error whose document the handler is to make (Apache's ErrorDocument), and which its
// response has if it sets no other; 0 for an ordinary request.
func errorStatus(env *Environ) int {
	status, err := strconv.Atoi(env.Get("REDIRECT_STATUS"))
	if err != nil || status < 400 || status > 599 {
		return 0
	}
	return status
}

// handlerWriter is the http.ResponseWriter of a handler that runs as an application, with what http.ResponseController
// looks for.
type handlerWriter struct {
	gateway.ResponseWriter
	transport *blockTransport
}

// Hijack is that of http.Hijacker.
func (w *handlerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.Hijack(func() (net.Conn, *bufio.ReadWriter, error) {
		conn, rw, err := w.transport.controller.Hijack()
		if err == nil {
			w.transport.hijack()
		}
		return conn, rw, err
	})
}

// CloseNotify is that of http.CloseNotifier, which net/http's own writer still has.
func (w *handlerWriter) CloseNotify() <-chan bool {
	return gateway.CloseNotify(w.transport.controller.response.env.Context())
}

// SetReadDeadline is that of http.ResponseController.
func (w *handlerWriter) SetReadDeadline(deadline time.Time) error {
	return w.transport.controller.SetReadDeadline(deadline)
}

// SetWriteDeadline is that of http.ResponseController.
func (w *handlerWriter) SetWriteDeadline(deadline time.Time) error {
	return w.transport.controller.SetWriteDeadline(deadline)
}

// EnableFullDuplex is that of http.ResponseController.
func (w *handlerWriter) EnableFullDuplex() error { return w.transport.controller.EnableFullDuplex() }

// blockTransport is the gateway.Transport of a response that becomes the body of an application. Its lock makes writes of
// other goroutines than the handler's own safe, and an error after the handler has returned.
type blockTransport struct {
	controller *Controller
	start      StartResponse

	mu       sync.Mutex
	yield    func([]byte, error) bool // nil when the consumer has stopped, or the handler has returned
	over     error                    // why it is nil
	hijacked bool
	trailing bool // trailers follow
}

var _ gateway.TrailerTransport = (*blockTransport)(nil)

// Send starts the response with the head, if there is one, and yields the body.
func (t *blockTransport) Send(head, body []byte, flags gateway.Flags) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hijacked {
		return http.ErrHijacked
	}
	if t.yield == nil && (len(body) > 0 || len(head) > 0) {
		return t.over
	}
	if flags&gateway.Interim != 0 {
		status, headers, _ := t.unpack(head)
		return ignoreUnsupported(t.controller.Inform(status, headers))
	}
	if len(head) > 0 {
		t.begin(head, len(body), flags)
	}
	if len(body) > 0 && !t.yield(body, nil) {
		t.yield = nil
		t.over = gateway.ErrClientGone
		return t.controller.err() // the last block that is wanted: of a HEAD, or of a Content-Length
	}
	if flags&gateway.Flush != 0 && len(body) == 0 {
		return ignoreUnsupported(t.controller.Flush())
	}
	return nil
}

// ignoreUnsupported is for what net/http's own writer has no error for.
func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// begin calls startResponse.
func (t *blockTransport) begin(head []byte, size int, flags gateway.Flags) {
	status, headers, sized := t.unpack(head)
	if whole := flags&gateway.End != 0 && size > 0; whole && !sized && !t.trailing {
		headers = append(headers, contentLength(int64(size)))
	}
	t.start(status, headers)
}

// unpack reads a packed head. Headers of the connection, which an application must not set (C30), go to the Controller.
func (t *blockTransport) unpack(head []byte) (status string, headers Headers, sized bool) {
	status, fields := gateway.UnpackHead(head)
	for name, value := range fields {
		switch {
		case httpfield.EqualFold(name, "Trailer"):
			names := slices.Collect(httpfield.TrailerNames(value))
			if t.controller.AnnounceTrailers(names...) == nil && len(names) > 0 {
				t.trailing = true
			}
		case httpfield.EqualFold(name, "Connection"):
			for option := range httpfield.Elements(value) {
				if httpfield.EqualFold(option, "close") {
					_ = t.controller.CloseConnection() // as far as the server lets it
				}
			}
		case httpfield.HopByHop(name):
		default:
			sized = sized || httpfield.EqualFold(name, "Content-Length")
			headers = append(headers, [2]string{name, value})
		}
	}
	return status, headers, sized
}

// Leave is refused: what the server makes of an empty error response is decided when the application is done.
func (t *blockTransport) Leave([]byte) bool { return false }

// Trailers passes the fields that follow the body on.
func (t *blockTransport) Trailers(fields [][2]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trailing = true
	_ = t.controller.SetTrailers(fields) // without support they are dropped, as net/http does on HTTP/1.0
}

func (t *blockTransport) hijack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hijacked = true
}

func (t *blockTransport) isHijacked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hijacked
}

// stopped tells whether the consumer iterates no more.
func (t *blockTransport) stopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.yield == nil
}

// close makes later writes an error.
func (t *blockTransport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.yield = nil
	t.over = gateway.ErrFinished
}

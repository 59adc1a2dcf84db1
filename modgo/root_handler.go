package modgo

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/stack"
)

// software is the product token of the reference server.
const software = "mod_go-reference"

// rootHandler is what a server does round an application: it answers what is not below the mount, and for an application
// that panics (C48).
type rootHandler struct {
	mount string
	app   *appHandler
	log   *log.Logger
	first *firstRequests
}

// ServeHTTP answers a request.
func (h *rootHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.first.came(connOf(r))
	if _, under := environ.CutMount(r.URL.Path, h.mount); !under {
		http.NotFound(w, r)
		return
	}
	watched := &beginWatcher{ResponseWriter: w}
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v != http.ErrAbortHandler {
			h.log.Printf("the application panicked: %v: %s %s\n%s", v, r.Method, r.URL.Path, stack.OfPanic())
			if !watched.begun {
				clear(w.Header())
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
		}
		if !r.ProtoAtLeast(1, 1) {
			resetAtClose(connOf(r))
		}
		panic(http.ErrAbortHandler)
	}()
	h.app.ServeHTTP(watched, r)
}

// connKey is the context key of a request's connection.
type connKey struct{}

// withConn is the http.Server's ConnContext.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// connOf is the connection that a request came on.
func connOf(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	return conn
}

// resetAtClose has the client see a reset where the orderly end of the connection would look like that of the body, which
// has neither a length nor chunks in HTTP/1.0 (C36; RFC 9112 section 8).
func resetAtClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok { // a broken off TLS connection shows by itself
		_ = tcp.SetLinger(0)
	}
}

// beginWatcher knows whether a response has begun, and adds the header that HTTP servers have (C32).
type beginWatcher struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader is that of http.ResponseWriter.
func (w *beginWatcher) WriteHeader(status int) {
	final := status >= 200 || status == http.StatusSwitchingProtocols
	if final && w.Header()["Server"] == nil {
		w.Header().Set("Server", software)
	}
	w.begun = w.begun || final
	w.ResponseWriter.WriteHeader(status)
}

// ReadFrom keeps net/http's way of sending files.
func (w *beginWatcher) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap lets http.ResponseController see the server's own.
func (w *beginWatcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }

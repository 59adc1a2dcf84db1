package modgo

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/environ"
)

// A Server is the reference server: the application contract on net/http's server, as wsgiref's simple_server is PEP 3333's
// in Python. What works here works under Apache.
//
// The fields are set before the first method is called.
type Server struct {
	Mount     string      // where the application is mounted, its SCRIPT_NAME: "" for the top, or a path such as "/shop"
	ErrorLog  io.Writer   // gets env.Errors, line by line, and the server's own messages; nil means os.Stderr
	TLSConfig *tls.Config // with it the server speaks https

	addr string
	app  Application

	mu       sync.Mutex
	listener net.Listener
	http     *http.Server // of ServeForever
	closed   bool
}

// NewServer returns a server of app at a TCP address such as "127.0.0.1:8000"; port 0 picks a free one.
func NewServer(addr string, app Application) *Server {
	if app == nil {
		panic("modgo: NewServer with a nil Application")
	}
	return &Server{addr: addr, app: app}
}

// ListenAndServe serves app at addr until it fails.
func ListenAndServe(addr string, app Application) error { return NewServer(addr, app).ServeForever() }

// Listen binds the address, unless that has been done. The other methods call it.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return http.ErrServerClosed
	}
	if s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("modgo: the server cannot listen: %w", err)
	}
	s.listener = l
	return nil
}

// Addr is the address that the server is bound to, nil before Listen.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// HandleRequest waits for one connection, answers one request on it, and closes it (wsgiref's handle_request).
func (s *Server) HandleRequest() error {
	if err := s.Listen(); err != nil {
		return err
	}
	conn, err := s.listener.Accept()
	if err != nil {
		return err
	}
	done := make(chan struct{})
	server := s.newHTTP()
	server.SetKeepAlivesEnabled(false)
	server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // HTTP/2 would be more than one
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			close(done)
		}
	}
	once := &oneListener{conn: conn, addr: conn.LocalAddr(), done: done}
	_ = s.serve(server, once) // ends because the listener has one connection only
	return nil
}

// oneListener accepts one connection, and fails when that is done with.
type oneListener struct {
	addr net.Addr
	done chan struct{}

	mu   sync.Mutex
	conn net.Conn
}

func (l *oneListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	conn := l.conn
	l.conn = nil
	l.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneListener) Close() error   { return nil }
func (l *oneListener) Addr() net.Addr { return l.addr }

// ServeForever answers requests until Shutdown or Close, and then returns http.ErrServerClosed.
func (s *Server) ServeForever() error {
	if err := s.Listen(); err != nil {
		return err
	}
	return s.Serve(s.listener)
}

// Serve is ServeForever on a listener that somebody else has made.
func (s *Server) Serve(l net.Listener) error {
	server := s.newHTTP()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return http.ErrServerClosed
	}
	s.listener, s.http = l, server
	s.mu.Unlock()
	return s.serve(server, l)
}

func (s *Server) serve(server *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}

// Shutdown ends the server when its requests have been answered, or ctx has ended.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.end(func(server *http.Server) error { return server.Shutdown(ctx) })
}

// Close ends the server at once, and its connections with it.
func (s *Server) Close() error { return s.end((*http.Server).Close) }

func (s *Server) end(how func(*http.Server) error) error {
	s.mu.Lock()
	server, listener := s.http, s.listener
	s.closed = true
	s.mu.Unlock()
	if server != nil {
		return how(server)
	}
	if listener != nil {
		return listener.Close()
	}
	return nil
}

// newHTTP is net/http's server for the application.
func (s *Server) newHTTP() *http.Server {
	out := s.ErrorLog
	if out == nil {
		out = os.Stderr
	}
	out = &lockedWriter{w: out}
	logger := log.New(out, "", log.LstdFlags)
	mount := strings.TrimSuffix(s.Mount, "/")
	app := &appHandler{app: s.app, server: func(r *http.Request) environ.Server {
		return environ.Server{
			Mount:       mount,
			Software:    software,
			Multithread: true,
			Errors:      &lineWriter{line: func(line []byte) { _, _ = out.Write(append(line, '\n')) }},
		}
	}}
	return &http.Server{
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
		Handler:   &rootHandler{mount: mount, app: app, log: logger},
		ErrorLog:  logger,
		TLSConfig: s.TLSConfig,
	}
}

// lockedWriter lets one write at a time through.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

// rootHandler is what a server does round an application: it answers what is not below the mount, and for an application
// that panics (C48).
type rootHandler struct {
	mount string
	app   *appHandler
	log   *log.Logger
}

func (h *rootHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, below := strings.CutPrefix(r.URL.Path, h.mount); !below || h.mount != "" && rest != "" && rest[0] != '/' {
		http.NotFound(w, r)
		return
	}
	watched := &beginWatcher{ResponseWriter: w}
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if !r.ProtoAtLeast(1, 1) {
			resetAtClose(r)
		}
		if v != http.ErrAbortHandler {
			h.log.Printf("the application panicked: %v: %s %s\n%s", v, r.Method, r.URL.Path, debug.Stack())
			if !watched.begun {
				clear(w.Header())
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
		}
		panic(http.ErrAbortHandler)
	}()
	h.app.ServeHTTP(watched, r)
}

// connKey is the context key of a request's connection.
type connKey struct{}

// resetAtClose has the client see a reset where the orderly end of the connection would look like that of the body, which
// has neither a length nor chunks in HTTP/1.0 (C36; RFC 9112 section 8).
func resetAtClose(r *http.Request) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	if tcp, ok := conn.(*net.TCPConn); ok { // a broken off TLS connection shows by itself
		_ = tcp.SetLinger(0)
	}
}

// software is the product token of the reference server.
const software = "mod_go-reference"

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

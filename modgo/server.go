package modgo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/lines"
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
	run      *run // of ServeForever or Serve
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
	_, err := s.listen()
	return err
}

func (s *Server) listen() (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, http.ErrServerClosed
	}
	if s.listener == nil {
		l, err := net.Listen("tcp", s.addr)
		if err != nil {
			return nil, fmt.Errorf("modgo: the server cannot listen: %w", err)
		}
		s.listener = l
	}
	return s.listener, nil
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

// ServeForever answers requests until Shutdown or Close, and then returns http.ErrServerClosed.
func (s *Server) ServeForever() error {
	l, err := s.listen()
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve is ServeForever on a listener that somebody else has made.
func (s *Server) Serve(l net.Listener) error {
	if err := s.checkTLS(); err != nil {
		return err
	}
	first := new(firstRequests)
	r := &run{server: s.newHTTP(first), listener: l, first: first, ended: make(chan struct{})}
	defer close(r.ended)
	r.server.ConnState = first.watch
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return http.ErrServerClosed
	}
	s.listener, s.run = l, r
	s.mu.Unlock()
	return s.endError(s.serve(r.server, l))
}

func (s *Server) serve(server *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}

// checkTLS tells whether there is a certificate, if one is needed.
func (s *Server) checkTLS() error {
	c := s.TLSConfig
	if c == nil || len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil {
		return nil
	}
	return errors.New("modgo: the server's TLSConfig has no certificate: set its Certificates, its GetCertificate or its GetConfigForClient")
}

// endError is why serving has ended: Shutdown or Close, or else err.
func (s *Server) endError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return http.ErrServerClosed
	}
	return err
}

// Shutdown ends the server when its requests have been answered, or ctx has ended, whose error is then returned. Nothing
// more is accepted; a connection that has been has a second to send its first request. Connections that an application
// has taken over are left alone, and requests that ctx leaves unanswered go on: Close ends them.
func (s *Server) Shutdown(ctx context.Context) error {
	r, err := s.close()
	if r == nil {
		return err
	}
	return r.shutdown(ctx)
}

// Close ends the server at once, and its connections with it.
func (s *Server) Close() error {
	r, err := s.close()
	if r == nil {
		return err
	}
	return r.server.Close()
}

// close keeps the server from being used again, and returns what is to be ended, nil if it has not been serving.
func (s *Server) close() (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.run == nil && s.listener != nil {
		return nil, closeListener(s.listener)
	}
	return s.run, nil
}

// closeListener closes a listener, unless that has been done.
func closeListener(l net.Listener) error {
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// newHTTP is net/http's server for the application.
func (s *Server) newHTTP(first *firstRequests) *http.Server {
	out := s.ErrorLog
	if out == nil {
		out = os.Stderr
	}
	out = &lockedWriter{w: out}
	logger := log.New(out, "", log.LstdFlags)
	app := &appHandler{app: s.app, server: func(*http.Request) environ.Server {
		return environ.Server{
			Mount:       s.Mount,
			Software:    software,
			Multithread: true,
			Errors:      &lines.Writer{To: writtenLines{out}},
		}
	}}
	return &http.Server{
		ConnContext: withConn,
		Handler:     &rootHandler{mount: s.Mount, app: app, log: logger, first: first},
		ErrorLog:    logger,
		TLSConfig:   s.TLSConfig,
	}
}

// lockedWriter lets one write at a time through.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write is that of the writer, alone.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

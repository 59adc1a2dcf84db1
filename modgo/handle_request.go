package modgo

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
)

// HandleRequest waits for one connection, answers one request on it, and closes it (wsgiref's handle_request). After
// Shutdown or Close it returns http.ErrServerClosed.
func (s *Server) HandleRequest() error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.checkTLS(); err != nil {
		return err
	}
	conn, err := listener.Accept()
	if err != nil {
		return s.endError(err)
	}
	done := make(chan struct{})
	server := s.newHTTP(new(firstRequests))
	server.SetKeepAlivesEnabled(false)
	server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // HTTP/2 would be more than one
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			close(done)
		}
	}
	err = s.serve(server, &oneListener{conn: conn, addr: conn.LocalAddr(), done: done})
	if errors.Is(err, net.ErrClosed) {
		return nil // that of a listener which has no further connection
	}
	_ = conn.Close() // nobody has answered on it
	return err
}

// oneListener accepts one connection, and fails when that is done with.
type oneListener struct {
	addr net.Addr
	done chan struct{}

	mu   sync.Mutex
	conn net.Conn
}

// Accept returns the connection, and afterwards net.ErrClosed when that is done with.
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

// Close does nothing: the connection is closed by who serves it.
func (l *oneListener) Close() error { return nil }

// Addr is the local address of the connection.
func (l *oneListener) Addr() net.Addr { return l.addr }

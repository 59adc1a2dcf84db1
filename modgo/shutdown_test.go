package modgo_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// watchedListener tells of what is done to a listener.
type watchedListener struct {
	net.Listener
	accepted chan struct{} // closed when a connection has come
	closed   chan struct{}
	hold     bool // a connection is accepted only when the listener is being closed
	closing  sync.Once
}

func (l *watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		close(l.accepted)
		if l.hold {
			<-l.closed
		}
	}
	return conn, err
}

func (l *watchedListener) Close() error {
	defer l.closing.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// TestShutdownAnswers: a connection that was accepted before Shutdown is answered.
func TestShutdownAnswers(t *testing.T) {
	for _, test := range []struct {
		name      string
		accepting bool // Shutdown comes while the connection is being accepted
		late      bool // the request comes after Shutdown
	}{
		{"a connection that is being accepted", true, false},
		{"a request that comes late", false, true},
		{"both", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := &watchedListener{Listener: inner, accepted: make(chan struct{}), closed: make(chan struct{}), hold: test.accepting}
			s := modgo.NewServer("", where)
			served, ended := make(chan error, 1), make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			conn, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ask := func() { io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n") }
			if !test.late {
				ask()
			}
			<-l.accepted
			go func() { ended <- s.Shutdown(t.Context()) }()
			<-l.closed
			if test.late {
				ask()
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("the answer: %v", err)
			}
			if body, err := io.ReadAll(response.Body); string(body) != "http |/x" || err != nil || !response.Close {
				t.Errorf("%q, %v; the connection is to be closed: %v", body, err, response.Close)
			}
			if err := <-ended; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("Serve: %v; want http.ErrServerClosed", err)
			}
		})
	}
}

// TestShutdownWaits: for a request that is being answered, but no longer than its context.
func TestShutdownWaits(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	s := modgo.NewServer("127.0.0.1:0", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		close(begun)
		<-finish
		start("200 OK", nil)
		return modgo.Text("done")
	})
	url := serving(t, s)
	answer := make(chan string, 1)
	go func() {
		_, body := get(t, url)
		answer <- body
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v; want the context's error", err)
	}
	close(finish)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("the second Shutdown: %v", err)
	}
	if body := <-answer; body != "done" {
		t.Errorf("the answer is %q", body)
	}
}

// TestShutdownOfNothing: a server that has not been serving cannot serve any more.
func TestShutdownOfNothing(t *testing.T) {
	for name, end := range map[string]func(*modgo.Server) error{
		"Shutdown": func(s *modgo.Server) error { return s.Shutdown(context.Background()) },
		"Close":    (*modgo.Server).Close,
	} {
		for _, listening := range []bool{false, true} {
			s := modgo.NewServer("127.0.0.1:0", where)
			if listening {
				if err := s.Listen(); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := end(s); err != nil {
					t.Errorf("%s, listening %v: %v", name, listening, err)
				}
			}
			for what, serve := range map[string]func() error{"Listen": s.Listen, "ServeForever": s.ServeForever, "HandleRequest": s.HandleRequest} {
				if err := serve(); !errors.Is(err, http.ErrServerClosed) {
					t.Errorf("%s after %s: %v", what, name, err)
				}
			}
		}
	}
}

// TestShutdownEndsHandleRequest: what waits for a connection is told that none will come.
func TestShutdownEndsHandleRequest(t *testing.T) {
	s := modgo.NewServer("127.0.0.1:0", where)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	handled := make(chan error, 1)
	go func() { handled <- s.HandleRequest() }()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-handled; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("HandleRequest: %v; want http.ErrServerClosed", err)
	}
}

package modgo_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serving runs a reference server until the test ends.
func serving(t *testing.T, s *modgo.Server) (url string) {
	t.Helper()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.ServeForever() }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("ServeForever: %v; want http.ErrServerClosed", err)
		}
	})
	return "http://" + s.Addr().String()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(b)
}

func where(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text(env.URLScheme() + " " + env.Get("SCRIPT_NAME") + "|" + env.Get("PATH_INFO"))
}

func TestServerMount(t *testing.T) {
	for _, test := range []struct {
		mount, path string
		status      int
		body        string
	}{
		{"", "/", 200, "http |/"},
		{"", "/a/b", 200, "http |/a/b"},
		{"/shop", "/shop", 200, "http /shop|"},
		{"/shop", "/shop/", 200, "http /shop|/"},
		{"/shop/", "/shop/cart", 200, "http /shop|/cart"},
		{"/shop", "/shopping", 404, "404 page not found\n"},
		{"/shop", "/", 404, "404 page not found\n"},
	} {
		s := modgo.NewServer("127.0.0.1:0", where)
		s.Mount = test.mount
		if status, body := get(t, serving(t, s)+test.path); status != test.status || body != test.body {
			t.Errorf("mount %q, %s: %d %q; want %d %q", test.mount, test.path, status, body, test.status, test.body)
		}
	}
}

// TestHandleRequest: exactly one request, whatever the client would like.
func TestHandleRequest(t *testing.T) {
	calls := 0
	s := modgo.NewServer("127.0.0.1:0", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		calls++
		start("200 OK", nil)
		return modgo.Text("one")
	})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for want := 1; want <= 2; want++ {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2))
		if err := s.HandleRequest(); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(conn)
		if calls != want || strings.Count(string(answer), "HTTP/1.1 200 OK") != 1 {
			t.Errorf("the application was called %d times, want %d; the client got %q", calls, want, answer)
		}
	}
}

// TestHandleRequestThatIsNone: a connection without a request is done with, too.
func TestHandleRequestThatIsNone(t *testing.T) {
	s := modgo.NewServer("127.0.0.1:0", where)
	s.ErrorLog = io.Discard
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, sent := range []string{"", "nonsense\r\n\r\n"} {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, sent)
		conn.(*net.TCPConn).CloseWrite()
		if err := s.HandleRequest(); err != nil {
			t.Error(err)
		}
		conn.Close()
	}
}

func TestServerTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	s := modgo.NewServer("127.0.0.1:0", where)
	s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	url := strings.Replace(serving(t, s), "http:", "https:", 1)
	response, err := certified.Client().Get(url + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "https |/x" {
		t.Errorf("%q", body)
	}
}

// TestServerWithoutCertificate: no connection is accepted that could not be answered.
func TestServerWithoutCertificate(t *testing.T) {
	s := modgo.NewServer("127.0.0.1:0", where)
	s.TLSConfig = new(tls.Config)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, serve := range map[string]func() error{"HandleRequest": s.HandleRequest, "ServeForever": s.ServeForever} {
		if err := serve(); err == nil || !strings.Contains(err.Error(), "Certificates") {
			t.Errorf("%s: %v; want an error that tells of Certificates", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

// TestServerFailures: a failure of the application is logged, answered with 500 or an aborted response, and the server
// goes on (C48).
func TestServerFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		app  modgo.Application
		log  string
	}{
		{"panic", func(*modgo.Environ, modgo.StartResponse) modgo.Body { panic("at once") }, "panicked: at once"},
		{"contract", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return nil }, "C27"},
		{"panic after start", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", modgo.Headers{{"X-Never", "seen"}})
			panic("later")
		}, "panicked: later"},
		{"error of the body", starting("200 OK", nil, func(yield func([]byte, error) bool) {
			yield(nil, errors.New("the disk is gone"))
		}), "the disk is gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out syncBuffer
			s := modgo.NewServer("127.0.0.1:0", test.app)
			s.ErrorLog = &out
			url := serving(t, s)
			for range 2 {
				if status, body := get(t, url); status != 500 || body != "Internal Server Error\n" {
					t.Errorf("%d %q; want 500", status, body)
				}
			}
			if n := strings.Count(out.String(), test.log); n != 2 {
				t.Errorf("the log has %q %d times, want 2:\n%s", test.log, n, out.String())
			}
		})
	}
	for name, broken := range map[string]func(yield func([]byte, error) bool){
		"error": func(yield func([]byte, error) bool) {
			if yield([]byte("half"), nil) {
				yield(nil, errors.New("broken"))
			}
		},
		"panic": func(yield func([]byte, error) bool) {
			yield([]byte("half"), nil)
			panic("broken")
		},
	} {
		var out syncBuffer
		s := modgo.NewServer("127.0.0.1:0", starting("200 OK", nil, broken))
		s.ErrorLog = &out
		response, err := http.Get(serving(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); err == nil || string(body) != "half" {
			t.Errorf("%s: %q, %v; want half, and an error", name, body, err)
		}
		response.Body.Close()
		if !strings.Contains(out.String(), "broken") {
			t.Errorf("%s: the log has %q", name, out.String())
		}
	}
}

// TestFailuresOnHTTP10: an answer that is whole ends in order; one that is cut off ends in a reset, because nothing else tells
// (C36, C48).
func TestFailuresOnHTTP10(t *testing.T) {
	for _, test := range []struct {
		name  string
		app   modgo.Application
		want  string // the answer ends in it
		reset bool
	}{
		{"a panic at once", func(*modgo.Environ, modgo.StartResponse) modgo.Body { panic("at once") }, "Internal Server Error\n", false},
		{"an error at once", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return nil }, "Internal Server Error\n", false},
		{"a panic later", starting("200 OK", nil, func(yield func([]byte, error) bool) {
			yield([]byte("half"), nil)
			panic("later")
		}), "half", true},
		{"an error later", starting("200 OK", nil, func(yield func([]byte, error) bool) {
			if yield([]byte("half"), nil) {
				yield(nil, errors.New("later"))
			}
		}), "half", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := modgo.NewServer("127.0.0.1:0", test.app)
			s.ErrorLog = io.Discard
			conn, err := net.Dial("tcp", strings.TrimPrefix(serving(t, s), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
			answer, err := io.ReadAll(conn)
			if reset := errors.Is(err, syscall.ECONNRESET); reset != test.reset || !strings.HasSuffix(string(answer), test.want) {
				t.Errorf("%q, %v; want %q, a reset %v", answer, err, test.want, test.reset)
			}
		})
	}
}

// TestServerErrors: env.Errors reaches the log line by line, its last one too (C24).
func TestServerErrors(t *testing.T) {
	var out syncBuffer
	s := modgo.NewServer("127.0.0.1:0", func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		io.WriteString(env.Errors(), "käse\r\nha")
		io.WriteString(env.Errors(), "lf")
		start("204 No Content", nil)
		return nil
	})
	s.ErrorLog = &out
	get(t, serving(t, s))
	if got := out.String(); got != "käse\nhalf\n" {
		t.Errorf("the log has %q", got)
	}
}

func TestServerCannotListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := modgo.ListenAndServe(l.Addr().String(), where); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
}

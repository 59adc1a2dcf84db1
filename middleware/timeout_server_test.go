package middleware_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

// TestTimeoutAnswersAtOnce: the client has the whole answer while the application, which knows nothing of it, still runs
// on the server's goroutine.
func TestTimeoutAnswersAtOnce(t *testing.T) {
	for _, where := range []string{"call", "body", "handler"} {
		t.Run(where, func(t *testing.T) {
			release := make(chan struct{})
			ended := make(chan struct{}, 1)
			var app modgo.Application
			switch where {
			case "call":
				app = func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
					w := start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
					<-release
					io.WriteString(w, "late")
					return modgo.OnClose(blocks("late"), func() { ended <- struct{}{} })
				}
			case "body":
				app = starting("200 OK", modgo.OnClose(blocksThen(func() { <-release }), func() { ended <- struct{}{} }))
			case "handler":
				app = modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "gathered")
					<-release
					io.WriteString(w, "late")
					ended <- struct{}{}
				}))
			}
			s := serveSite(t, "", checked(t, middleware.Timeout(20*time.Millisecond))(app))
			r := s.do(t, "GET", "/")
			if r.Err != nil || r.StatusCode != 503 || r.Body != "Service Unavailable\n" {
				t.Errorf("%v: %d %q", r.Err, r.StatusCode, r.Body)
			}
			select {
			case <-ended:
				t.Error("the application had ended before the client got its answer")
			default:
			}
			close(release)
			<-ended
		})
	}
}

func TestTimeoutAbortsAStream(t *testing.T) {
	app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return func(yield func([]byte, error) bool) {
			for yield([]byte("again "), nil) {
				select {
				case <-env.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
	}
	s := serveSite(t, "", checked(t, middleware.Timeout(30*time.Millisecond))(app))
	r := s.do(t, "GET", "/")
	if r.Err == nil || r.StatusCode != 200 || !strings.HasPrefix(r.Body, "again ") {
		t.Errorf("%d %q, %v; want a response that is cut", r.StatusCode, r.Body, r.Err)
	}
}

// TestTimeoutHandler: an http.Handler that returns when its context ends has not answered, though net/http says 200.
func TestTimeoutHandler(t *testing.T) {
	server := httptest.NewServer(middleware.Timeout(10 * time.Millisecond).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})))
	defer server.Close()
	if r := fetch(t, "GET", server.URL, ""); r.Err != nil || r.StatusCode != 503 || r.Body != "Service Unavailable\n" {
		t.Errorf("%v: %d %q", r.Err, r.StatusCode, r.Body)
	}
}

// TestTimeoutLeavesATakenConnectionAlone: nothing is sent on it.
func TestTimeoutLeavesATakenConnectionAlone(t *testing.T) {
	app := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		<-r.Context().Done()
		io.WriteString(conn, "mine alone\n")
		conn.Close()
	}))
	s := serveSite(t, "", middleware.Timeout(10*time.Millisecond)(app))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	text, err := io.ReadAll(bufio.NewReader(conn))
	if string(text) != "mine alone\n" || err != nil || s.Errors.String() != "" {
		t.Errorf("%q, %v; logged %q", text, err, s.Errors.String())
	}
}

// TestTimeoutAndTheController: an application that flushes while its time ends gets its own response or the page, never a
// mixture.
func TestTimeoutAndTheController(t *testing.T) {
	app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}, {"Content-Length", "1"}})
		controller := modgo.NewController(env)
		for controller.Written() == 0 && env.Context().Err() == nil {
		}
		controller.Flush()
		return modgo.Text("a")
	}
	s := serveSite(t, "", middleware.Timeout(5*time.Millisecond)(app))
	for range 20 {
		r := s.do(t, "GET", "/")
		if r.Err == nil && (r.StatusCode != 503 || r.Body != "Service Unavailable\n") {
			t.Errorf("%d %q", r.StatusCode, r.Body)
		}
	}
}

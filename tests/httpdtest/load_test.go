package httpdtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// TestLoad: what is answered as it should be counts, and each other request is told with its time, URL and error.
func TestLoad(t *testing.T) {
	var posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/status":
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/cut":
			panic(http.ErrAbortHandler)
		case string(body) == "a body":
			posts.Add(1)
		}
		_, _ = io.WriteString(w, "answer")
	}))
	defer server.Close()
	right := func(text string) bool { return text == "answer" }
	body := func() io.Reader { return strings.NewReader("a body") }

	well := record(t, func(t testing.TB) {
		load := StartLoad(t, Sender{Client: NewConnections(), URL: server.URL, Wants: right}, Sender{Client: KeptConnections(), URL: server.URL, Body: body})
		load.Await(10)
		if answered := load.Stop(); answered < 10 || answered != load.Answered() {
			t.Errorf("%d and %d requests were answered", answered, load.Answered())
		}
	})
	if well.failed || posts.Load() == 0 {
		t.Errorf("%d bodies came; %v", posts.Load(), well.failures)
	}
	for path, want := range map[string]string{
		"/status": `status 502, "answer"`,
		"/cut":    `EOF`,
		"/wrong":  `status 200, "answer"`,
	} {
		badly := record(t, func(t testing.TB) {
			load := StartLoad(t, Sender{Client: NewConnections(), URL: server.URL, Wants: right},
				Sender{Client: NewConnections(), URL: server.URL + path, Wants: func(text string) bool { return text == "another" }})
			load.Await(3)
		})
		pattern := `^\d+ of \d+ requests failed:\nbegun \d\d:\d\d:\d\d\.\d{3}, failed after .*s: ` + regexp.QuoteMeta(server.URL+path) + `: .*` + want
		if text := strings.Join(badly.failures, "\n"); !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s: %s\nwant a line that matches %s", path, text, pattern)
		}
	}
}

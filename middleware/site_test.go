package middleware_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// A site is an application on the reference server.
type site struct {
	URL    string // without a slash at its end, the mount included
	Errors *lockedBuffer
}

// client takes redirects and encodings as they come.
var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// serveSite runs app until the test ends.
func serveSite(t testing.TB, mount string, app modgo.Application) *site {
	t.Helper()
	s := &site{Errors: new(lockedBuffer)}
	server := modgo.NewServer("127.0.0.1:0", app)
	server.Mount = mount
	server.ErrorLog = s.Errors
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	s.URL = "http://" + server.Addr().String() + mount
	ended := make(chan error, 1)
	go func() { ended <- server.ServeForever() }()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("the server does not end, because a request has not: %v", err)
		}
		if err := <-ended; err != http.ErrServerClosed {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

// do sends a request without a body; headers are given as "Name: value".
func (s *site) do(t testing.TB, method, path string, headers ...string) *reply {
	t.Helper()
	return fetch(t, method, s.URL+path, "", headers...)
}

// A reply is a response and what came of its body.
type reply struct {
	*http.Response
	Body string
	Err  error // with which the body ended, or of a request that got no response, whose StatusCode is 0
}

// fetch sends a request to any server and reads the response whole; headers are given as "Name: value".
func fetch(t testing.TB, method, url, body string, headers ...string) *reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return &reply{Response: &http.Response{Header: http.Header{}}, Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return &reply{response, string(text), err}
}

// unzipped is the body, which must be a whole stream of gzip.
func (r *reply) unzipped(t testing.TB) string {
	t.Helper()
	reader, err := gzip.NewReader(strings.NewReader(r.Body))
	if err != nil {
		t.Fatalf("the body %q is not of gzip: %v", r.Body, err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("the stream is not whole: %v after %q", err, text)
	}
	return string(text)
}

// lockedBuffer takes what servers write at any time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

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

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// A site is an application on the reference server.
type site struct {
	URL    string // without a slash at its end, the mount included
	Errors *lockedBuffer
	client *http.Client
}

// serveSite runs app until the test ends.
func serveSite(t testing.TB, mount string, app modgo.Application) *site {
	t.Helper()
	s := &site{Errors: new(lockedBuffer), client: &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
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
		s.client.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("the server does not end: %v", err)
		}
		if err := <-ended; err != http.ErrServerClosed {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

// A reply is a response and what came of its body.
type reply struct {
	*http.Response
	Body string
	Err  error // with which the body ended
}

// do sends a request without a body; headers are given as "Name: value".
func (s *site) do(t testing.TB, method, path string, headers ...string) *reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "") // else the client asks for gzip
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return &reply{Response: &http.Response{Header: http.Header{}}, Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return &reply{response, string(body), err}
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

// respond is an application that always answers the same.
func respond(status string, headers modgo.Headers, body func() modgo.Body) modgo.Application {
	return func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse(status, headers)
		return body()
	}
}

// blocks is a body of these blocks, which the server cannot know the length of.
func blocks(texts ...string) modgo.Body {
	return func(yield func([]byte, error) bool) {
		for _, text := range texts {
			if !yield([]byte(text), nil) {
				return
			}
		}
	}
}

// asHandler is m used as a middleware of net/http.
func asHandler(m modgo.Middleware) modgo.Middleware {
	return func(app modgo.Application) modgo.Application {
		return modgo.FromHandler(m.Handler(modgo.ToHandler(app)))
	}
}

// bothWays runs a test with m as it is, and as a middleware of net/http.
func bothWays(t *testing.T, m modgo.Middleware, test func(t *testing.T, m modgo.Middleware)) {
	t.Run("application", func(t *testing.T) { test(t, m) })
	t.Run("handler", func(t *testing.T) { test(t, asHandler(m)) })
}

// checked is m with the validator on both sides.
func checked(t *testing.T, m modgo.Middleware) modgo.Middleware {
	outside, inside := validate.Testing(t), validate.Testing(t)
	return func(app modgo.Application) modgo.Application { return modgo.Chain(app, outside, m, inside) }
}

// envOf is an environment with these variables alone.
func envOf(variables map[string]string) *modgo.Environ {
	env := environ.New(environ.Config{})
	for name, value := range variables {
		env.Set(name, value)
	}
	return env
}

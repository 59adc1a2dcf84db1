package validate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// A correct application, which the validator must neither blame nor change.
type correct struct {
	name string
	app  func(t *testing.T) modgo.Application
}

func fixed(app modgo.Application) func(*testing.T) modgo.Application {
	return func(*testing.T) modgo.Application { return app }
}

func answer(status string, headers modgo.Headers, body func() modgo.Body) func(*testing.T) modgo.Application {
	return fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		return body()
	})
}

func handler(h http.HandlerFunc) func(*testing.T) modgo.Application {
	return fixed(modgo.FromHandler(h))
}

var errCause = errors.New("the cause")

func correctApplications() []correct {
	text := func() modgo.Body { return modgo.Text("a page") }
	none := func() modgo.Body { return nil }
	fsys := fstest.MapFS{"page.txt": {Data: []byte("a page of a file system")}}
	return []correct{
		{"text", answer("200 OK", plain, text)},
		{"text with its length", answer("200 OK", sized("6"), text)},
		{"json", answer("200 OK", modgo.Headers{{"content-type", "application/json"}}, func() modgo.Body { return modgo.JSON([]int{1, 2}) })},
		{"blocks", answer("200 OK", plain, func() modgo.Body { return blocks("one", "", "two", "three") })},
		{"blocks with their length", answer("200 OK", sized("11"), func() modgo.Body { return blocks("one", "two", "three") })},
		{"more blocks than their length", answer("200 OK", sized("6"), func() modgo.Body { return blocks("one", "two", "three") })},
		{"empty blocks", answer("200 OK", nil, func() modgo.Body { return blocks("", "") })},
		{"nil body", answer("302 Found", modgo.Headers{{"Location", "/"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}, none)},
		{"no content", answer("204 No Content", nil, none)},
		{"not modified with a length", answer("304 Not Modified", modgo.Headers{{"ETag", `"1"`}, {"Content-Length", "10"}}, none)},
		{"reader", answer("200 OK", plain, func() modgo.Body { return modgo.Reader(iotest.OneByteReader(strings.NewReader("letters"))) })},
		{"reader that fails", answer("200 OK", plain, func() modgo.Body {
			return modgo.Reader(io.MultiReader(strings.NewReader("some"), iotest.ErrReader(errCause)))
		})},
		{"error with a length", answer("200 OK", sized("100"), func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				if yield([]byte("some"), nil) {
					yield(nil, errCause)
				}
			}
		})},
		{"file", func(t *testing.T) modgo.Application {
			name := filepath.Join(t.TempDir(), "page.txt")
			if err := os.WriteFile(name, []byte("a page of a file"), 0o600); err != nil {
				t.Fatal(err)
			}
			return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
				f, err := os.Open(name)
				if err != nil {
					panic(err)
				}
				start("200 OK", plain)
				return modgo.File(f)
			}
		}},
		{"file of a file system", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			f, err := fsys.Open("page.txt")
			if err != nil {
				panic(err)
			}
			start("200 OK", plain)
			return modgo.File(f)
		})},
		{"clean-up of blocks", answer("200 OK", plain, func() modgo.Body { return modgo.OnClose(blocks("one", "two"), func() {}) })},
		{"clean-up of a text", answer("200 OK", plain, func() modgo.Body { return modgo.OnClose(text(), func() {}) })},
		{"clean-ups of a text", answer("200 OK", plain, func() modgo.Body {
			return modgo.OnClose(modgo.OnClose(text(), func() {}), func() {})
		})},
		{"clean-up of a file", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			f, err := os.Open("validate.go")
			if err != nil {
				panic(err)
			}
			start("200 OK", plain)
			return modgo.OnClose(modgo.File(f), func() {})
		})},
		{"validator inside", fixed(validate.Middleware()(starting("200 OK", plain, modgo.Text("a page"))))},
		{"write", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			w := start("200 OK", plain)
			fmt.Fprintf(w, "written, %d", 1)
			_, _ = w.Write(nil)
			return blocks("iterated")
		})},
		{"write of the whole length", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			_, _ = io.WriteString(start("200 OK", sized("7")), "written")
			return nil
		})},
		{"start in the first iteration", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				_ = yield(nil, nil)
				start("200 OK", plain)
				yield([]byte("late, and in time"), nil)
			}
		})},
		{"start replaced for a cause", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", sized("100"), nil)
			start("500 Internal Server Error", plain, errCause)
			return modgo.Text("an error page")
		})},
		{"cause when the head is out", fixed(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			_, _ = io.WriteString(start("200 OK", plain), "half")
			start("500 Internal Server Error", plain, errCause)
			return nil
		})},
		{"panic", fixed(func(*modgo.Environ, modgo.StartResponse) modgo.Body { panic("an application's") })},
		{"panic in the body", answer("200 OK", sized("100"), func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				if yield([]byte("half"), nil) {
					panic("a body's")
				}
			}
		})},
		{"echo", fixed(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", plain)
			return modgo.Reader(env.Input())
		})},
		{"changed environ", fixed(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			env.Set("SCRIPT_NAME", "nonsense")
			env.Delete("QUERY_STRING")
			env.SetInput(strings.NewReader("another"))
			start("200 OK", plain)
			return modgo.Reader(env.Input())
		})},
		{"interim response, flush and trailers", fixed(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			c := modgo.NewController(env)
			_ = c.Inform("103 Early Hints", modgo.Headers{{"Link", "</style.css>; rel=preload"}})
			_ = c.AnnounceTrailers("X-Sum")
			start("200 OK", plain)
			_ = c.Flush()
			return func(yield func([]byte, error) bool) {
				if yield([]byte("block"), nil) {
					_ = c.SetTrailers(modgo.Headers{{"X-Sum", "5"}})
				}
			}
		})},
		{"handler", handler(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "page of %s", r.URL.Path) })},
		{"handler that streams", handler(func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3 {
				fmt.Fprintln(w, i)
				_ = http.NewResponseController(w).Flush()
			}
		})},
		{"handler with an empty error", handler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })},
		{"handler with a status of its own", handler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) })},
		{"handler that redirects", handler(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) })},
		{"handler with trailers", handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "block")
			w.Header().Set("X-Sum", "5")
		})},
		{"handler that echoes", handler(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.Copy(w, r.Body)
		})},
		{"handler of a file", handler(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("some content"))
		})},
		{"handler that aborts", handler(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})},
	}
}

// TestTransparent compares what a server sees of each application bare with what it sees through the validator.
func TestTransparent(t *testing.T) {
	for _, c := range correctApplications() {
		for _, request := range []struct {
			name   string
			source environ.Variables
			input  string
			broken int
		}{
			{name: "GET", source: complete},
			{name: "HEAD", source: with("REQUEST_METHOD", "HEAD")},
			{name: "POST", source: with("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "5"), input: "hello"},
			{name: "client gone at once", source: complete, broken: 1},
			{name: "client gone later", source: complete, broken: 2},
		} {
			t.Run(c.name+"/"+request.name, func(t *testing.T) {
				app := c.app(t)
				unordered := strings.HasPrefix(c.name, "handler") // an http.Header is a map
				bare := &recorder{broken: request.broken, sorts: unordered}
				watched := &recorder{broken: request.broken, sorts: unordered}
				want := serve(t, app, request.source, request.input, bare)
				got := serve(t, validate.Testing(t)(app), request.source, request.input, watched)
				if got != want {
					t.Errorf("the request failed with %q; bare with %q", got, want)
				}
				if !slices.Equal(watched.calls, bare.calls) {
					t.Errorf("the server was told\n%q\nbare\n%q", watched.calls, bare.calls)
				}
			})
		}
	}
}

// TestSilentOverHTTP runs the applications on the reference server and on net/http's.
func TestSilentOverHTTP(t *testing.T) {
	for _, c := range correctApplications() {
		t.Run(c.name, func(t *testing.T) {
			app := validate.Testing(t)(c.app(t))
			reference := modgo.NewServer("127.0.0.1:0", app)
			reference.ErrorLog = io.Discard
			reference.Mount = "/shop"
			if err := reference.Listen(); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- reference.ServeForever() }()
			defer func() {
				_ = reference.Close()
				<-served
			}()
			plainServer := httptest.NewUnstartedServer(modgo.ToHandler(app))
			plainServer.Config.ErrorLog = log.New(io.Discard, "", 0) // the panics of applications are wanted here
			plainServer.Start()
			defer plainServer.Close()
			tlsServer := httptest.NewUnstartedServer(modgo.ToHandler(app))
			tlsServer.Config.ErrorLog = plainServer.Config.ErrorLog
			tlsServer.EnableHTTP2 = true
			tlsServer.StartTLS()
			defer tlsServer.Close()
			for url, client := range map[string]*http.Client{
				"http://" + reference.Addr().String(): plainServer.Client(),
				plainServer.URL:                       plainServer.Client(),
				tlsServer.URL:                         tlsServer.Client(),
			} {
				for _, method := range []string{"GET", "HEAD", "POST"} {
					request, err := http.NewRequest(method, url+"/shop/cart%20x?size=2", nil)
					if method == "POST" {
						request, err = http.NewRequest(method, url+"/shop/cart", io.MultiReader(strings.NewReader("chunked"), bytes.NewReader(make([]byte, 100))))
					}
					if err != nil {
						t.Fatal(err)
					}
					response, err := client.Do(request)
					if err != nil {
						continue // an application that panics
					}
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			}
		})
	}
}

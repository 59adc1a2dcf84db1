package middleware_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func ExampleGzip() {
	application := middleware.Gzip(middleware.GzipOptions{})(func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}, {"ETag", `"v1"`}})
		return modgo.Text(strings.Repeat("the same over and over, ", 1000))
	})
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Accept-Encoding", "br;q=0.5, gzip")
	response := httptest.NewRecorder()
	modgo.ToHandler(application).ServeHTTP(response, request)
	fmt.Println(response.Header()["Content-Encoding"], response.Header()["Vary"], response.Header()["Etag"])
	fmt.Println(response.Body.Len() < 300)
	// Output:
	// [gzip] [Accept-Encoding] [W/"v1"]
	// true
}

func TestGzipOfHeadIsThatOfGet(t *testing.T) {
	m := middleware.Gzip(middleware.GzipOptions{})
	s := serveSite(t, "", m(respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") })))
	get, head := s.do(t, "GET", "/", "Accept-Encoding: gzip"), s.do(t, "HEAD", "/", "Accept-Encoding: gzip")
	get.Header.Del("Date")
	head.Header.Del("Date")
	if a, b := fmt.Sprint(get.Header), fmt.Sprint(head.Header); a != b || get.ContentLength != int64(len(get.Body)) {
		t.Errorf("GET has %s, HEAD %s", a, b)
	}
}

func TestGzipOfResponsesWithoutBody(t *testing.T) {
	m := checked(t, middleware.Gzip(middleware.GzipOptions{}))
	tag := modgo.Headers{{"ETag", `"1"`}}
	for _, test := range []struct {
		name, status string
		headers      modgo.Headers
		ifNoneMatch  string
		etag, vary   string
	}{
		{"no content", "204 No Content", tag, "", `"1"`, ""},
		{"not modified", "304 Not Modified", tag, `"1"`, `"1"`, ""},
		{"the compressed form is not modified", "304 Not Modified", tag, `"0", W/"1"`, `W/"1"`, "Accept-Encoding"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveSite(t, "", m(respond(test.status, test.headers, func() modgo.Body { return nil })))
			r := s.do(t, "GET", "/", "Accept-Encoding: gzip", "If-None-Match: "+test.ifNoneMatch)
			if r.Header.Get("Content-Encoding") != "" || r.Header.Get("Etag") != test.etag || r.Header.Get("Vary") != test.vary || r.Body != "" {
				t.Errorf("%v %q", r.Header, r.Body)
			}
		})
	}
	t.Run("an empty page", func(t *testing.T) {
		s := serveSite(t, "", m(respond("200 OK", text, func() modgo.Body { return nil })))
		if r := s.do(t, "GET", "/", "Accept-Encoding: gzip"); r.unzipped(t) != "" {
			t.Errorf("%q", r.Body)
		}
	})
	if tag[0][1] != `"1"` {
		t.Error("the application's own headers were changed")
	}
}

// bothOf writes one block and iterates two.
func bothOf(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	w := startResponse("200 OK", text)
	fmt.Fprint(w, "written, ")
	fmt.Fprint(w, "")
	return blocks("iterated, ", "", "twice")
}

func TestGzipOfWrittenAndIteratedBlocks(t *testing.T) {
	for name, app := range map[string]modgo.Application{
		"written, iterated, twice": bothOf,
		"written": func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			io.WriteString(startResponse("200 OK", text), "written")
			return nil
		},
		"written, single": func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			io.WriteString(startResponse("200 OK", text), "written, ")
			return modgo.Text("single")
		},
		"started late": func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				startResponse("200 OK", text)
				yield([]byte("started late"), nil)
			}
		},
		"started again": func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			startResponse("200 OK", modgo.Headers{{"Content-Type", "image/png"}})
			startResponse("500 Internal Server Error", text, errors.New("cause"))
			return modgo.Text("started again")
		},
		"handled": modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "hand")
			http.NewResponseController(w).Flush()
			io.WriteString(w, "led")
		})),
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, checked(t, middleware.Gzip(middleware.GzipOptions{MinLength: -1})), func(t *testing.T, m modgo.Middleware) {
				s := serveSite(t, "", m(app))
				if r := s.do(t, "GET", "/", "Accept-Encoding: gzip"); r.Header.Get("Content-Encoding") != "gzip" || r.unzipped(t) != name {
					t.Errorf("%v %q", r.Header, r.Body)
				}
				if r := s.do(t, "GET", "/"); r.Body != name {
					t.Errorf("without gzip: %q", r.Body)
				}
				if r := s.do(t, "HEAD", "/", "Accept-Encoding: gzip"); r.Header.Get("Content-Encoding") != "gzip" || r.Err != nil {
					t.Errorf("HEAD: %v (%v)", r.Header, r.Err)
				}
			})
		})
	}
}

// A response that turned out another one while its body was made goes out as it is, because the body has been handed on.
func TestGzipOfAResponseThatIsReplacedLate(t *testing.T) {
	s := serveSite(t, "", checked(t, middleware.Gzip(middleware.GzipOptions{}))(func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("200 OK", modgo.Headers{{"Content-Type", "image/png"}})
		return func(yield func([]byte, error) bool) {
			startResponse("500 Internal Server Error", text, errors.New("cause"))
			yield([]byte("sorry"), nil)
		}
	}))
	if r := s.do(t, "GET", "/", "Accept-Encoding: gzip"); r.StatusCode != 500 || r.Header.Get("Content-Encoding") != "" || r.Body != "sorry" {
		t.Errorf("%d %v %q", r.StatusCode, r.Header, r.Body)
	}
}

// C39: the client has a block, decompressed, before the application makes the next.
func TestGzipDelaysNoBlock(t *testing.T) {
	const n = 5
	received := make(chan string)
	next := func() { <-received }
	for name, app := range map[string]modgo.Application{
		"iterated": respond("200 OK", text, func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				for i := range n {
					if !yield(fmt.Appendf(nil, "block %d\n", i), nil) {
						return
					}
					next()
				}
			}
		}),
		"written": func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			w := startResponse("200 OK", text)
			for i := range n {
				fmt.Fprintf(w, "block %d\n", i)
				next()
			}
			return nil
		},
		"flushed by a handler": modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			for i := range n {
				fmt.Fprintf(w, "block %d\n", i)
				http.NewResponseController(w).Flush()
				next()
			}
		})),
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, checked(t, middleware.Gzip(middleware.GzipOptions{})), func(t *testing.T, m modgo.Middleware) {
				s := serveSite(t, "", m(app))
				request, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
				request.Header.Set("Accept-Encoding", "gzip")
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				reader, err := gzip.NewReader(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				for i := range n {
					want := fmt.Sprintf("block %d\n", i)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(reader, got); err != nil || string(got) != want {
						t.Fatalf("%q (%v); want %q", got, err, want)
					}
					received <- want
				}
				if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
					t.Errorf("%q (%v) follows", rest, err)
				}
			})
		})
	}
}

func TestGzipEndsAsTheBodyDoes(t *testing.T) {
	var mu sync.Mutex
	closed := 0
	ending := func(last func(yield func([]byte, error) bool)) func() modgo.Body {
		return func() modgo.Body {
			return func(yield func([]byte, error) bool) {
				defer func() {
					mu.Lock()
					closed++
					mu.Unlock()
				}()
				if yield([]byte("begun"), nil) {
					last(yield)
				}
			}
		}
	}
	for _, test := range []struct {
		name, method string
		body         func() modgo.Body
		whole        bool
	}{
		{"whole", "GET", ending(func(func([]byte, error) bool) {}), true},
		{"HEAD", "HEAD", ending(func(func([]byte, error) bool) {}), true},
		{"an error", "GET", ending(func(yield func([]byte, error) bool) { yield(nil, errors.New("oops")) }), false},
		{"a panic", "GET", ending(func(func([]byte, error) bool) { panic("oops") }), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			closed = 0
			m := middleware.Gzip(middleware.GzipOptions{})
			var r *reply
			t.Run("request", func(t *testing.T) { // at whose end the server has ended
				s := serveSite(t, "", checked(t, m)(respond("200 OK", text, test.body)))
				r = s.do(t, test.method, "/", "Accept-Encoding: gzip")
			})
			if (r.Err == nil) != test.whole {
				t.Errorf("the client's error is %v", r.Err)
			}
			if closed != 1 {
				t.Errorf("the body's clean-up ran %d times; want once", closed)
			}
			if test.whole {
				return
			}
			// What the client has is no whole stream.
			reader, err := gzip.NewReader(strings.NewReader(r.Body))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(reader); err == nil {
				t.Errorf("the stream %q seems whole", got)
			}
		})
	}
}

func TestGzipOfManyClients(t *testing.T) {
	s := serveSite(t, "", checked(t, middleware.Gzip(middleware.GzipOptions{}))(func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("200 OK", text)
		if path := env.Get("PATH_INFO"); len(path)%2 == 0 {
			return modgo.Text(path)
		}
		return blocks(strings.Split(env.Get("PATH_INFO"), "")...)
	}))
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 20 {
				path := "/" + strings.Repeat(strconv.Itoa(i), j)
				if got := s.do(t, "GET", path, "Accept-Encoding: gzip").unzipped(t); got != path {
					t.Errorf("%q came for %q", got, path)
				}
			}
		})
	}
	wait.Wait()
}

func TestGzipRefusesALevelThatIsNone(t *testing.T) {
	for _, level := range []int{-1, 10} {
		func() {
			defer func() {
				if message := fmt.Sprint(recover()); !strings.Contains(message, strconv.Itoa(level)) || !strings.Contains(message, "1, the fastest") {
					t.Errorf("level %d: %s", level, message)
				}
			}()
			middleware.Gzip(middleware.GzipOptions{Level: level})
		}()
	}
}

func BenchmarkGzip(b *testing.B) {
	page := []byte(strings.Repeat("a page of words and words, ", 400))
	app := middleware.Gzip(middleware.GzipOptions{})(respond("200 OK", text, func() modgo.Body { return modgo.Bytes(page) }))
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		env := envOf(map[string]string{"REQUEST_METHOD": "GET", "HTTP_ACCEPT_ENCODING": "gzip"})
		var sent bytes.Buffer
		for block := range app(env, func(string, modgo.Headers, ...error) io.Writer { return &sent }) {
			sent.Write(block)
		}
	}
}

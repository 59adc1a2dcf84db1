package environ_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

// TestToRequestKeepsTheRequest: what nobody changed is the request's own, what no variable can say included.
func TestToRequestKeepsTheRequest(t *testing.T) {
	type key struct{}
	r := httptest.NewRequest("POST", "https://example.org/a%2Fb?c=d", strings.NewReader("body"))
	r.Header = http.Header{"X-Many": {"1", "2"}, "Cookie": {"a=1", "b=2"}, "X_Odd": {"\xff"}, "lower": {""}, "Proxy": {"p"}, "Content-Length": {"4"}}
	r.Trailer = http.Header{"X-Sum": nil}
	r.Pattern = "POST /{rest...}"
	r.SetPathValue("rest", "a/b")
	r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	reflect.ValueOf(r).Elem().FieldByName("Cancel").Set(reflect.ValueOf(make(<-chan struct{}))) // deprecated, and kept
	r = r.WithContext(contextWith(t, key{}, 7))
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}

	e := environ.FromRequest(r, environ.Server{})
	e.Set("REMOTE_USER", "ada")           // no part of a request
	e.Set("HTTP_X_MANY", "1, 2")          // what it was
	e.Set("HTTP_PROXY", "evil")           // no header's
	e.Set("HTTP_CONTENT_TYPE", "evil/x")  // no header's
	e.Set("HTTP_x_odd", "evil")           // no header's
	e.Delete("HTTP_X_NONE")               // was not there
	e.Set("REQUEST_METHOD", "POST")       // what it was
	e.Set("SCRIPT_NAME", "/elsewhere")    // nowhere in a request
	e.Set("QUERY_STRING", r.URL.RawQuery) // what it was
	e.Set("REMOTE_PORT", "1234")          // what it was
	e.Set("CONTENT_LENGTH", "4")          // what it was
	got := environ.ToRequest(e)
	if got == r {
		t.Error("the request itself is returned; want a copy")
	}
	was, is := reflect.ValueOf(r).Elem(), reflect.ValueOf(got).Elem()
	for _, field := range reflect.VisibleFields(was.Type()) {
		before, now := was.FieldByIndex(field.Index), is.FieldByIndex(field.Index)
		switch {
		case !field.IsExported():
		case before.IsZero() && field.Name != "MultipartForm" && field.Name != "TransferEncoding" && field.Name != "Close" && field.Name != "Response":
			t.Errorf("the request of this test has no %s", field.Name)
		case field.Type.Kind() == reflect.Func && before.Pointer() != now.Pointer(),
			field.Type.Kind() != reflect.Func && !reflect.DeepEqual(before.Interface(), now.Interface()):
			t.Errorf("%s has become %v; want %v", field.Name, now, before)
		}
	}
	if got.PathValue("rest") != "a/b" || got.Context().Value(key{}) != 7 {
		t.Errorf("path value %q, context value %v; want a/b, 7", got.PathValue("rest"), got.Context().Value(key{}))
	}
	got.Trailer.Set("X-Sum", "9")
	if r.Trailer.Get("X-Sum") != "9" {
		t.Error("the trailers are not shared")
	}
}

func TestToRequestAppliesChanges(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(e *environ.Environ)
		check  func(t *testing.T, got *http.Request)
	}{
		{"method", func(e *environ.Environ) { e.Set("REQUEST_METHOD", "PUT") }, func(t *testing.T, got *http.Request) {
			equal(t, "Method", got.Method, "PUT")
		}},
		{"no method", func(e *environ.Environ) { e.Delete("REQUEST_METHOD") }, func(t *testing.T, got *http.Request) {
			equal(t, "Method", got.Method, "GET")
		}},
		{"shifted path", func(e *environ.Environ) {
			e.Set("SCRIPT_NAME", "/a")
			e.Set("PATH_INFO", "/b/c")
		}, func(t *testing.T, got *http.Request) {
			equal(t, "Path", got.URL.Path, "/b/c")
			equal(t, "EscapedPath", got.URL.EscapedPath(), "/b%2Fc") // the client's escaping
			equal(t, "RequestURI", got.RequestURI, "/a/b%2Fc?q=1")
			equal(t, "RawQuery", got.URL.RawQuery, "q=1")
		}},
		{"path shifted to nothing", func(e *environ.Environ) { e.Set("PATH_INFO", "") }, func(t *testing.T, got *http.Request) {
			equal(t, "Path", got.URL.Path, "/")
			equal(t, "RawPath", got.URL.RawPath, "")
		}},
		{"rewritten path", func(e *environ.Environ) { e.Set("PATH_INFO", "/new/\xe9?") }, func(t *testing.T, got *http.Request) {
			equal(t, "Path", got.URL.Path, "/new/\xe9?")
			equal(t, "EscapedPath", got.URL.EscapedPath(), "/new/%E9%3F")
		}},
		{"query", func(e *environ.Environ) { e.Set("QUERY_STRING", "q=2") }, func(t *testing.T, got *http.Request) {
			equal(t, "FormValue", got.FormValue("q"), "2")
			equal(t, "PostFormValue", got.PostFormValue("p"), "1") // has been read
		}},
		{"target", func(e *environ.Environ) { e.Set("REQUEST_URI", "/x") }, func(t *testing.T, got *http.Request) {
			equal(t, "RequestURI", got.RequestURI, "/x")
		}},
		{"header set", func(e *environ.Environ) { e.Set("HTTP_X_MANY", "3") }, func(t *testing.T, got *http.Request) {
			equal(t, "X-Many", strings.Join(got.Header.Values("X-Many"), "|"), "3")
		}},
		{"header added", func(e *environ.Environ) { e.Set("HTTP_X_NEW", "") }, func(t *testing.T, got *http.Request) {
			if values := got.Header["X-New"]; len(values) != 1 || values[0] != "" {
				t.Errorf("X-New is %q; want one that is empty", values)
			}
		}},
		{"header deleted", func(e *environ.Environ) { e.Delete("HTTP_X_MANY") }, func(t *testing.T, got *http.Request) {
			if values, ok := got.Header["X-Many"]; ok {
				t.Errorf("X-Many is %q; want none", values)
			}
		}},
		{"host", func(e *environ.Environ) { e.Set("HTTP_HOST", "new") }, func(t *testing.T, got *http.Request) {
			equal(t, "Host", got.Host, "new")
			if _, ok := got.Header["Host"]; ok {
				t.Error("Host is among the headers")
			}
		}},
		{"content type", func(e *environ.Environ) { e.Set("CONTENT_TYPE", "a/b") }, func(t *testing.T, got *http.Request) {
			equal(t, "Content-Type", got.Header.Get("Content-Type"), "a/b")
			if got.PostForm != nil {
				t.Error("what was parsed by another type is left")
			}
		}},
		{"address", func(e *environ.Environ) { e.Set("REMOTE_ADDR", "2001:db8::1") }, func(t *testing.T, got *http.Request) {
			equal(t, "RemoteAddr", got.RemoteAddr, "[2001:db8::1]:1234")
		}},
		{"address without a port", func(e *environ.Environ) {
			e.Set("REMOTE_ADDR", "192.0.2.9")
			e.Delete("REMOTE_PORT")
		}, func(t *testing.T, got *http.Request) { equal(t, "RemoteAddr", got.RemoteAddr, "192.0.2.9:") }},
		{"protocol", func(e *environ.Environ) { e.Set("SERVER_PROTOCOL", "HTTP/2.0") }, func(t *testing.T, got *http.Request) {
			if got.Proto != "HTTP/2.0" || !got.ProtoAtLeast(2, 0) {
				t.Errorf("the protocol is %s, %d.%d", got.Proto, got.ProtoMajor, got.ProtoMinor)
			}
		}},
		{"decoded body", func(e *environ.Environ) {
			e.SetInput(strings.NewReader("p=decoded"))
			e.Delete("CONTENT_LENGTH")
		}, func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
			equal(t, "PostFormValue", got.PostFormValue("p"), "decoded")
			if got.GetBody != nil {
				t.Error("GetBody still gives the body before")
			}
		}},
		{"gathered body", func(e *environ.Environ) {
			e.SetInput(strings.NewReader("p=22"))
			e.Set("CONTENT_LENGTH", "4")
		}, func(t *testing.T, got *http.Request) { equal(t, "the length", got.ContentLength, 4) }},
		{"limited body", func(e *environ.Environ) { e.SetInput(http.MaxBytesReader(nil, e.Input().(io.ReadCloser), 1)) }, func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, 3)
		}},
		{"chunked body", func(e *environ.Environ) {
			e.Delete("CONTENT_LENGTH")
			e.Set("HTTP_TRANSFER_ENCODING", "Chunked")
		}, func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
			equal(t, "TransferEncoding", strings.Join(got.TransferEncoding, "|"), "chunked")
			if _, ok := got.Header["Transfer-Encoding"]; ok {
				t.Error("Transfer-Encoding is among the headers")
			}
		}},
		{"a length that is none", func(e *environ.Environ) { e.Set("CONTENT_LENGTH", "-3") }, func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
			equal(t, "Content-Length", got.Header.Get("Content-Length"), "-3")
		}},
		{"context", func(e *environ.Environ) {
			ctx, cancel := context.WithCancel(e.Context())
			cancel()
			e.SetContext(ctx)
		}, func(t *testing.T, got *http.Request) {
			if got.Context().Err() == nil {
				t.Error("the context is not the one that was set")
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/a/b%2Fc?q=1", strings.NewReader("p=1"))
			r.Header = http.Header{"X-Many": {"1", "2"}, "Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"3"}}
			r.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
			if test.name == "query" {
				r.PostFormValue("p")
			}
			before, url := r.Header.Clone(), *r.URL
			e := environ.FromRequest(r, environ.Server{})
			test.change(e)
			got := environ.ToRequest(e)
			test.check(t, got)
			if !reflect.DeepEqual(r.Header, before) || *r.URL != url || r.Method != "POST" {
				t.Errorf("the request behind has changed: %+v", r)
			}
			// And what the handler has is what the Environ says.
			want := variablesOf(t, e)
			if want["REQUEST_METHOD"] == "" {
				want["REQUEST_METHOD"] = "GET"
			}
			if want["HTTP_TRANSFER_ENCODING"] != "" {
				want["HTTP_TRANSFER_ENCODING"] = "chunked"
			}
			again := variablesOf(t, environ.FromRequest(got, environ.Server{Base: sourceOf(e)}))
			sameVariables(t, "the request's", again, want)
		})
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v; want %v", what, got, want)
	}
}

// environSource is an Environ as the Source of another.
type environSource struct{ *environ.Environ }

func sourceOf(e *environ.Environ) environ.Source { return environSource{e} }

func (s environSource) All(yield func(name, value string) bool) {
	for name, value := range s.Environ.All() {
		if !yield(name, value) {
			return
		}
	}
}

// TestClosingAReplacedBody closes the body behind it.
func TestClosingAReplacedBody(t *testing.T) {
	body := &closing{Reader: strings.NewReader("abc")}
	r := httptest.NewRequest("POST", "/", body)
	e := environ.FromRequest(r, environ.Server{})
	e.SetInput(io.LimitReader(e.Input(), 2))
	got := environ.ToRequest(e)
	if read, err := io.ReadAll(got.Body); string(read) != "ab" || err != nil {
		t.Errorf("the body is %q, %v; want ab", read, err)
	}
	if err := got.Body.Close(); err != nil || !body.closed {
		t.Errorf("Close: %v; the body behind is closed: %v", err, body.closed)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// TestTrailersArriveInTheCopy: they come when the body has ended, announced or not.
func TestTrailersArriveInTheCopy(t *testing.T) {
	for _, announcement := range []string{"Trailer: X-Sum\r\n", ""} {
		for _, mount := range []string{"", "/sub"} {
			request := "POST /sub/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + announcement + "\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n"
			got := overWire(t, request, func(r *http.Request) string {
				e := environ.FromRequest(r, environ.Server{Mount: mount})
				copied := environ.ToRequest(e)
				if _, err := io.Copy(io.Discard, copied.Body); err != nil {
					t.Error(err)
				}
				if _, ok := e.Lookup("HTTP_TRAILER"); ok != (announcement != "") {
					t.Errorf("with %q: HTTP_TRAILER is there: %v", announcement, ok) // C8
				}
				return copied.Trailer.Get("X-Sum")
			})
			if got != "9" {
				t.Errorf("with %q, mount %q: the trailer is %q; want 9", announcement, mount, got)
			}
		}
	}
}

// goneSource is a Source whose request is over.
type goneSource struct{ environ.Variables }

func (goneSource) Request() *http.Request { return nil }

// TestToRequestOfVariables builds requests of nothing but variables.
func TestToRequestOfVariables(t *testing.T) {
	for _, test := range []struct {
		name      string
		variables environ.Variables
		input     io.Reader
		check     func(t *testing.T, got *http.Request)
	}{
		{"nothing", environ.Variables{}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "Method", got.Method, "GET")
			equal(t, "Path", got.URL.Path, "/")
			equal(t, "RequestURI", got.RequestURI, "/")
			equal(t, "Proto", got.Proto, "HTTP/1.1")
			equal(t, "the length", got.ContentLength, 0)
			equal(t, "Body", got.Body, io.ReadCloser(http.NoBody))
			if got.Header == nil || got.TLS != nil || got.Trailer != nil || got.Host != "" || got.RemoteAddr != "" {
				t.Errorf("%+v", got)
			}
		}},
		{"all of it", environ.Variables{
			"REQUEST_METHOD": "PUT", "SCRIPT_NAME": "/sub", "PATH_INFO": "/a/\xe9 b", "QUERY_STRING": "q=%20", "REQUEST_URI": "/sub/a%2f%e9%20b?q=%20",
			"SERVER_PROTOCOL": "HTTP/1.0", "REMOTE_ADDR": "::1", "REMOTE_PORT": "99", "CONTENT_TYPE": "a/b", "CONTENT_LENGTH": "3",
			"HTTP_HOST": "example.org:81", "HTTP_X_ONE": "1, 2", "HTTP_COOKIE": "a; b", "HTTP_PROXY": "evil", "REMOTE_USER": "ada",
		}, strings.NewReader("abc"), func(t *testing.T, got *http.Request) {
			equal(t, "Method", got.Method, "PUT")
			equal(t, "Path", got.URL.Path, "/a/\xe9 b")
			equal(t, "RawQuery", got.URL.RawQuery, "q=%20")
			equal(t, "RequestURI", got.RequestURI, "/sub/a%2f%e9%20b?q=%20")
			equal(t, "RemoteAddr", got.RemoteAddr, "[::1]:99")
			equal(t, "Host", got.Host, "example.org:81")
			equal(t, "the length", got.ContentLength, 3)
			equal(t, "at least 1.1", got.ProtoAtLeast(1, 1), false)
			want := http.Header{"Content-Type": {"a/b"}, "Content-Length": {"3"}, "X-One": {"1, 2"}, "Cookie": {"a; b"}}
			if !reflect.DeepEqual(got.Header, want) {
				t.Errorf("the headers are %q; want %q", got.Header, want)
			}
			if body, err := io.ReadAll(got.Body); string(body) != "abc" || err != nil {
				t.Errorf("the body is %q, %v", body, err)
			}
		}},
		{"the client's escaping", environ.Variables{"SCRIPT_NAME": "/sub", "PATH_INFO": "/a/b", "REQUEST_URI": "/sub/a%2Fb"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "EscapedPath", got.URL.EscapedPath(), "/a%2Fb")
		}},
		{"a target made of the rest", environ.Variables{"SCRIPT_NAME": "/s b", "PATH_INFO": "/\xe9", "QUERY_STRING": "x"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "RequestURI", got.RequestURI, "/s%20b/%E9?x")
		}},
		{"chunked", environ.Variables{"HTTP_TRANSFER_ENCODING": "CHUNKED", "HTTP_TRAILER": "x-a, content-length,,X-B"}, strings.NewReader("abc"), func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
			equal(t, "TransferEncoding", strings.Join(got.TransferEncoding, "|"), "chunked")
			if !reflect.DeepEqual(got.Trailer, http.Header{"X-A": nil, "X-B": nil}) || len(got.Header) > 0 {
				t.Errorf("the trailers are %q, the headers %q", got.Trailer, got.Header)
			}
		}},
		{"HTTP/2 without a length", environ.Variables{"SERVER_PROTOCOL": "HTTP/2"}, strings.NewReader("abc"), func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
			equal(t, "at least 2", got.ProtoAtLeast(2, 0), true)
		}},
		{"HTTP/2 without a body", environ.Variables{"SERVER_PROTOCOL": "HTTP/2.0"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, 0)
		}},
		{"server-side include", environ.Variables{"SERVER_PROTOCOL": "INCLUDED"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "Proto", got.Proto, "INCLUDED")
			equal(t, "at least 1.1", got.ProtoAtLeast(1, 1), false)
		}},
		{"a length that is none", environ.Variables{"CONTENT_LENGTH": "3, 4"}, strings.NewReader("abc"), func(t *testing.T, got *http.Request) {
			equal(t, "the length", got.ContentLength, -1)
		}},
		{"TLS", environ.Variables{"wsgi.url_scheme": "https", "SSL_PROTOCOL": "TLSv1.2", "SSL_CIPHER": "ECDHE-RSA-AES128-GCM-SHA256", "SSL_TLS_SNI": "a"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "Version", got.TLS.Version, tls.VersionTLS12)
			equal(t, "CipherSuite", got.TLS.CipherSuite, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
			equal(t, "ServerName", got.TLS.ServerName, "a")
		}},
		{"TLS of CGI", environ.Variables{"HTTPS": "ON"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "complete", got.TLS != nil && got.TLS.HandshakeComplete, true)
		}},
		{"a proxy's HTTPS", environ.Variables{"HTTPS": "on", "wsgi.url_scheme": "http"}, nil, func(t *testing.T, got *http.Request) {
			equal(t, "TLS", got.TLS != nil, false)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, s := range []environ.Source{test.variables, goneSource{test.variables}} {
				if seeker, ok := test.input.(io.Seeker); ok {
					_, _ = seeker.Seek(0, io.SeekStart)
				}
				e := environ.New(environ.Config{Source: s, Context: t.Context(), Input: test.input})
				got := environ.ToRequest(e)
				test.check(t, got)
				if got.Context() != t.Context() {
					t.Error("the context is another")
				}
			}
		})
	}
}

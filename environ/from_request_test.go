package environ_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

// overWire sends the bytes of a request to a server of net/http and returns what handle made of it.
func overWire[T any](t *testing.T, request string, handle func(r *http.Request) T) (result T) {
	t.Helper()
	results := make(chan T, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { results <- handle(r) }))
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case result = <-results:
	default:
		t.Fatalf("net/http answered %s to %q without calling the handler", response.Status, request)
	}
	return result
}

// variablesOf collects all variables, and checks that Lookup and Names say the same as All.
func variablesOf(t testing.TB, e *environ.Environ) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for name, value := range e.All() {
		if _, twice := all[name]; twice {
			t.Errorf("All yields %s twice", name)
		}
		all[name] = value
		if got, ok := e.Lookup(name); !ok || got != value {
			t.Errorf("All has %s=%q; Lookup says %q, %v", name, value, got, ok)
		}
	}
	if names := slices.Sorted(maps.Keys(all)); !slices.Equal(e.Names(), names) {
		t.Errorf("Names() = %q; All has %q", e.Names(), names)
	}
	return all
}

// sameVariables compares variables except those named.
func sameVariables(t testing.TB, what string, got, want map[string]string, except ...string) {
	t.Helper()
	for name, value := range want {
		if g, ok := got[name]; (!ok || g != value) && !slices.Contains(except, name) {
			t.Errorf("%s: %s is %q, %v; want %q", what, name, g, ok, value)
		}
	}
	for name, value := range got {
		if _, ok := want[name]; !ok && !slices.Contains(except, name) {
			t.Errorf("%s: %s is %q; want none", what, name, value)
		}
	}
}

const absent = "\x00absent"

func TestFromRequest(t *testing.T) {
	for _, test := range []struct {
		name    string
		request string
		server  environ.Server
		want    map[string]string // absent: there is no such variable
	}{
		{"the least", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", environ.Server{}, map[string]string{
			"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "REQUEST_SCHEME": "http", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
			"SERVER_NAME": "example.org", "SERVER_PORT": "80", "SERVER_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
			"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org",
			"wsgi.version": "1.0", "wsgi.url_scheme": "http", "wsgi.multithread": "false", "wsgi.multiprocess": "false", "wsgi.run_once": "false",
			// C5, C12
			"CONTENT_TYPE": absent, "CONTENT_LENGTH": absent, "REMOTE_USER": absent, "HTTPS": absent, "SSL_PROTOCOL": absent,
			"SSL_CLIENT_VERIFY": absent, "SERVER_SOFTWARE": absent, "HTTP_TRANSFER_ENCODING": absent, "HTTP_TRAILER": absent, "": absent,
		}},
		{"what the server knows", "GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\n\r\n", environ.Server{
			Software: "test/1", Multithread: true, Multiprocess: true, RunOnce: true,
			Variables: map[string]string{"COLOUR": "red", "REQUEST_METHOD": "PUT", "HTTP_ACCEPT": "y", "SERVER_NAME": "b", "REMOTE_USER": "ada"},
		}, map[string]string{
			"SERVER_SOFTWARE": "test/1", "wsgi.multithread": "true", "wsgi.multiprocess": "true", "wsgi.run_once": "true",
			"COLOUR": "red", "REMOTE_USER": "ada", "REQUEST_METHOD": "GET", "HTTP_ACCEPT": "x", "SERVER_NAME": "a",
		}},
		{"target as sent, path decoded", "BREW /caf%C3%A9/%e9%20x?a=%20&b=c+d HTTP/1.1\r\nHost: a\r\n\r\n", environ.Server{}, map[string]string{
			"REQUEST_METHOD": "BREW", "REQUEST_URI": "/caf%C3%A9/%e9%20x?a=%20&b=c+d", "PATH_INFO": "/café/\xe9 x", "QUERY_STRING": "a=%20&b=c+d",
		}},
		{"absolute form", "GET http://Example.ORG:8080/x?y HTTP/1.1\r\nHost: other\r\n\r\n", environ.Server{}, map[string]string{
			"REQUEST_URI": "http://Example.ORG:8080/x?y", "PATH_INFO": "/x", "HTTP_HOST": "Example.ORG:8080", "SERVER_NAME": "example.org", "SERVER_PORT": "8080",
		}},
		{"the server as a whole", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", environ.Server{}, map[string]string{
			"REQUEST_METHOD": "OPTIONS", "REQUEST_URI": "*", "SCRIPT_NAME": "", "PATH_INFO": "/",
		}},
		{"body with a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/x; q=\"\xe9\"\r\nContent-Length: 3\r\n\r\nabc", environ.Server{}, map[string]string{
			"CONTENT_TYPE": "text/x; q=\"\xe9\"", "CONTENT_LENGTH": "3", "HTTP_CONTENT_TYPE": absent, "HTTP_CONTENT_LENGTH": absent,
		}},
		{"empty body with a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type:\r\nContent-Length: 0\r\n\r\n", environ.Server{}, map[string]string{
			"CONTENT_TYPE": "", "CONTENT_LENGTH": "0",
		}},
		{"chunked body with trailers", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-b, X-A\r\n\r\n0\r\n\r\n", environ.Server{}, map[string]string{
			"CONTENT_LENGTH": absent, "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_TRAILER": "X-A, X-B",
		}},
		{"headers", "GET / HTTP/1.1\r\nhost: a\r\nX-One: 1\r\nx-one: 2\r\nX-One:\r\nCookie: a=1\r\ncookie: b=2\r\nX-Empty:\r\nX-Raw: \xff\t\xe9 \r\n\r\n", environ.Server{}, map[string]string{
			"HTTP_X_ONE": "1, 2, ", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_EMPTY": "", "HTTP_X_RAW": "\xff\t\xe9", "HTTP_X_TWO": absent, "http_x_one": absent, "HTTP_x_one": absent,
		}},
		{"headers that pose as others (C8)", "GET / HTTP/1.1\r\nHost: a\r\nX_Real: 1\r\nX-Real_User: 1\r\nContent_Type: 1\r\nProxy: 1\r\npROXY: 2\r\nHTTP_HOST: 1\r\nX.Y: 1\r\n\r\n", environ.Server{}, map[string]string{
			"HTTP_X_REAL": absent, "HTTP_X_REAL_USER": absent, "HTTP_CONTENT_TYPE": absent, "CONTENT_TYPE": absent, "HTTP_PROXY": absent,
			"HTTP_HTTP_HOST": absent, "HTTP_X.Y": absent, "HTTP_X_Y": absent, "HTTP_HOST": "a",
		}},
		{"HTTP/1.0 with a Host", "GET /x HTTP/1.0\r\nHost: [2001:DB8::1]:81\r\n\r\n", environ.Server{}, map[string]string{
			"SERVER_PROTOCOL": "HTTP/1.0", "SERVER_NAME": "[2001:db8::1]", "SERVER_PORT": "81",
		}},
		{"Host with a dot, without a port", "GET /x HTTP/1.1\r\nHost: WWW.example.org.\r\n\r\n", environ.Server{}, map[string]string{
			"HTTP_HOST": "WWW.example.org.", "SERVER_NAME": "www.example.org", "SERVER_PORT": "80",
		}},
		{"Host with an empty port", "GET /x HTTP/1.1\r\nHost: [::1]:\r\n\r\n", environ.Server{}, map[string]string{"SERVER_NAME": "[::1]", "SERVER_PORT": "80"}},
		{"Host that is to be escaped", "GET /x HTTP/1.1\r\nHost: a&b:x\r\n\r\n", environ.Server{}, map[string]string{"SERVER_NAME": "a&amp;b", "SERVER_PORT": "80"}},
		{"mount", "GET /sub/x/y HTTP/1.1\r\nHost: a\r\n\r\n", environ.Server{Mount: "/sub"}, map[string]string{
			"SCRIPT_NAME": "/sub", "PATH_INFO": "/x/y", "REQUEST_URI": "/sub/x/y",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := overWire(t, test.request, func(r *http.Request) map[string]string {
				return variablesOf(t, environ.FromRequest(r, test.server))
			})
			for name, want := range test.want {
				value, ok := got[name]
				if !ok {
					value = absent
				}
				if value != want {
					t.Errorf("%s is %q; want %q", name, value, want)
				}
			}
		})
	}
}

// TestFromRequestWithoutHost: SERVER_NAME and SERVER_PORT are never empty (C6).
func TestFromRequestWithoutHost(t *testing.T) {
	type address struct{ local, host, port string }
	got := overWire(t, "GET / HTTP/1.0\r\n\r\n", func(r *http.Request) address {
		e := environ.FromRequest(r, environ.Server{})
		if value, ok := e.Lookup("HTTP_HOST"); ok {
			t.Errorf("HTTP_HOST is %q; want none", value)
		}
		return address{r.Context().Value(http.LocalAddrContextKey).(net.Addr).String(), e.Get("SERVER_NAME"), e.Get("SERVER_PORT")}
	})
	if got.host+":"+got.port != got.local {
		t.Errorf("SERVER_NAME %q and SERVER_PORT %q; want those of %s", got.host, got.port, got.local)
	}
}

// TestFromRequestOfAProgram: requests that no server has parsed.
func TestFromRequestOfAProgram(t *testing.T) {
	for _, test := range []struct {
		name    string
		request *http.Request
		want    map[string]string
	}{
		{"nothing", new(http.Request), map[string]string{
			"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_NAME": "localhost",
			"SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": absent, "REMOTE_PORT": absent, "SERVER_ADDR": absent,
		}},
		{"http.NewRequest", must(http.NewRequest("POST", "http://example.org/a%20b?c", strings.NewReader("abc"))), map[string]string{
			"REQUEST_URI": "/a%20b?c", "PATH_INFO": "/a b", "HTTP_HOST": "example.org", "CONTENT_LENGTH": "3",
		}},
		{"address without a port", &http.Request{RemoteAddr: "2001:db8::1"}, map[string]string{"REMOTE_ADDR": "2001:db8::1", "REMOTE_PORT": absent}},
		{"IPv6 address", &http.Request{RemoteAddr: "[2001:db8::1]:99"}, map[string]string{"REMOTE_ADDR": "2001:db8::1", "REMOTE_PORT": "99"}},
		{"Unix socket", &http.Request{RemoteAddr: "@"}, map[string]string{"REMOTE_ADDR": "@", "REMOTE_PORT": absent}},
		{"headers in odd form", &http.Request{Host: "a", Header: http.Header{
			"Host": {"b"}, "x-low": {"1"}, "X-None": {}, "X-Nil": nil, "Transfer-Encoding": {"gzip", "chunked"}, "Trailer": {"X"},
		}}, map[string]string{
			"HTTP_HOST": "a", "HTTP_X_LOW": absent, "HTTP_X_NONE": absent, "HTTP_X_NIL": absent, "HTTP_TRANSFER_ENCODING": "gzip, chunked", "HTTP_TRAILER": "X",
		}},
		{"script in Host", &http.Request{Host: `<"&>`}, map[string]string{"SERVER_NAME": "&lt;&quot;&amp;&gt;"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := variablesOf(t, environ.FromRequest(test.request, environ.Server{}))
			for name, want := range test.want {
				value, ok := got[name]
				if !ok {
					value = absent
				}
				if value != want {
					t.Errorf("%s is %q; want %q", name, value, want)
				}
			}
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestFromRequestStreams(t *testing.T) {
	var log bytes.Buffer
	r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
	type key struct{}
	r = r.WithContext(contextWith(t, key{}, 7))
	e := environ.FromRequest(r, environ.Server{Errors: &log})
	if body, err := io.ReadAll(e.Input()); string(body) != "body" || err != nil {
		t.Errorf("the input is %q, %v; want body", body, err)
	}
	if n, err := e.Input().Read(make([]byte, 1)); n != 0 || err != io.EOF { // C22
		t.Errorf("reading on: %d, %v; want 0, EOF", n, err)
	}
	fmt.Fprintln(e.Errors(), "oops")
	if log.String() != "oops\n" {
		t.Errorf("the log has %q", log.String())
	}
	if e.Context().Value(key{}) != 7 {
		t.Error("the context is not the request's")
	}
	if n, err := environ.FromRequest(new(http.Request), environ.Server{}).Input().Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("reading no body: %d, %v; want 0, EOF", n, err)
	}
}

// TestBase: an environment behind the request answers for what no message says, and for nothing else.
func TestBase(t *testing.T) {
	base := environ.Variables{
		"REMOTE_USER": "ada", "SERVER_NAME": "canonical", "SERVER_PORT": "8443", "SERVER_SOFTWARE": "Apache", "SSL_PROTOCOL": "TLSv1.9", "HTTPS": "on",
		"wsgi.url_scheme": "https", "wsgi.multithread": "true", "COLOUR": "blue", "DOCUMENT_ROOT": "/srv",
		"SCRIPT_NAME": "/app", "PATH_INFO": "/x", "REQUEST_METHOD": "POST", "CONTENT_TYPE": "a/b", "CONTENT_LENGTH": "3", "QUERY_STRING": "old",
		"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "1", "HTTP_AUTHORIZATION": "secret", "HTTP_ACCEPT": "old", "HTTP_PROXY": "evil",
	}
	r := &http.Request{
		Method: "PUT", URL: &url.URL{Path: "/x", RawQuery: "new"}, RequestURI: "/app/x?old", Header: http.Header{"Accept": {"new"}},
		Host: "alias", RemoteAddr: "198.51.100.7", Proto: "HTTP/1.1",
	}
	got := variablesOf(t, environ.FromRequest(r, environ.Server{
		Base: base, Software: "mine", Variables: map[string]string{"COLOUR": "red", "SHAPE": "round", "HTTP_X_SET": "1"},
	}))
	sameVariables(t, "with a base", got, map[string]string{
		"REMOTE_USER": "ada", "SERVER_NAME": "canonical", "SERVER_PORT": "8443", "SERVER_SOFTWARE": "Apache", "SSL_PROTOCOL": "TLSv1.9", "HTTPS": "on",
		"wsgi.url_scheme": "https", "wsgi.multithread": "true", "COLOUR": "blue", "DOCUMENT_ROOT": "/srv", "SCRIPT_NAME": "/app", "PATH_INFO": "/x",
		"REQUEST_METHOD": "PUT", "QUERY_STRING": "new", "REQUEST_URI": "/app/x?old", "HTTP_ACCEPT": "new", "HTTP_HOST": "alias",
		"REMOTE_ADDR": "198.51.100.7", "SERVER_PROTOCOL": "HTTP/1.1",
		"SHAPE": "round", "HTTP_X_SET": "1",
		"wsgi.version": "1.0", "wsgi.multiprocess": "false", "wsgi.run_once": "false", "REQUEST_SCHEME": "http",
	})
}

func TestAllOfARequestStopsWhenTold(t *testing.T) {
	e := environ.FromRequest(httptest.NewRequest("GET", "/", nil), environ.Server{Base: request()})
	seen := 0
	for range e.All() {
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("a loop that breaks after 3 variables saw %d", seen)
	}
}

// TestVariablesFollowTheRequest: the Source looks at the request when it is asked.
func TestVariablesFollowTheRequest(t *testing.T) {
	r := httptest.NewRequest("GET", "/a", nil)
	e := environ.FromRequest(r, environ.Server{})
	r.Header.Set("X-Late", "1")
	r.URL.Path = "/b"
	if got := e.Get("HTTP_X_LATE") + e.Get("PATH_INFO"); got != "1/b" {
		t.Errorf("the variables are %q; want 1/b", got)
	}
}

// TestVariablesCostWhatIsRead: an application that reads three variables pays for three, whatever the number of headers.
func TestVariablesCostWhatIsRead(t *testing.T) {
	for _, headers := range []int{0, 10, 1000} {
		r := requestWith(headers)
		server := environ.Server{Software: "test", Variables: map[string]string{"A": "1"}}
		if got := testing.AllocsPerRun(100, func() { environ.FromRequest(r, server) }); got > 1 {
			t.Errorf("FromRequest allocates %v times with %d headers; want 1", got, headers)
		}
		e := environ.FromRequest(r, server)
		if got := testing.AllocsPerRun(100, func() { readThree(e) }); got != 0 {
			t.Errorf("reading three variables allocates %v times with %d headers; want 0", got, headers)
		}
	}
}

func requestWith(headers int) *http.Request {
	r := httptest.NewRequest("GET", "/articles/2026?page=2", nil)
	r.Header.Set("User-Agent", "test")
	for i := range headers {
		r.Header.Set(fmt.Sprintf("X-Header-%d", i), "value")
	}
	return r
}

func readThree(e *environ.Environ) int {
	return len(e.Get("REQUEST_METHOD")) + len(e.Get("PATH_INFO")) + len(e.Get("HTTP_USER_AGENT"))
}

func BenchmarkFromRequest(b *testing.B) {
	for _, headers := range []int{10, 100} {
		r := requestWith(headers)
		b.Run(fmt.Sprintf("%d_headers/three_variables", headers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				readThree(environ.FromRequest(r, environ.Server{}))
			}
		})
		b.Run(fmt.Sprintf("%d_headers/all_variables", headers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range environ.FromRequest(r, environ.Server{}).All() {
				}
			}
		})
	}
}

package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// startRequests runs an httpd for the tests of requests.
func startRequests(t *testing.T, mpm string) *httpdtest.Server {
	t.Helper()
	return httpdtest.Start(t, httpdtest.Config{
		MPM: mpm, Packages: testPackages, Modules: []string{"mod_reqtimeout"},
		Conf: "GoAlias /probe " + appsPath + "probe\nGoAlias /wsgi " + appsPath + "wsgi\nGoAlias /respond " + appsPath + "respond\n",
	})
}

// TestRequests: everything of a request reaches the application as the client sent it.
func TestRequests(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startRequests(t, mpm)
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server){
			"methods": testMethods, "headers": testHeaders, "variables": testVariables, "request line": testRequestLine,
			"bodies": testBodies, "streaming": testStreamedBody, "expect": testExpectContinue, "connections": testConnections,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t)) })
		}
		t.Run("contract variables", func(t *testing.T) { testContractVariables(t, srv.In(t), mpm) })
	})
}

func testMethods(t *testing.T, srv *httpdtest.Server) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"} {
		report := probed(t, srv.Send(method, "/probe", nil))
		if report.Method != method {
			t.Errorf("%s: a handler sees the method %q", method, report.Method)
		}
		checkVariables(t, report.Environ, map[string]string{"REQUEST_METHOD": method})
		environ := decode[map[string]string](t, srv.Send(method, "/wsgi/environ", nil))
		checkVariables(t, environ, map[string]string{"REQUEST_METHOD": method})
	}
}

func testHeaders(t *testing.T, srv *httpdtest.Server) {
	long := strings.Repeat("v", 8000)
	for _, c := range []struct {
		name      string
		lines     []string
		variables map[string]string
		header    http.Header // of a handler; nil: not looked at
	}{
		{"plain", []string{"X-One: a"}, map[string]string{"HTTP_X_ONE": "a"}, http.Header{"X-One": {"a"}}},
		{"any case", []string{"x-oNE: a"}, map[string]string{"HTTP_X_ONE": "a"}, http.Header{"X-One": {"a"}}},
		{"no value", []string{"X-Empty:"}, map[string]string{"HTTP_X_EMPTY": ""}, http.Header{"X-Empty": {""}}},
		{"space round the value", []string{"X-One: \t a b \t "}, map[string]string{"HTTP_X_ONE": "a b"}, nil},
		{"repeated", []string{"X-One: a", "X-Two: 2", "X-One: b"}, map[string]string{"HTTP_X_ONE": "a, b", "HTTP_X_TWO": "2"}, http.Header{"X-One": {"a, b"}}},
		{"an underscore", []string{"X_One: forged"}, map[string]string{"HTTP_X_ONE": absent}, nil},
		{"an underscore beside the real", []string{"X_One: forged", "X-One: real"}, map[string]string{"HTTP_X_ONE": "real"}, http.Header{"X-One": {"real"}}},
		{"the real beside an underscore", []string{"X-One: real", "X_One: forged"}, map[string]string{"HTTP_X_ONE": "real"}, http.Header{"X-One": {"real"}}},
		{"other odd characters", []string{"X.One: a", "X!One: b", "X~One: c"}, map[string]string{"HTTP_X_ONE": absent, "HTTP_X.ONE": absent, "HTTP_X!ONE": absent}, nil},
		{"Proxy", []string{"Proxy: http://192.0.2.1/"}, map[string]string{"HTTP_PROXY": absent}, nil},
		{"Proxy in other letters", []string{"pRoXy: http://192.0.2.1/"}, map[string]string{"HTTP_PROXY": absent}, nil},
		{"Content-Type", []string{"Content-Type: text/x"}, map[string]string{"CONTENT_TYPE": "text/x", "HTTP_CONTENT_TYPE": absent}, http.Header{"Content-Type": {"text/x"}}},
		{"an underscore in Content_Type", []string{"Content_Type: text/x"}, map[string]string{"CONTENT_TYPE": absent, "HTTP_CONTENT_TYPE": absent}, nil},
		{"bytes that are no UTF-8", []string{"X-One: caf\xe9 \xff\xfe"}, map[string]string{"HTTP_X_ONE": "caf\xe9 \xff\xfe"}, nil},
		{"UTF-8", []string{"X-One: käse"}, map[string]string{"HTTP_X_ONE": "käse"}, nil},
		{"a long value", []string{"X-One: " + long}, map[string]string{"HTTP_X_ONE": long}, http.Header{"X-One": {long}}},
		{"several long values", []string{"X-One: " + long, "X-Two: " + long}, map[string]string{"HTTP_X_ONE": long, "HTTP_X_TWO": long}, nil},
		{"a cookie", []string{"Cookie: a=1; b=2"}, map[string]string{"HTTP_COOKIE": "a=1; b=2"}, http.Header{"Cookie": {"a=1; b=2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			query := "?lookup=" + strings.Join(slices.Sorted(maps.Keys(c.variables)), "&lookup=")
			report := probed(t, getRaw(t, srv, "example.org", "/probe"+query, c.lines...))
			checkVariables(t, report.Environ, c.variables)
			checkVariables(t, report.Looked, c.variables)
			for name, values := range c.header {
				if !slices.Equal(report.Header[name], values) {
					t.Errorf("a handler sees %s: %q; want %q", name, report.Header[name], values)
				}
			}
			if report.Host != "example.org" || report.Header["Host"] != nil {
				t.Errorf("Host is %q, and %q among the headers; want example.org, and nothing", report.Host, report.Header["Host"])
			}
			checkVariables(t, report.Environ, map[string]string{"HTTP_HOST": "example.org"})
		})
	}
	t.Run("names are exact", func(t *testing.T) {
		report := probed(t, getRaw(t, srv, "h", "/probe?lookup=HTTP_X-ONE&lookup=HTTP_x_one&lookup=http_x_one&lookup=HTTP_X_ON&lookup=HTTP_&lookup=REQUEST&lookup=request_method&lookup=X", "X-One: a"))
		if len(report.Looked) > 0 {
			t.Errorf("Lookup finds %q, which are no variables", report.Looked)
		}
	})
	if got := getRaw(t, srv, "h", "/respond/header/X-One", "X-One: caf\xe9").Text; got != "caf\xe9" {
		t.Errorf("a handler sees %q of a header that is no UTF-8", got)
	}
}

func testVariables(t *testing.T, srv *httpdtest.Server) {
	c := converse(t, srv)
	defer c.Close()
	c.send("GET /probe/more?a=b&c HTTP/1.1\r\nHost: example.org\r\n\r\n")
	report := probed(t, c.answer("GET"))
	_, clientPort, _ := net.SplitHostPort(c.LocalAddr().String())
	checkVariables(t, report.Environ, map[string]string{
		"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": clientPort, "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": "80",
		"SERVER_NAME": "example.org", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": "http", "REQUEST_METHOD": "GET",
		"REQUEST_URI": "/probe/more?a=b&c", "QUERY_STRING": "a=b&c", "SCRIPT_NAME": "/probe", "PATH_INFO": "/more",
		"CONTENT_LENGTH": absent, "CONTENT_TYPE": absent, "REMOTE_USER": absent, "AUTH_TYPE": absent, "HTTPS": absent,
		"SCRIPT_FILENAME": absent, "REDIRECT_STATUS": absent, "REDIRECT_URL": absent, "PATH": absent, "HTTP_AUTHORIZATION": absent,
		"mod_go.package": appsPath + "probe", "mod_go.callable": "application",
	})
	for _, name := range []string{"SERVER_SOFTWARE", "mod_go.version", "mod_go.request_id", "DOCUMENT_ROOT"} {
		if value, _ := variable(t, report.Environ, name); value == "" {
			t.Errorf("%s is missing or empty", name)
		}
	}
	for name := range report.Environ {
		if strings.ToLower(name) == name && !strings.HasPrefix(name, "wsgi.") && !strings.HasPrefix(name, "mod_go.") {
			t.Errorf("the server defines %s; its own variables begin with mod_go.", name)
		}
	}
	if report.RemoteAddr != c.LocalAddr().String() || report.RequestURI != "/probe/more?a=b&c" || report.RawQuery != "a=b&c" || report.TLS {
		t.Errorf("a handler sees %+v", report)
	}
}

func testContractVariables(t *testing.T, srv *httpdtest.Server, mpm string) {
	// One process of four threads, but four processes under prefork.
	threads, processes := "true", "false"
	if mpm == "prefork" {
		threads, processes = "false", "true"
	}
	checkVariables(t, decode[map[string]string](t, srv.Get("/wsgi/environ")), map[string]string{
		"wsgi.version": "1.0", "wsgi.url_scheme": "http", "wsgi.multithread": threads, "wsgi.multiprocess": processes, "wsgi.run_once": "false",
	})
}

func testRequestLine(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		name, request string
		proto, host   string
		variables     map[string]string
	}{
		{"HTTP/1.0 without Host", "GET /probe HTTP/1.0\r\n\r\n", "HTTP/1.0", "",
			map[string]string{"SERVER_PROTOCOL": "HTTP/1.0", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": absent, "QUERY_STRING": ""}},
		{"HTTP/1.0 with Host", "GET /probe HTTP/1.0\r\nHost: example.org\r\n\r\n", "HTTP/1.0", "example.org",
			map[string]string{"SERVER_PROTOCOL": "HTTP/1.0", "HTTP_HOST": "example.org"}},
		{"HTTP/1.1", "GET /probe HTTP/1.1\r\nHost: example.org:81\r\nConnection: close\r\n\r\n", "HTTP/1.1", "example.org:81",
			map[string]string{"SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "example.org:81", "SERVER_NAME": "example.org", "SERVER_PORT": "81"}},
		{"no query", "GET /probe HTTP/1.0\r\n\r\n", "HTTP/1.0", "", map[string]string{"QUERY_STRING": "", "REQUEST_URI": "/probe"}},
		{"an empty query", "GET /probe? HTTP/1.0\r\n\r\n", "HTTP/1.0", "", map[string]string{"QUERY_STRING": "", "REQUEST_URI": "/probe?"}},
		{"a query that is not decoded", "GET /probe?%41=%e9&b=?/+ HTTP/1.0\r\n\r\n", "HTTP/1.0", "",
			map[string]string{"QUERY_STRING": "%41=%e9&b=?/+", "REQUEST_URI": "/probe?%41=%e9&b=?/+"}},
		{"an absolute target", "GET http://example.org/probe/x?y HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", "HTTP/1.1", "example.org",
			map[string]string{"REQUEST_URI": "http://example.org/probe/x?y", "PATH_INFO": "/x", "QUERY_STRING": "y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := probed(t, exchange(t, srv, c.request))
			if report.Proto != c.proto || report.Host != c.host {
				t.Errorf("a handler sees %s of %q; want %s of %q", report.Proto, report.Host, c.proto, c.host)
			}
			checkVariables(t, report.Environ, c.variables)
		})
	}
}

func testBodies(t *testing.T, srv *httpdtest.Server) {
	large := strings.Repeat("0123456789abcdef", 5<<20/16)
	head := func(lines string) string {
		return "POST /probe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + lines + "\r\n"
	}
	length := func(body string) string { return head(fmt.Sprintf("Content-Length: %d\r\n", len(body))) + body }
	const te = "Transfer-Encoding: chunked\r\n"
	for _, c := range []struct {
		name, request, body string
		length              int64  // Request.ContentLength
		variable            string // CONTENT_LENGTH
	}{
		{"none", head(""), "", 0, absent},
		{"an empty one", length(""), "", 0, "0"},
		{"a small one", length("hello"), "hello", 5, "5"},
		{"5 MB", length(large), large, 5 << 20, "5242880"},
		{"every byte", length("\x00\r\n\xff\x80"), "\x00\r\n\xff\x80", 5, "5"},
		{"with GET", strings.Replace(length("hello"), "POST", "GET", 1), "hello", 5, "5"},
		{"chunked", head(te) + chunked("he", "llo"), "hello", -1, absent},
		{"chunked and empty", head(te) + chunked(), "", -1, absent},
		{"5 MB chunked", head(te) + chunked(large[:1], large[1:70000], large[70000:]), large, -1, absent},
		{"chunk extensions", head(te) + "5;name=value;other=\"x;y\"\r\nhello\r\n0;last\r\n\r\n", "hello", -1, absent},
		{"trailers", head(te) + "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", "hello", -1, absent},
		{"upper case and leading zeros", head(te) + "00A\r\n0123456789\r\n0\r\n\r\n", "0123456789", -1, absent},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := probed(t, exchange(t, srv, c.request))
			sum := sha256.Sum256([]byte(c.body))
			if report.BodyLength != int64(len(c.body)) || report.BodySHA256 != hex.EncodeToString(sum[:]) || report.BodyError != "" {
				t.Errorf("the application read %d bytes (error %q); want %d, unchanged", report.BodyLength, report.BodyError, len(c.body))
			}
			if report.ContentLength != c.length {
				t.Errorf("ContentLength is %d; want %d", report.ContentLength, c.length)
			}
			if isChunked := slices.Equal(report.TransferEncoding, []string{"chunked"}); isChunked != (c.length < 0) {
				t.Errorf("TransferEncoding is %q", report.TransferEncoding)
			}
			checkVariables(t, report.Environ, map[string]string{"CONTENT_LENGTH": c.variable, "HTTP_CONTENT_LENGTH": absent, "HTTP_X_SUM": absent})
			echo := exchange(t, srv, strings.Replace(c.request, "/probe", "/wsgi/echo", 1))
			if echo.StatusCode != http.StatusOK || echo.Text != c.body {
				t.Errorf("the echo is %s with %d bytes; want the %d that were sent", echo.Status, len(echo.Text), len(c.body))
			}
		})
	}
	t.Run("the end is told again and again", func(t *testing.T) {
		for _, body := range []string{length("hello"), head(te) + chunked("hello")} {
			if got := exchange(t, srv, strings.Replace(body, "/probe", "/respond/count", 1)); got.Text != "5 <nil> EOF" {
				t.Errorf("the application read %q; want 5 bytes, and EOF again", got.Text)
			}
		}
	})
	t.Run("trailers reach a handler", func(t *testing.T) {
		got := exchange(t, srv, "POST /respond/trailer HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTrailer: X-Sum\r\n"+te+"\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")
		if got.Text != "trailer=42 header=" {
			t.Errorf("the handler sees %q; want the trailer in Request.Trailer and not among the headers", got.Text)
		}
	})
}

// testStreamedBody: the application reads, and answers, the first half of a body before the second is sent.
func testStreamedBody(t *testing.T, srv *httpdtest.Server) {
	for name, c := range map[string]struct{ framing, first, rest string }{
		"Content-Length": {"Content-Length: 10", "first", "other"},
		"chunked":        {"Transfer-Encoding: chunked", "5\r\nfirst\r\n", "5\r\nother\r\n0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := converse(t, srv)
			conn.send("POST /respond/relay HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + c.framing + "\r\n\r\n")
			body := conn.head("POST").Body // the answer begins before the body does
			conn.expect(body, "begin ")
			conn.send(c.first)
			conn.expect(body, "first")
			conn.send(c.rest)
			conn.expect(body, "other EOF")
		})
	}
	t.Run("WSGI", func(t *testing.T) {
		conn := converse(t, srv)
		srv.Expect(`\[go:error\].*body cleaned up`)
		conn.send("POST /wsgi/blocks HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
		body := conn.head("POST").Body
		conn.expect(body, "first")
		conn.send("x")
		conn.expect(body, "second")
		conn.send("y")
	})
}

func testExpectContinue(t *testing.T, srv *httpdtest.Server) {
	request := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	}
	status := func(t *testing.T, resp *http.Response, want int) {
		t.Helper()
		if resp.StatusCode != want {
			t.Fatalf("the server answers %s; want %d", resp.Status, want)
		}
	}
	t.Run("sent when the body is read", func(t *testing.T) {
		for path, want := range map[string]string{"/respond/count": "5 <nil> EOF", "/wsgi/echo": "hello"} {
			c := converse(t, srv)
			c.within(5 * time.Second)
			c.send(request(path))
			status(t, c.head("POST"), 100)
			c.send("hello")
			resp := c.answer("POST")
			if status(t, resp.Response, 200); resp.Text != want {
				t.Errorf("%s answers %q; want %q", path, resp.Text, want)
			}
			c.Close()
		}
	})
	t.Run("not before", func(t *testing.T) {
		c := converse(t, srv)
		c.within(5 * time.Second)
		c.send(request("/respond/hints"))
		status(t, c.head("POST"), 103) // what the application does before it reads
		status(t, c.head("POST"), 100)
		c.send("hello")
		status(t, c.answer("POST").Response, 200)
	})
	t.Run("not where the body is not read", func(t *testing.T) {
		for path, want := range map[string]int{"/respond/refuse": 403, "/respond/ignore": 200, "/wsgi/status/413%20Too%20Large": 413} {
			c := converse(t, srv)
			c.send(request(path))
			status(t, c.answer("POST").Response, want)
			c.ends() // nobody can tell whether the body will come
			c.Close()
		}
	})
	t.Run("not for HTTP/1.0", func(t *testing.T) {
		c := converse(t, srv)
		c.send(strings.Replace(request("/respond/count"), "HTTP/1.1", "HTTP/1.0", 1) + "hello")
		if resp := c.answer("POST"); resp.StatusCode != 200 || resp.Text != "5 <nil> EOF" {
			t.Errorf("the answer is %s: %q", resp.Status, resp.Text)
		}
	})
}

// testConnections: one connection carries several requests, whatever the application leaves of each one's body.
func testConnections(t *testing.T, srv *httpdtest.Server) {
	const inner = "GET /respond/status/204 HTTP/1.1\r\nHost: h\r\n\r\n" // no request, but a body that looks like one
	big := strings.Repeat(inner, 2000)
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	const te = " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	requests := []struct{ name, request, answer string }{
		{"unread body", post("/respond/ignore", inner), "ignored"},
		{"unread chunked body", "POST /respond/ignore" + te + chunked(inner, inner), "ignored"},
		{"large unread body", post("/respond/ignore", big), "ignored"},
		{"half-read body", post("/wsgi/blocks", inner), "firstsecond"},
		{"read body", post("/respond/count", inner), fmt.Sprintf("%d <nil> EOF", len(inner))},
		{"read chunked body", "POST /respond/count" + te + chunked(inner), fmt.Sprintf("%d <nil> EOF", len(inner))},
		{"no body", "GET /respond/bytes/5 HTTP/1.1\r\nHost: h\r\n\r\n", "abcde"},
	}
	srv.Expect(`\[go:error\].*body cleaned up`)
	t.Run("one after the other", func(t *testing.T) {
		c := converse(t, srv)
		for _, r := range requests {
			c.send(r.request)
			if resp := c.answer("POST"); resp.StatusCode != 200 || resp.Text != r.answer || resp.Close {
				t.Fatalf("%s: the answer is %s: %q (close: %t); want %q", r.name, resp.Status, resp.Text, resp.Close, r.answer)
			}
		}
	})
	t.Run("pipelined", func(t *testing.T) {
		c := converse(t, srv)
		var all strings.Builder
		for _, r := range requests {
			all.WriteString(r.request)
		}
		go func() { _, _ = io.WriteString(c, all.String()) }() // where it fails, an answer is missing below
		for _, r := range requests {
			if resp := c.answer("POST"); resp.StatusCode != 200 || resp.Text != r.answer {
				t.Fatalf("%s: the answer is %s: %q; want %q", r.name, resp.Status, resp.Text, r.answer)
			}
		}
	})
	t.Run("HTTP/1.0 kept alive", func(t *testing.T) {
		c := converse(t, srv)
		for range 3 {
			c.send("GET /respond/bytes/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
			resp := c.answer("GET")
			if resp.Text != "abcde" || resp.Header.Get("Content-Length") != "5" || !strings.EqualFold(resp.Header.Get("Connection"), "keep-alive") {
				t.Fatalf("the answer is %s, %v: %q", resp.Status, resp.Header, resp.Text)
			}
		}
	})
	t.Run("closed by the application", func(t *testing.T) {
		c := converse(t, srv)
		c.send("GET /respond/close HTTP/1.1\r\nHost: h\r\n\r\n")
		if resp := c.answer("GET"); resp.Text != "closing" || !resp.Close {
			t.Errorf("the answer is %s, %v: %q; want it to close the connection", resp.Status, resp.Header, resp.Text)
		}
		c.ends()
	})
}

package tests

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// respondConf maps the applications, and asks httpd's filters and error documents for their part.
const respondConf = `
GoAlias /respond  ` + appsPath + `respond
GoAlias /override ` + appsPath + `respond
GoAlias /wsgi-override ` + appsPath + `wsgi
GoAlias /deflate  ` + appsPath + `respond
GoAlias /headers  ` + appsPath + `respond
GoAlias /wsgi     ` + appsPath + `wsgi
GoAlias /probe    ` + appsPath + `probe
ErrorDocument 404 "the server's own 404"
ErrorDocument 500 "the server's own 500"
ErrorDocument 503 /documents/503.html
Alias /documents ${DIR}/documents
<Directory ${DIR}/documents>
	Require all granted
</Directory>
<LocationMatch ^/(wsgi-)?override>
	GoErrorOverride On
</LocationMatch>
<Location /deflate>
	SetOutputFilter DEFLATE
</Location>
<Location /headers>
	Header set X-Added yes
	Header unset X-Seen
	Header append X-Kept more
	RequestHeader set X-From-Apache yes
</Location>
<Location /probe/inflated>
	SetInputFilter DEFLATE
</Location>
<Location /probe>
	RequestHeader set X-From-Apache yes
	RequestHeader unset X-Dropped
</Location>
`

// TestResponses: what an application answers reaches the client as it meant it, in the form that HTTP asks for.
func TestResponses(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) { testResponses(t, mpm, respondConf) })
}

// TestAdaptedResponses: a handler behind modgo.FromHandler answers as the handler itself does.
func TestAdaptedResponses(t *testing.T) {
	testResponses(t, "event", strings.ReplaceAll(respondConf, appsPath+"respond", appsPath+"respond callable=adapted"))
}

func testResponses(t *testing.T, mpm, conf string) {
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: mpm, Packages: testPackages, Modules: []string{"mod_deflate", "mod_headers", "mod_filter"},
		Files: map[string]string{"documents/503.html": "the server's own 503"},
		Conf:  conf,
	})
	srv.ExpectViolation("lacks a space and the reason")
	srv.ExpectViolation("no Content-Type.* /respond/sniff/")
	srv.ExpectViolation("yet a Content-Type.* /wsgi/status/[23]04")
	for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server){
		"framing": testFraming, "HEAD": testHead, "bodiless": testBodiless, "interim": testInterim, "status": testStatus,
		"error documents": testErrorDocuments, "headers": testResponseHeaders, "sniffing": testSniffing, "WSGI": testWSGIResponses,
		"filters": testFilters,
	} {
		t.Run(name, func(t *testing.T) { test(t, srv.In(t)) })
	}
}

// framing is how the end of a body is told.
type framing int

const (
	byLength framing = iota
	byChunks
	byClose
)

func framingOf(resp *httpdtest.Response) framing {
	switch {
	case slices.Equal(resp.TransferEncoding, []string{"chunked"}):
		return byChunks
	case resp.Header.Get("Content-Length") != "":
		return byLength
	}
	return byClose
}

func testFraming(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		path  string
		size  int
		since framing // in HTTP/1.1
	}{
		{"/respond/bytes/0", 0, byLength},
		{"/respond/bytes/1", 1, byLength},
		{"/respond/bytes/5?pieces", 5, byLength},
		{"/respond/bytes/8192", 8192, byLength},
		{"/respond/bytes/8192?pieces", 8192, byLength},
		{"/respond/bytes/8193?pieces", 8193, byChunks},
		{"/respond/bytes/100000", 100000, byChunks},
		{"/respond/length/5", 5, byLength},
		{"/respond/length/100000", 100000, byLength},
		{"/respond/relay", len("begin  EOF"), byChunks},
		{"/wsgi/text", len("one block"), byLength},
		{"/wsgi/length", len("nine byte"), byLength},
		{"/wsgi/pieces", len("one two"), byChunks},
		{"/wsgi/write", len("written iterated"), byChunks},
		{"/wsgi/status/200%20OK", 0, byLength},
	} {
		t.Run(c.path, func(t *testing.T) {
			current := exchange(t, srv, "GET "+c.path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if got := framingOf(current); got != c.since || len(current.Text) != c.size {
				t.Errorf("HTTP/1.1: framing %d of %d bytes; want %d of %d", got, len(current.Text), c.since, c.size)
			}
			old := exchange(t, srv, "GET "+c.path+" HTTP/1.0\r\n\r\n")
			want := c.since
			if want == byChunks {
				want = byClose
			}
			if got := framingOf(old); got != want || old.Text != current.Text {
				t.Errorf("HTTP/1.0: framing %d of %d bytes; want %d of %d", got, len(old.Text), want, c.size)
			}
			for _, resp := range []*httpdtest.Response{current, old} {
				if resp.Header.Get("Date") == "" || resp.Header.Get("Server") == "" || !resp.Close {
					t.Errorf("%v: want Date and Server, and the end of the connection", resp.Header)
				}
			}
		})
	}
}

// testHead: HEAD gets what GET does, but for the body.
func testHead(t *testing.T, srv *httpdtest.Server) {
	for _, path := range []string{
		"/respond/bytes/5", "/respond/bytes/100000", "/respond/length/100000", "/respond/relay", "/respond/cookies", "/respond/sniff/html",
		"/respond/status/404?body=own", "/respond/status/404", "/respond/location?to=/x", "/wsgi/length", "/wsgi/teapot",
		"/wsgi/text", "/wsgi/pieces", "/respond/bytes/8192?pieces", "/respond/status/405", "/wsgi/nothing",
	} {
		t.Run(path, func(t *testing.T) {
			get := getRaw(t, srv, "h", path)
			c := converse(t, srv)
			c.send("HEAD " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			head := c.head("HEAD")
			c.ends()
			if get.Text == "" || strings.HasPrefix(get.Text, "the server's") || strings.HasPrefix(get.Text, "<!DOCTYPE HTML PUBLIC") {
				// A handler that writes nothing for HEAD has said nothing of the length (as in net/http); nor does httpd of its
				// own documents.
				get.Header.Del("Content-Length")
			}
			for _, header := range []http.Header{get.Header, head.Header} {
				header.Del("Date")
				if header.Get("X-Seen") != "" {
					header.Set("X-Seen", "the method")
				}
			}
			if head.StatusCode != get.StatusCode || !maps.EqualFunc(get.Header, head.Header, slices.Equal) {
				t.Errorf("HEAD: %s %v\nGET:  %s %v", head.Status, head.Header, get.Status, get.Header)
			}
		})
	}
}

func testBodiless(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct{ path, status, etag string }{
		{"/respond/status/204", "204 No Content", ""},
		{"/respond/status/304", "304 Not Modified", `"v1"`},
		{"/wsgi/status/204%20Nothing%20There", "204 Nothing There", ""},
		{"/wsgi/status/304%20As%20Before", "304 As Before", ""},
	} {
		conn := converse(t, srv)
		conn.send("GET " + c.path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		resp := conn.answer("GET")
		if resp.Status != c.status || resp.Header.Get("Content-Length") != "" || resp.TransferEncoding != nil {
			t.Errorf("%s: %s, %v; want %s, and nothing that announces a body", c.path, resp.Status, resp.Header, c.status)
		}
		if resp.Header.Get("X-Kept") != "yes" || resp.Header.Get("ETag") != c.etag {
			t.Errorf("%s: %v; want X-Kept and the ETag %q", c.path, resp.Header, c.etag)
		}
		// What follows on the connection is the next answer and nothing else.
		conn.send("GET /respond/bytes/5 HTTP/1.1\r\nHost: h\r\n\r\n")
		if next := conn.answer("GET"); next.Text != "abcde" {
			t.Errorf("%s: the next answer is %s: %q", c.path, next.Status, next.Text)
		}
		conn.Close()
	}
}

func testInterim(t *testing.T, srv *httpdtest.Server) {
	c := converse(t, srv)
	c.send("GET /respond/hints HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	interim := c.head("GET")
	if interim.StatusCode != 103 || interim.Header.Get("Link") != "</style.css>; rel=preload" {
		t.Errorf("the first answer is %s, %v; want 103 with its Link", interim.Status, interim.Header)
	}
	final := c.answer("GET")
	if final.Status != "200 OK" || final.Text != "0" || final.Header.Get("X-Final") != "yes" || final.Header.Get("Link") != "" {
		t.Errorf("the final answer is %s, %v: %q", final.Status, final.Header, final.Text)
	}
	old := exchange(t, srv, "GET /respond/hints HTTP/1.0\r\n\r\n")
	if old.StatusCode != 200 || old.Text != "0" {
		t.Errorf("HTTP/1.0, which knows no interim answers, gets %s: %q", old.Status, old.Text)
	}
}

func testStatus(t *testing.T, srv *httpdtest.Server) {
	for path, want := range map[string]string{
		"/respond/status/200?body=x":        "200 OK",
		"/respond/status/201?body=x":        "201 Created",
		"/respond/status/499?body=x":        "499 status code 499",
		"/respond/status/499":               "499 status code 499",
		"/respond/status/599":               "599 status code 599",
		"/respond/status/799?body=x":        "799 status code 799",
		"/wsgi/status/200%20Splendid":       "200 Splendid",
		"/wsgi/status/299%20Own%20Business": "299 Own Business",
		"/wsgi/status/499%20Gone%20Already": "499 Gone Already",
		"/wsgi/status/599%20Own":            "599 Own",
		"/wsgi/teapot":                      "418 Short And Stout",
		"/wsgi/replace":                     "409 Conflict",
		"/wsgi/status/200":                  "200 ",
	} {
		if got := getRaw(t, srv, "h", path); got.Status != want {
			t.Errorf("GET %s: the status is %q; want %q", path, got.Status, want)
		}
	}
}

func testErrorDocuments(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		path   string
		status int
		body   string // "" for httpd's built-in page
	}{
		{"/respond/status/404", 404, "the server's own 404"},
		{"/respond/status/503", 503, "the server's own 503"},
		{"/respond/status/403", 403, ""},
		{"/respond/status/404?body=own", 404, "own"},
		{"/respond/status/503?body=own", 503, "own"},
		{"/respond/length/0", 200, "-"},
		{"/wsgi/status/404%20Nowhere", 404, "the server's own 404"},
		{"/wsgi/nothing", 404, "no such action: nothing"},
		{"/override/status/404?body=own", 404, "the server's own 404"},
		{"/override/status/404", 404, "the server's own 404"},
		{"/override/status/503?body=own", 503, "the server's own 503"},
		{"/override/status/200?body=own", 200, "own"},
		{"/override/status/399?body=own", 399, "own"},
		{"/wsgi-override/nothing", 404, "the server's own 404"},
		{"/wsgi-override/teapot", 418, "tea"}, // httpd knows no 418, so it has no document for it
	} {
		resp := getRaw(t, srv, "h", c.path)
		switch {
		case resp.StatusCode != c.status:
			t.Errorf("GET %s: status %s; want %d", c.path, resp.Status, c.status)
		case c.body == "" && !strings.Contains(resp.Text, "<title>"):
			t.Errorf("GET %s: %q; want httpd's built-in page", c.path, resp.Text)
		case c.body == "-" && resp.Text != "", c.body != "" && c.body != "-" && resp.Text != c.body:
			t.Errorf("GET %s: %q; want %q", c.path, resp.Text, c.body)
		}
		if strings.Contains(c.path, "/status/") && resp.Header.Get("X-Kept") != "yes" {
			t.Errorf("GET %s: the application's header is lost: %v", c.path, resp.Header)
		}
	}
	for _, c := range []struct{ path, name, want string }{
		{"/respond/status/401", "Www-Authenticate", `Bearer realm="tests"|Basic realm="tests"`},
		{"/respond/status/401?body=own", "Www-Authenticate", `Bearer realm="tests"|Basic realm="tests"`},
		{"/respond/status/405", "Allow", "GET, PURGE"},
		{"/respond/status/405?lines", "Allow", "GET, PURGE"},
		{"/respond/status/405?body=own", "Allow", "GET, PURGE"},
		{"/override/status/405?body=own", "Allow", "GET, PURGE"},
		{"/override/status/401?body=own", "Www-Authenticate", `Bearer realm="tests"|Basic realm="tests"`},
	} {
		resp := getRaw(t, srv, "h", c.path)
		got := strings.Join(resp.Header[c.name], "|")
		if c.name == "Allow" { // a set
			methods := strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(",| ", r) })
			slices.Sort(methods)
			got = strings.Join(methods, ", ")
		}
		if got != c.want {
			t.Errorf("GET %s: %s is %q; want %q", c.path, c.name, got, c.want)
		}
	}
}

func testResponseHeaders(t *testing.T, srv *httpdtest.Server) {
	if got := getRaw(t, srv, "h", "/respond/cookies").Header["Set-Cookie"]; !slices.Equal(got, []string{"z=1", "a=1", "m=1"}) {
		t.Errorf("the cookies are %q; want z, a and m in the order that they were set", got)
	}
	if got := getRaw(t, srv, "h", "/wsgi/teapot").Header["Set-Cookie"]; !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Errorf("the cookies are %q; want a and b", got)
	}
	for _, to := range []string{"/elsewhere", "else/where?a=1#fragment", "../up", "//example.org/x", "https://example.org/%7euser/", "?only=query"} {
		resp := srv.Get("/respond/location?to=" + strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F", "=", "%3D").Replace(to))
		if resp.StatusCode != 302 || resp.Header.Get("Location") != to {
			t.Errorf("%s with the Location %q; want 302 with %q", resp.Status, resp.Header.Get("Location"), to)
		}
	}
}

func testSniffing(t *testing.T, srv *httpdtest.Server) {
	for kind, want := range map[string]string{
		"text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8", "png": "image/png", "explicit": "application/vnd.tests",
		"suppressed": "", "encoded": "", "empty": "",
	} {
		if got := getRaw(t, srv, "h", "/respond/sniff/"+kind).Header["Content-Type"]; strings.Join(got, "|") != want {
			t.Errorf("%s: the Content-Type is %q; want %q", kind, got, want)
		}
	}
}

func testWSGIResponses(t *testing.T, srv *httpdtest.Server) {
	for path, want := range map[string]string{
		"/wsgi/write": "written iterated", "/wsgi/pieces": "one two", "/wsgi/text": "one block", "/wsgi/replace": "conflict", "/wsgi/teapot": "tea",
	} {
		resp := getRaw(t, srv, "h", path)
		if resp.Text != want || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("GET %s: %q of the type %q; want %q of text/plain", path, resp.Text, resp.Header.Get("Content-Type"), want)
		}
	}
}

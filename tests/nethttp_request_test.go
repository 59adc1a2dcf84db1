package tests

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"reflect"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/nethttp"
)

// requestConf lets every request of these tests through to the application, and believes in what the proxy on this machine
// says of its client.
const requestConf = `
AllowEncodedSlashes NoDecode
LimitRequestFieldSize 100000
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
`

// TestNetHTTPRequest: a handler sees the same *http.Request under Apache as on net/http's own server.
func TestNetHTTPRequest(t *testing.T) {
	cfg := nethttpConfig(requestConf)
	cfg.Modules, cfg.TLSConf = []string{"mod_remoteip"}, "LimitRequestFieldSize 100000\nAllowEncodedSlashes NoDecode"
	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) {
		own := startOwn(t, srv.Protocol(), nil)
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server, own *ownServer){
			"fields": testRequestFields, "long headers": testLongRequestHeaders, "addresses": testAddresses,
			"forms": testForms, "multipart": testMultipart,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t), own) })
		}
		if !srv.Protocol().HTTP2() {
			t.Run("by hand", func(t *testing.T) { testRequestsByHand(t, srv.In(t), own) })
			t.Run("resolved paths", func(t *testing.T) { testResolvedPaths(t, srv.In(t)) })
		}
	})
}

// asking is a request that a client library makes.
type asking struct {
	name, method, target string
	header               http.Header
	body                 string
	chunked              bool
	trailer              http.Header // announced
}

func (a asking) send(t *testing.T, at site) *http.Response {
	t.Helper()
	var body io.Reader
	if a.body != "" || a.chunked {
		body = strings.NewReader(a.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), a.method, at.URL(a.target), body)
	if err != nil {
		t.Fatal(err)
	}
	if a.chunked {
		req.ContentLength, req.Body = -1, io.NopCloser(strings.NewReader(a.body))
	}
	req.Trailer = a.trailer.Clone()
	req.Host = "site.test"
	for name, values := range a.header {
		if name == "Host" {
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	resp, err := at.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// reported reads the report that a response holds, and takes out what cannot be the same on two servers.
func reported(t *testing.T, at site, resp *http.Response) nethttp.Report {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s (%v): %s", resp.Status, err, text)
	}
	seen := decode[nethttp.Report](t, &httpdtest.Response{Response: resp, Text: string(text)})
	if remote, err := netip.ParseAddrPort(seen.RemoteAddr); err != nil || !remote.Addr().IsLoopback() || remote.Port() == 0 {
		t.Errorf("RemoteAddr is %q; want the address and the port of the client", seen.RemoteAddr)
	}
	if seen.LocalAddr != at.Addr() || seen.LocalNet != "tcp" {
		t.Errorf("LocalAddrContextKey has %s %q; want tcp %q", seen.LocalNet, seen.LocalAddr, at.Addr())
	}
	if (seen.TLS != nil) != at.Protocol().Secure() {
		t.Errorf("TLS is %+v over %s", seen.TLS, at.Protocol())
	}
	seen.RemoteAddr, seen.LocalAddr, seen.TLS = "", "", nil
	return seen
}

// sameReports compares field by field.
func sameReports(t *testing.T, apache, own any) {
	t.Helper()
	a, b := reflect.ValueOf(apache), reflect.ValueOf(own)
	for i := range a.NumField() {
		if got, want := a.Field(i).Interface(), b.Field(i).Interface(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+.200q (%[2]T); net/http's own server has %+.200[3]q", a.Type().Field(i).Name, got, want)
		}
	}
}

func testRequestFields(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	large := strings.Repeat("a large body ", 50_000)
	for _, ask := range []asking{
		{name: "get", method: "GET", target: "/report"},
		{name: "query", method: "GET", target: "/report?a=1&a=2&b=%2F%20+&;=&c"},
		{name: "empty query", method: "GET", target: "/report?"},
		{name: "escaped path", method: "GET", target: "/report/a%2Fb%20c/%C3%A4;x=1?q"},
		{name: "needlessly escaped path", method: "GET", target: "/report/%61bc/%7Euser"},
		{name: "unescaped characters", method: "GET", target: "/report/!$&'()*+,;=:@/"},
		{name: "own method", method: "PURGE", target: "/report/x"},
		{name: "delete", method: "DELETE", target: "/report"},
		{name: "options", method: "OPTIONS", target: "/report"},
		{name: "post", method: "POST", target: "/report", body: "a body", header: http.Header{"Content-Type": {"text/x"}}},
		{name: "post of nothing", method: "POST", target: "/report"},
		{name: "large", method: "PUT", target: "/report", body: large},
		{name: "chunked", method: "POST", target: "/report", body: "a body", chunked: true},
		{name: "chunked of nothing", method: "POST", target: "/report", chunked: true},
		{name: "chunked large", method: "POST", target: "/report", body: large, chunked: true},
		{name: "trailers", method: "POST", target: "/report", body: "a body", chunked: true, trailer: http.Header{"X-Sum": {"1"}, "X-Count": {"6"}}},
		{name: "trailers behind a large body", method: "POST", target: "/report", body: large, chunked: true, trailer: http.Header{"X-Sum": {"1"}}},
		{name: "headers", method: "GET", target: "/report", header: http.Header{
			"X-One": {"a"}, "X-Empty": {""}, "X-Spaced": {"in  the midst"}, "Cookie": {"a=1; b=2"}, "Referer": {"http://from.test/"}, "User-Agent": {"tests/1"},
			"Accept": {"text/x, */*;q=0.1"}, "If-None-Match": {`"x"`}, "Te": {"trailers"}, "X-Utf8": {"käse"},
			"Authorization": {"Basic dXNlcjpzZWNyZXQ="},
		}},
		{name: "host", method: "GET", target: "/report", header: http.Header{"Host": {"other.test:8080"}}},
		{name: "pattern with a method", method: "GET", target: "/items/17%2F4"},
		{name: "pattern with another method", method: "PUT", target: "/items/x", body: "y"},
		{name: "pattern with a rest", method: "GET", target: "/files/a/b/c%20d/"},
		{name: "pattern with a host", method: "GET", target: "/any", header: http.Header{"Host": {"virtual.test"}}},
	} {
		t.Run(ask.name, func(t *testing.T) {
			apache, wanted := reported(t, srv, ask.send(t, srv)), reported(t, own, ask.send(t, own))
			if ask.name == "chunked of nothing" && srv.Protocol().HTTP2() && apache.ContentLength == 0 {
				apache.ContentLength = -1 // the end came with the request, and mod_http2 knows the length
			}
			sameReports(t, apache, wanted)
		})
	}
	t.Run("repeated", func(t *testing.T) { testRepeatedFields(t, srv, own) })
	t.Run("binary metadata", func(t *testing.T) { testBinaryMetadata(t, srv, own) })
	t.Run("no pattern", func(t *testing.T) {
		ask := asking{method: "POST", target: "/items/x"}
		got, want := ask.send(t, srv), ask.send(t, own)
		got.Body.Close()
		want.Body.Close()
		if got.StatusCode != want.StatusCode || got.Header.Get("Allow") != want.Header.Get("Allow") {
			t.Errorf("%s, Allow %q; want %s, %q", got.Status, got.Header.Get("Allow"), want.Status, want.Header.Get("Allow"))
		}
	})
}

// testRepeatedFields: httpd joins the values of a field that is repeated (RFC 9110 section 5.3), of trailers too; net/http
// keeps them apart.
func testRepeatedFields(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	ask := asking{
		method: "POST", target: "/report", body: "x", chunked: true,
		header: http.Header{"X-Two": {"a", "b, c"}}, trailer: http.Header{"X-Sum": {"1", "2"}},
	}
	apache, wanted := reported(t, srv, ask.send(t, srv)), reported(t, own, ask.send(t, own))
	for _, fields := range []http.Header{wanted.Header, wanted.Trailer} {
		for name, values := range fields {
			fields[name] = []string{strings.Join(values, ", ")}
		}
	}
	sameReports(t, apache, wanted)
}

// testBinaryMetadata: the values of a field that ends in -bin are apart where the request is a remote procedure call.
func testBinaryMetadata(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	values := []string{"AAEC", "/w==", "YQ"} // mod_http2 drops an empty one
	for name, call := range map[string]http.Header{
		"gRPC":     {"Content-Type": {"application/grpc"}},
		"gRPC-Web": {"Content-Type": {"application/grpc-web+proto"}},
		"Connect":  {"Content-Type": {"application/proto"}, "Connect-Protocol-Version": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			call["X-Trace-Bin"], call["X-Single-Bin"] = values, values[:1]
			ask := asking{method: "POST", target: "/report", body: "x", header: call}
			sameReports(t, reported(t, srv, ask.send(t, srv)), reported(t, own, ask.send(t, own)))
		})
	}
	ask := asking{method: "POST", target: "/report", body: "x", header: http.Header{"X-Trace-Bin": {"what is, no binary"}}}
	if got := reported(t, srv, ask.send(t, srv)).Header["X-Trace-Bin"]; len(got) != 1 || got[0] != "what is, no binary" {
		t.Errorf("another request's field is %q; want it as it was sent", got)
	}
}

// testLongRequestHeaders: a value of 64 KB, where LimitRequestFieldSize lets it pass.
func testLongRequestHeaders(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	size := len(nethttp.LongValue)
	if srv.Protocol().HTTP2() {
		size -= 1024 // mod_http2's library ends a stream whose fields, names and all, have more than 64 KB
	}
	ask := asking{method: "GET", target: "/report", header: http.Header{"X-Long": {nethttp.LongValue[:size]}}}
	sameReports(t, reported(t, srv, ask.send(t, srv)), reported(t, own, ask.send(t, own)))
}

// testAddresses: RemoteAddr is what mod_remoteip makes of it, and the connection's own address without it.
func testAddresses(t *testing.T, srv *httpdtest.Server, _ *ownServer) {
	for forwarded, want := range map[string]string{"192.0.2.7": "192.0.2.7", "2001:db8::7": "2001:db8::7", "198.51.100.1, 192.0.2.8": "192.0.2.8"} {
		seen := decode[nethttp.Report](t, srv.Get("/report", "X-Forwarded-For", forwarded))
		if want = net.JoinHostPort(want, "0"); seen.RemoteAddr != want { // the header has no port
			t.Errorf("X-Forwarded-For: %s: RemoteAddr is %q; want %q", forwarded, seen.RemoteAddr, want)
		}
	}
	for _, at := range []string{"", "not an address"} {
		seen := decode[nethttp.Report](t, srv.Get("/report", "X-Forwarded-For", at))
		if host, _, err := net.SplitHostPort(seen.RemoteAddr); err != nil || host != "127.0.0.1" {
			t.Errorf("X-Forwarded-For: %s: RemoteAddr is %q (%v); want the client's own", at, seen.RemoteAddr, err)
		}
	}
}

// formsOf sends a form to both servers and compares what they see of it.
func formsOf(t *testing.T, srv *httpdtest.Server, own *ownServer, ask asking) nethttp.Form {
	t.Helper()
	var seen [2]nethttp.Form
	for i, at := range []site{srv, own} {
		resp := ask.send(t, at)
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s (%v): %s", resp.Status, err, text)
		}
		seen[i] = decode[nethttp.Form](t, &httpdtest.Response{Response: resp, Text: string(text)})
	}
	sameReports(t, seen[0], seen[1])
	return seen[0]
}

func testForms(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, ask := range []asking{
		{name: "query", method: "GET", target: "/form?name=a&name=b&other=%C3%A4"},
		{name: "body", method: "POST", target: "/form?name=query", header: form, body: "name=body&x=1+2%263"},
		{name: "put", method: "PUT", target: "/form", header: form, body: "name=body"},
		{name: "chunked", method: "PATCH", target: "/form", header: form, body: "name=" + strings.Repeat("x", 100_000), chunked: true},
		{name: "malformed", method: "POST", target: "/form?name=%zz", header: form, body: "name=%"},
		{name: "without a type", method: "POST", target: "/form", body: "name=body"},
		{name: "another type", method: "POST", target: "/form", header: http.Header{"Content-Type": {"text/plain"}}, body: "name=body"},
	} {
		t.Run(ask.name, func(t *testing.T) { formsOf(t, srv, own, ask) })
	}
}

func testMultipart(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(writer.WriteField("name", "a field"))
	for name, size := range map[string]int{"small.txt": 100, "large.bin": 3 << 20} {
		part, err := writer.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename="%s"`, name)}, "Content-Type": {"application/x-" + name[:5]},
		})
		check(err)
		_, err = part.Write(bytes.Repeat([]byte{byte(size)}, size))
		check(err)
	}
	check(writer.Close())
	header := http.Header{"Content-Type": {writer.FormDataContentType()}}
	for _, ask := range []asking{
		{name: "parsed", method: "POST", target: "/form", header: header, body: body.String()},
		{name: "parsed chunked", method: "POST", target: "/form", header: header, body: body.String(), chunked: true},
		{name: "parts", method: "POST", target: "/multipart", header: header, body: body.String()},
		{name: "truncated parsed", method: "POST", target: "/form", header: header, body: body.String()[:body.Len()/2]},
		{name: "truncated parts", method: "POST", target: "/multipart", header: header, body: body.String()[:body.Len()/2]},
		{name: "no multipart", method: "POST", target: "/multipart", body: "text"},
	} {
		t.Run(ask.name, func(t *testing.T) {
			seen := formsOf(t, srv, own, ask)
			if ask.name == "parsed" && (len(seen.Files) != 2 || seen.Value != "a field") {
				t.Errorf("the form is %+v; want two files and a field", seen)
			}
		})
	}
}

// testRequestsByHand: what no client library sends.
func testRequestsByHand(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	scheme := strings.TrimSuffix(strings.SplitAfter(srv.URL(""), ":")[0], ":")
	for _, test := range []struct{ name, request string }{
		{"close", "GET /report HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
		{"HTTP/1.0", "GET /report HTTP/1.0\r\nHost: h\r\n\r\n"},
		{"HTTP/1.0 without Host", "GET /report?x HTTP/1.0\r\n\r\n"},
		{"HTTP/1.0 with a body", "POST /report HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody"},
		{"HTTP/1.0 kept alive", "GET /report HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"},
		{"absolute form", "GET SCHEME://other.test/report/x?y HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"authority form", "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n"},
		{"no value", "GET /report HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nx-lower: a\r\n\r\n"},
		{"Expect", "POST /report HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"},
		{"chunk extensions", "POST /report HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\n\r\n"},
		{"trailers", "POST /report HTTP/1.1\r\nHost: h\r\nTrailer: X-One, x-two\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n"},
		{"trailers that were not announced", "POST /report HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sneaked: 1\r\n\r\n"},
		{"trailers that do not come", "POST /report HTTP/1.1\r\nHost: h\r\nTrailer: X-One\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := func(at site) nethttp.Report {
				c := connectionOf(t, at)
				c.send(strings.Replace(test.request, "SCHEME", scheme, 1))
				resp := c.head("GET")
				for resp.StatusCode == http.StatusContinue {
					resp = c.head("GET")
				}
				return reported(t, at, resp)
			}
			sameReports(t, seen(srv), seen(own))
		})
	}
}

// testResolvedPaths: httpd resolves a path before it looks for who is to handle it; RequestURI tells what the client sent.
func testResolvedPaths(t *testing.T, srv *httpdtest.Server) {
	for target, want := range map[string]string{
		"/report//a/../b/./c": "/report/b/c", "/report/%2e%2e/report/x": "/report/x", "/report/a//": "/report/a/", "/./report": "/report",
	} {
		c := connectionOf(t, srv)
		c.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")
		seen := reported(t, srv, c.head("GET"))
		c.Close()
		if seen.Path != want || seen.RequestURI != target {
			t.Errorf("GET %s: the path is %q, RequestURI %q; want %q and what was sent", target, seen.Path, seen.RequestURI, want)
		}
	}
}

package tests

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/trailers"
)

// streamPackages are the applications of the tests of trailers and of full duplex: one object serves them all.
var streamPackages = []string{"./tests/testdata/apps/trailers", "./tests/testdata/apps/duplex"}

const trailersConf = "GoAlias / " + appsPath + "trailers\n" + `
GoAlias /deflate ` + appsPath + `trailers
<Location /deflate>
	SetOutputFilter DEFLATE
</Location>
`

// TestTrailers: what net/http sends behind the body, httpd does too.
func TestTrailers(t *testing.T) {
	httpdtest.Hosts(t, httpdtest.Config{
		Packages: streamPackages, Conf: trailersConf, Modules: []string{"mod_filter", "mod_deflate"},
	}, func(srv *httpdtest.Server) { srv.ExpectViolation("yet a Content-Type") }, func(t *testing.T, srv *httpdtest.Server) {
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server){
			"announced and not": testTrailers, "of requests": testRequestTrailers, "compressed": testTrailersCompressed,
			"odd": testOddTrailers, "with Content-Length": testTrailersWithLength, "of an error": testErrorTrailers,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t)) })
		}
		if !srv.Protocol().HTTP2() {
			t.Run("bytes", func(t *testing.T) { testTrailerBytes(t, srv.In(t)) })
			t.Run("large", func(t *testing.T) { testLargeTrailer(t, srv.In(t)) })
			t.Run("no place", func(t *testing.T) { testNoPlaceForTrailers(t, srv.In(t)) })
		}
	})
}

// bodySizes are those of no body, of one that is gathered and sent with its head, and of one that is not.
var bodySizes = []int{0, 5, 8192, 8193, 1_000_000}

func testTrailers(t *testing.T, srv *httpdtest.Server) {
	for _, announce := range []string{"header", "prefix", "both", "none"} {
		for _, size := range bodySizes {
			for _, flush := range []string{"", "&flush"} {
				target := fmt.Sprintf("/?announce=%s&size=%d%s", announce, size, flush)
				resp := srv.Get(target)
				if resp.StatusCode != http.StatusOK || resp.Text != trailers.Body(size) {
					t.Errorf("GET %s: %s with a body of %d bytes; want %d", target, resp.Status, len(resp.Text), size)
				}
				if resp.Header.Get("X-Kept") != "yes" || resp.Header.Get("Content-Type") != "text/plain" {
					t.Errorf("GET %s: the headers are %v; want X-Kept and Content-Type among them", target, resp.Header)
				}
				want := http.Header{"X-Sum": {"first", "second"}, "X-Count": {fmt.Sprint(size)}}
				if announce == "none" {
					want = nil
				}
				checkTrailers(t, "GET "+target, resp, want)
			}
		}
	}
}

// checkTrailers compares the trailers, and looks whether one of them came as a header.
func checkTrailers(t *testing.T, what string, resp *httpdtest.Response, want http.Header) {
	t.Helper()
	got := maps.Clone(resp.Trailer)
	maps.DeleteFunc(got, func(_ string, values []string) bool { return len(values) == 0 }) // announced, and not sent
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%s: the trailers are %q; want %q", what, got, want)
	}
	for _, name := range []string{"X-Sum", "X-Count", "X-Injected"} {
		if resp.Header[name] != nil {
			t.Errorf("%s: %s is a header, %q", what, name, resp.Header[name])
		}
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			t.Errorf("%s: %s is a header", what, name)
		}
	}
}

// testErrorTrailers: httpd's own error document, in the place of no body, takes nothing of the rest away.
func testErrorTrailers(t *testing.T, srv *httpdtest.Server) {
	for _, size := range []int{0, 5} {
		for _, flush := range []string{"", "&flush"} {
			target := fmt.Sprintf("/?announce=both&status=404&size=%d%s", size, flush)
			resp := srv.Get(target)
			if resp.StatusCode != http.StatusNotFound || resp.Header.Get("X-Kept") != "yes" {
				t.Errorf("GET %s: %s, %v; want 404 and X-Kept", target, resp.Status, resp.Header)
			}
			checkTrailers(t, "GET "+target, resp, http.Header{"X-Sum": {"first", "second"}, "X-Count": {fmt.Sprint(size)}})
		}
	}
}

// testRequestTrailers: r.Trailer is complete when the body has been read, which /echo tells by trailers of its own.
func testRequestTrailers(t *testing.T, srv *httpdtest.Server) {
	for _, body := range []string{"", "five!", strings.Repeat("b", 200_000)} {
		trailer := http.Header{"X-Sum": nil, "X-Count": nil} // announced
		reader := io.MultiReader(strings.NewReader(body), readerFunc(func([]byte) (int, error) {
			trailer["X-Sum"], trailer["X-Count"] = []string{"sum"}, []string{fmt.Sprint(len(body))}
			return 0, io.EOF
		}))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL("/echo"), reader)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength, req.Trailer = -1, trailer
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != body {
			t.Errorf("%d bytes come back as %d (%v)", len(body), len(text), err)
		}
		checkTrailers(t, fmt.Sprintf("POST /echo of %d bytes", len(body)), &httpdtest.Response{Response: resp},
			http.Header{"X-Sum": {"sum"}, "X-Count": {fmt.Sprint(len(body))}})
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// testTrailersCompressed: a filter that gathers the body does not lose what stands behind it.
func testTrailersCompressed(t *testing.T, srv *httpdtest.Server) {
	for _, size := range []int{5, 1_000_000} {
		target := fmt.Sprintf("/deflate/?announce=both&size=%d", size)
		resp := srv.Get(target, "Accept-Encoding", "gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("GET %s: the headers are %v; want it compressed", target, resp.Header)
		}
		checkTrailers(t, "GET "+target, resp, http.Header{"X-Sum": {"first", "second"}, "X-Count": {fmt.Sprint(size)}})
	}
}

func testOddTrailers(t *testing.T, srv *httpdtest.Server) {
	resp := srv.Get("/odd/unset")
	checkTrailers(t, "GET /odd/unset", resp, http.Header{"X-Count": {"4"}})
	// What frames the message is no trailer, whatever the field Trailer says, with which net/http's client fails over HTTP/1.1.
	if srv.Protocol().HTTP2() {
		checkTrailers(t, "GET /odd/forbidden", srv.Get("/odd/forbidden"), http.Header{"X-Count": {"4"}})
	} else {
		c := converse(t, srv)
		c.send("GET /odd/forbidden HTTP/1.1\r\nHost: h\r\n\r\n")
		c.lines()
		if text, got := c.chunks(), c.lines(); text != "body" || !slices.Equal(got, []string{"X-Count: 4"}) {
			t.Errorf("GET /odd/forbidden: the body is %q, the trailers are %q", text, got)
		}
	}
	// A line break is no way to forge what follows. The value may be mended or left out.
	resp = srv.Get("/odd/newline")
	if resp.Text != "body" {
		t.Errorf("GET /odd/newline: the body is %q", resp.Text)
	}
	if resp.Trailer.Get("X-Count") != "4" || strings.ContainsAny(resp.Trailer.Get("X-Sum"), "\r\n") || resp.Trailer["X-Injected"] != nil {
		t.Errorf("GET /odd/newline: the trailers are %q", resp.Trailer)
	}
}

// testTrailersWithLength: with a Content-Length, HTTP/1.1 has no place for trailers; HTTP/2 has.
func testTrailersWithLength(t *testing.T, srv *httpdtest.Server) {
	for _, size := range []int{5, 100_000} {
		target := fmt.Sprintf("/?announce=header&length&size=%d", size)
		resp := srv.Get(target)
		if resp.Text != trailers.Body(size) || resp.ContentLength != int64(size) {
			t.Errorf("GET %s: %d bytes, Content-Length %d", target, len(resp.Text), resp.ContentLength)
		}
		var want http.Header
		if srv.Protocol().HTTP2() {
			want = http.Header{"X-Sum": {"first", "second"}, "X-Count": {fmt.Sprint(size)}}
		}
		checkTrailers(t, "GET "+target, resp, want)
	}
}

// testTrailerBytes looks at HTTP/1.1's own bytes: the head, the last chunk, the trailers, and the next answer.
func testTrailerBytes(t *testing.T, srv *httpdtest.Server) {
	for _, size := range bodySizes {
		c := converse(t, srv)
		c.send(fmt.Sprintf("GET /?announce=both&size=%d HTTP/1.1\r\nHost: h\r\n\r\n", size))
		head := c.lines()
		for _, want := range []string{"Transfer-Encoding: chunked", "Trailer: X-Sum", "X-Kept: yes"} {
			if !slices.Contains(head, want) {
				t.Errorf("%d bytes: the head is %q; want the line %q", size, head, want)
			}
		}
		if text := c.chunks(); text != trailers.Body(size) {
			t.Errorf("the chunks hold %d bytes; want %d", len(text), size)
		}
		got := slices.Sorted(slices.Values(c.lines()))
		if want := []string{fmt.Sprintf("X-Count: %d", size), "X-Sum: first", "X-Sum: second"}; !slices.Equal(got, want) {
			t.Errorf("%d bytes: behind the last chunk stands %q; want %q", size, got, want)
		}
		c.send("GET /?size=5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if next := c.answer("GET"); next.Text != trailers.Body(5) {
			t.Errorf("%d bytes: the next answer is %s: %q", size, next.Status, next.Text)
		}
		c.ends()
		c.Close() // prefork has few processes, and one lingers until the client closes
	}
}

// lines reads up to an empty line.
func (c *conversation) lines() (lines []string) {
	c.t.Helper()
	for {
		line, err := c.reader.ReadString('\n')
		if err != nil || !strings.HasSuffix(line, "\r\n") {
			c.t.Fatalf("%d lines are followed by %q (%v); want an empty line at the end", len(lines), line, err)
		}
		if line == "\r\n" {
			return lines
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
	}
}

// chunks reads a body in the chunked encoding up to the line of the last chunk, which begins the trailers.
func (c *conversation) chunks() string {
	c.t.Helper()
	var body strings.Builder
	for {
		var size int64
		line, err := c.reader.ReadString('\n')
		if n, _ := fmt.Sscanf(line, "%x\r\n", &size); err != nil || n != 1 {
			c.t.Fatalf("%d bytes are followed by %q (%v); want a chunk", body.Len(), line, err)
		}
		if size == 0 {
			return body.String()
		}
		if _, err := io.CopyN(&body, c.reader, size); err != nil {
			c.t.Fatalf("a chunk of %d bytes is cut short: %v", size, err)
		}
		c.expect(c.reader, "\r\n")
	}
}

// testLargeTrailer: net/http's client takes no more than 4 KB of trailers over HTTP/1.1, so its bytes are looked at.
func testLargeTrailer(t *testing.T, srv *httpdtest.Server) {
	c := converse(t, srv)
	c.send("GET /odd/large HTTP/1.1\r\nHost: h\r\n\r\n")
	c.lines()
	if text := c.chunks(); text != "body" {
		t.Errorf("the body is %q", text)
	}
	if got := c.lines(); len(got) != 1 || got[0] != "X-Sum: "+strings.Repeat("s", trailers.Large) {
		t.Errorf("the trailers are %d lines, the first of them of %d bytes", len(got), len(strings.Join(got[:min(1, len(got))], "")))
	}
}

// testNoPlaceForTrailers: what has no chunks has no trailers, and nothing else in their place.
func testNoPlaceForTrailers(t *testing.T, srv *httpdtest.Server) {
	t.Run("HTTP/1.0", func(t *testing.T) {
		for _, size := range bodySizes {
			c := converse(t, srv)
			c.send(fmt.Sprintf("GET /?announce=both&size=%d HTTP/1.0\r\n\r\n", size))
			resp := c.answer("GET")
			if resp.Text != trailers.Body(size) || resp.TransferEncoding != nil {
				t.Errorf("%d bytes: %s, %d bytes, encoded as %q", size, resp.Status, len(resp.Text), resp.TransferEncoding)
			}
			c.ends()
			c.Close()
		}
	})
	for _, request := range []string{
		"HEAD /?announce=both&size=5", "HEAD /?announce=prefix&size=1000000",
		"GET /?announce=both&status=204", "GET /?announce=both&status=304",
	} {
		t.Run(request, func(t *testing.T) {
			c := converse(t, srv)
			c.send(request + " HTTP/1.1\r\nHost: h\r\n\r\n")
			if head := c.lines(); !slices.Contains(head, "X-Kept: yes") {
				t.Errorf("the head is %q; want X-Kept", head)
			}
			c.send("GET /?size=5 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if next := c.answer("GET"); next.Text != trailers.Body(5) {
				t.Errorf("the next answer is %s: %q", next.Status, next.Text)
			}
			c.ends()
		})
	}
}

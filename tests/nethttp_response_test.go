package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/nethttp"
)

// TestNetHTTPResponse: what a handler does with an http.ResponseWriter has the same effect under Apache as on net/http's own
// server, for the handler and for the client.
func TestNetHTTPResponse(t *testing.T) {
	// mod_http2 sends 103, and a head of more than 64 KB, only when it is told to.
	const conf = "<IfModule http2_module>\nH2EarlyHints on\nH2MaxHeaderBlockLen 200000\n</IfModule>"
	cfg := nethttpConfig(conf)
	cfg.TLSConf = conf
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect("MODGO0012.*the handler wrote (0 of the 5|5 of the 10|20000 of the 30000) bytes").Times(5 * len(httpdtest.Protocols(srv.MPM())))
	}, func(t *testing.T, srv *httpdtest.Server) {
		// What HTTP/2's writer of net/http does otherwise than HTTP/1.1's, such as the words of its errors, is not followed.
		own := startOwn(t, httpdtest.HTTP1, nil)
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server, own *ownServer){
			"scripts": testResponseScripts, "less than promised": testLessThanPromised, "interfaces": testInterfaces, "date and server": testDateAndServer,
			"long header": testLongResponseHeader, "early hints": testEarlyHints, "flush": testFlush, "full duplex": testFullDuplexScript,
			"range": testRangeOfPlainResponse, "handlers": testOwnHandlers,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t), own) })
		}
	})
}

// answered is what a client sees of a response.
type answered struct {
	Error  bool // the response is not whole
	Status int
	Header http.Header
	Length int64 // -1 if not told; only of short bodies, where both servers have to tell
	Body   string
}

// run has a site run a script, and returns what the client sees of it and the run's name.
func run(t *testing.T, at site, method, target string) (answered, string) {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	id := runID()
	req, err := http.NewRequestWithContext(t.Context(), method, at.URL(path+"/"+id+"?"+query), nil)
	if err != nil {
		t.Fatal(err)
	}
	at.Client().CloseIdleConnections() // the server may be about to close what the script before has used
	resp, err := at.Client().Do(req)
	if err != nil {
		return answered{Error: true}, id
	}
	return read(resp), id
}

// read reads a response, and takes out what is the server's own.
func read(resp *http.Response) answered {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	seen := answered{err != nil, resp.StatusCode, resp.Header, resp.ContentLength, string(text)}
	if len(text) > 1024 {
		seen.Length = 0
	}
	for _, name := range []string{"Date", "Server", "Connection", "Keep-Alive", "Upgrade"} {
		delete(seen.Header, name)
	}
	if seen.Error {
		return answered{Error: true} // how much has arrived before the end is a matter of luck
	}
	return seen
}

// sameRuns runs a script on both servers and compares what the client and the handler see.
func sameRuns(t *testing.T, srv *httpdtest.Server, own *ownServer, method, target string) answered {
	t.Helper()
	got, id := run(t, srv, method, target)
	want, ownID := run(t, own, method, target)
	sameReports(t, got, want)
	checkOutcome(t, srv, id, outcome(t, own, ownID)...)
	return got
}

func testResponseScripts(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, script := range []string{
		"strings", "defaults", "headers", "late-header", "unknown-status", "sniff-text", "sniff-html", "sniff-image", "sniff-pieces",
		"sniff-never", "sniff-typed", "sniff-encoded", "length-exact", "length-beyond", "length-zero", "no-body-204", "no-body-304", "abort", "abort-written", "abort-flushed",
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			switch {
			case method != "HEAD":
			case script == "length-zero":
				continue // httpd takes a Content-Length of 0 out of the answer to a HEAD, as it may come from a filter
			case script == "abort-flushed" && srv.Protocol().HTTP2():
				continue // the stream's reset may overtake the head
			}
			t.Run(script+" "+method, func(t *testing.T) { sameRuns(t, srv, own, method, "/respond/"+script) })
		}
	}
}

// testLessThanPromised: a body that is shorter than its Content-Length. Unlike net/http's, Apache's client gets an error
// where it has seen nothing yet; else both end the response so that it can tell.
func testLessThanPromised(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, method := range []string{"GET", "POST"} {
		for _, script := range []string{"length-beyond-all", "length-short"} {
			got, id := run(t, srv, method, "/respond/"+script)
			want, ownID := run(t, own, method, "/respond/"+script)
			if !want.Error || got.Error || got.Status != http.StatusInternalServerError {
				t.Errorf("%s %s: %+v; want 500, and on net/http's own server an error: %+v", method, script, got, want)
			}
			checkOutcome(t, srv, id, outcome(t, own, ownID)...)
		}
	}
	if got := sameRuns(t, srv, own, "GET", "/respond/length-short-large"); !got.Error {
		t.Errorf("GET length-short-large: %+v; want an error", got)
	}
	sameRuns(t, srv, own, "HEAD", "/respond/length-short")
}

// testInterfaces: what programs look for in a writer. Of net/http's own, HTTP/2's lacks io.ReaderFrom, and has http.Pusher,
// which browsers have given up.
func testInterfaces(t *testing.T, srv *httpdtest.Server, _ *ownServer) {
	_, id := run(t, srv, "GET", "/respond/interfaces")
	want := []string{"Flusher", "StringWriter", "CloseNotifier"}
	if !srv.Protocol().HTTP2() {
		want = append(want, "Hijacker")
	}
	checkOutcome(t, srv, id, append(want, "ReaderFrom")...)
}

// testDateAndServer: they are httpd's, whatever the handler sets.
func testDateAndServer(t *testing.T, srv *httpdtest.Server, _ *ownServer) {
	for _, script := range []string{"defaults", "own-date"} {
		resp := srv.Get("/respond/" + script + "/" + runID())
		date, err := http.ParseTime(resp.Header.Get("Date"))
		if age := time.Since(date); err != nil || age < -5*time.Second || age > time.Minute || len(resp.Header["Date"]) != 1 {
			t.Errorf("%s: Date is %q; want the time", script, resp.Header["Date"])
		}
		if server := resp.Header["Server"]; len(server) != 1 || !strings.HasPrefix(server[0], "Apache/") {
			t.Errorf("%s: Server is %q; want httpd's", script, server)
		}
	}
}

// testLongResponseHeader: a value of 64 KB, which takes no directive on HTTP/1.1, and H2MaxHeaderBlockLen on HTTP/2.
func testLongResponseHeader(t *testing.T, srv *httpdtest.Server, _ *ownServer) {
	resp := srv.Get("/respond/long-header/" + runID())
	if got := resp.Header.Get("X-Long"); got != nethttp.LongValue {
		t.Errorf("%s: the value has %d bytes; want %d", resp.Status, len(got), len(nethttp.LongValue))
	}
}

// testEarlyHints: a 103 is on the wire before the final response, whose handler waits for the client to see it.
func testEarlyHints(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, at := range []site{srv, own} {
		id := runID()
		var seen []string
		first := make(chan struct{})
		released := make(chan struct{})
		go func() { // not in the trace, on which the whole connection waits
			defer close(released)
			<-first
			release(t, at, id)
		}()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
				links := slices.Collect(func(yield func(string) bool) {
					for _, value := range header["Link"] {
						for link := range strings.SplitSeq(value, ", ") {
							if !yield(link) {
								return
							}
						}
					}
				})
				seen = append(seen, fmt.Sprintf("%d %d links", status, len(links)))
				if len(seen) == 1 {
					close(first)
				}
				return nil
			},
		})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL("/respond/early-hints/"+id), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := at.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != "final" || resp.Header.Get("X-Final") != "yes" || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %v: %q (%v)", at.Addr(), resp.Status, resp.Header, text, err)
		}
		if want := []string{"103 2 links", "103 3 links"}; !slices.Equal(seen, want) {
			t.Errorf("%s: the interim responses are %q; want %q", at.Addr(), seen, want)
		}
		checkOutcome(t, at, id, "released true")
		<-released
	}
}

// testFlush: the client reads what was flushed while the handler waits for the client's next request.
func testFlush(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, at := range []site{srv, own} {
		id := runID()
		resp := asking{method: "GET", target: "/respond/flush/" + id}.send(t, at)
		first := make([]byte, len("first "))
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first " {
			t.Errorf("%q (%v) came first", first, err)
		}
		release(t, at, id)
		rest, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(rest) != "second" {
			t.Errorf("%q (%v) came second", rest, err)
		}
		checkOutcome(t, at, id, "flushed <nil>", "released true")
	}
}

// testFullDuplexScript: TestFullDuplex has more of it.
func testFullDuplexScript(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, at := range []site{srv, own} {
		id := runID()
		body, writer := io.Pipe()
		go func() { _, _ = io.WriteString(writer, "first") }()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.URL("/respond/full-duplex/"+id), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := at.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
			t.Errorf("%q (%v) came back first", first, err)
		}
		_, _ = io.WriteString(writer, " second")
		writer.Close()
		rest, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(rest) != " second" {
			t.Errorf("%q (%v) came back second", rest, err)
		}
		checkOutcome(t, at, id, "enabled <nil>", `read "first" <nil>`, "flushed <nil>", `read " second" <nil>`)
	}
}

// testRangeOfPlainResponse: httpd makes a partial response of a whole one that the client wants a part of.
func testRangeOfPlainResponse(t *testing.T, srv *httpdtest.Server, _ *ownServer) {
	resp := srv.Get("/respond/sniff-text/"+runID(), "Range", "bytes=5-8")
	if resp.StatusCode != http.StatusPartialContent || resp.Text != "text" {
		t.Errorf("%s: %q; want 206 and the part that was asked for", resp.Status, resp.Text)
	}
}

// testOwnHandlers: http.TimeoutHandler, which answers in another goroutine's place, and http.ServeContent.
func testOwnHandlers(t *testing.T, srv *httpdtest.Server, own *ownServer) {
	for _, test := range []struct {
		name, path string
		header     http.Header
	}{
		{"timeout", "/timeout", nil},
		{"content", "/content", nil},
		{"range", "/content", http.Header{"Range": {"bytes=5-9"}}},
		{"range to the end", "/content", http.Header{"Range": {"bytes=-5"}}},
		{"range beyond the end", "/content", http.Header{"Range": {"bytes=100000-"}}},
		{"range of what it was", "/content", http.Header{"Range": {"bytes=5-9"}, "If-Range": {`"one"`}}},
		{"range of what it is not", "/content", http.Header{"Range": {"bytes=5-9"}, "If-Range": {`"two"`}}},
		{"known by tag", "/content", http.Header{"If-None-Match": {`"one"`}}},
		{"known by date", "/content", http.Header{"If-Modified-Since": {"Sun, 09 Sep 2001 01:46:40 GMT"}}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(test.name+" "+method, func(t *testing.T) {
				var seen [2]answered
				for i, at := range []site{srv, own} {
					resp := asking{method: method, target: test.path, header: test.header}.send(t, at)
					seen[i] = read(resp)
				}
				sameReports(t, seen[0], seen[1])
			})
		}
	}
}

// TestNetHTTPCopiedBody: io.Copy lets a writer that can read for itself do so.
func TestNetHTTPCopiedBody(t *testing.T) {
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		onBoth(t, srv, func(t *testing.T, at site) {
			id := runID()
			resp := asking{method: "POST", target: "/respond/copy-body/" + id, body: "what is copied"}.send(t, at)
			resp.Body.Close()
			checkOutcome(t, at, id, `14 <nil>, "what is copied"`)
		})
	})
}

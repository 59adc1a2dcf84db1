package programs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/programs/apps/reverseproxy"
)

// proxyLimit is how long the test waits for what has to happen.
const proxyLimit = 10 * time.Second

// httputil.ReverseProxy does on httpd, over every protocol, what it does on net/http's own server: every check is run there
// first.
func TestReverseProxy(t *testing.T) {
	up := startUpstream(t)
	t.Setenv(reverseproxy.Upstream, up.server.URL)
	t.Run("reference", func(t *testing.T) {
		application, err := reverseproxy.Application()
		if err != nil {
			t.Fatal(err)
		}
		for _, protocol := range httpdtest.Protocols("event") {
			t.Run(string(protocol), func(t *testing.T) { checkProxy(t, up, ownServer(t, application, protocol), protocol) })
		}
	})
	cfg := httpdtest.Config{
		Packages: []string{"./apps/reverseproxy"},
		Env:      []httpdconf.Variable{{Name: reverseproxy.Upstream, Value: up.server.URL}},
		Mounts:   []httpdconf.Mount{{Path: "/", Package: appsPackage + "reverseproxy"}},
		Threads:  16,
		Conf:     "<IfModule http2_module>\nH2EarlyHints on\n</IfModule>", // mod_http2 sends no 103 unless told
	}
	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) { checkProxy(t, up, apache(srv), srv.Protocol()) })
}

func checkProxy(t *testing.T, up *upstream, o origin, protocol httpdtest.Protocol) {
	checks := []struct {
		name  string
		check func(t *testing.T, up *upstream, o origin)
	}{
		{"request", checkProxyRequest},
		{"large bodies", checkProxyLargeBodies},
		{"the response streams", checkProxyResponseStreams},
		{"the request streams", checkProxyRequestStreams},
		{"trailers", checkProxyTrailers},
		{"trailers without a body", checkProxyBareTrailers},
		{"the client goes before the response", checkProxyCancelled("waiting")},
		{"the client goes amid the response", checkProxyCancelled("streaming")},
		{"the upstream cuts a response of known length", checkProxyCut("length")},
		{"the upstream cuts a response of unknown length", checkProxyCut("chunked")},
		{"early hints", checkProxyEarlyHints},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.check(t, up, o) })
	}
	if !protocol.HTTP2() { // which knows no upgrades
		t.Run("upgrade", func(t *testing.T) { checkProxyUpgrade(t, up, o) })
		t.Run("upgrade refused", func(t *testing.T) { checkProxyUpgradeRefused(t, o) })
	}
}

// request makes a request of the test's own length of life.
func (o origin) request(t testing.TB, ctx context.Context, method, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, o.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func (o origin) get(t testing.TB, ctx context.Context, path string) *http.Response {
	t.Helper()
	resp, err := o.client.Do(o.request(t, ctx, "GET", path, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func checkProxyRequest(t *testing.T, _ *upstream, o origin) {
	req := o.request(t, t.Context(), "PUT", "/echo?a=1&b=%2F", strings.NewReader("hello"))
	req.Header.Set("X-Asked", "asked")
	req.Host = "site.example"
	resp, err := o.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "asked hello" || resp.StatusCode != http.StatusAccepted {
		t.Errorf("%s: %q, %v", resp.Status, body, err)
	}
	scheme := strings.SplitN(o.base, ":", 2)[0]
	want := map[string][]string{
		"X-Seen": {"PUT /echo?a=1&b=%2F"}, "X-Forwarded": {"127.0.0.1", scheme, "site.example"}, "X-Twice": {"one", "two"},
	}
	for name, values := range want {
		if got := resp.Header[name]; !slices.Equal(got, values) {
			t.Errorf("%s is %q; want %q", name, got, values)
		}
	}
}

func checkProxyLargeBodies(t *testing.T, _ *upstream, o origin) {
	const size = 20 << 20
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	resp, err := o.client.Do(o.request(t, t.Context(), "POST", "/sum", bytes.NewReader(sent)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != size {
		t.Errorf("%d bytes came, %v; want %d", n, err, size)
	}
	sum := sha256.Sum256(sent)
	if got := resp.Header.Get("X-Sum"); got != hex.EncodeToString(sum[:]) {
		t.Errorf("what the upstream got is not what was sent: its checksum is %s", got)
	}
}

func checkProxyResponseStreams(t *testing.T, up *upstream, o origin) {
	lines := bufio.NewReader(o.get(t, t.Context(), "/stream").Body)
	for i := range 3 {
		// The next line is not made before this one has come.
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("line %d\n", i); line != want || err != nil {
			t.Fatalf("line %d is %q, %v", i, line, err)
		}
		up.open(t)
	}
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("the response ends with %v; want %v", err, io.EOF)
	}
}

func checkProxyRequestStreams(t *testing.T, up *upstream, o origin) {
	body, writer := io.Pipe()
	req := o.request(t, t.Context(), "POST", "/read", body)
	done := make(chan error, 1)
	go func() {
		resp, err := o.client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	for i := range 3 {
		line := fmt.Sprintf("line %d", i)
		fmt.Fprintln(writer, line)
		up.wait(t, line)
	}
	writer.Close()
	up.wait(t, "end")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func checkProxyTrailers(t *testing.T, _ *upstream, o origin) {
	resp := o.get(t, t.Context(), "/trailers")
	announced := slices.Collect(maps.Keys(resp.Trailer))
	if !slices.Equal(announced, []string{"X-Announced"}) {
		t.Errorf("the trailers %q are announced", announced)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "body" {
		t.Errorf("the body is %q, %v", body, err)
	}
	if resp.Trailer.Get("X-Announced") != "yes" || resp.Trailer.Get("X-Late") != "too" {
		t.Errorf("the trailers are %v", resp.Trailer)
	}
}

func checkProxyBareTrailers(t *testing.T, _ *upstream, o origin) {
	resp := o.get(t, t.Context(), "/bare")
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
	if resp.Trailer.Get("X-Announced") != "yes" {
		t.Errorf("the trailers are %v", resp.Trailer)
	}
}

func checkProxyCancelled(path string) func(t *testing.T, up *upstream, o origin) {
	return func(t *testing.T, up *upstream, o origin) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req := o.request(t, ctx, "GET", "/"+path, nil)
		done := make(chan error, 1)
		go func() {
			resp, err := o.client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			done <- err
		}()
		up.wait(t, "called")
		cancel()
		up.wait(t, "cancelled")
		if err := <-done; err == nil {
			t.Error("the cancelled request succeeded")
		}
	}
}

// checkProxyCut: the client must not take a part for the whole. How much of it comes is another matter: over HTTP/2 the reset
// of a stream overtakes what was sent before.
func checkProxyCut(path string) func(t *testing.T, up *upstream, o origin) {
	return func(t *testing.T, _ *upstream, o origin) {
		resp, err := o.client.Do(o.request(t, t.Context(), "GET", "/"+path, nil))
		if err != nil {
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil || !strings.HasPrefix("the beginning", string(body)) {
			t.Errorf("%s: the body is %q, %v; want an error", resp.Status, body, err)
		}
	}
}

func checkProxyEarlyHints(t *testing.T, _ *upstream, o origin) {
	hints, ctx := traceHints(t.Context())
	resp := o.get(t, ctx, "/hints")
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "done" {
		t.Errorf("the body is %q, %v", body, err)
	}
	if got := hints(); !slices.Equal(got, []string{"103 </style.css>; rel=preload"}) {
		t.Errorf("the interim responses are %q", got)
	}
}

func checkProxyUpgrade(t *testing.T, up *upstream, o origin) {
	conn := o.dial(t)
	fmt.Fprint(conn, "GET /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: capitals\r\n\r\n")
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != "capitals" {
		t.Fatalf("%s, %v", resp.Status, resp.Header)
	}
	for _, word := range []string{"one", "two", strings.Repeat("x", 60000)} {
		fmt.Fprintln(conn, word)
		line, err := reader.ReadString('\n')
		if want := strings.ToUpper(word) + "\n"; line != want || err != nil {
			t.Fatalf("%.100q came back, %v", line, err)
		}
	}
	conn.Close()
	up.wait(t, "hung up")
}

func checkProxyUpgradeRefused(t *testing.T, o origin) {
	conn := o.dial(t)
	fmt.Fprint(conn, "GET /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusUpgradeRequired || string(body) != "upgrade to capitals\n" || err != nil {
		t.Errorf("%s: %q, %v", resp.Status, body, err)
	}
}

// traceHints gives a context that records interim responses, each as its status and its Link.
func traceHints(ctx context.Context) (hints func() []string, traced context.Context) {
	var (
		mu  sync.Mutex
		got []string
	)
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%d %s", code, header.Get("Link")))
		return nil
	}}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}, httptrace.WithClientTrace(ctx, trace)
}

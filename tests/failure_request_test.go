package tests

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const faultyConf = "GoAlias /faulty " + appsPath + "faulty\nGoAlias /broken " + appsPath + "faulty callable=broken"

func startFaulty(t *testing.T, mpm string) *httpdtest.Server {
	return httpdtest.Start(t, httpdtest.Config{
		MPM: mpm, Processes: 1, Threads: 8, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf,
	})
}

// cut fetches a path whose response must break off: it returns what came, and fails if the response looks whole.
func cut(t *testing.T, srv *httpdtest.Server, path string) string {
	t.Helper()
	resp, err := srv.Client().Get(srv.URL(path))
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		t.Errorf("%s: the response looks whole: %q", path, body)
	}
	return string(body)
}

// TestHandlerFaults: what one request does wrong is answered or cut off, logged once with the request's id, and leaves
// the process and other requests alone.
func TestHandlerFaults(t *testing.T) {
	cases := []struct {
		path   string
		status int    // 0: the response breaks off
		body   string // of a whole response, or what comes before it breaks off
		log    string // a line that must be logged; "" for none
	}{
		{"/faulty/panic", 500, "Internal Server Error", `MODGO0011: the application .*faulty\.application panicked: early with two lines \(request id \S+\)`},
		{"/faulty/nil", 500, "Internal Server Error", `MODGO0011: .* panicked: assignment to entry in nil map`},
		{"/faulty/panic-late", 0, "begun", `MODGO0011: .* panicked: late`},
		{"/faulty/abort", 0, "", ""},
		{"/faulty/abort-late", 0, "begun", ""},
		{"/faulty/short", 500, "Internal Server Error", `MODGO0012: .* the handler wrote 9 of the 100 bytes`},
		{"/faulty/status/99", 500, "Internal Server Error", `MODGO0011: .*invalid WriteHeader code 99`},
		{"/faulty/status/1000", 500, "Internal Server Error", `MODGO0011: .*invalid WriteHeader code 1000`},
		{"/broken/nostart", 500, "Internal Server Error", `MODGO0012: .*C38`},
		{"/broken/twice", 500, "Internal Server Error", `MODGO0011: .*C34`},
		{"/broken/status", 500, "Internal Server Error", `MODGO0011: .*C31: the status "OK 200"`},
		{"/broken/split", 500, "Internal Server Error", `MODGO0011: .*C31: the header X-Split has a control character`},
		{"/broken/hop", 500, "Internal Server Error", `MODGO0011: .*C30: the header Connection`},
		{"/broken/short", 0, "only this", `MODGO0012: .*C45: the body ended after 9 of the 100 bytes`},
		{"/broken/long", 200, "four", ""},
		{"/broken/panic", 500, "Internal Server Error", `MODGO0011: .*panicked: in the application`},
		{"/broken/panic-late", 0, "begun", `MODGO0011: .*panicked: in the body`},
		{"/broken/error", 500, "Internal Server Error", `MODGO0012: .*io: read/write on closed pipe`},
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFaulty(t, mpm)
		for _, c := range cases {
			if c.log != "" {
				srv.Expect(c.log)
			}
			if c.status == 0 {
				if got := cut(t, srv, c.path); got != c.body {
					t.Errorf("%s: %q came before the response broke off; want %q", c.path, got, c.body)
				}
				continue
			}
			resp := srv.Get(c.path)
			if resp.StatusCode != c.status || !strings.Contains(resp.Text, c.body) {
				t.Errorf("%s: status %d, %q; want %d with %q", c.path, resp.StatusCode, resp.Text, c.status, c.body)
			}
		}
		if children := srv.ChildPIDs(); mpm != "prefork" && srv.Get("/faulty/ok").Text != fmt.Sprintf("pid %d", children[0]) {
			t.Error("the process did not live on")
		}
	})
}

// TestHeadersNeverSplit: line breaks and other control characters of a handler's headers do not reach the wire.
func TestHeadersNeverSplit(t *testing.T) {
	srv := startFaulty(t, "event")
	answer := string(srv.Raw(t, "GET /faulty/header HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if strings.HasPrefix(name, "X-Injected") || strings.Contains(name, "Bad") || strings.Contains(name, "evil") {
			t.Errorf("the response has the line %q", line)
		}
		for _, c := range []byte(value) {
			if c < ' ' || c == 0x7f {
				t.Errorf("the line %q has the byte %#x", line, c)
			}
		}
	}
	if !strings.Contains(head, "X-Split: a  X-Injected: yes") {
		t.Errorf("the value without its line break is not there:\n%s", head)
	}
}

// TestLengthLies: more than Content-Length is never sent, and the handler is told.
func TestLengthLies(t *testing.T) {
	srv := startFaulty(t, "event")
	if resp := srv.Get("/faulty/long"); resp.Text != "four" || resp.ContentLength != 4 {
		t.Errorf("got %q of length %d; want four bytes", resp.Text, resp.ContentLength)
	}
	srv.AwaitLog(`the long write got: http: wrote more than the declared Content-Length`)
	if resp := srv.Get("/faulty/nobody"); resp.StatusCode != 204 || resp.Text != "" {
		t.Errorf("got status %d, %q; want 204 without a body", resp.StatusCode, resp.Text)
	}
	srv.AwaitLog(`the write got: http: request method or response status code does not allow body`)
}

// TestUseAfterReturn: body, writer and environ of a request that is over give errors, never memory of another.
func TestUseAfterReturn(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Threads: 1, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf,
		})
		srv.Expect(`AH(00484|00161|00286): server reached MaxRequestWorkers`).Maybe() // there is but one
		for range 20 {
			// A connection each: httpd closes idle ones when its only thread is wanted.
			resp := srv.Send("POST", "/faulty/keep", strings.NewReader("a body of some bytes"), "Connection", "close")
			if resp.StatusCode != 200 {
				t.Fatalf("status %d", resp.StatusCode)
			}
			want := "read: http: invalid Read on closed Body; write: mod_go: the handler of this request has returned; environ: false"
			if got := srv.Get("/faulty/kept", "Connection", "close").Text; got != want {
				t.Fatalf("got %q\nwant %q", got, want)
			}
		}
	})
}

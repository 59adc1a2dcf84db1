package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

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
			resp := srv.Send("POST", "/faulty/keep", strings.NewReader("a body of some bytes"))
			if resp.StatusCode != 200 {
				t.Fatalf("status %d", resp.StatusCode)
			}
			want := "read: http: invalid Read on closed Body; write: mod_go: the handler of this request has returned; environ: false"
			if got := srv.Get("/faulty/kept").Text; got != want {
				t.Fatalf("got %q\nwant %q", got, want)
			}
		}
	})
}

// once sends a request on a connection of its own, whose end it awaits. http.Client would send a second one when the
// connection breaks.
func once(t *testing.T, srv *httpdtest.Server, path string) (answer string) {
	t.Helper()
	conn := srv.Dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	bytes, _ := io.ReadAll(conn) // an error is what is expected
	return string(bytes)
}

// fatal are requests that a Go process cannot survive, and what the log says of the cause.
var fatal = []struct{ path, cause string }{
	{"/faulty/goroutine", `panic: in a goroutine of its own`},
	{"/faulty/mapwrites", `fatal error: concurrent map writes`},
	{"/faulty/stackoverflow", `fatal error: stack overflow`},
	{"/faulty/goexit", `its handler called runtime.Goexit`},
	{"/faulty/exit", `it ended without a word: os.Exit`},
}

// TestFatalErrors: a child that dies is replaced, and one line says which request of which application it served, and
// why it died.
func TestFatalErrors(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Threads: 4, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf,
		})
		srv.Expect(`MODGO0014: the application .*faulty.application cannot go on: its handler called runtime.Goexit`)
		for _, f := range fatal {
			line := `MODGO0022: child \d+ died while application ` + appsPath + `faulty served "GET ` + f.path + ` HTTP/1.1" \(id \S+, client 127.0.0.1, for [\d.]+ s\): ` + f.cause
			srv.Expect(line).Times(1)
			if answer := once(t, srv, f.path); answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 500 ") {
				t.Errorf("%s: the answer is %q", f.path, answer)
			}
			srv.AwaitLog(line)
			if text := srv.Get("/faulty/ok").Text; !strings.HasPrefix(text, "pid ") {
				t.Errorf("after %s the server answers %q", f.path, text)
			}
		}
		// What is printed right before os.Exit is not lost.
		srv.AwaitLog(`the last words on standard output`)
		srv.AwaitLog(`the last words on standard error`)
	})
}

// TestFatalErrorNamesTheOne: of several requests in flight the log names the one whose goroutine crashed.
func TestFatalErrorNamesTheOne(t *testing.T) {
	srv := startFaulty(t, "event")
	srv.Expect(`MODGO0022: child \d+ died while application .* served "GET /faulty/goroutine HTTP/1.1"`).Times(1)
	var bystanders sync.WaitGroup
	for range 3 {
		conn := srv.Dial(t)
		defer conn.Close()
		// A body that never ends keeps the request in flight.
		if _, err := io.WriteString(conn, "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1"); err != nil {
			t.Fatal(err)
		}
		bystanders.Go(func() { _, _ = io.Copy(io.Discard, conn) })
	}
	if answer := once(t, srv, "/faulty/goroutine"); answer != "" {
		t.Errorf("the answer is %q", answer)
	}
	srv.AwaitLog(`MODGO0022`)
	bystanders.Wait()
}

// TestClientGoesWhileSending: a body that breaks off is an error for the handler, never a short body that looks whole.
func TestClientGoesWhileSending(t *testing.T) {
	for name, request := range map[string]string{
		"Content-Length": "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nonly this",
		"chunked":        "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			httpdtest.Matrix(t, func(t *testing.T, mpm string) {
				srv := startFaulty(t, mpm)
				conn := srv.Dial(t)
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
				if err := conn.Close(); err != nil {
					t.Fatal(err)
				}
				srv.AwaitLog(`sip ended after 9 bytes: unexpected EOF`)
			})
		})
	}
}

// TestClientGoesWhileReceiving: a handler that writes without end is told that its client has gone.
func TestClientGoesWhileReceiving(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFaulty(t, mpm)
		conn := srv.Dial(t)
		if _, err := io.WriteString(conn, "GET /faulty/pour HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, conn, 1<<20); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		srv.AwaitLog(`pour ended: mod_go: the client has closed the connection`)
	})
}

// malformed are requests that a server must refuse, or read in one way only (RFC 9112 sections 6.1 and 11.2).
var malformed = []struct {
	name, request string
	framed        bool // where it ends is beyond doubt: what follows is a request of its own
}{
	{"two lengths", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n1234", false},
	{"a negative length", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n1234", false},
	{"a length with a sign", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n1234", false},
	{"an unknown coding", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n", false},
	{"chunked, but not last", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n4\r\n1234\r\n0\r\n\r\n", false},
	{"a chunk size that is no number", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n1234\r\n0\r\n\r\n", false},
	{"a chunk size beyond all bounds", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n1234\r\n0\r\n\r\n", false},
	{"a second chunk that is none", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\nzz\r\n1234\r\n0\r\n\r\n", false},
	{"a space before the colon", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\n1234", false},
	{"a folded line", "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nX: a\r\nContent-Length\r\n : 4\r\n\r\n1234", false},
	{"a NUL in a header", "GET /faulty/ok HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", false},
	{"a bare CR", "GET /faulty/ok HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", false},
	{"no Host", "GET /faulty/ok HTTP/1.1\r\n\r\n", false},
	{"two Hosts", "GET /faulty/ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", false},
	{"a space in the target", "GET /faulty/ok x HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"a NUL in the target", "GET /faulty/ok%00 HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"dots above the root", "GET /../../faulty/ok HTTP/1.1\r\nHost: a\r\n\r\n", false},
}

// TestMalformedRequests: each is refused with a status that says so, or closed; what follows in the same bytes is not
// taken for a request of its own where the malformed one leaves its end in doubt, and the handler adds nothing to the
// refusal.
func TestMalformedRequests(t *testing.T) {
	const smuggled = "GET /faulty/status/418 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFaulty(t, mpm)
		srv.Expect(`AH10244: invalid URI path`)
		for _, m := range malformed {
			answer := string(srv.Raw(t, m.request+smuggled))
			if strings.Contains(answer, " 418 ") != m.framed {
				t.Errorf("%s: whether the request behind it is answered: %v; want %v:\n%s", m.name, !m.framed, m.framed, answer)
			}
			if answers := strings.Count(answer, "HTTP/1.1 "); answers > 1 && !m.framed || strings.Contains(answer, "cannot be read") {
				t.Errorf("%s: there is more than the refusal:\n%s", m.name, answer)
			}
			status := 0
			if _, err := fmt.Sscanf(answer, "HTTP/1.1 %d", &status); err != nil && answer != "" {
				t.Errorf("%s: the answer is %q", m.name, answer)
			}
			switch status {
			case 0, 400, 404, 413, 501:
			default:
				t.Errorf("%s: status %d", m.name, status)
			}
		}
		if text := srv.Get("/faulty/ok").Text; !strings.HasPrefix(text, "pid ") {
			t.Errorf("afterwards the server answers %q", text)
		}
	})
}

// TestChunkedWins: of Content-Length and chunked the second counts, and the connection is not used again
// (RFC 9112 section 6.3).
func TestChunkedWins(t *testing.T) {
	srv := startFaulty(t, "event")
	answer := string(srv.Raw(t, "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n"+
		"GET /faulty/status/418 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	if !strings.HasPrefix(head, "HTTP/1.1 200") && !strings.HasPrefix(head, "HTTP/1.1 400") {
		t.Fatalf("answer:\n%s", answer)
	}
	if strings.HasPrefix(head, "HTTP/1.1 200") && body != "4" {
		t.Errorf("the body %q; want 4 bytes counted and nothing after it", body)
	}
}

// TestBodyLimit: LimitRequestBody is httpd's to enforce; the handler's read fails and the client gets 413 if the
// handler leaves it at that.
func TestBodyLimit(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf + "\nLimitRequestBody 1000",
		})
		srv.Expect(`AH0(1587|1588|0588)`).Maybe()
		for name, body := range map[string]io.Reader{
			"Content-Length": strings.NewReader(strings.Repeat("x", 5000)),
			"chunked":        io.MultiReader(strings.NewReader(strings.Repeat("x", 5000))),
		} {
			resp := srv.Send("POST", "/faulty/sip", body)
			if resp.StatusCode != 413 && !(resp.StatusCode == 400 && strings.Contains(resp.Text, "too large")) {
				t.Errorf("%s: status %d, %q", name, resp.StatusCode, resp.Text)
			}
		}
		if resp := srv.Send("POST", "/faulty/sip", strings.NewReader("small")); resp.Text != "5" {
			t.Errorf("a small body: %q", resp.Text)
		}
	})
}

// TestSlowClients: a thousand clients that send their bodies a byte a second are told to hurry by mod_reqtimeout, each
// with an answer; meanwhile others are served, and afterwards all threads are free.
func TestSlowClients(t *testing.T) {
	const clients = 1000
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Processes: 2, Threads: 128, Packages: []string{"./tests/testdata/apps/faulty"},
		Modules: []string{"mod_reqtimeout"},
		Conf:    faultyConf + "\nRequestReadTimeout header=5 body=2,MinRate=500",
	})
	srv.Expect(`AH0048[45]|AH10159|AH03490`).Maybe() // that all threads are busy
	var slow sync.WaitGroup
	statuses := make([]int, clients)
	for i := range clients {
		slow.Go(func() { statuses[i] = sipSlowly(srv.Dial(t)) })
	}
	done := make(chan struct{})
	go func() {
		slow.Wait()
		close(done)
	}()
	for served := false; !served; {
		select {
		case <-done:
			served = true
		default:
		}
		if text := srv.Get("/faulty/ok").Text; !strings.HasPrefix(text, "pid ") {
			t.Fatalf("meanwhile the server answers %q", text)
		}
	}
	for i, status := range statuses {
		if status != http.StatusBadRequest && status != http.StatusRequestTimeout {
			t.Errorf("slow client %d: status %d; want 400 from the handler, or 408", i, status)
		}
	}
}

// sipSlowly sends a body a byte a second until the server has enough of it, and returns the answer's status, 0 for none.
func sipSlowly(conn net.Conn) int {
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		return 0
	}
	answer := make(chan int, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answer <- 0
			return
		}
		resp.Body.Close()
		answer <- resp.StatusCode
	}()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		if _, err := conn.Write([]byte("x")); err != nil {
			return <-answer
		}
		select {
		case status := <-answer:
			return status
		case <-second.C:
		}
	}
}

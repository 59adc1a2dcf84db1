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

package tests

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	// uploadSize is how much is echoed.
	uploadSize = 100 << 20
	// duplexWindow is how far the client sends ahead of what has come back: a server that gathers more waits for ever.
	duplexWindow = 1 << 20
	// duplexGrowth is how many bytes the child's resident memory may grow by at any moment of it.
	duplexGrowth = 8 << 20
	// duplexLimit is how long one echo may take on an ordinary machine.
	duplexLimit = 60 * time.Second
)

// TestFullDuplex: a handler writes while it reads, over HTTP/1.1 too, and nothing on its way gathers what it does.
func TestFullDuplex(t *testing.T) {
	httpdtest.Hosts(t, httpdtest.Config{
		// With Go's usual collector: by default more garbage may gather than the bound allows.
		Packages: streamPackages, Conf: "GoAlias / " + appsPath + "duplex\nLimitRequestBody 0\nGoGC 100",
	}, nil, func(t *testing.T, srv *httpdtest.Server) {
		for _, path := range []string{"/echo", "/piped"} {
			t.Run(path, func(t *testing.T) { testEcho(t, srv.In(t), path, duplexWindow) })
			t.Run(path+" unthrottled", func(t *testing.T) { testEcho(t, srv.In(t), path, uploadSize) })
		}
		if srv.Protocol().HTTP2() {
			t.Run("early", func(t *testing.T) { testEarlyAnswerHTTP2(t, srv.In(t)) })
		} else {
			t.Run("by hand", func(t *testing.T) { testEchoByHand(t, srv.In(t)) })
			t.Run("early", func(t *testing.T) { testEarlyAnswer(t, srv.In(t)) })
		}
	})
}

// testEcho sends an upload, of which no more than window is on its way, and has it back.
func testEcho(t *testing.T, srv *httpdtest.Server, path string, window int) {
	echoOf(t, srv, path, 1<<20, window) // so that what is measured is the size of the body
	children := srv.ChildPIDs()
	before := make(map[int]int64)
	for _, pid := range children {
		before[pid] = srv.RSS(pid)
		resetPeak(t, pid)
	}
	echoOf(t, srv, path, uploadSize, window)
	for _, pid := range children {
		if grown := peak(t, pid) - before[pid]; grown > duplexGrowth && !instrumented() {
			t.Errorf("while it echoed %d bytes, a child grew by %d bytes; want no more than %d", uploadSize, grown, duplexGrowth)
		}
	}
}

func echoOf(t *testing.T, srv *httpdtest.Server, path string, size int64, window int) {
	t.Helper()
	client := *srv.Client()
	client.Timeout = httpdtest.Limit(duplexLimit)
	upload := &upload{rest: size, window: make(chan struct{}, window/blockSize), ended: make(chan struct{})}
	defer close(upload.ended)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL(path), upload)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: %s", resp.Status, text)
	}
	got, want := make([]byte, blockSize), make([]byte, blockSize)
	for offset := int64(0); offset < size; offset += blockSize {
		if n, err := io.ReadFull(resp.Body, got); err != nil {
			t.Fatalf("the echo ends after %d bytes: %v; want %d", offset+int64(n), err, size)
		}
		if fill(want, offset); !bytes.Equal(got, want) {
			t.Fatalf("the echo is another than what was sent, from byte %d on", offset)
		}
		<-upload.window
	}
	if n, err := resp.Body.Read(got); n > 0 || err != io.EOF {
		t.Errorf("the echo goes on with %q (%v); want its end", got[:n], err)
	}
}

// blockSize is a divisor of all sizes here.
const blockSize = 32 << 10

// upload is a request's body that goes on as the answer does.
type upload struct {
	offset, rest int64
	block        [blockSize]byte
	left         []byte        // of block
	window       chan struct{} // holds as many values as blocks are on their way
	ended        chan struct{} // closed when nobody reads the answer any more
}

func (u *upload) Read(p []byte) (int, error) {
	if len(u.left) == 0 {
		if u.rest == 0 {
			return 0, io.EOF
		}
		select {
		case u.window <- struct{}{}:
		case <-u.ended:
			return 0, io.ErrUnexpectedEOF
		}
		u.left = u.block[:]
		fill(u.left, u.offset)
		u.offset += blockSize
		u.rest -= blockSize
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

// fill makes the block that stands at offset, another one at every offset.
func fill(block []byte, offset int64) {
	for i := range block {
		n := offset + int64(i)
		block[i] = byte(n ^ n>>8 ^ n>>16 ^ n>>24)
	}
}

// instrumented tells whether httpd runs under AddressSanitizer, which keeps memory that was freed, or valgrind.
func instrumented() bool {
	return os.Getenv(httpdtest.EnvPreload) != "" || os.Getenv(httpdtest.EnvWrapper) != ""
}

// resetPeak makes a process's largest resident memory so far what it is now.
func resetPeak(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// peak is the largest resident memory of a process, in bytes, since resetPeak.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	t.Fatalf("process %d has no resident memory: it has ended", pid)
	return 0
}

// testEchoByHand: every chunk comes back before the next is sent, and the connection serves another request after it.
func testEchoByHand(t *testing.T, srv *httpdtest.Server) {
	for _, path := range []string{"/echo", "/piped"} {
		c := converse(t, srv)
		c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.send("5\r\nfirst\r\n")
		resp := c.head("POST")
		c.expect(resp.Body, "first")
		c.send("6\r\nsecond\r\n")
		c.expect(resp.Body, "second")
		c.send("0\r\n\r\n")
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
			t.Errorf("%s: the echo ends with %q (%v)", path, rest, err)
		}
		c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast")
		if next := c.answer("POST"); next.Text != "last" {
			t.Errorf("%s: the next answer is %s: %q", path, next.Status, next.Text)
		}
		c.ends()
		c.Close() // prefork has few processes, and one lingers until the client closes
	}
}

// earlyLimit is far below httpd's Timeout, which would end the wait of a server that wants the whole body first.
const earlyLimit = 10 * time.Second

// testEarlyAnswer: a client that waits for the answer before it goes on with the body gets it.
func testEarlyAnswer(t *testing.T, srv *httpdtest.Server) {
	for path, want := range map[string]int{"/early": 200, "/early/close": 200, "/early/refused": 505} {
		for framing, sent := range map[string]string{
			"chunked": "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", "of a length": "Content-Length: 1000000\r\n\r\nfirst",
		} {
			t.Run(path+" "+framing, func(t *testing.T) {
				c := converse(t, srv)
				c.within(earlyLimit)
				c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\n" + sent)
				resp := c.answer("POST")
				if resp.StatusCode != want || want == 200 && resp.Text != "early" {
					t.Errorf("%s: %q; want status %d", resp.Status, resp.Text, want)
				}
				if path != "/early" && !resp.Close {
					t.Errorf("the headers are %v; want the end of the connection announced", resp.Header)
				}
			})
		}
	}
}

// testEarlyAnswerHTTP2 is the same; on HTTP/2 the end of a connection is not the handler's to announce.
func testEarlyAnswerHTTP2(t *testing.T, srv *httpdtest.Server) {
	for path, want := range map[string]int{"/early": 200, "/early/close": 200, "/early/refused": 505} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), httpdtest.Limit(earlyLimit))
			defer cancel()
			body, open := io.Pipe()
			refused := make(chan error, 1)
			go func() {
				for {
					if _, err := io.WriteString(open, "more"); err != nil {
						refused <- err
						return
					}
				}
			}()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL(path), body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != want || want == 200 && string(text) != "early" {
				t.Errorf("%s: %q (%v); want status %d", resp.Status, text, err, want)
			}
			<-refused
			if ctx.Err() != nil {
				t.Error("the client was not told to send no more: the stream was not reset after the answer (RFC 9113 section 8.1)")
			}
		})
	}
}

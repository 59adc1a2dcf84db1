package contract

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// exchangeLimit is how long one exchange may take on an ordinary machine.
const exchangeLimit = 20 * time.Second

// conversation is a connection on which a check writes requests byte by byte, and reads answers one by one.
type conversation struct {
	net.Conn
	t      testing.TB
	reader *bufio.Reader
}

func converse(t testing.TB, s site) *conversation {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(httpdtest.Limit(exchangeLimit))); err != nil {
		t.Fatal(err)
	}
	if s.secure {
		conn = tls.Client(conn, tlsClient)
	}
	return &conversation{conn, t, bufio.NewReader(conn)}
}

func (c *conversation) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// response is an answer whose body has been read.
type response struct {
	*http.Response
	text string
}

// head reads the next answer's head; its body is left to be read.
func (c *conversation) head(method string) *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	return resp
}

// answer reads the next answer, which must be whole.
func (c *conversation) answer(method string) response {
	c.t.Helper()
	resp := c.head(method)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("the answer's body breaks off after %q: %v", shorten(string(text)), err)
	}
	return response{resp, string(text)}
}

// expect reads exactly this text of a body that is still being sent.
func (c *conversation) expect(body io.Reader, want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(body, got); err != nil || string(got) != want {
		c.t.Fatalf("the body goes on with %q (%v); want %q", got[:n], err, want)
	}
}

// status reads the status line of the next answer, interim ones included, and skips its headers.
func (c *conversation) status(want int) {
	c.t.Helper()
	if resp := c.head("POST"); resp.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // for the message
		c.t.Fatalf("the server answers %s (%q); want %d", resp.Status, text, want)
	}
}

// ends checks that the server closes the connection, and sends nothing more.
func (c *conversation) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
		c.t.Errorf("after the answer come %q (%v); want the end of the connection", shorten(string(rest)), err)
	}
}

// discards checks that the rest of a request's body, which nobody has read, is never taken for a request: the server closes
// the connection, or takes it off first.
func (c *conversation) discards(rest string) {
	c.t.Helper()
	_, _ = io.WriteString(c, rest+"GET /discarded HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") // it may be closed already
	answers, _ := io.ReadAll(c.reader)
	if text := string(answers); text != "" && (!strings.HasPrefix(text, "HTTP/1.1 404 ") || strings.Count(text, "HTTP/1.1 ") != 1) {
		c.t.Errorf("after the answer come %q; want the end of the connection, or the next answer", shorten(text))
	}
}

// request is the head of a request; target is what follows the site's mount.
func (s site) request(method, target, proto string, headers ...string) string {
	lines := append([]string{method + " " + s.path + target + " " + proto, "Host: " + s.name}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

const (
	http10 = "HTTP/1.0"
	http11 = "HTTP/1.1"
	end    = "Connection: close"
)

// exchange sends a request on a connection of its own, byte by byte as given, and reads the answer.
func exchange(t testing.TB, s site, request string) response {
	t.Helper()
	c := converse(t, s)
	defer c.Close()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.answer(method)
}

// get is a GET of a target below the site's mount.
func get(t testing.TB, s site, target string, headers ...string) response {
	t.Helper()
	return exchange(t, s, s.request("GET", target, http11, append([]string{end}, headers...)...))
}

// post is a request with a body, of a length that is told, or in chunks.
func (s site) post(target, body string, headers ...string) string {
	return s.request("POST", target, http11, append(headers, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

func (s site) postChunked(target string, chunks []string, headers ...string) string {
	return s.request("POST", target, http11, append(headers, "Transfer-Encoding: chunked")...) + chunked(chunks...)
}

// chunked is a body in the chunked encoding, each piece a chunk, without extensions and trailers.
func chunked(pieces ...string) string {
	var encoded strings.Builder
	for _, piece := range pieces {
		fmt.Fprintf(&encoded, "%x\r\n%s\r\n", len(piece), piece)
	}
	return encoded.String() + "0\r\n\r\n"
}

// scripted is the target of the application script (tests/testdata/apps/contract/script.go) for these steps.
func scripted(steps ...string) string { return "/script?" + url.Values{"do": steps}.Encode() }

var tokens atomic.Int64

// marked adds a token to a target, under which its application makes notes.
func marked(target string) (withToken, token string) {
	token = fmt.Sprintf("token%d.", tokens.Add(1))
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + "token=" + token, token
}

// variables reads the answer of the application Environ.
func variables(t testing.TB, resp response) map[string]string {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the answer is %s: %q", resp.Status, shorten(resp.text))
	}
	var dump map[string][]byte
	if err := json.Unmarshal([]byte(resp.text), &dump); err != nil {
		t.Fatalf("%v in %q", err, shorten(resp.text))
	}
	all := make(map[string]string, len(dump))
	for name, value := range dump {
		all[name] = string(value)
	}
	return all
}

// absent stands for a variable that must not be there, present for one that may be anything but empty.
const (
	absent  = "\x00absent"
	present = "\x00present"
)

// checkVariables compares some of the variables with what they have to be.
func checkVariables(t testing.TB, all, want map[string]string) {
	t.Helper()
	for name, wanted := range want {
		value, ok := all[name]
		switch {
		case wanted == absent && ok:
			t.Errorf("%s is there, and %q; want none", name, value)
		case wanted == absent:
		case !ok:
			t.Errorf("%s is missing; want %q", name, wanted)
		case wanted == present && value == "":
			t.Errorf("%s is empty", name)
		case wanted != present && value != wanted:
			t.Errorf("%s is %q; want %q", name, value, wanted)
		}
	}
}

// checkAnswer compares status and body of an answer with what they have to be.
func checkAnswer(t testing.TB, resp response, status int, text string) {
	t.Helper()
	if resp.StatusCode != status || resp.text != text {
		t.Errorf("the answer is %s: %q; want %d: %q", resp.Status, shorten(resp.text), status, shorten(text))
	}
}

// brokenOff sends a request, whose answer must begin with this text and then break off so that the client can tell.
func brokenOff(t testing.TB, s site, request, begins string) {
	t.Helper()
	c := converse(t, s)
	defer c.Close()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	resp := c.head(method)
	text, err := io.ReadAll(resp.Body)
	if string(text) != begins || resp.StatusCode != http.StatusOK {
		t.Errorf("the answer is %s: %q; want 200: %q", resp.Status, shorten(string(text)), begins)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the answer looks whole: %q (%v)", shorten(string(text)), err)
	}
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("the body breaks off after %q: %v", shorten(string(text)), err)
	}
	return string(text)
}

// shorten keeps a message readable.
func shorten(text string) string {
	const limit = 300
	if len(text) > limit {
		return text[:limit] + fmt.Sprintf("... (%d bytes)", len(text))
	}
	return text
}

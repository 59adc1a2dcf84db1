package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/probe"
)

// testPackages are the test applications that most tests here need: one object serves them all.
var testPackages = []string{
	"./tests/testdata/apps/probe", "./tests/testdata/apps/wsgi", "./tests/testdata/apps/respond",
	"./tests/testdata/apps/settings", "./tests/testdata/apps/speak",
}

// conversation is a connection on which a test writes requests byte by byte and reads the answers one by one.
type conversation struct {
	net.Conn
	t      *testing.T
	reader *bufio.Reader
}

func converse(t *testing.T, srv *httpdtest.Server) *conversation {
	t.Helper()
	conn := srv.Dial(t)
	return &conversation{conn, t, bufio.NewReader(conn)}
}

// within limits how long the rest of the conversation may take.
func (c *conversation) within(limit time.Duration) {
	c.t.Helper()
	if err := c.SetDeadline(time.Now().Add(httpdtest.Limit(limit))); err != nil {
		c.t.Fatal(err)
	}
}

// send writes a part of a request.
func (c *conversation) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
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

// answer reads the next answer.
func (c *conversation) answer(method string) *httpdtest.Response {
	c.t.Helper()
	resp := c.head(method)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("reading the answer's body: %v", err)
	}
	return &httpdtest.Response{Response: resp, Text: string(text)}
}

// expect reads exactly this text of a body that is still being sent.
func (c *conversation) expect(body io.Reader, want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(body, got); err != nil || string(got) != want {
		c.t.Fatalf("the body goes on with %q (%v); want %q", got[:n], err, want)
	}
}

// ends checks that the server closes the connection, and sends nothing more.
func (c *conversation) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
		c.t.Errorf("after the answer come %q (%v); want the end of the connection", rest, err)
	}
}

// exchange sends one request, byte by byte as given, and reads one answer.
func exchange(t *testing.T, srv *httpdtest.Server, request string) *httpdtest.Response {
	t.Helper()
	c := converse(t, srv)
	defer c.Close()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.answer(method)
}

// getRaw is a GET whose target is sent as it is given, with further header lines.
func getRaw(t *testing.T, srv *httpdtest.Server, host, target string, headers ...string) *httpdtest.Response {
	t.Helper()
	lines := append([]string{"GET " + target + " HTTP/1.1", "Host: " + host, "Connection: close"}, headers...)
	return exchange(t, srv, strings.Join(lines, "\r\n")+"\r\n\r\n")
}

// chunked is a body in the chunked encoding, each piece a chunk, without extensions and trailers.
func chunked(pieces ...string) string {
	var encoded strings.Builder
	for _, piece := range pieces {
		fmt.Fprintf(&encoded, "%x\r\n%s\r\n", len(piece), piece)
	}
	return encoded.String() + "0\r\n\r\n"
}

// variable is an environ variable as probe and wsgi report it.
func variable(t *testing.T, environ map[string]string, name string) (value string, ok bool) {
	t.Helper()
	quoted, ok := environ[name]
	if !ok {
		return "", false
	}
	return unquote(t, quoted), true
}

func unquote(t *testing.T, quoted string) string {
	t.Helper()
	value, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s: %v", quoted, err)
	}
	return value
}

// absent stands for a variable that must not be there.
const absent = "\x00absent"

// checkVariables compares some variables of an environ with what they have to be.
func checkVariables(t *testing.T, environ, want map[string]string) {
	t.Helper()
	for name, wanted := range want {
		value, ok := variable(t, environ, name)
		switch {
		case wanted == absent && ok:
			t.Errorf("%s is there, and %q; want none", name, value)
		case wanted != absent && !ok:
			t.Errorf("%s is missing; want %q", name, wanted)
		case wanted != absent && value != wanted:
			t.Errorf("%s is %q; want %q", name, value, wanted)
		}
	}
}

// probed reads the answer of the application probe.
func probed(t *testing.T, resp *httpdtest.Response) probe.Report {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %s: %s", resp.Status, resp.Text)
	}
	report := decode[probe.Report](t, resp)
	if len(report.Disagree) > 0 {
		t.Errorf("Lookup and All say different things of %q", report.Disagree)
	}
	return report
}

package contract

import (
	"fmt"
	"strings"
	"testing"

	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

var inputChecks = []check{
	{"C19_input_reads_in_all_ways", checkReads},
	{"C20_input_ends_with_its_request", checkInputEnds},
	{"C21_reading_all_gives_all_the_rest", checkReadRest},
	{"C22_the_end_is_told_again_and_again", checkReadPastEnd},
	{"C23_a_read_gives_what_is_there", checkReadPieces},
	{"C24_errors_reach_the_log_of_the_host", checkErrors},
	{"C25_framing_is_decoded", checkInputFraming},
	{"C26_continue_is_sent_at_the_first_read", checkContinue},
}

func checkReads(t *testing.T, h host) {
	s := h.site(atApp)
	for _, size := range []int{0, 1, 5, 4096, 8191, 100_000} {
		body := string(apps.Pattern(size))
		target := fmt.Sprintf("/testreader?size=%d", size)
		checkAnswer(t, exchange(t, s, s.post(target, body, end)), 200, "as it should be")
		chunks := []string{body[:size/3], body[size/3 : size/2], body[size/2:]}
		checkAnswer(t, exchange(t, s, s.postChunked(target, nonEmpty(chunks), end)), 200, "as it should be")
	}
	checkAnswer(t, exchange(t, s, s.request("GET", "/testreader?size=0", http11, end)), 200, "as it should be")
	long := strings.Repeat("l", 10_000)
	checkAnswer(t, exchange(t, s, s.post("/lines", "one\r\ntwo\n\n"+long+"\nlast", end)), 200, `"one" "two" "" "`+long+`" "last"`)
}

// nonEmpty leaves out empty chunks: one would be the last.
func nonEmpty(chunks []string) (filled []string) {
	for _, c := range chunks {
		if c != "" {
			filled = append(filled, c)
		}
	}
	return filled
}

// checkInputEnds sends requests that follow one another without a pause. What is left unread of a body looks like a request.
func checkInputEnds(t *testing.T, h host) {
	s := h.site(atApp)
	inner := s.request("GET", scripted("start 299 Smuggled", "write smuggled"), http11)
	big := strings.Repeat(inner, 100)
	requests := []struct{ request, answer string }{
		{s.post("/ends", "first"), "first <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF"},
		{s.post("/rest?first=0&rest=no", inner), ""},
		{s.postChunked("/rest?first=0&rest=no", []string{inner, inner}), ""},
		{s.post("/rest?first=3&rest=no", "GET"+inner), "GET"},
		{s.post("/rest?first=0&rest=no", big), ""},
		{s.postChunked("/rest?first=3&rest=no", []string{"GE", "T" + big}), "GET"},
		{s.request("GET", "/ends", http11), " <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF"},
		{s.postChunked("/ends", []string{"la", "st"}), "last <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF"},
	}
	t.Run("pipelined", func(t *testing.T) {
		c := converse(t, s)
		var all strings.Builder
		for _, r := range requests {
			all.WriteString(r.request)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte(all.String()))
			sent <- err
		}()
		for _, r := range requests {
			checkAnswer(t, c.answer("POST"), 200, r.answer)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
	t.Run("the connection stays open", func(t *testing.T) {
		c := converse(t, s)
		for _, r := range requests { // a read that waits for more than the body would wait for ever
			c.send(r.request)
			checkAnswer(t, c.answer("POST"), 200, r.answer)
		}
	})
}

func checkReadRest(t *testing.T, h host) {
	s := h.site(atApp)
	checkAnswer(t, exchange(t, s, s.post("/rest?first=3", "abcdefgh", end)), 200, "abc|defgh|<nil>")
	checkAnswer(t, exchange(t, s, s.postChunked("/rest?first=3", []string{"ab", "cde", "fgh"}, end)), 200, "abc|defgh|<nil>")
	body := strings.Repeat("0123456789", 300_000)
	checkAnswer(t, exchange(t, s, s.post("/rest?first=1", body, end)), 200, "0|"+body[1:]+"|<nil>")
}

func checkReadPastEnd(t *testing.T, h host) {
	s := h.site(atApp)
	const ends = " <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF"
	for request, body := range map[string]string{
		s.post("/ends", "hello", end): "hello", s.post("/ends", "", end): "", s.request("GET", "/ends", http11, end): "",
		s.postChunked("/ends", []string{"hel", "lo"}, end): "hello", s.postChunked("/ends", nil, end): "",
	} {
		checkAnswer(t, exchange(t, s, request), 200, body+ends)
	}
}

func checkReadPieces(t *testing.T, h host) {
	s := h.site(atApp)
	for _, c := range []struct{ framing, first, second string }{
		{"Content-Length: 10", "first", "other"},
		{"Transfer-Encoding: chunked", "5\r\nfirst\r\n", "5\r\nother\r\n0\r\n\r\n"},
	} {
		conn := converse(t, s)
		conn.send(s.request("POST", "/pieces", http11, end, c.framing) + c.first)
		body := conn.head("POST").Body
		conn.expect(body, "[first]")
		conn.send(c.second)
		conn.expect(body, "[other]EOF")
		conn.Close()
	}
}

func checkErrors(t *testing.T, h host) {
	for _, m := range []struct {
		mount mount
		file  string
	}{{atApp, "error.log"}, {atOther, "other.log"}} {
		target, token := marked("/errors")
		checkAnswer(t, get(t, h.site(m.mount), target), 200, "<nil>")
		want := []string{"one: in pieces", "two: käse 漢字 🧀 \u00a0", "three: without an end"}
		checkNotes(t, h, token, want...)
		for _, text := range want {
			if line := awaitLog(t, h, noted(token, text+"$")); line.file != m.file {
				t.Errorf("%q is in %s; want %s", text, line.file, m.file)
			}
		}
	}
}

func checkInputFraming(t *testing.T, h host) {
	s := h.site(atApp)
	const sum = "X-Sum: 42"
	head := s.request("POST", "/ends", http11, end, "Transfer-Encoding: chunked")
	const ends = " <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF"
	for framed, body := range map[string]string{
		"5\r\nhello\r\n0\r\n\r\n":                                  "hello",
		"5;name=value;other=\"x;y\"\r\nhello\r\n0;last\r\n\r\n":    "hello",
		"00A\r\n0123456789\r\n0\r\n\r\n":                           "0123456789",
		"a\r\n01234\r\n789\r\n000\r\n\r\n":                         "01234\r\n789",
		"1\r\nh\r\n1\r\ne\r\n3\r\nllo\r\n0\r\n" + sum + "\r\n\r\n": "hello",
		"5\r\nhello\r\n0\r\n" + sum + "\r\nX-More: käse\r\n\r\n":   "hello",
		"3\r\n0\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n":                     "0\r\n\r\n",
	} {
		checkAnswer(t, exchange(t, s, head+framed), 200, body+ends)
	}
	t.Run("trailers", func(t *testing.T) {
		request := s.request("POST", "/trailer", http11, end, "Transfer-Encoding: chunked", "Trailer: X-Sum") + "5\r\nhello\r\n0\r\n" + sum + "\r\n\r\n"
		checkAnswer(t, exchange(t, s, request), 200, `hello <nil> before:"" after:"42" header:""`)
	})
}

func checkContinue(t *testing.T, h host) {
	s := h.site(atApp)
	const expect = "Expect: 100-continue"
	t.Run("at the first read", func(t *testing.T) {
		for _, framing := range []struct{ header, body string }{{"Content-Length: 5", "hello"}, {"Transfer-Encoding: chunked", chunked("hello")}} {
			c := converse(t, s)
			c.send(s.request("POST", "/ends", http11, end, expect, framing.header))
			c.status(100)
			c.send(framing.body)
			checkAnswer(t, c.answer("POST"), 200, "hello <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF")
			c.Close()
		}
	})
	t.Run("not before", func(t *testing.T) {
		c := converse(t, s)
		target, token := marked(scripted("note running", "start", "read", "write done"))
		c.send(s.request("POST", target, http11, end, expect, "Content-Length: 1"))
		c.status(100)
		// What the application did before it read is in the log by now.
		awaitLog(t, h, noted(token, "running"))
		c.send("x")
		checkAnswer(t, c.answer("POST"), 200, "done")
	})
	t.Run("not for a refusal", func(t *testing.T) {
		for _, steps := range [][]string{{"start 413 Content Too Large", "return text refused"}, {"start 403 Forbidden", "write refused"}, {"start", "return", "block refused"}} {
			c := converse(t, s)
			c.send(s.request("POST", scripted(steps...), http11, expect, "Content-Length: 5"))
			if resp := c.answer("POST"); resp.StatusCode == 100 || resp.text != "refused" {
				t.Errorf("%q: the answer is %s: %q", steps, resp.Status, resp.text)
			}
			c.discards("hello")
			c.Close()
		}
	})
	t.Run("not where the body is there", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.post("/ends", "hello", end))
		checkAnswer(t, c.answer("POST"), 200, "hello <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF")
	})
	t.Run("not for HTTP/1.0", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("POST", "/ends", http10, expect, "Content-Length: 5") + "hello")
		checkAnswer(t, c.answer("POST"), 200, "hello <nil> 0:EOF 0:EOF 0:EOF 0:EOF 0:EOF")
	})
	t.Run("once", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("POST", scripted("start", "return", "read", "empty", "read", "block done"), http11, end, expect, "Content-Length: 2"))
		c.status(100)
		c.send("xy")
		checkAnswer(t, c.answer("POST"), 200, "done")
	})
}

package contract

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

var bodyChecks = []check{
	{"C39_no_block_is_delayed", checkNoDelay},
	{"C40_blocks_are_bytes", checkBytes},
	{"C41_written_blocks_may_be_reused_and_come_first", checkReuse},
	{"C42_clean_up_runs_exactly_once", checkCleanUp},
	{"C43_nothing_else_of_the_body_is_used", checkOneIteration},
	{"C44_never_more_than_content_length", checkNotMore},
	{"C45_less_than_content_length_closes_and_logs", checkLess},
	{"C46_framing_without_content_length", checkFraming},
	{"C47_meaning_is_not_changed", checkMeaning},
	{"C48_failures_are_logged_and_survived", checkFailures},
}

// checkNoDelay lets the application make a block only when the one before has arrived.
func checkNoDelay(t *testing.T, h host) {
	s := h.site(atApp)
	for _, v := range versions[:2] {
		for _, step := range []string{"block ", "write "} {
			t.Run(v.name+" "+step, func(t *testing.T) {
				steps := []string{"start", "return"}
				if v.header != "" {
					steps = []string{"header Content-Length: 6", "start", "return"}
				}
				const blocks = "abcdef"
				for _, b := range blocks {
					steps = append(steps, step+string(b), "read")
				}
				c := converse(t, s)
				c.send(s.request("POST", scripted(steps...), v.proto, end, fmt.Sprintf("Content-Length: %d", len(blocks))))
				body := c.head("POST").Body
				for _, b := range blocks {
					c.expect(body, string(b))
					c.send("x")
				}
			})
		}
	}
	t.Run("HTTP/1.0", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("POST", scripted("start", "return", "block a", "read", "block b"), http10, "Content-Length: 1"))
		body := c.head("POST").Body
		c.expect(body, "a")
		c.send("x")
		c.expect(body, "b")
	})
}

func checkBytes(t *testing.T, h host) {
	resp := get(t, h.site(atApp), scripted("header Content-Type: text/plain; charset=utf-16", "start", "return", "every-byte", "block \xff\xfe\r\n", "every-byte"))
	checkAnswer(t, resp, 200, apps.EveryByte+"\xff\xfe\r\n"+apps.EveryByte)
	if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-16" {
		t.Errorf("the Content-Type is %q", got)
	}
}

func checkReuse(t *testing.T, h host) {
	s := h.site(atApp)
	var want strings.Builder
	for _, b := range "abcd" {
		want.WriteString(strings.Repeat(string(b), 100_000))
	}
	checkAnswer(t, get(t, s, "/reuse"), 200, want.String())
	checkAnswer(t, get(t, s, scripted("start", "write one ", "return", "block two ", "write three ", "block four")), 200, "one two three four")
}

func checkCleanUp(t *testing.T, h host) {
	s := h.site(atApp)
	endings := map[string]func(t *testing.T, target string){
		"normal": func(t *testing.T, target string) { checkAnswer(t, get(t, s, target), 200, "begun") },
		"error": func(t *testing.T, target string) {
			h.expect(t, "contract: the body's error")
			brokenOff(t, s, s.request("GET", target, http11, end), "begun")
		},
		"panic": func(t *testing.T, target string) {
			h.expect(t, "contract: the body's panic")
			brokenOff(t, s, s.request("GET", target, http11, end), "begun")
		},
		"never": func(t *testing.T, target string) { // the client goes
			c := converse(t, s)
			c.send(s.request("GET", target, http11))
			c.expect(c.head("GET").Body, "begunxxx")
			c.Close()
		},
		"HEAD": func(t *testing.T, target string) {
			checkAnswer(t, exchange(t, s, s.request("HEAD", target, http11, end)), 200, "")
		},
		"HEAD of an endless body": func(t *testing.T, target string) {
			checkAnswer(t, exchange(t, s, s.request("HEAD", strings.Replace(target, "HEAD", "never", 1), http11, end)), 200, "")
		},
	}
	for _, body := range []string{"iterator", "onclose", "reader", "file"} {
		for ending, request := range endings {
			t.Run(body+" "+ending, func(t *testing.T) {
				how, _, _ := strings.Cut(ending, " ")
				target, token := marked("/endings?body=" + body + "&ending=" + how)
				request(t, target)
				checkNotes(t, h, token, "clean-up")
			})
		}
	}
}

// checkOneIteration: a body of the application's own is called once, and each of its blocks asked for once.
func checkOneIteration(t *testing.T, h host) {
	s := h.site(atApp)
	steps := scripted("start", "return", "note begun", "block a", "note again", "block b", "note done")
	for method, want := range map[string][]string{"GET": {"begun", "again", "done", "clean-up"}, "HEAD": {"begun", "clean-up"}} {
		target, token := marked(steps)
		exchange(t, s, s.request(method, target, http11, end))
		checkNotes(t, h, token, want...)
	}
}

func checkNotMore(t *testing.T, h host) {
	s := h.site(atApp)
	const four = "header Content-Length: 4"
	for _, c := range []struct {
		steps []string
		notes []string
	}{
		{[]string{four, "start", "return", "block four and more", "note beyond"}, []string{"clean-up"}},
		{[]string{four, "start", "return", "block fo", "block ur", "note beyond", "block more"}, []string{"clean-up"}},
		{[]string{four, "start", "return text four and more"}, nil},
		{[]string{four, "start", "return reader four and more"}, nil},
		{[]string{four, "start", "write four", "try write more", "note-tried"},
			[]string{"error: application contract C44: a write of 4 bytes goes beyond the Content-Length of 4"}},
		{[]string{four, "start", "try write four and more", "note-tried"},
			[]string{"error: application contract C44: a write of 13 bytes goes beyond the Content-Length of 4"}},
	} {
		target, token := marked(scripted(c.steps...))
		conn := converse(t, s)
		conn.send(s.request("GET", target, http11))
		checkAnswer(t, conn.answer("GET"), 200, "four")
		checkNotes(t, h, token, c.notes...)
		conn.send(s.request("GET", scripted("start", "return text next"), http11, end)) // of four bytes, so it goes on
		checkAnswer(t, conn.answer("GET"), 200, "next")
		conn.Close()
	}
	resp := get(t, s, scripted("header Content-Length: 0", "start", "return", "block more"))
	checkAnswer(t, resp, 200, "")
	head := exchange(t, s, s.request("HEAD", scripted(four, "start", "return", "block four and more"), http11, end))
	if checkAnswer(t, head, 200, ""); head.Header.Get("Content-Length") != "4" {
		t.Errorf("HEAD: the headers are %v", head.Header)
	}
}

func checkLess(t *testing.T, h host) {
	s := h.site(atApp)
	h.expect(t, `C45: the body ended after \d+ of the 100 bytes that Content-Length promised`)
	before := count(t, h, `C45: `)
	n := 0
	for _, steps := range [][]string{{"start", "return", "block begun"}, {"start", "write begun"}, {"start", "return", "block be", "empty", "block gun"}, {"start", "return text begun"}} {
		for _, proto := range []string{http10, http11} {
			target, token := marked(scripted(append([]string{"header Content-Length: 100"}, steps...)...))
			brokenOff(t, s, s.request("GET", target, proto, "Connection: keep-alive"), "begun") // reads until the connection ends
			awaitLog(t, h, noted(token, "end$"))
			n++
		}
	}
	await(t, "a line about each", func() bool { return count(t, h, `C45: `) >= before+n })
	if got := count(t, h, `C45: `) - before; got != n {
		t.Errorf("%d lines are logged; want %d", got, n)
	}
	// A HEAD promises what a GET would have.
	head := exchange(t, s, s.request("HEAD", scripted("header Content-Length: 100", "start", "return nil"), http11, end))
	if checkAnswer(t, head, 200, ""); head.Header.Get("Content-Length") != "100" {
		t.Errorf("HEAD: the headers are %v", head.Header)
	}
}

// framing is how the end of a body is told.
func framing(resp *http.Response) string {
	switch {
	case slices.Equal(resp.TransferEncoding, []string{"chunked"}):
		return "chunked"
	case resp.Header.Get("Content-Length") != "":
		return "length"
	}
	return "close"
}

func checkFraming(t *testing.T, h host) {
	s := h.site(atApp)
	for _, c := range []struct {
		steps []string
		text  string
		want  string // in HTTP/1.1
	}{
		{[]string{"start", "return text done"}, "done", "length"},
		{[]string{"start", "return bytes done"}, "done", "length"},
		{[]string{"start", "return json done"}, "\"done\"\n", "length"},
		{[]string{"start", "return text "}, "", "length"},
		{[]string{"start", "return nil"}, "", "length"},
		{[]string{"start"}, "", "length"},
		{[]string{"start", "return", "empty"}, "", "length"},
		{[]string{"header Content-Length: 4", "start", "return", "block do", "block ne"}, "done", "length"},
		{[]string{"start", "return", "block done"}, "done", "chunked"}, // that no more follows is not known before
		{[]string{"start", "return", "block do", "block ne"}, "done", "chunked"},
		{[]string{"start", "write done"}, "done", "chunked"},
		{[]string{"start", "write do", "return text ne"}, "done", "chunked"},
		{[]string{"start", "return reader done"}, "done", "chunked"},
	} {
		target := scripted(c.steps...)
		for proto, want := range map[string]string{http11: c.want, http10: strings.Replace(c.want, "chunked", "close", 1)} {
			resp := exchange(t, s, s.request("GET", target, proto, end))
			checkAnswer(t, resp, 200, c.text)
			if got := framing(resp.Response); got != want || !resp.Close {
				t.Errorf("%s %q: framed by %s (close: %t); want %s, and the end of the connection", proto, c.steps, got, resp.Close, want)
			}
		}
		conn := converse(t, s)
		conn.send(s.request("GET", target, http11) + s.request("GET", target, http11, end))
		for range 2 {
			checkAnswer(t, conn.answer("GET"), 200, c.text)
		}
		conn.Close()
	}
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		conn := converse(t, s)
		conn.send(s.request("GET", scripted("start "+status, "return", "block dropped"), http11) + s.request("GET", scripted("start", "return text next"), http11, end))
		resp := conn.answer("GET")
		if resp.Status != status || resp.text != "" || framing(resp.Response) != "close" {
			t.Errorf("%s: the answer is %s, %v: %q; want nothing that announces a body", status, resp.Status, resp.Header, resp.text)
		}
		checkAnswer(t, conn.answer("GET"), 200, "next")
		conn.Close()
	}
}

func checkMeaning(t *testing.T, h host) {
	s := h.site(atApp)
	resp := get(t, s, scripted("header Set-Cookie: z=1", "header Content-Encoding: x-contract", "header Set-Cookie: a=2; Path=/", "header ETag: \"v1\"",
		"header Location: ../else?a=%41#b", "header X-Odd:   spaces inside", "header Link: <a>", "header Link: <b>, <c>", "header Vary: Accept", "header Cache-Control: no-store",
		"start 201 Created", "return", "block 1", "block 2"))
	if resp.StatusCode != 201 || resp.text != "12" {
		t.Errorf("the answer is %s: %q; want 201: 12", resp.Status, resp.text)
	}
	for name, want := range map[string][]string{
		"Set-Cookie": {"z=1", "a=2; Path=/"}, "Content-Encoding": {"x-contract"}, "Etag": {`"v1"`}, "Location": {"../else?a=%41#b"}, "X-Odd": {"spaces inside"},
		"Vary": {"Accept"}, "Cache-Control": {"no-store"}, "Content-Type": nil, "Last-Modified": nil, "Expires": nil,
	} {
		if got := resp.Header[name]; !slices.Equal(got, want) {
			t.Errorf("the header %s is %q; want %q", name, got, want)
		}
	}
	if got := strings.Join(resp.Header["Link"], ", "); got != "<a>, <b>, <c>" {
		t.Errorf("the header Link is %q", got)
	}
	for _, steps := range [][]string{{"start", "return text <!DOCTYPE html><title>t</title>"}, {"start", "write plain"}, {"start", "return", "block plain"}, {"start"}} {
		if resp := get(t, s, scripted(steps...)); resp.Header["Content-Type"] != nil {
			t.Errorf("%q: the server adds the Content-Type %q", steps, resp.Header["Content-Type"])
		}
	}
	for _, status := range []string{"200 OK", "203 Non-Authoritative Information", "299 Own Business", "399 Own", "404 Nowhere", "418 Short And Stout", "499 Gone Already", "599 Own", "999 Last"} {
		resp := get(t, s, scripted("start "+status, "return text own"))
		if resp.text != "own" || resp.Status[:3] != status[:3] || h.facts().reasons && resp.Status != status {
			t.Errorf("the answer to %q is %s: %q", status, resp.Status, resp.text)
		}
	}
	// HEAD gets what GET does, but for the body.
	for _, steps := range [][]string{{"header X-Seen: yes", "start", "return text done"}, {"start", "return", "block done"}, {"start 404 Not Found", "return text no"}} {
		get, head := get(t, s, scripted(steps...)), exchange(t, s, s.request("HEAD", scripted(steps...), http11, end))
		if head.StatusCode != get.StatusCode || head.Header.Get("X-Seen") != get.Header.Get("X-Seen") || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
			t.Errorf("%q: HEAD %s, %v; GET %s, %v", steps, head.Status, head.Header, get.Status, get.Header)
		}
	}
}

func checkFailures(t *testing.T, h host) {
	s := h.site(atApp)
	before := h.processes(t)
	// Another request is in the middle of its answer all the while.
	other := converse(t, s)
	other.send(s.request("POST", scripted("start", "return", "block begun", "read", "block done"), http11, end, "Content-Length: 1"))
	otherBody := other.head("POST").Body
	other.expect(otherBody, "begun")

	t.Run("before the headers", func(t *testing.T) {
		for _, steps := range [][]string{
			{"panic early"}, {"start", "panic early"}, {"start", "return", "panic early"}, {"start", "return", "empty", "panic early"}, {"start", "return", "fail early"}, {"return", "fail early"},
		} {
			h.expect(t, `: early`)
			lines := count(t, h, `: early`)
			target, token := marked(scripted(steps...))
			resp := get(t, s, target)
			if resp.StatusCode != 500 || h.facts().configured && resp.text != "the server's own 500" {
				t.Errorf("%q: the answer is %s: %q", steps, resp.Status, resp.text)
			}
			awaitLog(t, h, noted(token, "end$"))
			await(t, "a line of the error log", func() bool { return count(t, h, `: early`) > lines })
			if n := count(t, h, `: early`) - lines; n != 1 {
				t.Errorf("%q: %d lines are logged; want one", steps, n)
			}
		}
		if line := awaitLog(t, h, `panicked: early`); !strings.Contains(line.message, "contract.(*scriptRun).do") || !strings.Contains(line.message, "script.go:") {
			t.Errorf("the line has no stack of the application:\n%s", line.message)
		}
	})
	for _, v := range versions {
		t.Run("after the headers "+v.name, func(t *testing.T) {
			for _, steps := range [][]string{{"start", "return", "block begun", "panic late"}, {"start", "return", "block begun", "fail late"}, {"start", "write begun", "panic late"}} {
				h.expect(t, `: late`)
				if v.header != "" {
					steps = append([]string{v.header}, steps...)
				}
				target, token := marked(scripted(steps...))
				brokenOff(t, s, s.request("GET", target, v.proto), "begun")
				awaitLog(t, h, noted(token, "end$"))
			}
		})
	}
	other.send("x")
	other.expect(otherBody, "done")
	slices.Sort(before)
	after := h.processes(t)
	if slices.Sort(after); !slices.Equal(before, after) {
		t.Errorf("the processes were %d, and are %d", before, after)
	}
}

// count is how many lines of the log match.
func count(t *testing.T, h host, pattern string) (n int) {
	t.Helper()
	for _, line := range h.log(t) {
		if first, _, _ := strings.Cut(line.message, "\n"); regexp.MustCompile(pattern).MatchString(first) {
			n++
		}
	}
	return n
}

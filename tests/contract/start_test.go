package contract

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

var startChecks = []check{
	{"C27_start_returns_a_writer_and_sends_nothing", checkStartSendsNothing},
	{"C28_headers_wait_for_first_block", checkHeadersWait},
	{"C29_headers_are_checked_inside_start", checkInsideStart},
	{"C30_hop_by_hop_headers_are_refused", checkHopByHop},
	{"C31_control_characters_never_reach_the_wire", checkWellFormed},
	{"C32_date_and_server_are_added", checkRequiredHeaders},
	{"C33_header_names_have_no_case", checkNameCase},
	{"C34_second_start_needs_a_cause", checkSecondStart},
	{"C35_cause_replaces_unsent_headers", checkReplace},
	{"C36_cause_after_headers_aborts", checkLateCause},
	{"C37_cause_is_not_kept", checkForgets},
	{"C38_start_may_come_in_the_first_iteration", checkLateStart},
}

// waiting is a request whose application may ask for its body, byte by byte. What the server sends before it asks, in a
// 100 Continue, is seen before that.
func waiting(t *testing.T, s site, steps ...string) *conversation {
	t.Helper()
	c := converse(t, s)
	c.send(s.request("POST", scripted(steps...), http11, end, "Expect: 100-continue", "Content-Length: 2"))
	return c
}

func checkStartSendsNothing(t *testing.T, h host) {
	s := h.site(atApp)
	checkAnswer(t, get(t, s, scripted("start", "write hello")), 200, "hello")
	c := waiting(t, s, "start", "read", "read", "return text done")
	c.status(100) // 200 would come first if start had sent it
	c.send("xy")
	checkAnswer(t, c.answer("POST"), 200, "done")
}

func checkHeadersWait(t *testing.T, h host) {
	s := h.site(atApp)
	t.Run("empty blocks send nothing", func(t *testing.T) {
		c := waiting(t, s, "start", "return", "empty", "empty", "read", "empty", "block first", "read", "block second")
		c.status(100)
		c.send("x")
		resp := c.head("POST")
		if resp.StatusCode != 200 {
			t.Fatalf("the answer is %s", resp.Status)
		}
		c.expect(resp.Body, "first") // while the application waits for the second byte
		c.send("y")
		c.expect(resp.Body, "second")
	})
	t.Run("an empty write sends nothing", func(t *testing.T) {
		c := waiting(t, s, "start", "write ", "read", "replace 409 Conflict", "write first", "read", "write second")
		c.status(100)
		c.send("x")
		resp := c.head("POST")
		if resp.StatusCode != 409 {
			t.Fatalf("the answer is %s; want the replaced 409", resp.Status)
		}
		c.expect(resp.Body, "first")
		c.send("y")
		c.expect(resp.Body, "second")
	})
	t.Run("the first write sends them", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("POST", scripted("start", "write first", "read", "write second"), http11, end, "Content-Length: 1"))
		body := c.head("POST").Body
		c.expect(body, "first")
		c.send("x")
		c.expect(body, "second")
	})
	t.Run("the end of the body sends them", func(t *testing.T) {
		for _, steps := range [][]string{
			{"header X-Seen: yes", "start", "return", "empty"}, {"header X-Seen: yes", "start", "return nil"}, {"header X-Seen: yes", "start"},
			{"header X-Seen: yes", "return", "empty", "start", "empty"}, {"header X-Seen: yes", "start", "return text "},
		} {
			resp := get(t, s, scripted(steps...))
			if checkAnswer(t, resp, 200, ""); resp.Header.Get("X-Seen") != "yes" {
				t.Errorf("%q: the headers are %v", steps, resp.Header)
			}
		}
	})
}

// tried is what came of a start with these headers: the application went on, and answers with it.
func tried(t *testing.T, s site, status string, headers ...string) string {
	t.Helper()
	var steps []string
	for _, header := range headers {
		steps = append(steps, "header "+header)
	}
	steps = append(steps, "try start "+status, "clear", "replace 200 OK", "return", "tried")
	resp := get(t, s, scripted(steps...))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%q, %q: the answer is %s: %q", status, headers, resp.Status, resp.text)
	}
	return resp.text
}

func checkInsideStart(t *testing.T, h host) {
	s := h.site(atApp)
	if got := tried(t, s, "200 OK", "X-Split: a\nb"); !strings.HasPrefix(got, "C31: ") {
		t.Errorf("start raised %q; want an error of clause C31, which the application can handle", got)
	}
	if got := tried(t, s, "200 OK", "Connection: close"); !strings.HasPrefix(got, "C30: ") {
		t.Errorf("start raised %q; want an error of clause C30", got)
	}
	if got := tried(t, s, "200 OK", "X-Whole: yes"); got != "nothing" {
		t.Errorf("start raised %q; want nothing", got)
	}
	// Its headers are those of the time of the call.
	resp := get(t, s, scripted("header X-First: 1", "start", "header X-Second: 2", "return text done"))
	if checkAnswer(t, resp, 200, "done"); resp.Header.Get("X-First") != "1" || resp.Header.Get("X-Second") != "" {
		t.Errorf("the headers are %v", resp.Header)
	}
}

func checkHopByHop(t *testing.T, h host) {
	for _, name := range []string{
		"Connection", "connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "te", "Trailer", "Trailers",
		"Transfer-Encoding", "Upgrade",
	} {
		if got := tried(t, h.site(atApp), "200 OK", name+": close"); !strings.HasPrefix(got, "C30: ") {
			t.Errorf("%s: start raised %q; want an error of clause C30", name, got)
		}
	}
	h.expect(t, `C30: the header Upgrade`)
	resp := get(t, h.site(atApp), scripted("header Upgrade: contract", "start"))
	if resp.StatusCode != 500 || resp.Header.Get("Upgrade") != "" {
		t.Errorf("an application that does not handle the error is answered with %s, %v; want 500", resp.Status, resp.Header)
	}
}

func checkWellFormed(t *testing.T, h host) {
	s := h.site(atApp)
	for _, status := range []string{
		"", "OK", "OK 200", "20 OK", "2000 OK", "20x OK", "-20 OK", "200OK", " 200 OK", "099 Low", "100 Continue", "199 Interim", "101 Switching Protocols",
		"200 OK\r\nX-Injected: yes", "200 O\nK", "200 O\x00K", "200 O\x7fK",
	} {
		// An empty argument would be "200 OK" to the script.
		if got := tried(t, s, status); status != "" && !strings.HasPrefix(got, "C31: ") {
			t.Errorf("the status %q: start raised %q; want an error of clause C31", status, got)
		}
	}
	for _, header := range []string{
		"X Space: a", "X-Colon:evil: a", ": a", "X-\x00: a", "X-\r\nInjected: a", "X-é: a", "X(Y): a", "X-Split: a\r\nX-Injected: yes", "X-Split: a\nb", "X-Split: a\rb",
		"X-Nul: a\x00b", "X-Bell: \x07", "X-Delete: \x7f", "Content-Length: many", "Content-Length: -1", "Content-Length: +1", "Content-Length: ",
	} {
		if got := tried(t, s, "200 OK", header); !strings.HasPrefix(got, "C31: ") {
			t.Errorf("the header %q: start raised %q; want an error of clause C31", header, got)
		}
	}
	if got := tried(t, s, "200 OK", "Content-Length: 1", "Content-Length: 2"); !strings.HasPrefix(got, "C31: ") {
		t.Errorf("two lengths: start raised %q; want an error of clause C31", got)
	}
	for _, header := range []string{"X-Tab: a\tb", "X-Latin: caf\xe9", "X-UTF: käse", "X-Empty: ", "x!#$%&'*+-.^_`|~1: all of a token"} {
		name, value, _ := strings.Cut(header, ": ")
		resp := get(t, s, scripted("header "+header, "start", "return text done"))
		if checkAnswer(t, resp, 200, "done"); !slices.Equal(resp.Header[http.CanonicalHeaderKey(name)], []string{value}) {
			t.Errorf("the header %q arrives as %q", header, resp.Header)
		}
	}
}

func checkRequiredHeaders(t *testing.T, h host) {
	s := h.site(atApp)
	for _, steps := range [][]string{{"start", "return text done"}, {"start", "write done"}, {"start 404 Not Found", "write done"}, {"start 204 No Content"}} {
		resp := get(t, s, scripted(steps...))
		for _, name := range []string{"Date", "Server"} {
			if values := resp.Header[name]; len(values) != 1 || values[0] == "" {
				t.Errorf("%q: the header %s is %q; want one", steps, name, values)
			}
		}
		if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
			t.Error(err)
		}
	}
}

func checkNameCase(t *testing.T, h host) {
	s := h.site(atApp)
	resp := get(t, s, scripted("header content-LENGTH: 4", "header content-TYPE: text/x", "start", "return", "block four and more"))
	checkAnswer(t, resp, 200, "four")
	if !slices.Equal(resp.Header["Content-Length"], []string{"4"}) || !slices.Equal(resp.Header["Content-Type"], []string{"text/x"}) {
		t.Errorf("the headers are %v; want one Content-Length and one Content-Type", resp.Header)
	}
	if got := tried(t, s, "200 OK", "cONNECTION: close"); !strings.HasPrefix(got, "C30: ") {
		t.Errorf("start raised %q; want an error of clause C30", got)
	}
	if got := tried(t, s, "200 OK", "Content-Length: 4", "CONTENT-LENGTH: 5"); !strings.HasPrefix(got, "C31: ") {
		t.Errorf("start raised %q; want an error of clause C31", got)
	}
}

func checkSecondStart(t *testing.T, h host) {
	s := h.site(atApp)
	for _, steps := range [][]string{
		{"start", "try start", "return", "tried"},
		{"start", "return", "try start 404 Not Found", "tried"},
	} {
		if resp := get(t, s, scripted(steps...)); resp.StatusCode != 200 || !strings.HasPrefix(resp.text, "C34: ") {
			t.Errorf("%q: the answer is %s: %q; want 200, and an error of clause C34", steps, resp.Status, resp.text)
		}
	}
	h.expect(t, `C34: `)
	if resp := get(t, s, scripted("start", "start 404 Not Found")); resp.StatusCode != 500 {
		t.Errorf("an application that does not handle the error is answered with %s; want 500", resp.Status)
	}
}

func checkReplace(t *testing.T, h host) {
	s := h.site(atApp)
	const first, second = "header X-First: 1", "header X-Second: 2"
	for _, steps := range [][]string{
		{first, "start", "clear", second, "replace 409 Conflict", "return text replaced"},
		{first, "start", "clear", second, "replace 409 Conflict", "write replaced"},
		{first, "header Content-Length: 99", "start", "clear", second, "replace 409 Conflict", "return text replaced"},
		{first, "start", "return", "empty", "clear", second, "replace 409 Conflict", "block replaced"},
		{first, "start", "replace 404 Not Found", "clear", second, "replace 409 Conflict", "write replaced"},
		{second, "replace 409 Conflict", "write replaced"}, // a first start may have a cause
	} {
		resp := get(t, s, scripted(steps...))
		checkAnswer(t, resp, 409, "replaced")
		if resp.Header.Get("X-First") != "" || resp.Header.Get("X-Second") != "2" {
			t.Errorf("%q: the headers are %v; want the second ones", steps, resp.Header)
		}
	}
}

// versions are the ways in which the end of a body is told, and how to ask for each.
var versions = []struct{ name, proto, header string }{
	{"chunked", http11, ""}, {"Content-Length", http11, "header Content-Length: 100"}, {"HTTP/1.0 with Content-Length", http10, "header Content-Length: 100"},
	{"HTTP/1.0", http10, ""},
}

func checkLateCause(t *testing.T, h host) {
	s := h.site(atApp)
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			h.expect(t, `the cause of 500 Late`)
			for _, steps := range [][]string{{"start", "return", "block begun", "replace 500 Late"}, {"start", "write begun", "replace 500 Late"}} {
				if v.header != "" {
					steps = append([]string{v.header}, steps...)
				}
				target, token := marked(scripted(steps...))
				brokenOff(t, s, s.request("GET", target, v.proto), "begun")
				awaitLog(t, h, noted(token, "end$"))
			}
		})
	}
	awaitLog(t, h, `the cause of 500 Late`)
	resp := get(t, s, scripted("start", "return", "block begun ", "try replace 500 Late", "tried"))
	if want := "begun panic: the cause of 500 Late"; resp.text != want {
		t.Errorf("the application sees %q; want %q", resp.text, want)
	}
}

func checkForgets(t *testing.T, h host) {
	checkAnswer(t, get(t, h.site(atApp), "/forgets"), 200, "held: false")
}

func checkLateStart(t *testing.T, h host) {
	s := h.site(atApp)
	for _, steps := range [][]string{
		{"return", "start", "block done"}, {"return", "empty", "start", "block done"}, {"return", "start", "empty", "block do", "block ne"}, {"return", "start", "write done"},
	} {
		checkAnswer(t, get(t, s, scripted(steps...)), 200, "done")
	}
	h.expect(t, `C38: `)
	target, token := marked(scripted("return", "block early", "start"))
	if resp := get(t, s, target); resp.StatusCode != 500 || strings.Contains(resp.text, "early") {
		t.Errorf("a block before start: the answer is %s: %q; want 500", resp.Status, resp.text)
	}
	checkNotes(t, h, token, "clean-up")
	h.expect(t, `C27: the application returned without calling startResponse`)
	if resp := get(t, s, scripted("return", "empty")); resp.StatusCode != 500 {
		t.Errorf("no start: the answer is %s; want 500", resp.Status)
	}
}

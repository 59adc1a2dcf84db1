package contract

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

var hostingChecks = []check{
	{"C49_single_threaded_hosting", checkSingleThread},
	{"C50_extensions_are_reached_through_env", checkExtensions},
}

func checkSingleThread(t *testing.T, h host) {
	switch {
	case !h.facts().multithread:
		for pid, n := range concurrent(t, h.site(atApp), 4) {
			if n > 1 {
				t.Errorf("process %d has %d requests at the same time", pid, n)
			}
		}
	case h.facts().configured:
		// A threaded MPM is none; prefork, another host of this suite, is how it is done.
		if n := len(concurrent(t, h.site(atApp), 4)); n != 1 {
			t.Errorf("%d processes answer; want one, whose threads do", n)
		}
	default:
		checkHandleRequest(t)
	}
}

// checkHandleRequest: the reference server answers one request at a time if it is driven by HandleRequest.
func checkHandleRequest(t *testing.T) {
	server, _ := oneRequest(t, apps.Application)
	s := site{addr: server.Addr().String(), name: "localhost"}
	first, second := converse(t, s), converse(t, s)
	for i, c := range []*conversation{first, second} {
		c.send(s.request("GET", scripted("start", fmt.Sprintf("return text answer %d", i)), http11))
	}
	for i, c := range []*conversation{first, second} {
		if err := server.HandleRequest(); err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, c.answer("GET"), 200, fmt.Sprintf("answer %d", i))
		c.ends() // exactly one
	}
}

func checkExtensions(t *testing.T, h host) {
	s := h.site(atApp)
	t.Run("done or unsupported", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("GET", "/extensions", http11, end))
		resp := c.head("GET")
		informed := resp.StatusCode == 103
		if informed {
			if got := resp.Header.Get("Link"); got != "</style.css>; rel=preload" {
				t.Errorf("the interim answer's Link is %q", got)
			}
			resp = c.head("GET")
		}
		got := response{resp, readAll(t, resp.Body)}
		outcomes := outcomesOf(got.text)
		for name, outcome := range outcomes {
			if outcome != "done" && outcome != "unsupported" {
				t.Errorf("%s is %s; want it done, or unsupported", name, outcome)
			}
		}
		if outcomes["flush"] != "done" || len(outcomes) != 7 {
			t.Errorf("the application tells %q", got.text)
		}
		if (outcomes["inform"] == "done") != informed {
			t.Errorf("the interim answer is %s, and one came: %t", outcomes["inform"], informed)
		}
		if trailed := resp.Trailer.Get("X-Sum") == "42"; trailed != (outcomes["trailers"] == "done") || outcomes["trailers"] != outcomes["announce"] {
			t.Errorf("trailers are %s, announced %s, and came: %t", outcomes["trailers"], outcomes["announce"], trailed)
		}
	})
	t.Run("taken away by a middleware", func(t *testing.T) {
		outcomes := outcomesOf(get(t, s, "/extensions?with=none").text)
		if len(outcomes) != 7 {
			t.Errorf("the application tells %v", outcomes)
		}
		for name, outcome := range outcomes {
			if outcome != "unsupported" {
				t.Errorf("%s is %s; want it unsupported", name, outcome)
			}
		}
	})
	t.Run("against another input", func(t *testing.T) {
		if got := get(t, s, "/extensions?with=another+input").text; got != "C50" && got != "unsupported" {
			t.Errorf("taking over the connection is %s; want it refused", got)
		}
	})
	t.Run("too late", func(t *testing.T) {
		got := strings.TrimPrefix(get(t, s, "/extensions?with=the+response+begun").text, "begun ")
		outcomes := outcomesOf(got)
		if len(outcomes) != 3 {
			t.Errorf("the application tells %q", got)
		}
		for name, outcome := range outcomes {
			if outcome == "done" {
				t.Errorf("%s is done, after the response has begun", name)
			}
		}
	})
	t.Run("flush sends the head", func(t *testing.T) {
		c := converse(t, s)
		c.send(s.request("POST", scripted("header X-Seen: yes", "start", "flush", "read", "return text done"), http11, end, "Content-Length: 1"))
		resp := c.head("POST") // while the application waits
		if resp.Header.Get("X-Seen") != "yes" {
			t.Errorf("the headers are %v", resp.Header)
		}
		c.send("x")
		c.expect(resp.Body, "done")
	})
}

var outcomePattern = regexp.MustCompile(`([a-z ]+):(\w+)`)

// outcomesOf reads the answer of the application extensions.
func outcomesOf(text string) map[string]string {
	outcomes := make(map[string]string)
	for _, pair := range outcomePattern.FindAllStringSubmatch(text, -1) {
		outcomes[strings.TrimSpace(pair[1])] = pair[2]
	}
	return outcomes
}

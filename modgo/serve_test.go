package modgo_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/modgo"
)

func request(method string) *modgo.Environ {
	return environ.New(environ.Config{Source: environ.Variables{"REQUEST_METHOD": method}})
}

// recorder is a Host that writes down what it is told, one line a call: "200 OK: block", where "-: block" has no head.
type recorder struct {
	calls   []string
	headers modgo.Headers
	broken  int               // the number of the call from which on the client is gone; 0: never
	note    func(call string) // is told of each call, if it is not nil
}

var errGone = errors.New("the client has gone")

func (r *recorder) record(format string, head *modgo.Head, block []byte) error {
	status := "-"
	if head != nil {
		status = fmt.Sprintf("%d %s", head.Status, head.Reason)
		r.headers = head.Headers
	}
	call := fmt.Sprintf(format, status, block)
	r.calls = append(r.calls, call)
	if r.note != nil {
		r.note(call)
	}
	if r.broken > 0 && len(r.calls) >= r.broken {
		return errGone
	}
	return nil
}

func (r *recorder) Send(head *modgo.Head, block []byte) error { return r.record("%s: %s", head, block) }
func (r *recorder) Finish(head *modgo.Head, block []byte) error {
	return r.record("%s: %s end", head, block)
}

// blocks is a body of these blocks, which is not known to end before it does.
func blocks(texts ...string) modgo.Body {
	return func(yield func([]byte, error) bool) {
		for _, text := range texts {
			if !yield([]byte(text), nil) {
				return
			}
		}
	}
}

// starting is an application that starts its response and returns a body.
func starting(status string, headers modgo.Headers, body modgo.Body) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		return body
	}
}

func length(n string) modgo.Headers { return modgo.Headers{{"Content-Length", n}} }

func TestServe(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		app    modgo.Application
		want   []string
	}{
		{"nil body", "GET", starting("204 No Content", nil, nil), []string{"204 No Content:  end"}},
		{"body without blocks", "GET", starting("200 OK", nil, blocks()), []string{"200 OK:  end"}},
		{"no reason", "GET", starting("299", nil, nil), []string{"299 :  end"}},
		{"blocks, each at once (C39)", "GET", starting("200 OK", nil, blocks("a", "b")), []string{"200 OK: a", "-: b", "-:  end"}},
		{"one block goes with the end (C46)", "GET", starting("200 OK", nil, modgo.Text("a")), []string{"200 OK: a end"}},
		{"one block of bytes", "GET", starting("200 OK", nil, modgo.Bytes([]byte("\x00\xff"))), []string{"200 OK: \x00\xff end"}},
		{"one empty block", "GET", starting("200 OK", nil, modgo.Text("")), []string{"200 OK:  end"}},
		{"one block and its Content-Length", "GET", starting("200 OK", length("3"), modgo.Text("abc")), []string{"200 OK: abc end"}},
		{"empty blocks are not sent and bring no head (C28)", "GET", starting("200 OK", nil, blocks("", "", "a", "", "b")),
			[]string{"200 OK: a", "-: b", "-:  end"}},
		{"only empty blocks", "GET", starting("200 OK", nil, blocks("", "")), []string{"200 OK:  end"}},
		{"start in the first step of the body (C38)", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				start("200 OK", nil)
				yield([]byte("a"), nil)
			}
		}, []string{"200 OK: a", "-:  end"}},
		{"start after an empty block", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return func(yield func([]byte, error) bool) {
				yield(nil, nil)
				start("200 OK", nil)
			}
		}, []string{"200 OK:  end"}},
		{"write before iterate (C41)", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			write := start("200 OK", nil)
			io.WriteString(write, "written")
			io.WriteString(write, "")
			io.WriteString(write, "more")
			return blocks("iterated")
		}, []string{"200 OK: written", "-: more", "-: iterated", "-:  end"}},
		{"write before a body of one block", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", nil), "written")
			return modgo.Text("iterated")
		}, []string{"200 OK: written", "-: iterated end"}},
		{"empty writes bring no head (C28)", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", nil), "")
			return nil
		}, []string{"200 OK:  end"}},
		{"write from inside the body", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			write := start("200 OK", nil)
			return func(yield func([]byte, error) bool) {
				yield([]byte("a"), nil)
				io.WriteString(write, "b")
				yield([]byte("c"), nil)
			}
		}, []string{"200 OK: a", "-: b", "-: c", "-:  end"}},

		{"Content-Length reached (C44)", "GET", starting("200 OK", length("3"), blocks("a", "bc")), []string{"200 OK: a", "-: bc", "-:  end"}},
		{"blocks beyond Content-Length are clipped (C44)", "GET", starting("200 OK", length("3"), blocks("ab", "cde", "f")),
			[]string{"200 OK: ab", "-: c", "-:  end"}},
		{"one block beyond Content-Length", "GET", starting("200 OK", length("2"), modgo.Text("abc")), []string{"200 OK: ab end"}},
		{"Content-Length 0", "GET", starting("200 OK", length("0"), blocks("abc")), []string{"200 OK:  end"}},
		{"iteration after a write that was all", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", length("3")), "abc")
			return blocks("d")
		}, []string{"200 OK: abc", "-:  end"}},
		{"Content-Length twice, and the same", "GET", starting("200 OK", modgo.Headers{{"content-length", "1"}, {"Content-Length", "1"}}, modgo.Text("a")),
			[]string{"200 OK: a end"}},

		{"HEAD: the head at the first block, and no body", "HEAD", starting("200 OK", nil, blocks("", "a", "b")), []string{"200 OK: ", "-:  end"}},
		{"HEAD: written", "HEAD", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			write := start("200 OK", length("2"))
			for _, text := range []string{"a", "b"} {
				if n, err := io.WriteString(write, text); n != 1 || err != nil {
					panic(fmt.Sprint(n, err))
				}
			}
			return nil
		}, []string{"200 OK: ", "-:  end"}},
		{"HEAD: a Content-Length that the body does not reach", "HEAD", starting("200 OK", length("100"), nil), []string{"200 OK:  end"}},
		{"HEAD: no body", "HEAD", starting("404 Not Found", nil, nil), []string{"404 Not Found:  end"}},
		{"HEAD: a body without an end", "HEAD", starting("200 OK", nil, func(yield func([]byte, error) bool) {
			for yield([]byte("again"), nil) {
			}
		}), []string{"200 OK: ", "-:  end"}},
		{"HEAD: one block; the server drops it", "HEAD", starting("404 Not Found", nil, modgo.Text("none")), []string{"404 Not Found: none end"}},

		{"204 and Content-Length", "GET", starting("204 No Content", length("5"), nil), []string{"204 No Content:  end"}},
		{"304 with the Content-Length of what was not sent", "GET", starting("304 Not Modified", length("5"), nil), []string{"304 Not Modified:  end"}},

		{"second start with a cause (C35)", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", length("100"))
			start("500 Broken", nil, errors.New("cause"))
			return blocks("sorry")
		}, []string{"500 Broken: sorry", "-:  end"}},
		{"first start with a cause", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("500 Broken", nil, errors.New("cause"))
			return nil
		}, []string{"500 Broken:  end"}},
		{"the first start's writer after the second start", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			write := start("200 OK", nil)
			start("500 Broken", nil, errors.New("cause"))
			io.WriteString(write, "sorry")
			return nil
		}, []string{"500 Broken: sorry", "-:  end"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := new(recorder)
			if err := modgo.Serve(test.app, request(test.method), host); err != nil {
				t.Error(err)
			}
			if !slices.Equal(host.calls, test.want) {
				t.Errorf("got  %q\nwant %q", host.calls, test.want)
			}
		})
	}
}

func TestStartSendsNothing(t *testing.T) { // C27
	host := new(recorder)
	app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", nil)
		if len(host.calls) > 0 {
			t.Errorf("start sent %q", host.calls)
		}
		return func(yield func([]byte, error) bool) {
			for i, text := range []string{"", "a", "b"} {
				yield([]byte(text), nil)
				if len(host.calls) != i { // C39: sent before the next is asked for
					t.Errorf("after block %q: %q", text, host.calls)
				}
			}
		}
	}
	if err := modgo.Serve(app, request("GET"), host); err != nil {
		t.Error(err)
	}
}

func TestHeadersKeepOrderAndRepeat(t *testing.T) {
	want := modgo.Headers{{"Set-Cookie", "z=1"}, {"X-A", ""}, {"set-cookie", "a=\"\xe9\"\t;"}, {"Content-Type", "text/plain"}}
	host := new(recorder)
	if err := modgo.Serve(starting("200 OK", want, nil), request("GET"), host); err != nil {
		t.Error(err)
	}
	if !slices.Equal(host.headers, want) {
		t.Errorf("got %q; want %q", host.headers, want)
	}
}

// TestServeFails: errors of an application that does not panic.
func TestServeFails(t *testing.T) {
	broken := errors.New("the database is down")
	failing := func(texts ...string) modgo.Body {
		return func(yield func([]byte, error) bool) {
			for _, text := range texts {
				yield([]byte(text), nil)
			}
			yield([]byte("ignored"), broken)
		}
	}
	for _, test := range []struct {
		name   string
		app    modgo.Application
		clause string // of the error, or "" for broken
		want   []string
	}{
		{"never started", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return nil }, "C27", nil},
		{"never started, empty blocks", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return blocks("", "") }, "C27", nil},
		{"block before start", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return blocks("a") }, "C38", nil},
		{"one block before start", func(*modgo.Environ, modgo.StartResponse) modgo.Body { return modgo.Text("a") }, "C38", nil},
		{"error before the head is out", starting("200 OK", nil, failing()), "", nil},
		{"error after the head", starting("200 OK", nil, failing("a")), "", []string{"200 OK: a"}},
		{"short body (C45)", starting("200 OK", length("3"), blocks("ab")), "C45", []string{"200 OK: ab"}},
		{"short body of one block", starting("200 OK", length("3"), modgo.Text("ab")), "C45", []string{"200 OK: ab"}},
		{"no body at all", starting("200 OK", length("3"), nil), "C45", nil},
		{"short error response", starting("404 Not Found", length("3"), blocks("ab")), "C45", []string{"404 Not Found: ab"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := new(recorder)
			err := modgo.Serve(test.app, request("GET"), host)
			var contract *modgo.ContractError
			switch {
			case test.clause == "" && err != broken:
				t.Errorf("error %v; want the application's own", err)
			case test.clause != "" && (!errors.As(err, &contract) || contract.Clause != test.clause):
				t.Errorf("error %v; want one of %s", err, test.clause)
			}
			if !slices.Equal(host.calls, test.want) {
				t.Errorf("sent %q; want %q", host.calls, test.want)
			}
		})
	}
}

func TestWriteBeyondContentLength(t *testing.T) { // C44
	host := new(recorder)
	app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		write := start("200 OK", length("3"))
		for _, step := range []struct {
			text string
			n    int
			fail bool
		}{{"ab", 2, false}, {"cd", 1, true}, {"e", 0, true}, {"", 0, false}} {
			n, err := io.WriteString(write, step.text)
			if n != step.n || (err != nil) != step.fail || err != nil && !strings.Contains(err.Error(), "C44") {
				t.Errorf("writing %q: %d, %v; want %d, an error: %v", step.text, n, err, step.n, step.fail)
			}
		}
		return blocks("f")
	}
	if err := modgo.Serve(app, request("GET"), host); err != nil {
		t.Error(err)
	}
	if want := []string{"200 OK: ab", "-: c", "-:  end"}; !slices.Equal(host.calls, want) {
		t.Errorf("sent %q; want %q", host.calls, want)
	}
}

func TestClientGone(t *testing.T) {
	for _, test := range []struct {
		name   string
		broken int
		app    modgo.Application
		calls  int
	}{
		{"at the first block", 1, starting("200 OK", nil, blocks("a", "b")), 1},
		{"at the second block", 2, starting("200 OK", nil, blocks("a", "b", "c")), 2},
		{"at the end", 3, starting("200 OK", nil, blocks("a", "b")), 3},
		{"at the end without a body", 1, starting("204 No Content", nil, nil), 1},
		{"at a body of one block", 1, starting("200 OK", nil, modgo.Text("a")), 1},
		{"at a write that the application does not check", 1, func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			write := start("200 OK", nil)
			for range 3 {
				if n, err := io.WriteString(write, "a"); n != 0 || !errors.Is(err, errGone) {
					t.Errorf("Write: %d, %v; want 0, %v", n, err, errGone)
				}
			}
			return blocks("b")
		}, 1},
		{"for HEAD", 1, starting("200 OK", nil, blocks("a")), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := &recorder{broken: test.broken}
			method := "GET"
			if test.name == "for HEAD" {
				method = "HEAD"
			}
			if err := modgo.Serve(test.app, request(method), host); !errors.Is(err, errGone) {
				t.Errorf("error %v; want the host's", err)
			}
			if len(host.calls) != test.calls {
				t.Errorf("the host was called %d times, %q; want %d", len(host.calls), host.calls, test.calls)
			}
		})
	}
}

// TestCleanUp: a defer in the body is PEP 3333's close(), and runs exactly once when the request ends (C42).
func TestCleanUp(t *testing.T) {
	for _, test := range []struct {
		name, method string
		headers      modgo.Headers
		broken       int
		blocks       int // that are asked for
		after        func(yield func([]byte, error) bool)
		raises       bool
	}{
		{name: "normal end", method: "GET", blocks: 2},
		{name: "HEAD", method: "HEAD", blocks: 1},
		{name: "Content-Length reached", method: "GET", headers: length("1"), blocks: 1},
		{name: "Content-Length not reached", method: "GET", headers: length("10"), blocks: 2},
		{name: "client gone", method: "GET", broken: 1, blocks: 1},
		{name: "error", method: "GET", blocks: 2, after: func(yield func([]byte, error) bool) { yield(nil, io.ErrUnexpectedEOF) }},
		{name: "panic", method: "GET", blocks: 2, after: func(func([]byte, error) bool) { panic("oops") }, raises: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var cleaned, asked int
			body := func(yield func([]byte, error) bool) {
				defer func() { cleaned++ }()
				for range 2 {
					asked++
					if !yield([]byte("a"), nil) {
						return
					}
				}
				if test.after != nil {
					test.after(yield)
				}
			}
			raised := func() (raised any) {
				defer func() { raised = recover() }()
				_ = modgo.Serve(starting("200 OK", test.headers, body), request(test.method), &recorder{broken: test.broken})
				return nil
			}()
			if cleaned != 1 || asked != test.blocks {
				t.Errorf("cleaned up %d times after %d blocks; want once after %d", cleaned, asked, test.blocks)
			}
			if (raised != nil) != test.raises {
				t.Errorf("raised %v", raised)
			}
		})
	}
	t.Run("client gone in a write before", func(t *testing.T) {
		cleaned := 0
		_ = modgo.Serve(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("200 OK", nil), "a")
			return func(yield func([]byte, error) bool) {
				defer func() { cleaned++ }()
				yield([]byte("b"), nil)
			}
		}, request("GET"), &recorder{broken: 1})
		if cleaned != 1 {
			t.Errorf("cleaned up %d times; want once", cleaned)
		}
	})
}

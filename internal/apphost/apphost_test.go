package apphost_test

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/apphost"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
	"github.com/mod-go/mod-go/modgo"
)

func environment(method string) *modgo.Environ {
	return environ.New(environ.Config{Source: environ.Variables{"REQUEST_METHOD": method}})
}

// answer is an application that answers with these blocks; one alone is a body of one block.
func answer(status string, headers modgo.Headers, blocks ...string) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		if len(blocks) == 1 {
			return modgo.Text(blocks[0])
		}
		return func(yield func([]byte, error) bool) {
			for _, block := range blocks {
				if !yield([]byte(block), nil) {
					return
				}
			}
		}
	}
}

func TestApplicationHost(t *testing.T) {
	none := modgo.Headers{{"Content-Length", "0"}}
	for _, test := range []struct {
		name     string
		method   string
		app      modgo.Application
		override bool
		granted  []string // the calls where the server has an error document
		refused  []string // and where not; nil: the same
	}{
		{"one block: one call (C46)", "GET", answer("200 OK", nil, "a"), false, []string{"200 OK: a end"}, nil},
		{"blocks, each flushed (C39)", "GET", answer("200 Fine", nil, "a", "b"), false, []string{"200 Fine: a flush", "-: b flush", "-:  end"}, nil},
		{"no body", "GET", answer("200 OK", nil), false, []string{"200 OK:  end"}, nil},
		{"HEAD", "HEAD", answer("200 OK", nil, "a", "b"), false, []string{"200 OK:  flush", "-:  end"}, nil},
		{"204 with blocks", "GET", answer("204 No Content", nil, "a", "b"), false, []string{"204 No Content:  flush", "-:  flush", "-:  end"}, nil},
		{"304 with one block", "GET", answer("304 Not Modified", nil, "a"), false, []string{"304 Not Modified:  end"}, nil},
		{"204, written and one block", "GET", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			io.WriteString(start("204 No Content", nil), "a")
			return modgo.Text("b")
		}, false, []string{"204 No Content:  flush", "-:  end"}, nil},

		{"error without a body", "GET", answer("404 None", nil), false, []string{"leave 404 None: "}, []string{"leave 404 None: ", "404 None:  end"}},
		{"error with empty blocks", "GET", answer("404 None", nil, "", ""), false, []string{"leave 404 None: "}, []string{"leave 404 None: ", "404 None:  end"}},
		{"error that wants no body", "GET", answer("404 None", none), false, []string{"404 None:  end"}, nil},
		{"error with one block", "GET", answer("404 None", nil, "own"), false, []string{"404 None: own end"}, nil},
		{"error with blocks", "GET", answer("404 None", nil, "o", "wn"), false, []string{"404 None: o flush", "-: wn flush", "-:  end"}, nil},
		{"HEAD of an error without a body", "HEAD", answer("404 None", nil), false, []string{"leave 404 None: "}, []string{"leave 404 None: ", "404 None:  end"}},
		{"HEAD of an error with one block", "HEAD", answer("404 None", nil, "own"), false, []string{"404 None: own end"}, nil},
		{"HEAD of an error with blocks", "HEAD", answer("404 None", nil, "o", "wn"), false, []string{"404 None:  flush", "-:  end"}, nil},
		{"no error", "GET", answer("399 Odd", nil), false, []string{"399 Odd:  end"}, nil},

		{"override, one block", "GET", answer("404 None", nil, "own"), true, []string{"leave 404 None: "}, []string{"leave 404 None: ", "404 None: own end"}},
		{"override, blocks", "GET", answer("404 None", nil, "o", "wn"), true, []string{"leave 404 None: "},
			[]string{"leave 404 None: ", "404 None: o flush", "-: wn flush", "-:  end"}},
		{"override, no body wanted", "GET", answer("404 None", none), true, []string{"leave 404 None: "}, []string{"leave 404 None: ", "404 None:  end"}},
		{"override, no error", "GET", answer("399 Odd", nil, "own"), true, []string{"399 Odd: own end"}, nil},
	} {
		for _, granted := range []bool{true, false} {
			want := test.granted
			if !granted && test.refused != nil {
				want = test.refused
			}
			transport := gatewaytest.Transport{Documents: granted}
			host := apphost.Host{Transport: &transport, ErrorOverride: test.override}
			if err := modgo.Serve(test.app, environment(test.method), &host); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if got := transport.Strings(); !slices.Equal(got, want) {
				t.Errorf("%s, a document %v: %q; want %q", test.name, granted, got, want)
			}
			left := len(want) == 1 && strings.HasPrefix(want[0], "leave")
			if (host.Status() == 404) != left || host.Sent() == left {
				t.Errorf("%s, a document %v: Status() %d, Sent() %v", test.name, granted, host.Status(), host.Sent())
			}
		}
	}
}

func TestApplicationHostPassesHeadersOn(t *testing.T) {
	want := modgo.Headers{{"Set-Cookie", "z=1"}, {"Content-Type", "text/plain"}, {"Set-Cookie", "a=\xe9"}}
	for _, app := range []modgo.Application{answer("200 OK", want), answer("200 OK", want, "a"), answer("200 OK", want, "a", "b"), answer("404 None", want)} {
		transport := gatewaytest.Transport{Documents: true}
		host := apphost.Host{Transport: &transport}
		if err := modgo.Serve(app, environment("GET"), &host); err != nil {
			t.Error(err)
		}
		if got := transport.Calls[0].Headers; !slices.Equal(got, want) {
			t.Errorf("%s: headers %q; want %q", transport.Calls[0], got, want)
		}
	}
}

func TestApplicationHostErrors(t *testing.T) {
	for failing := 1; failing <= 3; failing++ {
		transport := gatewaytest.Transport{Err: func(call int) error {
			if call == failing {
				return gateway.ErrAnswered
			}
			return nil
		}}
		host := apphost.Host{Transport: &transport}
		err := modgo.Serve(answer("200 OK", nil, "a", "b"), environment("GET"), &host)
		if !errors.Is(err, gateway.ErrAnswered) || len(transport.Calls) != failing || !host.Sent() {
			t.Errorf("call %d fails: %v after %q", failing, err, transport.Strings())
		}
	}
}

// TestNothingIsSentBeforeAnApplicationFails: the server can still answer with 500.
func TestNothingIsSentBeforeAnApplicationFails(t *testing.T) {
	var transport gatewaytest.Transport
	host := apphost.Host{Transport: &transport}
	err := modgo.Serve(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", nil)
		return func(yield func([]byte, error) bool) { yield(nil, io.ErrUnexpectedEOF) }
	}, environment("GET"), &host)
	if !errors.Is(err, io.ErrUnexpectedEOF) || host.Sent() || host.Status() != 0 || transport.Calls != nil {
		t.Errorf("%v; sent %q", err, transport.Strings())
	}
}

// TestFileOnATransportWithout: it is sent in blocks, and its offset stays; one that has become shorter is the application's
// error, and not the client's.
func TestFileOnATransportWithout(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content := strings.Repeat("0123456789", 10_000)
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		offset, length int64
		short          bool
	}{{0, 100_000, false}, {5, 70_000, false}, {0, 1, false}, {99_999, 1, false}, {0, 100_001, true}, {100_000, 1, true}} {
		var transport gatewaytest.Transport
		host := apphost.Host{Transport: &transport}
		err := host.SendFile(&modgo.Head{Status: 200, Reason: "OK"}, f, test.offset, test.length)
		var sent strings.Builder
		for i, call := range transport.Calls {
			sent.WriteString(call.Body)
			if (call.Status != "") != (i == 0) || call.Flags != gateway.Flush {
				t.Errorf("%v: call %d is %s", test, i, call)
			}
		}
		end := min(test.offset+test.length, int64(len(content)))
		if sent.String() != content[test.offset:end] {
			t.Errorf("%v: %d bytes were sent", test, sent.Len())
		}
		if test.short && (err == nil || !strings.Contains(err.Error(), "1 bytes of "+f.Name()) || errors.Is(err, gateway.ErrClientGone)) || !test.short && err != nil {
			t.Errorf("%v: %v", test, err)
		}
		if offset, err := f.Seek(0, io.SeekCurrent); offset != int64(len(content)) || err != nil {
			t.Errorf("%v: the offset is %d, %v", test, offset, err)
		}
	}
}

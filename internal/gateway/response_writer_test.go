package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
	"github.com/mod-go/mod-go/modgo"
)

// respond runs a handler on a ResponseWriter and ends its response.
func respond(t *testing.T, w *gateway.ResponseWriter, handler func(w http.ResponseWriter)) (status int) {
	t.Helper()
	handler(w)
	status, err := w.Finish()
	if err != nil {
		t.Error(err)
	}
	return status
}

// TestCalls: which calls a response takes, and what goes with each.
func TestCalls(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, test := range []struct {
		name    string
		head    bool
		handler func(w http.ResponseWriter)
		want    []string
	}{
		{"nothing", false, func(http.ResponseWriter) {}, []string{"200 OK:  end"}},
		{"small: one call", false, func(w http.ResponseWriter) {
			io.WriteString(w, "he")
			w.Write([]byte("llo"))
		}, []string{"200 OK: hello end"}},
		{"a full buffer: one call", false, func(w http.ResponseWriter) { w.Write([]byte(a(8192))) }, []string{"200 OK: " + a(8192) + " end"}},
		{"a full buffer in two writes", false, func(w http.ResponseWriter) {
			w.Write([]byte(a(8000)))
			w.Write([]byte(a(192)))
		}, []string{"200 OK: " + a(8192) + " end"}},
		{"more than a buffer", false, func(w http.ResponseWriter) { w.Write([]byte(a(8193))) }, []string{"200 OK: " + a(8193), "-:  end"}},
		{"small, then big", false, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			w.Write([]byte("b"))
			w.Write([]byte(a(8192)))
		}, []string{"200 OK: b", "-: " + a(8192), "-:  end"}},
		{"small, then big, sniffed", false, func(w http.ResponseWriter) {
			w.Write([]byte("b"))
			w.Write([]byte(a(9000)))
		}, []string{"200 OK: b" + a(511), "-: " + a(9000-511), "-:  end"}},
		{"small writes are gathered", false, func(w http.ResponseWriter) {
			for range 3 {
				w.Write([]byte(a(5000)))
			}
		}, []string{"200 OK: " + a(5000), "-: " + a(5000), "-: " + a(5000) + " end"}},
		{"flush", false, func(w http.ResponseWriter) {
			w.Write([]byte("a"))
			w.(http.Flusher).Flush()
			w.Write([]byte("b"))
			w.(http.Flusher).Flush()
			w.Write([]byte("c"))
		}, []string{"200 OK: a flush", "-: b flush", "-: c end"}},
		{"flush without a body", false, func(w http.ResponseWriter) {
			w.WriteHeader(404)
			w.(http.Flusher).Flush()
		}, []string{"404 Not Found:  flush", "-:  end"}},
		{"interim", false, func(w http.ResponseWriter) {
			w.WriteHeader(103)
			w.WriteHeader(100)
			w.Write([]byte("a"))
		}, []string{"103 Early Hints:  interim", "100 Continue:  interim", "200 OK: a end"}},
		{"switching protocols is final", false, func(w http.ResponseWriter) { w.WriteHeader(101) }, []string{"101 Switching Protocols:  end"}},
		{"unknown status", false, func(w http.ResponseWriter) { w.WriteHeader(299) }, []string{"299 status code 299:  end"}},
		{"HEAD: the server drops the body", true, func(w http.ResponseWriter) { w.Write([]byte("a")) }, []string{"200 OK: a end"}},
		{"HEAD: nothing follows the head", true, func(w http.ResponseWriter) {
			for range 5 {
				w.Write([]byte(a(9000)))
				io.WriteString(w, a(9000))
				w.(http.Flusher).Flush()
			}
		}, []string{"200 OK: " + a(9000), "-:  end"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var transport gatewaytest.Transport
			w := &gateway.ResponseWriter{Transport: &transport, Head: test.head}
			if status := respond(t, w, test.handler); status != 0 {
				t.Errorf("the error document of %d is asked for", status)
			}
			if got := transport.Strings(); !slices.Equal(got, test.want) {
				t.Errorf("got  %.300q\nwant %.300q", got, test.want)
			}
			if !w.Sent() {
				t.Error("Sent() is false")
			}
		})
	}
}

func TestBigWritesAreNotCopied(t *testing.T) {
	block := bytes.Repeat([]byte("a"), 32<<10)
	var passed []*byte
	transport := &gatewaytest.Transport{Watch: func(body []byte) { passed = append(passed, unsafe.SliceData(body)) }}
	respond(t, &gateway.ResponseWriter{Transport: transport}, func(w http.ResponseWriter) {
		for range 3 {
			w.Write(block)
		}
	})
	for i, p := range passed[:3] {
		if p != unsafe.SliceData(block) {
			t.Errorf("block %d was copied", i)
		}
	}
}

// TestBlocksMayBeReused: what was written is the application's again once Write has returned.
func TestBlocksMayBeReused(t *testing.T) {
	var transport gatewaytest.Transport
	block := make([]byte, 10_000)
	var want strings.Builder
	respond(t, &gateway.ResponseWriter{Transport: &transport}, func(w http.ResponseWriter) {
		for i, n := range []int{3, 600, 10_000, 8192, 1, 9_000} {
			piece := block[:n]
			for j := range piece {
				piece[j] = byte('a' + i)
			}
			want.Write(piece)
			w.Write(piece)
			clear(piece)
		}
	})
	var got strings.Builder
	for _, call := range transport.Calls {
		got.WriteString(call.Body)
	}
	if got.String() != want.String() {
		t.Error("the body is not what was written")
	}
}

func TestDefaultStatus(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler func(w http.ResponseWriter)
		want    string
	}{
		{"written", func(w http.ResponseWriter) { io.WriteString(w, "a") }, "503 Service Unavailable: a end"},
		{"flushed", func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, "503 Service Unavailable:  flush"},
		{"nothing", func(http.ResponseWriter) {}, "leave 503 Service Unavailable: "},
		{"another one set", func(w http.ResponseWriter) { w.WriteHeader(200) }, "200 OK:  end"},
	} {
		var transport gatewaytest.Transport
		respond(t, &gateway.ResponseWriter{Transport: &transport, Status: 503}, test.handler)
		if got := transport.Calls[0].String(); got != test.want {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}

// TestErrorDocuments: which error responses are handed over to the server (Leave), and what becomes of them if it has no
// document.
func TestErrorDocuments(t *testing.T) {
	body := func(status int, text string, length string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			w.WriteHeader(status)
			if n, err := io.WriteString(w, text); n != len(text) || err != nil {
				panic(fmt.Sprint(n, err))
			}
		}
	}
	flushed := func(w http.ResponseWriter) {
		w.WriteHeader(404)
		w.(http.Flusher).Flush()
		io.WriteString(w, "own")
	}
	const leave = "leave 404 Not Found: "
	for _, test := range []struct {
		name             string
		override, head   bool
		handler          func(w http.ResponseWriter)
		granted, refused []string // the calls, with a document and without
		handedOver       int      // the status, when granted
	}{
		{"no body", false, false, body(404, "", ""), []string{leave}, []string{leave, "404 Not Found:  end"}, 404},
		{"a body", false, false, body(404, "own", ""), []string{"404 Not Found: own end"}, []string{"404 Not Found: own end"}, 0},
		{"no body, and it says so", false, false, body(404, "", "0"), []string{"404 Not Found:  end"}, []string{"404 Not Found:  end"}, 0},
		{"flushed", false, false, flushed, []string{"404 Not Found:  flush", "-: own end"}, []string{"404 Not Found:  flush", "-: own end"}, 0},
		{"no error", false, false, body(399, "", ""), []string{"399 status code 399:  end"}, []string{"399 status code 399:  end"}, 0},
		{"HEAD without a body", false, true, body(404, "", ""), []string{leave}, []string{leave, "404 Not Found:  end"}, 404},
		{"HEAD with a body", false, true, body(404, "own", ""), []string{"404 Not Found: own end"}, []string{"404 Not Found: own end"}, 0},

		{"override, no body", true, false, body(404, "", ""), []string{leave}, []string{leave, "404 Not Found:  end"}, 404},
		{"override, a body", true, false, body(404, "own", ""), []string{leave}, []string{leave, "404 Not Found: own end"}, 404},
		{"override, a body of known length", true, false, body(404, "own", "3"), []string{leave}, []string{leave, "404 Not Found: own end"}, 404},
		{"override, a big body", true, false, body(404, strings.Repeat("a", 9000), ""), []string{leave},
			[]string{leave, "404 Not Found: " + strings.Repeat("a", 9000), "-:  end"}, 404},
		{"override, flushed", true, false, flushed, []string{leave}, []string{leave, "404 Not Found:  flush", "-: own end"}, 404},
		{"override, less than Content-Length", true, false, body(404, "own", "5"), []string{leave}, nil, 404},
		{"override, no error", true, false, body(399, "own", ""), []string{"399 status code 399: own end"}, []string{"399 status code 399: own end"}, 0},
	} {
		for _, granted := range []bool{true, false} {
			want, status := test.refused, 0
			if granted {
				want, status = test.granted, test.handedOver
			}
			if want == nil {
				continue
			}
			transport := gatewaytest.Transport{Documents: granted}
			w := &gateway.ResponseWriter{Transport: &transport, ErrorOverride: test.override, Head: test.head}
			if got := respond(t, w, test.handler); got != status {
				t.Errorf("%s, a document %v: Finish returned %d; want %d", test.name, granted, got, status)
			}
			if got := transport.Strings(); !slices.Equal(got, want) {
				t.Errorf("%s, a document %v: %.200q; want %.200q", test.name, granted, got, want)
			}
			if w.Sent() != (status == 0) {
				t.Errorf("%s, a document %v: Sent() is %v", test.name, granted, w.Sent())
			}
		}
	}
}

// TestHeadOfAnErrorDocument: the server gets the handler's headers with the response that it takes over.
func TestHeadOfAnErrorDocument(t *testing.T) {
	transport := gatewaytest.Transport{Documents: true}
	respond(t, &gateway.ResponseWriter{Transport: &transport}, func(w http.ResponseWriter) {
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(401)
	})
	if want := (modgo.Headers{{"Www-Authenticate", `Basic realm="r"`}}); !slices.Equal(transport.Calls[0].Headers, want) {
		t.Errorf("headers %q; want %q", transport.Calls[0].Headers, want)
	}
}

func TestServersHeadersAreLeftToIt(t *testing.T) {
	var transport gatewaytest.Transport
	captured := captureLog(t)
	respond(t, &gateway.ResponseWriter{Transport: &transport}, func(w http.ResponseWriter) {
		w.Header().Set("Transfer-Encoding", "chunked")
		w.Header()["content-length"] = []string{"1", "2"}
		w.WriteHeader(200)
	})
	if got := transport.Calls[0].Headers; got != nil {
		t.Errorf("headers %q; want none", got)
	}
	if !strings.Contains(captured.String(), `invalid Content-Length of ["1" "2"]`) {
		t.Errorf("the log has %q; want the invalid Content-Length", captured)
	}
}

func TestSuperfluousWriteHeaderIsLogged(t *testing.T) {
	var transport gatewaytest.Transport
	captured := captureLog(t)
	respond(t, &gateway.ResponseWriter{Transport: &transport}, func(w http.ResponseWriter) {
		w.WriteHeader(200)
		w.WriteHeader(500)
	})
	if !strings.Contains(captured.String(), "superfluous response.WriteHeader call: status 500 after 200") {
		t.Errorf("the log has %q", captured)
	}
}

func TestInvalidStatus(t *testing.T) {
	for _, status := range []int{-1, 0, 99, 1000} {
		var transport gatewaytest.Transport
		raised := func() (raised any) {
			defer func() { raised = recover() }()
			(&gateway.ResponseWriter{Transport: &transport}).WriteHeader(status)
			return nil
		}()
		if want := fmt.Sprintf("invalid WriteHeader code %d", status); raised != want || transport.Calls != nil {
			t.Errorf("WriteHeader(%d) raised %v and sent %q; want %q", status, raised, transport.Strings(), want)
		}
	}
}

// TestTransportErrors: when the client has gone the handler is told, again and again, and nothing more is sent.
func TestTransportErrors(t *testing.T) {
	big := bytes.Repeat([]byte("a"), 9000)
	for _, test := range []struct {
		name    string
		failing int // the call that fails
		handler func(w http.ResponseWriter) error
	}{
		{"a big write", 1, func(w http.ResponseWriter) error { _, err := w.Write(big); return err }},
		{"a big string", 1, func(w http.ResponseWriter) error { _, err := io.WriteString(w, strings.Repeat("a", 9000)); return err }},
		{"the second of two", 2, func(w http.ResponseWriter) error {
			if _, err := w.Write(big); err != nil {
				t.Error(err)
			}
			_, err := w.Write(big)
			return err
		}},
		{"a flush", 1, func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }},
		{"a small write after a flush that was not checked", 1, func(w http.ResponseWriter) error {
			w.(http.Flusher).Flush()
			_, err := w.Write([]byte("a"))
			return err
		}},
		{"after an interim response", 1, func(w http.ResponseWriter) error {
			w.WriteHeader(103)
			_, err := io.WriteString(w, "a")
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			transport := gatewaytest.Transport{Err: func(call int) error {
				if call == test.failing {
					return gateway.ErrClientGone
				}
				return nil
			}}
			w := &gateway.ResponseWriter{Transport: &transport}
			if err := test.handler(w); !errors.Is(err, gateway.ErrClientGone) {
				t.Errorf("error %v; want %v", err, gateway.ErrClientGone)
			}
			if n, err := w.Write([]byte("b")); n != 0 || !errors.Is(err, gateway.ErrClientGone) {
				t.Errorf("the next write: %d, %v", n, err)
			}
			if err := w.FlushError(); !errors.Is(err, gateway.ErrClientGone) {
				t.Errorf("the next flush: %v", err)
			}
			if _, err := w.Finish(); !errors.Is(err, gateway.ErrClientGone) {
				t.Errorf("Finish: %v", err)
			}
			if len(transport.Calls) != test.failing {
				t.Errorf("calls %.200q; want none after the one that failed", transport.Strings())
			}
		})
	}
}

func TestShortOfContentLength(t *testing.T) {
	var transport gatewaytest.Transport
	w := &gateway.ResponseWriter{Transport: &transport}
	w.Header().Set("Content-Length", "10000")
	w.Write(bytes.Repeat([]byte("a"), 9000))
	_, err := w.Finish()
	if err == nil || !strings.Contains(err.Error(), "9000 of the 10000 bytes") {
		t.Errorf("error %v; want one that tells 9000 of 10000", err)
	}
	if last := transport.Calls[len(transport.Calls)-1]; last.Flags&gateway.End != 0 {
		t.Error("a response that is cut short was ended as if whole")
	}
}

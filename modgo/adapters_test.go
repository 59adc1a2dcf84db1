package modgo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/modgo"
)

// there and back is a handler behind both adapters.
func roundTrip(h http.Handler) http.Handler { return modgo.ToHandler(modgo.FromHandler(h)) }

type contextKey struct{}

// handlers are programs for net/http; each must not notice the adapters, nor its client.
var handlers = map[string]http.HandlerFunc{
	"nothing":    func(http.ResponseWriter, *http.Request) {},
	"status":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
	"error":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
	"not found":  http.NotFound,
	"redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusSeeOther) },
	"small":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
	"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"long":       func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("x"), 100_000)) },
	"typed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "a/b")
		io.WriteString(w, "<html>")
	},
	"sniffed": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
	"untyped": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	},
	"with length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
	},
	"many values": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("X-Empty", "")
	},
	"flushed": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "one")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "two")
		w.(http.Flusher).Flush()
	},
	"head flushed first": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		io.WriteString(w, "data: x\n\n")
	},
	"early hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</s.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Final", "yes")
		io.WriteString(w, "hello")
	},
	"announced trailers": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Other")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
		w.Header().Set("X-Other", "43")
	},
	"trailers by prefix": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	},
	"connection close": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "bye")
	},
	"abort": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"echo": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%q %v %v %d", body, err, r.TransferEncoding, r.ContentLength)
	},
	"request": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %q %q %s %s %v %v", r.Method, r.RequestURI, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Host, r.Proto, r.Header)
	},
	"form": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.FormValue("a"), r.PostFormValue("b")) },
	"context": func(w http.ResponseWriter, r *http.Request) {
		_, local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		fmt.Fprint(w, r.Context().Value(contextKey{}), local, r.Context().Err())
	},
	"pattern": http.NewServeMux().ServeHTTP,
	"hijack": func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 200 OK\r\nX-Mine: yes\r\n\r\nhijacked")
		rw.Flush()
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			panic(fmt.Sprint("a write after Hijack: ", err))
		}
	},
	"deadlines": func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		fmt.Fprint(w, c.SetReadDeadline(time.Now().Add(time.Minute)), c.SetWriteDeadline(time.Now().Add(time.Minute)), c.EnableFullDuplex())
	},
	"file": func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
	},
}

var requests = []string{
	"GET /a%2Fb/c?x=1 HTTP/1.1\r\nHost: example.org\r\nX-A: 1\r\nX-A: 2\r\n\r\n",
	"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"POST /f?a=q HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nb=2",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n",
}

var varying = regexp.MustCompile(`Date: [^\r]*\r\n`)

// exchangeRaw is what comes back for a raw request, until the server closes or is done.
func exchangeRaw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A second request, whose answer ends the conversation.
	io.WriteString(conn, request+"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	return varying.ReplaceAllString(string(answer), "")
}

// serve runs a handler on net/http, with a value in its contexts.
func serve(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/last", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/", h)
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), contextKey{}, "a value")
	}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// TestRoundTrip: a handler behind FromHandler and ToHandler is the same to its client, byte for byte, as alone.
func TestRoundTrip(t *testing.T) {
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			alone, adapted := serve(t, handler), serve(t, roundTrip(handler))
			for _, request := range requests {
				want, got := exchangeRaw(t, alone, request), exchangeRaw(t, adapted, request)
				if sortedHead(got) != sortedHead(want) {
					t.Errorf("%q:\n got %q\nwant %q", request, got, want)
				}
			}
		})
	}
}

// sortedHead sorts the header lines of an answer: net/http writes some before others by where they come from.
func sortedHead(answer string) string {
	head, rest, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	if strings.HasPrefix(lines[0], "HTTP/1.1 1") || strings.HasPrefix(lines[0], "HTTP/1.0 1") {
		rest = sortedHead(rest)
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + rest
}

// TestRoundTripStreams: what a handler flushes reaches the client before the handler goes on.
func TestRoundTripStreams(t *testing.T) {
	next := make(chan struct{})
	addr := serve(t, roundTrip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-next // ends only because the client has seen the first block
		io.WriteString(w, "second")
	})))
	response, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	block := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, block); err != nil || string(block) != "first" {
		t.Fatalf("%q, %v", block, err)
	}
	close(next)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestApplicationBehindRouter: ToHandler below a mount of an application stands on that application's Environ.
func TestApplicationBehindRouter(t *testing.T) {
	inner := modgo.ToHandler(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", nil)
		return modgo.Text(env.Get("SCRIPT_NAME") + "|" + env.Get("PATH_INFO") + "|" + env.Get("REMOTE_USER") + "|" + fmt.Sprint(env.Value(contextKey{})))
	})
	app := modgo.FromHandler(http.StripPrefix("/api", inner))
	outer := modgo.ToHandler(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		env.Set("REMOTE_USER", "ada")
		env.SetValue(contextKey{}, 42)
		return app(env, start)
	})
	if _, body := get(t, "http://"+serve(t, outer)+"/api/things"); body != "/api|/things|ada|42" {
		t.Errorf("%q", body)
	}
}

// TestWriteAfterHandler: a goroutine that outlives its handler gets an error.
func TestWriteAfterHandler(t *testing.T) {
	var writer http.ResponseWriter
	app := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writer = w }))
	if err := modgo.Serve(app, request("GET"), new(recorder)); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write(bytes.Repeat([]byte("x"), 100_000)); err == nil {
		t.Error("a write after the handler's return succeeded")
	}
}

// TestFromHandlerClientGone: the handler's writes fail, and nothing panics.
func TestFromHandlerClientGone(t *testing.T) {
	var failed error
	app := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 10 {
			if _, failed = w.Write(bytes.Repeat([]byte("x"), 10_000)); failed != nil {
				return
			}
		}
	}))
	host := &recorder{broken: 2}
	if err := modgo.Serve(app, request("GET"), host); !errors.Is(err, errGone) {
		t.Errorf("Serve: %v; want the host's error", err)
	}
	if failed == nil || len(host.calls) > 2 {
		t.Errorf("the handler's write: %v after %d calls", failed, len(host.calls))
	}
}

// TestExtensionsNotSupported: a host that can do nothing but send says so (C50).
func TestExtensionsNotSupported(t *testing.T) {
	app := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		_, _, err := c.Hijack()
		for what, err := range map[string]error{
			"Hijack": err, "SetReadDeadline": c.SetReadDeadline(time.Now()), "SetWriteDeadline": c.SetWriteDeadline(time.Now()),
			"EnableFullDuplex": c.EnableFullDuplex(),
		} {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: %v; want http.ErrNotSupported", what, err)
			}
		}
		w.WriteHeader(http.StatusEarlyHints) // as in net/http there is no error to be had
		io.WriteString(w, "ok")
	}))
	host := new(recorder)
	if err := modgo.Serve(app, request("GET"), host); err != nil || len(host.calls) != 2 {
		t.Errorf("%v, %q", err, host.calls)
	}
}

// TestHijackWithReplacedInput: the connection is refused to who would go round a middleware's reader (C50).
func TestHijackWithReplacedInput(t *testing.T) {
	addr := serve(t, modgo.ToHandler(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		env.SetInput(strings.NewReader("mine"))
		_, _, err := modgo.NewController(env).Hijack()
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(fmt.Sprint(err))
	}))
	if _, body := get(t, "http://"+addr); !strings.Contains(body, "C50") {
		t.Errorf("%q", body)
	}
}

// TestUploadIsRemoved: the temporary files of large parts are gone when the handler is, however it ended.
func TestUploadIsRemoved(t *testing.T) {
	const upload = "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\ncontent\r\n--b--\r\n"
	for name, ending := range map[string]func(){"returns": func() {}, "panics": func() { panic("oops") }} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			env := environ.New(environ.Config{Input: strings.NewReader(upload), Source: environ.Variables{
				"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data; boundary=b", "CONTENT_LENGTH": strconv.Itoa(len(upload)),
			}})
			app := modgo.FromHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if err := r.ParseMultipartForm(1); err != nil { // keeps one byte in memory
					t.Error(err)
				}
				if files, err := os.ReadDir(dir); len(files) != 1 || err != nil {
					t.Errorf("while the handler runs there are %v, %v", files, err)
				}
				ending()
			}))
			func() {
				defer func() { _ = recover() }()
				_ = modgo.Serve(app, env, new(recorder))
			}()
			if files, err := os.ReadDir(dir); len(files) != 0 || err != nil {
				t.Errorf("there are left %v, %v", files, err)
			}
		})
	}
}

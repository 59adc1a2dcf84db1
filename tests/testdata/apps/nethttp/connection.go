package nethttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// connections are what /connection/SCRIPT/ID does.
var connections = map[string]script{
	"unsupported":    unsupported,
	"twice":          hijackTwice,
	"after-write":    hijackAfterWrite,
	"write-after":    writeAfterHijack,
	"pipelined":      pipelined,
	"half-closed":    halfClosed,
	"kept":           keptAfterReturn,
	"deadlines":      connDeadlines,
	"abandoned":      abandoned,
	"panic":          panicAfterHijack,
	"panic-open":     panicWithoutClose,
	"leak":           leak,
	"leak-busy":      leakBusy,
	"half-closed-ok": answerHalfClosed,
	"headers":        headersAfterHijack,
}

// unsupported is for a request that has no connection of its own.
func unsupported(w http.ResponseWriter, r *http.Request, log *log) {
	_, is := w.(http.Hijacker)
	conn, _, err := http.NewResponseController(w).Hijack()
	log.note("%d hijacker %t, connection %t, ErrNotSupported %t", r.ProtoMajor, is, conn != nil, errors.Is(err, http.ErrNotSupported))
	_, err = io.WriteString(w, "as if nothing had been")
	log.note("%v", err)
}

func mustHijack(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	must(err)
	return conn, rw
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"

// respond writes an HTTP/1.1 response by hand.
func respond(to io.Writer, text string) error {
	_, err := fmt.Fprintf(to, "%sContent-Length: %d\r\n\r\n%s", head, len(text), text)
	return err
}

func hijackTwice(w http.ResponseWriter, _ *http.Request, log *log) {
	conn, _ := mustHijack(w)
	defer conn.Close()
	again, _, err := http.NewResponseController(w).Hijack()
	log.note("connection %t, ErrHijacked %t", again != nil, errors.Is(err, http.ErrHijacked))
	log.note("answered %v", respond(conn, "taken once"))
}

// headersAfterHijack sends by hand what a middleware may have set: httputil.ReverseProxy does so when a protocol is switched.
func headersAfterHijack(w http.ResponseWriter, _ *http.Request, log *log) {
	w.Header().Set("X-Before", "set before")
	conn, _ := mustHijack(w)
	defer conn.Close()
	w.Header().Set("X-After", "set after")
	log.note("%q", w.Header())
	log.note("answered %v", respond(conn, w.Header().Get("X-Before")))
}

// hijackAfterWrite takes the connection when a part of a response is out, which it ends by hand.
func hijackAfterWrite(w http.ResponseWriter, _ *http.Request, log *log) {
	w.Header().Set("Content-Length", "10")
	_, _ = io.WriteString(w, "first")
	must(http.NewResponseController(w).Flush())
	conn, _, err := http.NewResponseController(w).Hijack()
	log.note("%v", err)
	if err != nil {
		return
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "after")
	log.note("%v", err)
}

func writeAfterHijack(w http.ResponseWriter, r *http.Request, log *log) {
	conn, _ := mustHijack(w)
	defer conn.Close()
	n, err := w.Write([]byte("lost"))
	log.note("Write %d, ErrHijacked %t", n, errors.Is(err, http.ErrHijacked))
	n, err = io.WriteString(w, "lost")
	log.note("WriteString %d, ErrHijacked %t", n, errors.Is(err, http.ErrHijacked))
	w.Header().Set("X-Lost", "yes")
	copied, err := io.Copy(w, bytes.NewReader(make([]byte, 100_000)))
	log.note("ReadFrom %d, ErrHijacked %t", copied, errors.Is(err, http.ErrHijacked))
	_, err = io.ReadAll(r.Body)
	log.note("the body ends %t", err == nil || errors.Is(err, http.ErrBodyReadAfterClose) || errors.Is(err, http.ErrHijacked))
	log.note("answered %v", respond(conn, "by hand"))
}

// pipelined echoes what came with the request, as far as a line goes.
func pipelined(w http.ResponseWriter, _ *http.Request, log *log) {
	conn, rw := mustHijack(w)
	defer conn.Close()
	line, err := rw.ReadString('\n')
	log.note("%q %v", line, err)
	must(respond(rw, line))
	must(rw.Flush())
}

// halfClosed reads until the client has ended its half, then answers.
func halfClosed(w http.ResponseWriter, _ *http.Request, log *log) {
	conn, rw := mustHijack(w)
	defer conn.Close()
	text, err := io.ReadAll(rw)
	log.note("%q %v", text, err)
	log.note("answered %v", respond(conn, string(text)))
}

// answerHalfClosed answers, without taking anything over, a client that has ended its half behind the body.
func answerHalfClosed(w http.ResponseWriter, r *http.Request, log *log) {
	text, err := io.ReadAll(r.Body)
	log.note("%q %v", text, err)
	n, err := w.Write(text)
	log.note("%d %v", n, err)
}

// keptAfterReturn leaves the connection to a goroutine, which begins when the handler has returned, and echoes lines.
func keptAfterReturn(w http.ResponseWriter, r *http.Request, log *log) {
	conn, rw := mustHijack(w)
	returned := make(chan struct{})
	defer close(returned)
	log.spawn(func() {
		defer conn.Close()
		<-returned
		_ = respond(conn, "returned\n")
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				log.note("ended by EOF %t", err == io.EOF)
				return
			}
			if _, err := io.WriteString(conn, line); err != nil {
				log.note("%v", err)
				return
			}
		}
	})
}

// connDeadlines looks at what a connection does at its deadlines and after its end.
func connDeadlines(w http.ResponseWriter, _ *http.Request, log *log) {
	conn, _ := mustHijack(w)
	log.note("local %t, remote %t", conn.LocalAddr().String() != "", conn.RemoteAddr().String() != "")
	must(conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	var failure net.Error
	log.note("read %t, timeout %t", errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &failure) && failure.Timeout())
	must(conn.SetReadDeadline(time.Time{}))
	must(conn.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, err = conn.Write([]byte("late"))
	log.note("write %t", errors.Is(err, os.ErrDeadlineExceeded))
	log.note("closed %v", conn.Close())
	_, err = conn.Read(make([]byte, 1))
	log.note("read %t", errors.Is(err, net.ErrClosed))
	_, err = conn.Write([]byte("late"))
	log.note("write %t", errors.Is(err, net.ErrClosed))
	log.note("close %t", errors.Is(conn.Close(), net.ErrClosed))
}

// abandoned takes the connection, and nobody has it any more.
func abandoned(w http.ResponseWriter, _ *http.Request, _ *log) {
	conn, _ := mustHijack(w)
	must(respond(conn, "abandoned"))
}

func panicAfterHijack(w http.ResponseWriter, _ *http.Request, _ *log) {
	conn, _ := mustHijack(w)
	defer conn.Close()
	must(respond(conn, "before the panic"))
	panic("after the hijack")
}

func panicWithoutClose(w http.ResponseWriter, _ *http.Request, _ *log) {
	conn, _ := mustHijack(w)
	must(respond(conn, "before the panic"))
	panic("after the hijack")
}

// leak leaves a goroutine that uses everything of the request when the handler has returned.
func leak(w http.ResponseWriter, r *http.Request, log *log) {
	env := modgo.FromContext(r.Context())
	_, _ = io.WriteString(w, "returned")
	log.spawn(func() {
		<-r.Context().Done()
		log.note("context %t", errors.Is(r.Context().Err(), context.Canceled))
		block := make([]byte, 64<<10)
		control := http.NewResponseController(w)
		w.Header().Set("X-Late", "yes")
		w.WriteHeader(http.StatusTeapot)
		_, err := w.Write(block)
		log.note("Write %t", err != nil)
		_, err = io.WriteString(w, "late")
		log.note("WriteString %t", err != nil)
		_, err = io.Copy(w, bytes.NewReader(block))
		log.note("ReadFrom %t", err != nil)
		_, err = r.Body.Read(block)
		log.note("Body.Read %t", err != nil)
		log.note("Body.Close %v", r.Body.Close())
		log.note("Flush %t", control.Flush() != nil)
		conn, _, err := control.Hijack()
		log.note("Hijack %t", err != nil && conn == nil)
		log.note("SetReadDeadline %t", control.SetReadDeadline(time.Now()) != nil)
		log.note("SetWriteDeadline %t", control.SetWriteDeadline(time.Now()) != nil)
		_ = control.EnableFullDuplex()
		_ = r.Context().Value(http.LocalAddrContextKey)
		_ = tlsOf(r.TLS)
		if env != nil {
			_ = env.Get("SERVER_NAME")
			for range env.All() {
			}
			_, err = io.WriteString(env.Errors(), "a line after the end\n")
			log.note("wsgi.errors %v", err)
		}
		log.note("reached the end")
	})
}

// leakBusy leaves goroutines that write and read while the handler returns, and until that fails.
func leakBusy(w http.ResponseWriter, r *http.Request, log *log) {
	env := modgo.FromContext(r.Context())
	busy := make(chan struct{}, 4)
	block := make([]byte, 4<<10)
	use := func(what string, once func() error) {
		log.spawn(func() {
			busy <- struct{}{}
			for {
				if err := once(); err != nil {
					log.note("%s ended", what)
					return
				}
			}
		})
	}
	use("Write", func() error { _, err := w.Write(block); return err })
	use("Flush", func() error { return http.NewResponseController(w).Flush() })
	use("Body.Read", func() error { _, err := r.Body.Read(make([]byte, 100)); return err })
	use("Context", func() error {
		if env != nil {
			_ = env.Get("REMOTE_ADDR")
		}
		_ = r.Context().Value(http.LocalAddrContextKey)
		return r.Context().Err()
	})
	for range cap(busy) {
		<-busy
	}
}

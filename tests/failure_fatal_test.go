package tests

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// once sends a request on a connection of its own, whose end it awaits. http.Client would send a second one when the
// connection breaks.
func once(t *testing.T, srv *httpdtest.Server, path string) (answer string) {
	t.Helper()
	conn := srv.Dial(t)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	bytes, _ := io.ReadAll(conn) // an error is what is expected
	return string(bytes)
}

// fatal are requests that a Go process cannot survive, and what the log says of the cause.
var fatal = []struct{ path, cause string }{
	{"/faulty/goroutine", `panic: in a goroutine of its own`},
	{"/faulty/mapwrites", `fatal error: concurrent map writes`},
	{"/faulty/stackoverflow", `fatal error: stack overflow`},
	{"/faulty/goexit", `its handler called runtime.Goexit`},
	{"/faulty/exit", `it ended without a word: os.Exit`},
}

// TestFatalErrors: a child that dies is replaced, and one line says which request of which application it served, and
// why it died.
func TestFatalErrors(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf,
		})
		srv.Expect(`MODGO0014: the application .*faulty.application cannot go on: its handler called runtime.Goexit`)
		for _, f := range fatal {
			line := `MODGO0022: child \d+ died while application ` + appsPath + `faulty served "GET ` + f.path + ` HTTP/1.1" \(id \S+, client 127.0.0.1, for [\d.]+ s\): ` + f.cause
			srv.Expect(line).Times(1)
			if answer := once(t, srv, f.path); answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 500 ") {
				t.Errorf("%s: the answer is %q", f.path, answer)
			}
			srv.AwaitLog(line)
			if text := srv.Get("/faulty/ok").Text; !strings.HasPrefix(text, "pid ") {
				t.Errorf("after %s the server answers %q", f.path, text)
			}
		}
		// What is printed right before os.Exit is not lost.
		srv.AwaitLog(`the last words on standard output`)
		srv.AwaitLog(`the last words on standard error`)
	})
}

// TestFatalErrorNamesTheOne: of several requests in flight the log names the one whose goroutine crashed.
func TestFatalErrorNamesTheOne(t *testing.T) {
	srv := startFaulty(t, "event")
	srv.Expect(`MODGO0022: child \d+ died while application .* served "GET /faulty/goroutine HTTP/1.1"`).Times(1)
	var bystanders sync.WaitGroup
	for range 3 {
		conn := srv.Dial(t)
		defer conn.Close()
		// A body that never ends keeps the request in flight.
		if _, err := io.WriteString(conn, "POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1"); err != nil {
			t.Fatal(err)
		}
		bystanders.Go(func() { _, _ = io.Copy(io.Discard, conn) })
	}
	if answer := once(t, srv, "/faulty/goroutine"); answer != "" {
		t.Errorf("the answer is %q", answer)
	}
	srv.AwaitLog(`MODGO0022`)
	bystanders.Wait()
}

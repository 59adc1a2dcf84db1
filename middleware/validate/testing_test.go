package validate_test

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/middleware/validate/brokenapps"
	"github.com/mod-go/mod-go/modgo"
)

// fakeTest is a test that fails without failing this one.
type fakeTest struct {
	errors   []string
	cleanups []func()
}

func (f *fakeTest) Helper() {}

func (f *fakeTest) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeTest) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

func (f *fakeTest) end() {
	for _, cleanup := range f.cleanups {
		cleanup()
	}
}

func TestTestingReportsErrors(t *testing.T) {
	fake := new(fakeTest)
	serve(t, validate.Testing(fake)(brokenApp(t, "starts_twice")), complete, "", new(recorder))
	fake.end()
	if len(fake.errors) != 1 || !strings.Contains(fake.errors[0], "C34") {
		t.Errorf("the test failed with %q; want one error about C34", fake.errors)
	}
}

// TestTestingFindsForgottenBody: at the end of a test all bodies must have been iterated, whether they are garbage or not.
func TestTestingFindsForgottenBody(t *testing.T) {
	defer validate.SetSettleLimit(validate.SetSettleLimit(50 * time.Millisecond))
	var kept modgo.Body
	for name, server := range map[string]func(modgo.Body){
		"V9, broken by the server: the server never began":     func(body modgo.Body) { kept = body },
		"V9, broken by the server: the server began to iterat": abandon,
	} {
		fake := new(fakeTest)
		callAndForget(t, validate.Testing(fake)(starting("200 OK", plain, blocks("one", "two"))), server)
		fake.end()
		if len(fake.errors) != 1 || !strings.Contains(fake.errors[0], name) {
			t.Errorf("the test failed with %q; want one error: %s", fake.errors, name)
		}
	}
	_ = kept
}

// TestLateViolationIsLogged: nobody could recover from a panic when the request has ended.
func TestLateViolationIsLogged(t *testing.T) {
	lines := make(chan string, 1)
	log.SetOutput(writerFunc(func(line []byte) { lines <- string(line) }))
	defer log.SetOutput(os.Stderr)
	serve(t, validate.Middleware()(brokenApp(t, "writes_after_end")), complete, "", new(recorder))
	if line := <-lines; !strings.Contains(line, "V11") || strings.Count(line, "\n") != 1 {
		t.Errorf("logged %q; want one line about V11", line)
	}
}

type writerFunc func(line []byte)

func (f writerFunc) Write(line []byte) (int, error) {
	f(line)
	return len(line), nil
}

func brokenApp(t *testing.T, name string) modgo.Application {
	for _, app := range brokenapps.All() {
		if app.Name == name {
			return app.Application
		}
	}
	t.Fatalf("there is no broken application %s", name)
	return nil
}

func TestReportingWithoutFunction(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Reporting(nil) did not panic")
		}
	}()
	validate.Reporting(nil)
}

func TestPlaceString(t *testing.T) {
	for want, place := range map[string]validate.Place{
		"":             {},
		"a.b":          {Function: "a.b"},
		"c.go:3":       {File: "c.go", Line: 3},
		"a.b (c.go:3)": {Function: "a.b", File: "c.go", Line: 3},
	} {
		if got := place.String(); got != want {
			t.Errorf("%#v is %q; want %q", place, got, want)
		}
	}
}

// TestHijack: a connection can be taken over through the validator, and the application then need not start a response.
func TestHijack(t *testing.T) {
	app := func(env *modgo.Environ, _ modgo.StartResponse) modgo.Body {
		conn, rw, err := modgo.NewController(env).Hijack()
		if err != nil {
			t.Error(err)
			return nil
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
		_ = rw.Flush()
		return nil
	}
	server := newServer(t, validate.Testing(t)(app))
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody",
	} {
		conn, err := net.Dial("tcp", server)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(request))
		var got bytes.Buffer
		_, _ = got.ReadFrom(conn)
		conn.Close()
		if !strings.HasSuffix(got.String(), "hello") {
			t.Errorf("the answer to %q is %q", request, got.String())
		}
	}
}

// newServer serves the application by net/http.
func newServer(t *testing.T, app modgo.Application) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: modgo.ToHandler(app)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return l.Addr().String()
}

package validate_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// closer is an fs.File.
type closer struct {
	io.Reader
	closed *bool
}

func (c closer) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

func (c closer) Close() error {
	*c.closed = true
	return nil
}

// callWith calls the application as a server that has these variables.
func callWith(t *testing.T, app modgo.Application, source environ.Source) {
	_ = modgo.Serve(app, environment(t, source, ""), new(recorder))
}

// twofold is a Source whose All and Lookup do not agree.
type twofold struct {
	environ.Variables
	all func(yield func(name, value string) bool)
}

func (f twofold) All(yield func(name, value string) bool) { f.all(yield) }

// TestBrokenEnvirons: servers whose environ is wrong.
func TestBrokenEnvirons(t *testing.T) {
	for _, test := range []struct {
		name, clause string
		source       environ.Source
	}{
		{"no method", "C3", with("REQUEST_METHOD", "-")},
		{"empty method", "C3", with("REQUEST_METHOD", "")},
		{"method with a space", "C3", with("REQUEST_METHOD", "GET /")},
		{"no SCRIPT_NAME", "C4", with("SCRIPT_NAME", "-")},
		{"no PATH_INFO", "C4", with("PATH_INFO", "-")},
		{"neither", "V5", with("SCRIPT_NAME", "-", "PATH_INFO", "-")},
		{"relative SCRIPT_NAME", "V3", with("SCRIPT_NAME", "shop")},
		{"relative PATH_INFO", "V3", with("PATH_INFO", "cart")},
		{"SCRIPT_NAME of a slash", "V4", with("SCRIPT_NAME", "/")},
		{"no query", "V2", with("QUERY_STRING", "-")},
		{"no server name", "C6", with("SERVER_NAME", "-")},
		{"empty server name", "C6", with("SERVER_NAME", "")},
		{"no port", "C6", with("SERVER_PORT", "-")},
		{"port with a name", "C6", with("SERVER_PORT", "http")},
		{"no protocol", "C7", with("SERVER_PROTOCOL", "-")},
		{"protocol without a version", "C7", with("SERVER_PROTOCOL", "HTTP")},
		{"negative length", "V6", with("CONTENT_LENGTH", "-1")},
		{"length with a unit", "V6", with("CONTENT_LENGTH", "10k")},
		{"empty length", "C12", with("CONTENT_LENGTH", "")},
		{"empty user", "C12", with("REMOTE_USER", "")},
		{"empty authentication type", "C12", with("AUTH_TYPE", "")},
		{"HTTP_CONTENT_TYPE", "V1", with("HTTP_CONTENT_TYPE", "text/plain")},
		{"HTTP_CONTENT_LENGTH", "V1", with("HTTP_CONTENT_LENGTH", "1")},
		{"HTTP_PROXY", "C8", with("HTTP_PROXY", "http://evil.example/")},
		{"header with an odd name", "C8", with("HTTP_X.ODD", "1")},
		{"no version", "C14", with("wsgi.version", "-")},
		{"no multithread", "C14", with("wsgi.multithread", "-")},
		{"multiprocess of another language", "C14", with("wsgi.multiprocess", "True")},
		{"no run_once", "C14", with("wsgi.run_once", "-")},
		{"no scheme", "V7", with("wsgi.url_scheme", "-")},
		{"another scheme", "V7", with("wsgi.url_scheme", "ftp")},
		{"https without HTTPS", "C10", with("wsgi.url_scheme", "https")},
		{"own variable in capitals", "C17", with("mod_go.Thread", "1")},
		{"unknown variable of wsgi", "C17", with("wsgi.thread", "1")},
		{"variable given twice", "C2", twofold{complete, func(yield func(name, value string) bool) {
			for range 2 {
				complete.All(yield)
			}
		}}},
		{"variable with two values", "C2", twofold{complete, func(yield func(name, value string) bool) { yield("SERVER_NAME", "another") }}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			callWith(t, validate.Reporting(c.report)(starting("200 OK", plain, nil)), test.source)
			c.expect(t, test.clause, validate.Server, "callWith", "server_test.go")
			if n := len(c.violations()); n != 1 && test.clause != "C2" {
				t.Errorf("%d violations; want one: %v", n, c.violations())
			}
		})
	}
}

// broken are readers and writers of servers.
type overlong struct{}

func (overlong) Read(p []byte) (int, error) { return len(p) + 1, nil }

type negative struct{}

func (negative) Read([]byte) (int, error) { return -1, nil }

// script is a reader that answers read after read.
type script struct{ reads []func(p []byte) (int, error) }

func (s *script) Read(p []byte) (int, error) {
	read := s.reads[0]
	s.reads = s.reads[1:]
	return read(p)
}

func gives(text string, err error) func(p []byte) (int, error) {
	return func(p []byte) (int, error) { return copy(p, text), err }
}

// TestBrokenInputs: servers whose input is wrong.
func TestBrokenInputs(t *testing.T) {
	for _, test := range []struct {
		name, clause, length string
		input                io.Reader
		function             string
	}{
		{"more than asked for", "C19", "-", overlong{}, "overlong.Read"},
		{"less than nothing", "C19", "-", negative{}, "negative.Read"},
		{"bytes after the end", "C22", "-", &script{[]func([]byte) (int, error){gives("", io.EOF), gives("more", nil)}}, "(*script).Read"},
		{"no error after the end", "C22", "-", &script{[]func([]byte) (int, error){gives("", io.EOF), gives("", nil)}}, "(*script).Read"},
		{"beyond CONTENT_LENGTH", "C20", "4", &script{[]func([]byte) (int, error){gives("1234", nil), gives("GET / HTTP/1.1", nil)}}, "(*script).Read"},
		{"end before CONTENT_LENGTH", "C20", "4", &script{[]func([]byte) (int, error){gives("123", nil), gives("", io.EOF)}}, "(*script).Read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				buffer := make([]byte, 16)
				for range 2 {
					_, _ = env.Input().Read(buffer)
				}
				start("200 OK", plain)
				return nil
			}
			env := environ.New(environ.Config{Source: with("CONTENT_LENGTH", test.length), Input: test.input})
			if err := modgo.Serve(validate.Reporting(c.report)(app), env, new(recorder)); err != nil {
				t.Fatal(err)
			}
			file := "server_test.go"
			if strings.HasPrefix(test.function, "overlong") || strings.HasPrefix(test.function, "negative") {
				file = fileOfPlace(c, test.clause)
			}
			c.expect(t, test.clause, validate.Server, test.function, file)
		})
	}
}

// fileOfPlace: of a value's method, reached through an interface, the compiler's wrapper may be all that is known.
func fileOfPlace(c *collector, clause string) string {
	if v := c.find(clause, validate.Server); v != nil && v.Place.File == "" {
		return "."
	}
	return "server_test.go"
}

// TestIncompleteEnvirons: servers that hand over less than an Environ.
func TestIncompleteEnvirons(t *testing.T) {
	app := starting("200 OK", plain, nil)
	start := func(string, modgo.Headers, ...error) io.Writer { return io.Discard }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name, clause string
		env          func() *modgo.Environ
		start        modgo.StartResponse
	}{
		{"no environ", "C1", func() *modgo.Environ { return nil }, start},
		{"no startResponse", "C1", func() *modgo.Environ { return environment(t, complete, "") }, nil},
		{"no input", "C14", func() *modgo.Environ {
			env := environment(t, complete, "")
			env.SetInput(nil)
			return env
		}, start},
		{"no errors", "C14", func() *modgo.Environ {
			env := environment(t, complete, "")
			env.SetErrors(nil)
			return env
		}, start},
		{"no context", "C14", func() *modgo.Environ { return new(modgo.Environ) }, start},
		{"ended context", "C42", func() *modgo.Environ {
			return environ.New(environ.Config{Source: complete, Context: ended})
		}, start},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			func() {
				defer func() { _ = recover() }()
				callDirectly(validate.Reporting(c.report)(app), test.env(), test.start)
			}()
			c.expect(t, test.clause, validate.Server, "callDirectly", "server_test.go")
		})
	}
}

// callDirectly is a server that sends nothing.
func callDirectly(app modgo.Application, env *modgo.Environ, start modgo.StartResponse) {
	for range app(env, start) {
		continue
	}
}

// TestEnvironOfTwoRequests: a server that uses an Environ again.
func TestEnvironOfTwoRequests(t *testing.T) {
	c := newCollector()
	app := validate.Reporting(c.report)(starting("200 OK", plain, nil))
	env := environment(t, complete, "")
	start := func(string, modgo.Headers, ...error) io.Writer { return io.Discard }
	callDirectly(app, env, start)
	if v := c.violations(); len(v) != 0 {
		t.Fatalf("violations in the first request: %v", v)
	}
	callDirectly(app, env, start)
	c.expect(t, "C2", validate.Server, "callDirectly", "server_test.go")
}

// A server's startResponse and writer, broken.
type lossy struct{}

func (*lossy) Write(p []byte) (int, error) { return len(p) - 1, nil }

type boastful struct{}

func (*boastful) Write(p []byte) (int, error) { return len(p) + 1, nil }

type scribbler struct{}

func (*scribbler) Write(p []byte) (int, error) {
	copy(p, "XXXX")
	return len(p), nil
}

// TestBrokenStartResponses: servers whose startResponse or writer is wrong.
func TestBrokenStartResponses(t *testing.T) {
	writing := func(headers modgo.Headers) modgo.Application {
		return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			if w := start("200 OK", headers); w != nil {
				_, _ = io.WriteString(w, "text")
			}
			return nil
		}
	}
	starts := func(status string, headers modgo.Headers, causes ...error) modgo.Application {
		return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			if len(causes) > 0 {
				start("200 OK", plain)
			}
			start(status, headers, causes...)
			return nil
		}
	}
	returns := func(w io.Writer) modgo.StartResponse {
		return func(string, modgo.Headers, ...error) io.Writer { return w }
	}
	raises := func(_ string, _ modgo.Headers, cause ...error) io.Writer {
		if len(cause) > 0 {
			panic(cause[0])
		}
		return io.Discard
	}
	for _, test := range []struct {
		name, clause   string
		app            modgo.Application
		start          modgo.StartResponse
		function, file string
		both           bool // the application is to blame, too
	}{
		{"no writer", "C27", writing(plain), returns(nil), "TestBrokenStartResponses", "server_test.go", false},
		{"a write that loses a byte", "C41", writing(plain), returns(new(lossy)), "(*lossy).Write", "server_test.go", false},
		{"a write that counts too much", "C41", writing(plain), returns(new(boastful)), "(*boastful).Write", "server_test.go", false},
		{"a write that changes the block", "C40", writing(plain), returns(new(scribbler)), "(*scribbler).Write", "server_test.go", false},
		{"a write beyond Content-Length", "C44", writing(sized("2")), returns(new(bytes.Buffer)), "(*Buffer).Write", "buffer.go", true},
		{"takes a header of the connection", "C30", starts("200 OK", modgo.Headers{{"Connection", "close"}}), returns(io.Discard), "TestBrokenStartResponses", "server_test.go", true},
		{"takes a malformed status", "C31", starts("OK", nil), returns(io.Discard), "TestBrokenStartResponses", "server_test.go", true},
		{"takes a second call", "C34", starts("200 OK", plain, nil), returns(io.Discard), "TestBrokenStartResponses", "server_test.go", true},
		{"raises for a cause in time", "C35", starts("500 Internal Server Error", plain, errCause), raises, "TestBrokenStartResponses", "server_test.go", false},
		{"takes a cause too late", "C36", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			_, _ = io.WriteString(start("200 OK", plain), "half")
			start("500 Internal Server Error", plain, errCause)
			return nil
		}, returns(io.Discard), "TestBrokenStartResponses", "server_test.go", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			func() {
				defer func() { _ = recover() }()
				callDirectly(validate.Reporting(c.report)(test.app), environment(t, complete, ""), test.start)
			}()
			if test.both {
				if v := c.find(test.clause, validate.Application); v == nil {
					t.Errorf("the application is not blamed: %v", c.violations())
				}
				c = serverOnly(c)
			}
			c.expect(t, test.clause, validate.Server, test.function, test.file)
		})
	}
}

// serverOnly is what the server is blamed for.
func serverOnly(c *collector) *collector {
	only := newCollector()
	for _, v := range c.violations() {
		if v.Side == validate.Server {
			only.report(v)
		}
	}
	return only
}

// TestSingleThread: wsgi.multithread is false, and there are two requests at once.
func TestSingleThread(t *testing.T) {
	single := with("wsgi.multithread", "false")
	for _, busy := range []string{"application", "body"} {
		t.Run(busy, func(t *testing.T) {
			c := newCollector()
			var app modgo.Application
			nested := false
			inner := func() {
				if !nested {
					nested = true
					callWith(t, app, single)
				}
			}
			app = validate.Reporting(c.report)(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
				start("200 OK", plain)
				if busy == "application" {
					inner()
				}
				return func(func([]byte, error) bool) { inner() }
			})
			callWith(t, app, single)
			c.expect(t, "C16", validate.Server, "callWith", "server_test.go")
		})
	}
}

package validate_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/middleware/validate/brokenapps"
	"github.com/mod-go/mod-go/modgo"
)

// brokenFiles is where the functions of package brokenapps are.
var brokenFiles = []string{"starting.go", "heads.go", "bodies.go", "late.go"}

func fileOf(function string) string {
	switch {
	case strings.HasPrefix(function, "answering") || strings.HasPrefix(function, "headers"):
		return brokenFiles[1]
	case strings.HasSuffix(function, "AfterEnd"):
		return brokenFiles[3]
	case strings.Contains(strings.ToLower(function), "start"):
		return brokenFiles[0]
	}
	return brokenFiles[2]
}

func TestBrokenApplications(t *testing.T) {
	for _, broken := range brokenapps.All() {
		t.Run(broken.Name, func(t *testing.T) {
			c := newCollector()
			serve(t, validate.Reporting(c.report)(broken.Application), with("CONTENT_LENGTH", "4"), "body", new(recorder))
			if broken.Late {
				<-c.more
			}
			c.expect(t, broken.Clause, validate.Application, broken.Function, fileOf(broken.Function))
			if n := len(c.violations()); n != 1 {
				t.Errorf("%d violations; want one: %v", n, c.violations())
			}
			if v := c.violations()[0]; !strings.Contains(v.Place.Function, "/brokenapps.") {
				t.Errorf("the place is %s; want a function of package brokenapps", v.Place)
			}
			if v := c.violations()[0]; v.Request != "GET /shop/cart" {
				t.Errorf("the request is %q; want %q", v.Request, "GET /shop/cart")
			}
		})
	}
}

// TestBrokenApplicationsRaise: the form that panics raises what has been found where it is found, before the server can.
func TestBrokenApplicationsRaise(t *testing.T) {
	for _, broken := range brokenapps.All() {
		if broken.Late {
			continue // logged
		}
		t.Run(broken.Name, func(t *testing.T) {
			defer func() {
				v, ok := recover().(error)
				var violation *validate.Violation
				if !ok || !errors.As(v, &violation) || violation.Clause != broken.Clause {
					t.Errorf("raised %v; want a violation of %s", v, broken.Clause)
				}
			}()
			_ = modgo.Serve(validate.Middleware()(broken.Application), environment(t, complete, ""), new(recorder))
		})
	}
}

// TestBareOutcomes proves what the table says of a server without the validator, and that the validator changes nothing of
// it.
func TestBareOutcomes(t *testing.T) {
	for _, broken := range brokenapps.All() {
		t.Run(broken.Name, func(t *testing.T) {
			for name, app := range map[string]modgo.Application{
				"bare": broken.Application, "watched": validate.Reporting(func(*validate.Violation) {})(broken.Application),
			} {
				host := new(recorder)
				failure := serve(t, app, complete, "", host)
				if logged := failure != ""; logged != broken.Logged {
					t.Errorf("%s: the server has something to log: %v (%q); the table says %v", name, logged, failure, broken.Logged)
				}
				if sent := len(host.calls) > 0; sent != (broken.Bare != brokenapps.Failed) {
					t.Errorf("%s: something was sent: %v (%q); the table says %v", name, sent, host.calls, broken.Bare)
				}
			}
		})
	}
}

// TestBlockChangedWhileSent: the application has a goroutine that changes a block while the server has it.
func TestBlockChangedWhileSent(t *testing.T) {
	for _, way := range []string{"iterated", "written"} {
		t.Run(way, func(t *testing.T) {
			sending, changed := make(chan struct{}), make(chan struct{})
			c := newCollector()
			app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
				block := []byte("as it was")
				go func() {
					<-sending
					block[0] = 'X'
					close(changed)
				}()
				w := start("200 OK", plain)
				if way == "written" {
					_, _ = w.Write(block)
					return nil
				}
				return func(yield func([]byte, error) bool) { yield(block, nil) }
			}
			host := &recorder{during: func() { close(sending); <-changed }}
			serve(t, validate.Reporting(c.report)(app), complete, "", host)
			c.expect(t, "C41", validate.Application, "TestBlockChangedWhileSent", "application_test.go")
		})
	}
}

// TestBlockAfterBody: the body leaks its yield.
func TestBlockAfterBody(t *testing.T) {
	var leaked func([]byte, error) bool
	c := newCollector()
	app := starting("200 OK", plain, func(yield func([]byte, error) bool) { leaked = yield })
	serve(t, validate.Reporting(c.report)(app), complete, "", new(recorder))
	if leaked([]byte("late"), nil) {
		t.Error("yield wants more after the end")
	}
	c.expect(t, "V11", validate.Application, "TestBlockAfterBody", "application_test.go")
}

// TestBlocksAtOnce: two goroutines give blocks of one body.
func TestBlocksAtOnce(t *testing.T) {
	sending, given := make(chan struct{}), make(chan struct{})
	c := newCollector()
	app := starting("200 OK", plain, func(yield func([]byte, error) bool) {
		go func() {
			<-sending
			yield([]byte("second"), nil)
			close(given)
		}()
		yield([]byte("first"), nil)
	})
	var once sync.Once
	host := &recorder{during: func() { once.Do(func() { close(sending); <-given }) }}
	serve(t, validate.Reporting(c.report)(app), complete, "", host)
	c.expect(t, "C39", validate.Application, "TestBlocksAtOnce", "application_test.go")
}

// TestPlaceBehindLibraries: what the standard library, modgo and middleware pass on is blamed on who called them.
func TestPlaceBehindLibraries(t *testing.T) {
	for _, test := range []struct {
		name, clause string
		app          modgo.Application
	}{
		{"io.WriteString", "C44", func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			_, _ = io.Copy(start("200 OK", sized("2")), strings.NewReader("much"))
			return nil
		}},
		{"modgo.OnClose", "V8", func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			return modgo.OnClose(blocks("too early"), func() {})
		}},
		{"another validator", "C34", validate.Reporting(func(*validate.Violation) {})(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
			start("200 OK", plain)
			start("200 OK", plain)
			return nil
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector()
			serve(t, validate.Reporting(c.report)(test.app), complete, "", new(recorder))
			function, file := "TestPlaceBehindLibraries", "application_test.go"
			if test.name == "modgo.OnClose" {
				function, file = "blocks", "harness_test.go"
			}
			c.expect(t, test.clause, validate.Application, function, file)
		})
	}
}

// TestRaisedBodyIsCleaned: when the validator itself ends a request, the body's clean-up still runs.
func TestRaisedBodyIsCleaned(t *testing.T) {
	closed := false
	app := func(*modgo.Environ, modgo.StartResponse) modgo.Body {
		return modgo.File(closer{strings.NewReader("a file"), &closed})
	}
	func() {
		defer func() {
			if _, ok := recover().(*validate.Violation); !ok {
				t.Error("nothing was raised")
			}
		}()
		_ = modgo.Serve(validate.Middleware()(app), environ.New(environ.Config{Source: complete}), new(recorder))
	}()
	if !closed {
		t.Error("the file was not closed")
	}
}

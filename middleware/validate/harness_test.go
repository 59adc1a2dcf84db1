package validate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// complete are the variables of a server that keeps the contract.
var complete = environ.Variables{
	"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop", "PATH_INFO": "/cart", "QUERY_STRING": "", "SERVER_NAME": "example.org",
	"SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org",
	"HTTP_ACCEPT_LANGUAGE": "de", "mod_go.request_id": "1", "UNIQUE_ID": "1", "downgrade-1.0": "1",
	"wsgi.version": "1.0", "wsgi.url_scheme": "http", "wsgi.multithread": "true", "wsgi.multiprocess": "true", "wsgi.run_once": "false",
}

// with is the variables with changes: name and value by turns, a value of "-" takes the variable away.
func with(changes ...string) environ.Variables {
	changed := maps.Clone(complete)
	for i := 0; i < len(changes); i += 2 {
		changed[changes[i]] = changes[i+1]
		if changes[i+1] == "-" {
			delete(changed, changes[i])
		}
	}
	return changed
}

// environment is that of a request whose context ends when the test does.
func environment(t *testing.T, source environ.Source, input string) *modgo.Environ {
	return environ.New(environ.Config{Source: source, Context: t.Context(), Input: strings.NewReader(input), Errors: io.Discard})
}

// recorder is a Host that writes down what it is told.
type recorder struct {
	calls  []string
	broken int    // the number of the call from which on the client is gone; 0: never
	during func() // called while a block is being sent
	sorts  bool   // the order of headers is of no account

	mu   sync.Mutex
	over bool // the request has ended: nothing is told any more
}

var errGone = errors.New("the client has gone")

func (r *recorder) record(what string, head *modgo.Head, block string) error {
	if head != nil {
		if r.sorts {
			head.Headers = slices.Clone(head.Headers)
			slices.SortStableFunc(head.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		}
		what += fmt.Sprintf(" %d %s %v", head.Status, head.Reason, head.Headers)
	}
	r.mu.Lock()
	over := r.over
	if !over {
		r.calls = append(r.calls, what+": "+block)
	}
	r.mu.Unlock()
	if over {
		return errGone
	}
	if r.during != nil && block != "" {
		r.during()
	}
	if r.broken > 0 && len(r.calls) >= r.broken {
		return errGone
	}
	return nil
}

func (r *recorder) Send(head *modgo.Head, block []byte) error {
	return r.record("send", head, string(block))
}

func (r *recorder) Finish(head *modgo.Head, block []byte) error {
	return r.record("finish", head, string(block))
}

func (r *recorder) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	return r.record("file", head, fmt.Sprintf("%s %d+%d", path.Base(f.Name()), offset, length))
}

func (r *recorder) SendInterim(head *modgo.Head) error { return r.record("interim", head, "") }

func (r *recorder) AnnounceTrailers(names []string) {
	_ = r.record("announce", nil, fmt.Sprint(names))
}

func (r *recorder) SetTrailers(trailers modgo.Headers) {
	_ = r.record("trailers", nil, fmt.Sprint(trailers))
}

// serve runs the application on a server that keeps the contract, and lets the request end.
func serve(t *testing.T, app modgo.Application, source environ.Variables, input string, host *recorder) (failure string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() {
		host.mu.Lock()
		host.over = true
		host.mu.Unlock()
		if v := recover(); v != nil {
			failure = fmt.Sprintf("panic: %v", v)
		}
	}()
	env := environ.New(environ.Config{Source: source, Context: ctx, Input: strings.NewReader(input), Errors: io.Discard})
	if err := modgo.Serve(app, env, host); err != nil {
		return err.Error()
	}
	return ""
}

// collector takes the Violations of a Reporting middleware.
type collector struct {
	mu   sync.Mutex
	all  []*validate.Violation
	more chan struct{}
}

func newCollector() *collector { return &collector{more: make(chan struct{}, 1)} }

func (c *collector) report(v *validate.Violation) {
	c.mu.Lock()
	c.all = append(c.all, v)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *collector) violations() []*validate.Violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*validate.Violation(nil), c.all...)
}

// find returns a Violation of the clause and the side, nil without.
func (c *collector) find(clause string, side validate.Side) *validate.Violation {
	for _, v := range c.violations() {
		if v.Clause == clause && v.Side == side {
			return v
		}
	}
	return nil
}

// expect checks that there is a Violation of clause and side, at a place in this function and file, and none of the other
// side.
func (c *collector) expect(t *testing.T, clause string, side validate.Side, function, file string) {
	t.Helper()
	v := c.find(clause, side)
	if v == nil {
		t.Fatalf("no violation of %s by the %s; there are: %v", clause, side, c.violations())
	}
	if !strings.Contains(v.Place.Function, function) || path.Base(v.Place.File) != file || file != "." && v.Place.Line == 0 {
		t.Errorf("the place is %s; want the function %s in %s", v.Place, function, file)
	}
	for _, other := range c.violations() {
		if other.Side != side {
			t.Errorf("the %s is blamed, too: %v", other.Side, other)
		}
	}
	for _, want := range []string{"application contract " + clause, "broken by the " + string(side), v.Problem} {
		if !strings.Contains(v.Error(), want) || strings.ContainsAny(v.Error(), "\r\n") {
			t.Errorf("Error() is %q; it must be one line and have %q", v.Error(), want)
		}
	}
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

var plain = modgo.Headers{{"Content-Type", "text/plain"}}

func sized(length string) modgo.Headers {
	return modgo.Headers{{"Content-Type", "text/plain"}, {"Content-Length", length}}
}

// starting is an application that starts its response and returns a body.
func starting(status string, headers modgo.Headers, body modgo.Body) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		return body
	}
}

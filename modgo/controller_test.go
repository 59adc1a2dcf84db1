package modgo_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// ableRecorder is a recorder that can do all that a Controller asks for.
type ableRecorder struct {
	recorder
	done []string // beside sending
}

func (r *ableRecorder) SendInterim(head *modgo.Head) error {
	r.done = append(r.done, "interim")
	return nil
}

func (r *ableRecorder) AnnounceTrailers([]string) { r.done = append(r.done, "announced") }
func (r *ableRecorder) SetTrailers(modgo.Headers) { r.done = append(r.done, "trailers") }
func (r *ableRecorder) CloseConnection()          { r.done = append(r.done, "close") }
func (r *ableRecorder) Hijack() (c net.Conn, rw *bufio.ReadWriter, err error) {
	r.done = append(r.done, "hijacked")
	return nil, nil, nil
}

func (r *ableRecorder) Connection() *http.ResponseController {
	return http.NewResponseController(struct {
		http.ResponseWriter
		http.Hijacker
	}{httptest.NewRecorder(), r})
}

// controls are the methods of a Controller that change the response.
var controls = []struct {
	name string
	call func(c *modgo.Controller) error
}{
	{"Flush", (*modgo.Controller).Flush},
	{"Inform", func(c *modgo.Controller) error { return c.Inform("103 Early Hints", nil) }},
	{"AnnounceTrailers", func(c *modgo.Controller) error { return c.AnnounceTrailers("X-Sum") }},
	{"SetTrailers", func(c *modgo.Controller) error { return c.SetTrailers(modgo.Headers{{"X-Sum", "1"}}) }},
	{"CloseConnection", (*modgo.Controller).CloseConnection},
	{"Hijack", func(c *modgo.Controller) error {
		_, _, err := c.Hijack()
		return err
	}},
}

// TestControllerInTime: each method reaches the host while there is something to be done.
func TestControllerInTime(t *testing.T) {
	host := new(ableRecorder)
	err := modgo.Serve(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		c := modgo.NewController(env)
		for _, control := range controls[1:] { // of Flush there is no more before the head
			if err := control.call(c); err != nil {
				t.Errorf("%s: %v", control.name, err)
			}
		}
		return nil
	}, request("GET"), host)
	if want := []string{"interim", "announced", "close", "hijacked"}; err != nil || !slices.Equal(host.done, want) {
		t.Errorf("%v, the host was told %q; want %q", err, host.done, want)
	}
}

// TestControllerTooLate: no method does anything when the response has ended, the client has gone or the connection has been
// taken over, and each says why.
func TestControllerTooLate(t *testing.T) {
	contract := func(clause string) func(error) bool {
		return func(err error) bool {
			var c *modgo.ContractError
			return errors.As(err, &c) && c.Clause == clause
		}
	}
	for _, test := range []struct {
		name   string
		broken int // as of a recorder
		app    func(c *modgo.Controller, start modgo.StartResponse, use func())
		want   func(err error) bool
		except []string // the methods that may still be used
	}{
		{"the response has ended", 0, func(_ *modgo.Controller, start modgo.StartResponse, _ func()) { start("200 OK", nil) }, contract("V11"), nil},
		{"the client has gone", 1, func(_ *modgo.Controller, start modgo.StartResponse, use func()) {
			io.WriteString(start("200 OK", nil), "a")
			use()
		}, func(err error) bool { return errors.Is(err, errGone) }, nil},
		{"the connection has been taken over", 0, func(c *modgo.Controller, start modgo.StartResponse, use func()) {
			if _, _, err := c.Hijack(); err != nil {
				t.Error(err)
			}
			use()
		}, func(err error) bool { return errors.Is(err, http.ErrHijacked) }, nil},
		{"the head has been sent", 0, func(_ *modgo.Controller, start modgo.StartResponse, use func()) {
			io.WriteString(start("200 OK", nil), "a")
			use()
		}, func(err error) bool { return err != nil }, []string{"Flush", "SetTrailers"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := &ableRecorder{recorder: recorder{broken: test.broken}}
			var c *modgo.Controller
			used := false
			use := func() {
				used = true
				before := len(host.calls) + len(host.done)
				for _, control := range controls {
					late := !slices.Contains(test.except, control.name)
					if err := control.call(c); late && !test.want(err) || !late && err != nil {
						t.Errorf("%s: %v", control.name, err)
					}
				}
				if now := len(host.calls) + len(host.done); now != before {
					t.Errorf("the host was told %q and %q, %d calls too many", host.calls, host.done, now-before)
				}
			}
			_ = modgo.Serve(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				c = modgo.NewController(env)
				test.app(c, start, use)
				return nil
			}, request("GET"), host)
			if !used {
				use()
			}
		})
	}
}

package modgo_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// TestLayers: whatever OnClose and Observe are put round a body, and in whichever order, the server treats it as that body,
// its blocks pass the watchers from within, and the clean-ups run when the response is over.
func TestLayers(t *testing.T) {
	type (
		watcher func(name string) func(modgo.Body) modgo.Body
		noter   func(what string) func()
	)
	for _, test := range []struct {
		name   string
		body   func(block []byte, watch watcher, note noter) modgo.Body
		kind   modgo.Kind
		events []string
	}{
		{"a watched body with a clean-up", func(block []byte, watch watcher, note noter) modgo.Body {
			return modgo.Observe(modgo.OnClose(modgo.Bytes(block), note("put back")), watch("w"))
		}, modgo.SingleBlock, []string{"w abc", "w end", "200 OK: abc end", "put back"}},
		{"a clean-up of a watched body", func(block []byte, watch watcher, note noter) modgo.Body {
			return modgo.OnClose(modgo.Observe(modgo.Bytes(block), watch("w")), note("put back"))
		}, modgo.SingleBlock, []string{"w abc", "w end", "200 OK: abc end", "put back"}},
		{"layers in turn", func(block []byte, watch watcher, note noter) modgo.Body {
			body := modgo.Observe(modgo.OnClose(modgo.Bytes(block), note("inner")), watch("first"))
			return modgo.Observe(modgo.OnClose(body, note("outer")), watch("second"))
		}, modgo.SingleBlock, []string{"first abc", "second abc", "first end", "second end", "200 OK: abc end", "inner", "outer"}},
		{"blocks", func(_ []byte, watch watcher, note noter) modgo.Body {
			return modgo.Observe(modgo.OnClose(blocks("abc"), note("put back")), watch("w"))
		}, modgo.Iterated, []string{"w abc", "200 OK: abc", "w end", "-:  end", "put back"}},
		{"no body", func(_ []byte, watch watcher, note noter) modgo.Body {
			return modgo.Observe(modgo.OnClose(nil, note("put back")), watch("w"))
		}, modgo.Iterated, []string{"200 OK:  end", "put back"}},
		{"a file", func(_ []byte, watch watcher, note noter) modgo.Body {
			return modgo.Observe(modgo.OnClose(modgo.File(inMemory(t, "abc")), note("put back")), watch("w"))
		}, modgo.WholeFile, []string{"200 OK: abc", "-:  end", "put back"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var events []string
			host := &recorder{note: func(call string) { events = append(events, call) }}
			block := []byte("abc")
			watch := func(name string) func(modgo.Body) modgo.Body {
				return func(body modgo.Body) modgo.Body {
					return func(yield func([]byte, error) bool) {
						for block, err := range body {
							events = append(events, name+" "+string(block))
							if !yield(block, err) {
								return
							}
						}
						events = append(events, name+" end")
					}
				}
			}
			cleanup := func(name string) func() {
				return func() {
					events = append(events, name)
					copy(block, "xyz") // somebody else uses it now
				}
			}
			body := test.body(block, watch, cleanup)
			if kind := modgo.KindOf(body); kind != test.kind {
				t.Errorf("the body is of kind %d; want %d", kind, test.kind)
			}
			if err := modgo.Serve(starting("200 OK", nil, body), request("GET"), host); err != nil {
				t.Error(err)
			}
			if !slices.Equal(events, test.events) {
				t.Errorf("got  %q\nwant %q", events, test.events)
			}
		})
	}
}

// TestWatcherThatPanics: the clean-ups run all the same.
func TestWatcherThatPanics(t *testing.T) {
	cleaned := 0
	body := modgo.Observe(modgo.OnClose(modgo.Text("a"), func() { cleaned++ }), func(modgo.Body) modgo.Body { panic("oops") })
	defer func() {
		if raised := recover(); raised != "oops" || cleaned != 1 {
			t.Errorf("raised %v, cleaned up %d times", raised, cleaned)
		}
	}()
	_ = modgo.Serve(starting("200 OK", nil, body), request("GET"), new(recorder))
}

// TestOnClose: the clean-up runs once, after the body's own, and hides nothing of the body.
func TestOnClose(t *testing.T) {
	broken := errors.New("broken")
	var order []string
	note := func(what string) func() { return func() { order = append(order, what) } }
	inner := func(yield func([]byte, error) bool) {
		defer note("inner")()
		if yield([]byte("a"), nil) {
			yield(nil, broken)
		}
	}
	for _, test := range []struct {
		name  string
		body  modgo.Body
		host  *fileRecorder
		want  []string
		order []string
	}{
		{"a single block stays one", modgo.OnClose(modgo.Text("abc"), note("outer")), new(fileRecorder), []string{"200 OK: abc end"}, []string{"outer"}},
		{"a file stays one", modgo.OnClose(modgo.File(onDisk(t, "0123456789", 0)), note("outer")), new(fileRecorder),
			[]string{"200 OK: file 0+10", "-:  end"}, []string{"outer"}},
		{"nested", modgo.OnClose(modgo.OnClose(inner, note("middle")), note("outer")), new(fileRecorder), []string{"200 OK: a"}, []string{"inner", "middle", "outer"}},
		{"the client goes", modgo.OnClose(inner, note("outer")), &fileRecorder{recorder{broken: 1}}, []string{"200 OK: a"}, []string{"inner", "outer"}},
		{"nil body", modgo.OnClose(nil, note("outer")), new(fileRecorder), []string{"200 OK:  end"}, []string{"outer"}},
	} {
		order = nil
		_ = modgo.Serve(starting("200 OK", nil, test.body), request("GET"), test.host)
		if !slices.Equal(test.host.calls, test.want) || !slices.Equal(order, test.order) {
			t.Errorf("%s: %q, clean-up %q; want %q, %q", test.name, test.host.calls, order, test.want, test.order)
		}
	}
	order = nil
	for range modgo.OnClose(inner, note("outer")) {
		break
	}
	if !slices.Equal(order, []string{"inner", "outer"}) {
		t.Errorf("iterated by another: clean-up %q", order)
	}
}

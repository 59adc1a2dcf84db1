package modgo

import (
	"io/fs"
	"reflect"
	"slices"
)

// A description is what a body of this package's tells Serve of itself. A Body is a func, which has no methods: Serve
// knows these bodies by the address of their code, and asks one by calling it with a yield whose code they know in turn.
type description struct {
	file *fileBody // the body is this file

	body    Body            // the body is this one,
	cleanup func()          // has this clean-up, if it is not nil,
	watch   func(Body) Body // and is watched by this, if it is not nil
}

// Error makes a description fit through yield. It is never seen: only bodies that are asked give one.
func (d *description) Error() string { return "modgo: the description of a body" }

// describe returns what the body tells of itself, nil if it is none of this package's.
func describe(body Body) *description {
	switch reflect.ValueOf(body).Pointer() {
	case fileCode, closingCode, observingCode:
		var d *description
		body(asker(&d))
		return d
	}
	return nil
}

// asker is the yield that asks.
//
//go:noinline
func asker(d **description) func([]byte, error) bool {
	return func(_ []byte, answer error) bool {
		*d, _ = answer.(*description)
		return false
	}
}

// describing tells whether this yield asks for a description.
func describing(yield func([]byte, error) bool) bool {
	return reflect.ValueOf(yield).Pointer() == askerCode
}

// The code of these closures is one and the same as long as the functions that make them are not inlined.
var (
	askerCode     = reflect.ValueOf(asker(nil)).Pointer()
	observingCode = reflect.ValueOf(Observe(nil, nil)).Pointer()
	closingCode   = reflect.ValueOf(OnClose(nil, nil)).Pointer()
	fileCode      = reflect.ValueOf(File(fs.File(nil))).Pointer()
)

// A Kind is what can be told of a body before it is iterated.
type Kind int

const (
	Iterated    Kind = iota // blocks are made while the body is iterated, or the body is nil
	SingleBlock             // of Bytes, Text or JSON: it goes out with its Content-Length
	WholeFile               // of File: it goes out by the server's own means
)

// KindOf tells how a server treats a body; OnClose makes no difference. A middleware that iterates a body of its own round
// one that is not Iterated takes these means away, and so does it only for a reason.
func KindOf(body Body) Kind {
	switch l := peel(body); {
	case l.file != nil:
		return WholeFile
	case l.core != nil && isSingle(l.core):
		return SingleBlock
	}
	return Iterated
}

// layers are what a body is made of.
type layers struct {
	file     *fileBody         // the body is this file, or else
	core     Body              // this one, which may be nil:
	cleanups []func()          // with these clean-ups,
	watches  []func(Body) Body // watched by these, both the outermost first
}

// peel takes off what OnClose and Observe have put round a body, in whatever order. A clean-up among watchers is thereby
// kept until the response is over: the last block is sent after the watchers have seen the end of the body.
func peel(body Body) (l layers) {
	for body != nil {
		d := describe(body)
		if d == nil {
			break
		}
		if d.file != nil {
			l.file = d.file
			return l
		}
		if d.cleanup != nil {
			l.cleanups = append(l.cleanups, d.cleanup)
		}
		if d.watch != nil {
			l.watches = append(l.watches, d.watch)
		}
		body = d.body
	}
	l.core = body
	return l
}

// watched is the core as its watchers pass it on.
func (l *layers) watched() Body {
	body := l.core
	for _, watch := range slices.Backward(l.watches) {
		body = watch(body)
	}
	return body
}

package modgo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mod-go/mod-go/internal/stack"
)

// lifecycle is what applications have registered for the life of the process.
var lifecycle struct {
	sync.Mutex
	start    []func(context.Context) error
	reload   []func()
	shutdown []func(context.Context)

	started      int  // how many of start have been called
	constructing int  // how many applications are being constructed
	overlap      bool // several were at once, and at least one still is
}

// noteRegistrations is called before an application is constructed, and what it returns afterwards: where that has failed, what
// was registered meanwhile with OnStart and OnReload is forgotten, as a further attempt registers it again. What OnShutdown has
// stays, since it is to free what there is. While several applications are constructed at once, nobody can tell whose a
// registration is: then all stay.
func noteRegistrations() (settle func(ok bool)) {
	l := &lifecycle
	l.Lock()
	defer l.Unlock()
	l.constructing++
	l.overlap = l.overlap || l.constructing > 1
	start, reload := len(l.start), len(l.reload)
	return func(ok bool) {
		l.Lock()
		defer l.Unlock()
		if !ok && !l.overlap {
			l.start, l.reload = slices.Clip(l.start[:start]), slices.Clip(l.reload[:reload])
			l.started = min(l.started, start)
		}
		l.constructing--
		l.overlap = l.overlap && l.constructing > 0
	}
}

// OnStart has f called once in each process that serves requests, when its applications are constructed and before the
// first request, in the order of registration. It is called from an init function, or while an application is constructed.
//
// What runs in the background belongs here rather than into a constructor: a server constructs applications also in a
// process that only checks its configuration, and there f is not called; it is in one that finds out, for some seconds, whether
// applications whose start has killed processes can start again. The context ends when the process begins to end.
// An error, or a panic, is logged; the process serves all the same.
func OnStart(f func(context.Context) error) {
	lifecycle.Lock()
	defer lifecycle.Unlock()
	lifecycle.start = append(lifecycle.start, f)
}

// OnReload has f called when the process is to end in good order, mostly because others take its place, with a new build or
// configuration: it takes no further requests, and ends when those that it has are served. The functions are called in the
// order of registration, while requests may still be running. They are not called when the server is stopped at once.
func OnReload(f func()) {
	lifecycle.Lock()
	defer lifecycle.Unlock()
	lifecycle.reload = append(lifecycle.reload, f)
}

// OnShutdown has f called when the process ends, after its last request; what was registered last is called first, as with
// defer. The context has the deadline by which the process is gone. A process that is killed, or that crashes, calls nothing.
func OnShutdown(f func(context.Context)) {
	lifecycle.Lock()
	defer lifecycle.Unlock()
	lifecycle.shutdown = append(lifecycle.shutdown, f)
}

// Start calls what was registered with OnStart, for a server; the context is what the functions get. The error joins theirs,
// a panic is a *FunctionPanic. A further call is for what was registered since, by an application that was constructed later.
func Start(ctx context.Context) error {
	lifecycle.Lock()
	functions := slices.Clone(lifecycle.start[lifecycle.started:])
	lifecycle.started = len(lifecycle.start)
	lifecycle.Unlock()
	var failed []error
	for _, f := range functions {
		failed = append(failed, guarded("OnStart", func() error { return f(ctx) }))
	}
	return errors.Join(failed...)
}

// Reload calls what was registered with OnReload, for a server.
func Reload() error {
	lifecycle.Lock()
	functions := lifecycle.reload
	lifecycle.Unlock()
	var failed []error
	for _, f := range functions {
		failed = append(failed, guarded("OnReload", func() error { f(); return nil }))
	}
	return errors.Join(failed...)
}

// Shutdown calls what was registered with OnShutdown, for a server, and returns when all of it has returned or the context has
// ended, which then is among the errors.
func Shutdown(ctx context.Context) error {
	lifecycle.Lock()
	functions := slices.Clone(lifecycle.shutdown)
	lifecycle.Unlock()
	if len(functions) == 0 {
		return nil
	}
	slices.Reverse(functions)
	ended := make(chan error, 1)
	go func() {
		var failed []error
		for _, f := range functions {
			failed = append(failed, guarded("OnShutdown", func() error { f(ctx); return nil }))
		}
		ended <- errors.Join(failed...)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("a function registered with modgo.OnShutdown has not returned in time: %w", ctx.Err())
	}
}

// A FunctionPanic is the error of a function of the life cycle that panicked.
type FunctionPanic struct {
	Registered string // with what, such as "OnStart"
	Value      any
	Stack      []byte
}

// Error names the function by what it was registered with.
func (p *FunctionPanic) Error() string {
	return fmt.Sprintf("a function registered with modgo.%s panicked: %v", p.Registered, p.Value)
}

// guarded calls a function and turns its panic into an error.
func guarded(registered string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &FunctionPanic{registered, v, []byte(stack.OfPanic())}
		}
	}()
	return f()
}

package modgo

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mod-go/mod-go/internal/stack"
)

// DefaultCallable is the name of the value that the server calls in an application's package; its exported form,
// "Application", is looked for next.
const (
	DefaultCallable         = "application"
	DefaultCallableExported = "Application"
)

// A Callable is one value of a package that can answer requests: the package's application, or another that
// GoCallableObject names. Exactly one of Application and Handler is set once Construct succeeded.
type Callable struct {
	Package string // import path
	Name    string // the value's name in the package

	Application Application
	Handler     http.Handler

	value func() any
	ready atomic.Bool // constructed
	mu    sync.Mutex  // held while it is being constructed
	tried bool
	err   error // of the last attempt
}

var registry struct {
	sync.Mutex
	callables []*Callable
	wrappers  []Middleware
}

// Wrap has every callable of the process wrapped in m when it is constructed, http.Handlers too; what is wrapped first is
// the innermost. It is called from an init function, by a package that watches applications without their knowing.
func Wrap(m Middleware) {
	registry.Lock()
	defer registry.Unlock()
	registry.wrappers = append(registry.wrappers, m)
}

// wrap puts the wrappers round what construct made.
func (c *Callable) wrap() {
	registry.Lock()
	wrappers := registry.wrappers
	registry.Unlock()
	for _, m := range wrappers {
		if c.Handler != nil {
			c.Application, c.Handler = FromHandler(c.Handler), nil
		}
		c.Application = m(c.Application)
	}
}

// Register makes a value of a package known under its name. The program that the builder generates calls it from an
// init function; value is read later, when every init function has run.
func Register(importPath, name string, value func() any) {
	registry.Lock()
	defer registry.Unlock()
	registry.callables = append(registry.callables, &Callable{Package: importPath, Name: name, value: value})
}

// Find returns the registered value, nil where there is none.
func Find(importPath, name string) *Callable {
	registry.Lock()
	defer registry.Unlock()
	i := slices.IndexFunc(registry.callables, func(c *Callable) bool { return c.Package == importPath && c.Name == name })
	if i < 0 {
		return nil
	}
	return registry.callables[i]
}

// String names the value as Go does: import path, dot, name.
func (c *Callable) String() string { return c.Package + "." + c.Name }

// Construct makes the value ready to answer requests, once in the life of the process: a func() (http.Handler, error)
// is called here. Its error, or its panic, is returned by this and every later call, until Retry succeeds.
func (c *Callable) Construct() error {
	if c.ready.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.tried {
		c.try()
	}
	return c.err
}

// Retry is Construct for a value that could not be constructed: it tries again. What the failed attempt has registered with
// OnStart and OnReload is forgotten.
func (c *Callable) Retry() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ready.Load() {
		c.try()
	}
	return c.err
}

// try constructs the value; c.mu is held.
func (c *Callable) try() {
	c.tried = true
	c.err = errors.New("its constructor called runtime.Goexit") // stands only if construct never returns
	settle := noteRegistrations()
	defer func() { settle(c.err == nil) }()
	if c.err = c.construct(); c.err == nil {
		c.wrap()
		c.ready.Store(true)
	}
}

func (c *Callable) construct() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &ConstructPanic{Value: v, Stack: []byte(stack.OfPanic())}
		}
	}()
	switch v := c.value().(type) {
	case Application:
		c.Application = v
	case func(*Environ, StartResponse) Body:
		c.Application = v
	case http.Handler:
		if isNil(v) {
			return fmt.Errorf("the http.Handler %s is nil: give it a value where it is declared, in an init function or through a func() (http.Handler, error)", c)
		}
		c.Handler = v
	case func(http.ResponseWriter, *http.Request):
		c.Handler = http.HandlerFunc(v)
	case func() (http.Handler, error):
		if v == nil {
			break
		}
		h, err := v()
		if err != nil {
			return fmt.Errorf("%s returned an error: %w", c, err)
		}
		if isNil(h) {
			return fmt.Errorf("%s returned neither a handler nor an error", c)
		}
		c.Handler = h
		return nil
	case nil:
	default:
		return fmt.Errorf("%s is a %T; an application is a modgo.Application, an http.Handler, a func(http.ResponseWriter, *http.Request) or a func() (http.Handler, error)", c, v)
	}
	if c.Application == nil && isNil(c.Handler) {
		return fmt.Errorf("%s is nil: give it a value where it is declared, or in an init function", c)
	}
	return nil
}

// Package environ is the environment of one request: PEP 3333's environ dictionary, typed and lazy.
//
// An Environ answers for CGI variables (RFC 3875), for the wsgi.* and mod_go.* variables that the server defines itself,
// for variables that the server's configuration sets, and for values of any type that middleware leaves for what it
// wraps. A variable costs nothing until it is read: the server supplies a Source, not a dictionary.
//
// FromRequest makes an Environ of an *http.Request, and ToRequest a request of an Environ. The package knows no server
// and uses no cgo.
package environ

import (
	"context"
	"io"
	"iter"
	"net/http"
	"slices"
)

// A Source is where the variables of one request come from: a request_rec under Apache, an *http.Request elsewhere.
//
// A Source is read only while the request is alive, and only by one goroutine at a time.
type Source interface {
	// Lookup returns the variable's value; ok is false where the request has no such variable.
	Lookup(name string) (value string, ok bool)
	// All yields every variable once, in no particular order, until yield returns false.
	All(yield func(name, value string) bool)
}

// A ValueSource is a Source that has values of any type, too.
type ValueSource interface {
	Source
	// Value returns the value under a key, nil where there is none.
	Value(key any) any
}

// Config is what a server hands to New.
type Config struct {
	Source  Source
	Context context.Context // ends with the request; nil means context.Background()
	Input   io.Reader       // the request's body, its framing decoded; nil means an empty body
	Errors  io.Writer       // reaches the server's error log line by line; nil discards
}

// Environ is the environment of one request.
//
// It belongs to the application (PEP 3333, "the application is allowed to modify the dictionary"): what Set and
// SetValue change is seen by this request alone. An Environ may not be used by two goroutines at once.
type Environ struct {
	source  Source
	ctx     context.Context
	input   io.Reader
	errors  io.Writer
	changes map[string]change
	values  map[any]any

	inputReplaced bool // by SetInput
	extension     any
}

// change is what Set or Delete put over the Source's own variable.
type change struct {
	value   string
	deleted bool
}

// New returns the environment of one request. Servers call it; an application is handed its result.
func New(c Config) *Environ {
	e := new(Environ)
	e.Init(c)
	return e
}

// Init makes e the environment of a request, forgetting whatever it held. It is New for a server that keeps the
// Environ inside its own request and so saves an allocation.
func (e *Environ) Init(c Config) {
	*e = Environ{source: c.Source, ctx: c.Context, input: c.Input, errors: c.Errors}
	if e.ctx == nil {
		e.ctx = context.Background()
	}
	if e.input == nil {
		e.input = http.NoBody
	}
	if e.errors == nil {
		e.errors = io.Discard
	}
}

// Get returns the variable's value, "" where there is none. Values are the bytes of the request, which need not be
// UTF-8 (RFC 3875 section 4.1).
func (e *Environ) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Lookup returns the variable's value and whether there is such a variable: an empty value and no variable are two
// things (QUERY_STRING is always there and often empty; REMOTE_USER is absent where nobody authenticated).
func (e *Environ) Lookup(name string) (value string, ok bool) {
	if e.changes != nil {
		if c, changed := e.changes[name]; changed {
			return c.value, !c.deleted
		}
	}
	if e.source == nil {
		return "", false
	}
	return e.source.Lookup(name)
}

// Set gives a variable a value, for this request only.
func (e *Environ) Set(name, value string) {
	e.change(name, change{value: value})
}

// Delete takes a variable away, for this request only.
func (e *Environ) Delete(name string) {
	e.change(name, change{deleted: true})
}

func (e *Environ) change(name string, c change) {
	if e.changes == nil {
		e.changes = make(map[string]change)
	}
	e.changes[name] = c
}

// All iterates over every variable once, in no particular order.
func (e *Environ) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for name, c := range e.changes {
			if !c.deleted && !yield(name, c.value) {
				return
			}
		}
		if e.source == nil {
			return
		}
		e.source.All(func(name, value string) bool {
			if _, changed := e.changes[name]; changed {
				return true
			}
			return yield(name, value)
		})
	}
}

// Names returns the names of all variables, sorted.
func (e *Environ) Names() []string {
	var names []string
	for name := range e.All() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Input is the request's body (PEP 3333 wsgi.input) with its framing decoded. Reads return what is there rather than
// wait to fill the buffer, and io.EOF at the end, again and again.
func (e *Environ) Input() io.Reader { return e.input }

// SetInput puts another reader in the body's place, for middleware that decodes or limits it.
func (e *Environ) SetInput(input io.Reader) {
	e.input = input
	e.inputReplaced = true
}

// Errors reaches the error log of the request's virtual host, line by line (PEP 3333 wsgi.errors).
func (e *Environ) Errors() io.Writer { return e.errors }

// SetErrors puts another writer in the place of the server's.
func (e *Environ) SetErrors(errors io.Writer) { e.errors = errors }

// Context ends when the request does.
func (e *Environ) Context() context.Context { return e.ctx }

// SetContext puts another context in the place of the request's, for middleware that adds a deadline or values.
func (e *Environ) SetContext(ctx context.Context) {
	if ctx == nil {
		panic("environ: SetContext with a nil context")
	}
	e.ctx = ctx
}

// Value returns what SetValue stored under key, here or in the Environ that the request came through (Server.Base); nil where
// nothing was.
func (e *Environ) Value(key any) any {
	if value, ok := e.values[key]; ok {
		return value
	}
	if source, ok := e.source.(ValueSource); ok {
		return source.Value(key)
	}
	return nil
}

// SetValue stores a value of any type for what this middleware wraps. As with context.Context, the key should be of a
// type of its own, so that two packages never meet.
func (e *Environ) SetValue(key, value any) {
	if e.values == nil {
		e.values = make(map[any]any)
	}
	e.values[key] = value
}

// Extension is what the server offers beyond variables, input and errors; nil where it offers nothing. Package modgo, whose
// Serve sets it, says what it can do (PEP 3333, "Server Extension APIs").
func (e *Environ) Extension() any { return e.extension }

// SetExtension puts another extension in the place of the server's; nil takes it from what this middleware wraps.
func (e *Environ) SetExtension(extension any) { e.extension = extension }

// URLScheme is "https" for a TLS request, else "http" (PEP 3333 wsgi.url_scheme).
func (e *Environ) URLScheme() string { return e.Get(VarURLScheme) }

// Multithread tells whether another thread of this process may call the application at the same time (PEP 3333
// wsgi.multithread).
func (e *Environ) Multithread() bool { return e.Get(VarMultithread) == True }

// Multiprocess tells whether another process may call the same application at the same time (PEP 3333
// wsgi.multiprocess).
func (e *Environ) Multiprocess() bool { return e.Get(VarMultiprocess) == True }

// RunOnce tells whether the server expects to call the application only once in this process's life, as CGI does
// (PEP 3333 wsgi.run_once).
func (e *Environ) RunOnce() bool { return e.Get(VarRunOnce) == True }

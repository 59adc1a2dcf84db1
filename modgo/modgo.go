// Package modgo is what a Go web application imports to be hosted by Apache HTTP Server through mod_go.
//
// The contract is PEP 3333's, in Go: the server calls the value named application in the application's package with the
// environment of a request and a function that starts the response, and sends the body that it returns.
//
//	// Package hello is the smallest application.
//	package hello
//
//	import "github.com/mod-go/mod-go/modgo"
//
//	func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
//		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
//		return modgo.Text("Hello from " + env.Get("SERVER_NAME"))
//	}
//
// An http.Handler, a func(http.ResponseWriter, *http.Request) or a func() (http.Handler, error) named application is an
// application too; FromContext gives such a handler the Environ behind its request.
//
// The package knows neither Apache nor cgo.
package modgo

import (
	"context"
	"io"
	"iter"

	"github.com/mod-go/mod-go/environ"
)

// Environ is the environment of one request.
type Environ = environ.Environ

// Application answers one request. It is called from many goroutines at once unless env.Multithread says otherwise.
//
// It calls startResponse once, then returns the body, or writes to what startResponse returned, or both: what was
// written goes out before what is iterated (PEP 3333, "The write() Callable"). A panic is logged with its stack and
// answered with 500, or aborts the response if some of it has been sent.
type Application func(env *Environ, startResponse StartResponse) Body

// StartResponse begins the response. Status is "NNN reason"; headers are sent in the order given, a name may repeat.
// Nothing is sent until the body's first non-empty block, the first write, or the end of the body.
//
// A second call is an error unless it gives the cause: then status and headers are replaced while they have not been
// sent, and cause is raised as a panic when they have (PEP 3333, "exc_info"). Breaking the contract panics with a
// *ContractError.
//
// The writer sends blocks at once. It exists for code that cannot be turned into a Body.
type StartResponse func(status string, headers Headers, cause ...error) io.Writer

// Headers are response headers as name and value, ordered and repeatable.
type Headers [][2]string

// Body is the response's body in blocks, PEP 3333's iterable. Each block is sent before the next is asked for, and may
// be reused by then. A non-nil error ends the response: with status 500 if nothing has been sent, else by aborting it.
// A defer inside the iterator is PEP 3333's close(): it runs when the server stops iterating, for whatever reason.
type Body = iter.Seq2[[]byte, error]

// environKey is the context key of FromContext.
type environKey struct{}

// FromContext returns the Environ behind a request that an http.Handler was given: the variables of the server's
// configuration, authentication and TLS. It is nil where the handler is not hosted by this module's servers.
func FromContext(ctx context.Context) *Environ {
	env, _ := ctx.Value(environKey{}).(*Environ)
	return env
}

// NewContext returns ctx with env to be found by FromContext. Servers call it.
func NewContext(ctx context.Context, env *Environ) context.Context {
	return context.WithValue(ctx, environKey{}, env)
}

// ContextKey is the key under which FromContext looks for the Environ, for a server whose context is a type of its own.
func ContextKey() any { return environKey{} }

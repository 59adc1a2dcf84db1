package middleware

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/modgo"
)

// RequestIDVariable is the variable that holds the request's id. Under Apache the server has set it already.
const RequestIDVariable = "mod_go.request_id"

// requestIDHeader is the response's header that tells the client the id.
const requestIDHeader = "X-Request-Id"

// requestIDMax is how long an id may be that comes from elsewhere, in bytes.
const requestIDMax = 128

// requestIDKey is the context key of RequestIDFromContext.
type requestIDKey struct{}

// A RequestIDOption changes what RequestID does.
type RequestIDOption func(*requestIDConfig)

type requestIDConfig struct {
	trusted string // the variable of the header that may bring the id
}

// RequestIDTrust takes the id from a header of the request, such as "X-Request-Id", where the server has made none. Use it
// behind a proxy that sets the header, and only there: clients would choose their ids themselves. An id of more than 128
// bytes, or with other characters than letters, digits and "-_.~+/=@:", is not taken.
//
// RequestIDTrust panics with a name that is no header's.
func RequestIDTrust(header string) RequestIDOption {
	variable, ok := environ.HeaderVariable(header)
	if !ok {
		panic("middleware.RequestIDTrust: " + header + " is no header that becomes a variable: its name may have letters, digits and hyphens")
	}
	return func(c *requestIDConfig) { c.trusted = variable }
}

// RequestID gives each request an id. It is the server's own, from UNIQUE_ID of Apache's mod_unique_id or from
// mod_go.request_id, so that it stands in Apache's logs, too; else that of a header which RequestIDTrust names; else a
// random one, 26 characters that are safe in a URL.
//
// The id is in the variable RequestIDVariable, in env.Context for RequestIDFromContext, and in the response's header
// X-Request-Id, unless the application sets that itself.
func RequestID(options ...RequestIDOption) modgo.Middleware {
	var config requestIDConfig
	for _, option := range options {
		option(&config)
	}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			id := config.id(env)
			env.Set(RequestIDVariable, id)
			env.SetContext(context.WithValue(env.Context(), requestIDKey{}, id))
			return app(env, withHeader(start, requestIDHeader, id))
		}
	}
}

// RequestIDFromContext is the id that RequestID gave the request, "" where it gave none.
func RequestIDFromContext(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// id is the id of a request.
func (c *requestIDConfig) id(env *modgo.Environ) string {
	for _, variable := range [...]string{"UNIQUE_ID", RequestIDVariable, c.trusted} {
		if id := env.Get(variable); variable != "" && validRequestID(id) {
			return id
		}
	}
	return rand.Text()[:26] // of a fixed length, whatever a later version of Go makes
}

// validRequestID tells whether an id can be written to logs, headers and attributes as it is.
func validRequestID(id string) bool {
	if id == "" || len(id) > requestIDMax {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("-_.~+/=@:", c) >= 0:
		default:
			return false
		}
	}
	return true
}

package middleware_test

import (
	"testing"

	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// respond is an application that always answers the same.
func respond(status string, headers modgo.Headers, body func() modgo.Body) modgo.Application {
	return func(_ *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse(status, headers)
		return body()
	}
}

// starting is an application of text that returns body, which may be good for one request only.
func starting(status string, body modgo.Body, more ...[2]string) modgo.Application {
	headers := modgo.Headers(more)
	if status != "204 No Content" && status != "304 Not Modified" {
		headers = append(modgo.Headers{{"Content-Type", "text/plain"}}, more...)
	}
	return respond(status, headers, func() modgo.Body { return body })
}

// blocks is a body of these blocks, which the server cannot know the length of.
func blocks(texts ...string) modgo.Body {
	return func(yield func([]byte, error) bool) {
		for _, text := range texts {
			if !yield([]byte(text), nil) {
				return
			}
		}
	}
}

// blocksThen is a body of these blocks, at the end of which f is called.
func blocksThen(f func(), texts ...string) modgo.Body {
	return func(yield func([]byte, error) bool) {
		blocks(texts...)(yield)
		f()
	}
}

// raise is where panics come from: its name must stand in the log.
func raise(v any) { panic(v) }

// asHandler is m used as a middleware of net/http.
func asHandler(m modgo.Middleware) modgo.Middleware {
	return func(app modgo.Application) modgo.Application {
		return modgo.FromHandler(m.Handler(modgo.ToHandler(app)))
	}
}

// bothWays runs a test with m as it is, and as a middleware of net/http.
func bothWays(t *testing.T, m modgo.Middleware, test func(t *testing.T, m modgo.Middleware)) {
	t.Run("application", func(t *testing.T) { test(t, m) })
	t.Run("handler", func(t *testing.T) { test(t, asHandler(m)) })
}

// checked is m with the validator on both sides.
func checked(t *testing.T, m modgo.Middleware) modgo.Middleware {
	outside, inside := validate.Testing(t), validate.Testing(t)
	return func(app modgo.Application) modgo.Application { return modgo.Chain(app, outside, m, inside) }
}

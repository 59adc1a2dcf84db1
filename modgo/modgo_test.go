package modgo_test

import (
	"context"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

func TestFromContext(t *testing.T) {
	env := request("GET")
	ctx := modgo.NewContext(t.Context(), env)
	if got := modgo.FromContext(ctx); got != env {
		t.Errorf("FromContext = %p; want %p", got, env)
	}
	if got := ctx.Value(modgo.ContextKey()); got != env {
		t.Errorf("the value of ContextKey is %v; want %p", got, env)
	}
	for _, other := range []context.Context{t.Context(), context.WithValue(t.Context(), modgo.ContextKey(), "not an Environ")} {
		if got := modgo.FromContext(other); got != nil {
			t.Errorf("FromContext = %p; want nil", got)
		}
	}
}

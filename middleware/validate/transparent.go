package validate

import (
	"runtime"

	"github.com/mod-go/mod-go/modgo"
)

// transparent is body watched, and treated by the server as it treats body: a single block goes out with its
// Content-Length, a file by the server's own means.
//
// A file's blocks are not seen here. The server checks their length (C45).
func (r *request) transparent(body modgo.Body) modgo.Body {
	t := r.watch()
	return modgo.OnClose(modgo.Observe(body, r.observed), func() {
		r.end()
		runtime.KeepAlive(t)
	})
}

func (r *request) observed(body modgo.Body) modgo.Body {
	return func(yield func([]byte, error) bool) { r.iterate(body, yield) }
}

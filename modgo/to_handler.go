package modgo

import (
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/lines"
)

// ToHandler makes an http.Handler of an application, for net/http's server and everything made for it.
//
// The request's variables are those of environ.FromRequest. Behind an application that this module hosts, as a route of a
// router for example, they stand on the Environ of that application: REMOTE_USER, SSL_* and SetEnv are seen, and SCRIPT_NAME
// grows by what http.StripPrefix has taken off the path.
//
// An application that fails before its head is sent is answered for with 500; later the response is aborted by
// panicking with http.ErrAbortHandler. Panics of the application pass through. net/http sends the reason phrase that belongs
// to the status, whatever the application's.
func ToHandler(app Application) http.Handler {
	return &appHandler{app: app, server: func(*http.Request) environ.Server { return environ.Server{Multithread: true} }}
}

// appHandler runs an application as an http.Handler.
type appHandler struct {
	app    Application
	server func(*http.Request) environ.Server // what it knows of the server
}

// baseSource is the Environ that a request came through already, as the Source of another.
type baseSource struct{ env *Environ }

// Lookup is that of the Environ.
func (s baseSource) Lookup(name string) (string, bool) { return s.env.Lookup(name) }

// Value is that of the Environ.
func (s baseSource) Value(key any) any { return s.env.Value(key) }

// All yields what the Environ's All does.
func (s baseSource) All(yield func(name, value string) bool) {
	for name, value := range s.env.All() {
		if !yield(name, value) {
			return
		}
	}
}

// ServeHTTP answers with what the application does, or for it; see ToHandler.
func (h *appHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	server := h.server(r)
	outer := FromContext(r.Context())
	if outer != nil {
		server.Base = baseSource{outer}
		server.Multithread, server.Multiprocess, server.RunOnce = outer.Multithread(), outer.Multiprocess(), outer.RunOnce()
	}
	if server.Errors == nil {
		server.Errors = errorLines(r, outer)
	}
	if errors, ok := server.Errors.(*lines.Writer); ok {
		defer errors.Flush()
	}
	env := environ.FromRequest(r, server)
	host := &httpHost{w: w, head: r.Method == http.MethodHead}
	err := Serve(h.app, env, host)
	switch {
	case err == nil:
	case host.err != nil:
		panic(http.ErrAbortHandler) // nobody is there to tell
	default:
		fmt.Fprintf(server.Errors, "the application failed: %v: %s %s\n", err, r.Method, r.URL.Path)
		host.fail()
	}
}

// errorLines is where env.Errors leads: the Environ that the request came through, or the server's ErrorLog.
func errorLines(r *http.Request, outer *Environ) *lines.Writer {
	if outer != nil {
		return &lines.Writer{To: writtenLines{outer.Errors()}}
	}
	logger := log.Default()
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		logger = server.ErrorLog
	}
	return &lines.Writer{To: loggedLines{logger}}
}

// writtenLines writes each line at once.
type writtenLines struct{ w io.Writer }

// Line writes the line with its end. Nobody is there to be told of an error: this is where errors go.
func (l writtenLines) Line(line []byte) { _, _ = fmt.Fprintf(l.w, "%s\n", line) }

// loggedLines logs each line.
type loggedLines struct{ logger *log.Logger }

// Line logs the line.
func (l loggedLines) Line(line []byte) { l.logger.Printf("%s", line) }

// Package apache is what an application inside Apache may ask of httpd beyond its environment: the notes that modules leave
// each other, its own settings in the configuration, the log at a level, TLS, what a URL leads to, and to have httpd answer
// with a file or with another URL of the server.
//
// An http.Handler begins with FromContext, an Application with FromEnviron. Both return nil outside Apache, so that the
// same program can be served by net/http.
package apache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// A Request is httpd's side of a request. Its methods may be called from any goroutine; when the request is over they
// return ErrOver, or what they return for nothing.
type Request struct{ server Server }

// ErrOver tells that the request is over, or that its connection was taken over.
var ErrOver = errors.New("apache: the request is over")

// ErrRequestTimeout is the cause (context.Cause) for which a request's context ends when GoRequestTimeout has passed. The
// context's Err is context.DeadlineExceeded, which ErrRequestTimeout is, too (errors.Is).
var ErrRequestTimeout = fmt.Errorf("apache: the request has run for longer than GoRequestTimeout allows: %w", context.DeadlineExceeded)

// FromContext returns httpd's side of the request that ctx belongs to; nil outside Apache.
func FromContext(ctx context.Context) *Request {
	env := modgo.FromContext(ctx)
	if env == nil {
		return nil
	}
	return FromEnviron(env)
}

// FromEnviron returns httpd's side of the request that env is the environment of; nil outside Apache.
func FromEnviron(env *modgo.Environ) *Request {
	server, ok := env.Value(serverKey{}).(Server)
	if !ok {
		return nil
	}
	return &Request{server}
}

// Note returns a note: modules tell each other about a request by them.
func (r *Request) Note(name string) (value string, ok bool) { return r.server.Note(name) }

// SetNote leaves a note, which a log format can show as %{name}n. A NUL ends the value.
func (r *Request) SetNote(name, value string) error { return r.server.SetNote(name, value) }

// Setting returns a value that GoSetting gives in the configuration, of the section or .htaccess file that fits the request
// best.
func (r *Request) Setting(name string) (value string, ok bool) { return r.server.Setting(name) }

// Settings returns all of them.
func (r *Request) Settings() map[string]string { return r.server.Settings() }

// SetVariable sets a variable of the request's environment in httpd, as SetEnv does, for modules that run later: a log
// format shows it as %{name}e.
func (r *Request) SetVariable(name, value string) error { return r.server.SetVariable(name, value) }

// TLS returns a variable of mod_ssl's, such as SSL_CIPHER or SSL_CLIENT_S_DN, whether SSLOptions puts it among the
// request's variables or not.
func (r *Request) TLS(name string) (value string, ok bool) { return r.server.TLS(name) }

// Level is a level of httpd's LogLevel.
type Level int

// The levels, the most urgent first. Numbers beyond them count as the nearest. httpd logs notices whatever LogLevel says.
const (
	Emergency Level = iota
	Alert
	Critical
	Error
	Warning
	Notice
	Info
	Debug
	Trace1
	Trace2
	Trace3
	Trace4
	Trace5
	Trace6
	Trace7
	Trace8
)

// Log writes message to the error log of the request's virtual host, line by line, if LogLevel lets it through.
func (r *Request) Log(level Level, message string) { r.server.Log(level, message) }

// Logf is Log with a format, which is filled in only if LogLevel lets it through.
func (r *Request) Logf(level Level, format string, args ...any) {
	if r.LogEnabled(level) {
		r.Log(level, fmt.Sprintf(format, args...))
	}
}

// LogEnabled tells whether LogLevel lets lines of this level through, for this request.
func (r *Request) LogEnabled(level Level) bool { return r.server.LogEnabled(level) }

// A Lookup is what a URL of the server leads to.
type Lookup struct {
	Status      int    // what a request would be answered with, as far as access control and mapping tell: 200, 403, 401...
	Handler     string // the name of the handler that would answer; empty for a plain file
	Filename    string // in the file system
	PathInfo    string // what follows the file in the path
	ContentType string
	Exists      bool // the file is there
	Size        int64
	Modified    time.Time
}

// Lookup finds out what a GET of url, an absolute path with or without a query, would lead to for this client: as a
// subrequest that is not run.
func (r *Request) Lookup(url string) (Lookup, error) { return r.server.Lookup(url) }

// Redirect has httpd answer with another URL of this server, an absolute path with or without a query, as if the client had
// asked for it with GET, or HEAD, and without a body: what it has sent of one is discarded. That happens when the
// application returns; whatever it makes of a response is dropped. Of several calls of Redirect and SendFile the last that
// succeeds counts. It is an error when something of a response has been sent already.
func (r *Request) Redirect(url string) error { return r.server.Redirect(url) }

// SendFile has httpd answer with a file, as if it were one of the document root's: with its type, range and conditional
// requests, and by the means of EnableSendfile. That happens when the application returns: the headers that it sets go with
// the file, a Content-Type in place of the file's own, while its status and body are dropped. Name is an absolute path. The
// file must lie, symbolic links followed, below a folder that GoSendFileRoot names for this URL. StatusOf tells what kind an
// error is; after one nothing is left of earlier calls of Redirect and SendFile.
func (r *Request) SendFile(name string) error { return r.server.SendFile(name) }

// statusError is an error with the status that tells a client of it.
type statusError struct {
	error
	status int
}

// StatusOf is the status that tells a client of err: 403 for a file outside of the configured roots, 404 for one that is
// not there, else 500.
func StatusOf(err error) int {
	var e statusError
	if errors.As(err, &e) {
		return e.status
	}
	return http.StatusInternalServerError
}

// WithStatus gives err a status for StatusOf. The server's side uses it.
func WithStatus(err error, status int) error { return statusError{err, status} }

// Server is what the server does for a Request: one implementation is in package apachebridge.
type Server interface {
	Note(name string) (string, bool)
	SetNote(name, value string) error
	Setting(name string) (string, bool)
	Settings() map[string]string
	SetVariable(name, value string) error
	TLS(name string) (string, bool)
	Log(level Level, message string)
	LogEnabled(level Level) bool
	Lookup(url string) (Lookup, error)
	Redirect(url string) error
	SendFile(name string) error
}

// serverKey is the key under which the Environ has the Server.
type serverKey struct{}

// Key is the key under which the Environ of a server inside Apache has its Server (environ.ValueSource).
func Key() any { return serverKey{} }

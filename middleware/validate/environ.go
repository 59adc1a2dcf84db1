package validate

import (
	"context"
	"errors"
	"strings"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// checkEnviron checks what the server hands to the application.
func (r *request) checkEnviron() {
	env := r.env
	method := env.Get("REQUEST_METHOD")
	r.toHEAD = method == "HEAD"
	r.name = method + " " + env.Get("SCRIPT_NAME") + env.Get("PATH_INFO")

	if env.Value(r.validator) != nil {
		r.environ("C2", "the Environ of one request was handed to another, with all that the application may have changed in it")
	}
	env.SetValue(r.validator, true)

	if !httpfield.ValidName(method) {
		r.environ("C3", "REQUEST_METHOD is %q, not the name of a method", method)
	}
	r.checkPaths()
	if _, ok := env.Lookup("QUERY_STRING"); !ok {
		r.environ("V2", "QUERY_STRING is absent; without a query it is empty")
	}
	r.checkServer()
	r.checkContract()
	r.checkNames()
	r.checkContext()
}

// environ reports a fault of the environ.
func (r *request) environ(clause, format string, args ...any) {
	r.fault(Server, clause, r.server(), format, args...)
}

func (r *request) checkPaths() {
	script, hasScript := r.env.Lookup("SCRIPT_NAME")
	path, hasPath := r.env.Lookup("PATH_INFO")
	switch {
	case !hasScript && !hasPath:
		r.environ("V5", "neither SCRIPT_NAME nor PATH_INFO is set")
	case !hasScript:
		r.environ("C4", "SCRIPT_NAME is absent; for an application at the root it is empty")
	case !hasPath:
		r.environ("C4", "PATH_INFO is absent; where nothing follows SCRIPT_NAME it is empty")
	}
	if script == "/" {
		r.environ("V4", `SCRIPT_NAME is "/"; for an application at the root it is empty, and the slash is PATH_INFO's`)
	}
	if script != "" && script[0] != '/' {
		r.environ("V3", "SCRIPT_NAME is %q, which does not begin with a slash", script)
	}
	if path != "" && path[0] != '/' {
		r.environ("V3", "PATH_INFO is %q, which does not begin with a slash", path)
	}
}

// checkServer checks what is said of the server, the protocol and the request's body.
func (r *request) checkServer() {
	env := r.env
	if env.Get("SERVER_NAME") == "" {
		r.environ("C6", "SERVER_NAME is absent or empty")
	}
	if port := env.Get("SERVER_PORT"); !digits(port) {
		r.environ("C6", "SERVER_PORT is %q, not the number of a port", port)
	}
	if protocol := env.Get("SERVER_PROTOCOL"); !validProtocol(protocol) {
		r.environ("C7", "SERVER_PROTOCOL is %q, not of the form \"HTTP/1.1\"", protocol)
	}
	if length, ok := env.Lookup("CONTENT_LENGTH"); ok && length != "" && !digits(length) {
		r.environ("V6", "CONTENT_LENGTH is %q, not a number of bytes", length)
	}
	for _, name := range absentNotEmpty {
		if value, ok := env.Lookup(name); ok && value == "" {
			r.environ("C12", "%s is empty; a variable without a value is absent", name)
		}
	}
}

// absentNotEmpty are variables whose empty value says nothing. CONTENT_TYPE is not among them: a client can send an
// empty Content-Type.
var absentNotEmpty = [...]string{"AUTH_TYPE", "CONTENT_LENGTH", "HTTPS", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT",
	"REMOTE_PORT", "REMOTE_USER", "SERVER_ADDR"}

// checkContract checks the variables that the contract itself defines, input and errors.
func (r *request) checkContract() {
	env := r.env
	if version, ok := env.Lookup(environ.VarVersion); !ok || version == "" {
		r.environ("C14", "%s is absent or empty", environ.VarVersion)
	}
	for _, name := range [...]string{environ.VarMultithread, environ.VarMultiprocess, environ.VarRunOnce} {
		if value := env.Get(name); value != environ.True && value != environ.False {
			r.environ("C14", "%s is %q; it is %q or %q", name, value, environ.True, environ.False)
		}
	}
	switch scheme := env.URLScheme(); scheme {
	case "http":
	case "https":
		if https := env.Get("HTTPS"); !strings.EqualFold(https, "on") {
			r.environ("C10", "%s is https, and HTTPS is %q rather than on", environ.VarURLScheme, https)
		}
	default:
		r.environ("V7", "%s is %q; it is http or https", environ.VarURLScheme, scheme)
	}
	if env.Input() == nil {
		r.environ("C14", "there is no input; a request without a body has an empty one")
	}
	if env.Errors() == nil {
		r.environ("C14", "there is no errors writer")
	}
}

// checkNames goes through all variables.
func (r *request) checkNames() {
	seen := make(map[string]struct{}, 64)
	for name, value := range r.env.All() {
		if _, twice := seen[name]; twice {
			r.environ("C2", "All gives the variable %s twice", name)
			continue
		}
		seen[name] = struct{}{}
		if got, ok := r.env.Lookup(name); !ok || got != value {
			r.environ("C2", "All gives the variable %s the value %q, Lookup %q", name, value, got)
		}
		r.checkName(name)
	}
}

func (r *request) checkName(name string) {
	switch {
	case name == "HTTP_CONTENT_TYPE" || name == "HTTP_CONTENT_LENGTH":
		r.environ("V1", "there is a variable %s; the header's is %s", name, strings.TrimPrefix(name, "HTTP_"))
	case name == "HTTP_PROXY":
		r.environ("C8", "there is a variable HTTP_PROXY, which steers the application's own HTTP client; the header Proxy never becomes one")
	case strings.HasPrefix(name, "HTTP_"):
		if _, ok := environ.VariableHeader(name); !ok {
			r.environ("C8", "the variable %q stands for no header: names have only letters, digits and underscores", name)
		}
	case foldedPrefix(name, "mod_go."):
		if name != strings.ToLower(name) {
			r.environ("C17", "the server's own variable %s is not in lower case", name)
		}
	case foldedPrefix(name, "wsgi."):
		switch name {
		case environ.VarVersion, environ.VarURLScheme, environ.VarMultithread, environ.VarMultiprocess, environ.VarRunOnce:
		default:
			r.environ("C17", "the variable %s is none of the contract's; a server's own begin with mod_go.", name)
		}
	}
}

// checkContext checks that the request is alive. A deadline may be a middleware's, and may have passed.
func (r *request) checkContext() {
	switch ctx := r.env.Context(); {
	case ctx == nil:
		r.environ("C14", "the Environ has no context")
	case errors.Is(ctx.Err(), context.Canceled):
		r.environ("C42", "the context had ended before the application was called; it ends with the request")
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// validProtocol also admits what RFC 3875 section 4.1.16 has for a document that another includes.
func validProtocol(s string) bool {
	if s == "INCLUDED" {
		return true
	}
	version, ok := strings.CutPrefix(s, "HTTP/")
	major, minor, hasMinor := strings.Cut(version, ".")
	return ok && digits(major) && (!hasMinor || digits(minor))
}

func foldedPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

package modgo

import (
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/fcgi"
	"net/url"
	"os"
	"strings"

	"github.com/mod-go/mod-go/environ"
)

// CGI answers the one request that this process was started for by a web server as a CGI program (RFC 3875). Variables
// of the process are variables of the request; env.Errors is standard error, which servers log.
func CGI(app Application) error {
	variables := processVariables()
	handler := &appHandler{app: app, server: func(*http.Request) environ.Server {
		return environ.Server{
			Software:     variables["SERVER_SOFTWARE"],
			Multiprocess: true,
			RunOnce:      true,
			Errors:       os.Stderr,
			Base:         variables,
		}
	}}
	return cgi.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if script, ok := variables["SCRIPT_NAME"]; ok { // the target may have been rewritten
			r.URL = &url.URL{Path: script + variables["PATH_INFO"], RawQuery: variables["QUERY_STRING"]}
		}
		handler.ServeHTTP(w, r)
	}))
}

// FastCGI answers requests that a web server sends over l as FastCGI, until l is closed; nil means the socket that the
// web server handed to this process as standard input. The parameters of a request are its variables; its path is
// PATH_INFO as a whole, because net/http/fcgi keeps no SCRIPT_NAME: use (*Server).FastCGI for another mount.
func FastCGI(l net.Listener, app Application) error { return NewServer("", app).FastCGI(l) }

// FastCGI is the function FastCGI with this server's Mount.
func (s *Server) FastCGI(l net.Listener) error {
	return fcgi.Serve(l, &appHandler{app: s.app, server: func(r *http.Request) environ.Server {
		return environ.Server{Mount: s.Mount, Multithread: true, Multiprocess: true, Base: environ.Variables(fcgi.ProcessEnv(r))}
	}})
}

// processVariables is the environment of this process.
func processVariables() environ.Variables {
	m := make(environ.Variables)
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok {
			m[name] = value
		}
	}
	return m
}

package environ

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Server is what a server knows of itself, and its configuration adds, beyond what stands in a request.
type Server struct {
	// Mount is SCRIPT_NAME of the application, "" or "/sub", decoded. It is taken off the request's path. A request
	// for another path has all of it in PATH_INFO.
	Mount string
	// Software is SERVER_SOFTWARE; "" for none.
	Software string
	// Multithread, Multiprocess and RunOnce are the variables of PEP 3333.
	Multithread, Multiprocess, RunOnce bool
	// Errors is what Environ.Errors returns; nil discards.
	Errors io.Writer
	// Variables are further variables, as SetEnv gives them to Apache. Those of the request win.
	Variables map[string]string
	// Base is an environment that the request came through already, Apache's or CGI's; nil for none. It answers for what
	// no request message says: REMOTE_USER, SERVER_*, SSL_*, wsgi.* and so on. Headers, method, query, addresses and
	// body are the request's alone, so that what a middleware took away stays away. SCRIPT_NAME and PATH_INFO are
	// Base's, shifted by what a router has since stripped from the front of the path; Mount is not used then.
	Base Source
}

// FromRequest returns the environment of a request that net/http has parsed, for a server built on it. The variables are
// those of docs/environ.md, as far as net/http knows them.
//
// It looks at r when a variable is asked for and copies nothing, so that its cost does not depend on the number of
// headers. Headers are read in net/http's canonical form, which is that of every request that its servers parse.
func FromRequest(r *http.Request, s Server) *Environ {
	both := &struct { // one allocation
		environ Environ
		source  requestSource
	}{source: requestSource{request: r, server: s, announced: len(r.Trailer) > 0}}
	both.environ.Init(Config{Source: &both.source, Context: r.Context(), Input: r.Body, Errors: s.Errors})
	return &both.environ
}

// requestSource reads variables from an *http.Request in place.
type requestSource struct {
	request   *http.Request
	server    Server
	announced bool // the request announced trailers, before any came
}

var (
	_ RequestSource = (*requestSource)(nil)
	_ ValueSource   = (*requestSource)(nil)
)

// Value asks Base.
func (s *requestSource) Value(key any) any {
	if base, ok := s.server.Base.(ValueSource); ok {
		return base.Value(key)
	}
	return nil
}

// Lookup asks the request, then Base, then what the request tells of the server, then the configuration.
func (s *requestSource) Lookup(name string) (value string, ok bool) {
	if read, own := messageVariables[name]; own {
		value, ok = read(s)
	} else if strings.HasPrefix(name, headerPrefix) {
		value, ok = s.header(name)
	} else {
		value, ok = s.aroundMessage(name)
	}
	if !ok {
		value, ok = s.server.Variables[name]
	}
	return value, ok
}

func (s *requestSource) aroundMessage(name string) (value string, ok bool) {
	if s.server.Base != nil {
		if value, ok = s.server.Base.Lookup(name); ok {
			return value, ok
		}
	}
	if read, own := serverVariables[name]; own {
		return read(s)
	}
	if strings.HasPrefix(name, clientPrefix) {
		return clientVariable(s.request.TLS, name)
	}
	return "", false
}

// All gathers the variables, those that win last.
func (s *requestSource) All(yield func(name, value string) bool) {
	all := maps.Clone(s.server.Variables)
	if all == nil {
		all = make(map[string]string)
	}
	gather := func(variables map[string]func(*requestSource) (string, bool)) {
		for name, read := range variables {
			if value, ok := read(s); ok {
				all[name] = value
			}
		}
	}
	gather(serverVariables)
	for name, value := range clientVariables(s.request.TLS) {
		all[name] = value()
	}
	if s.server.Base != nil {
		s.server.Base.All(func(name, value string) bool {
			if _, own := messageVariables[name]; !own && !strings.HasPrefix(name, headerPrefix) {
				all[name] = value
			}
			return true
		})
	}
	gather(messageVariables)
	for name := range s.headerNames {
		if value, ok := s.header(name); ok {
			all[name] = value
		}
	}
	for name, value := range all {
		if !yield(name, value) {
			return
		}
	}
}

// headerNames yields the name of every variable that header may answer.
func (s *requestSource) headerNames(yield func(name string) bool) {
	for _, name := range []string{"HTTP_HOST", "HTTP_TRANSFER_ENCODING", "HTTP_TRAILER"} {
		if !yield(name) {
			return
		}
	}
	for header := range s.request.Header {
		name, ok := HeaderVariable(header)
		if !ok || !strings.HasPrefix(name, headerPrefix) {
			continue
		}
		if canonical, _ := VariableHeader(name); canonical == header && !yield(name) {
			return
		}
	}
}

// header returns a header's variable, its values joined as RFC 9110 section 5.3 lets a recipient do.
func (s *requestSource) header(name string) (value string, ok bool) {
	r := s.request
	if name == "HTTP_HOST" {
		return r.Host, r.Host != ""
	}
	var space [64]byte
	header, ok := appendHeader(space[:0], name)
	if !ok {
		return "", false
	}
	if values := r.Header[string(header)]; len(values) > 0 {
		return joined(name, values), true
	}
	switch { // net/http takes two headers out
	case name == "HTTP_TRANSFER_ENCODING" && len(r.TransferEncoding) > 0:
		return strings.Join(r.TransferEncoding, ", "), true
	case name == "HTTP_TRAILER" && s.announced && len(r.Trailer) > 0:
		return strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ", "), true
	}
	return "", false
}

// joined puts the values of one header into one. Cookies are no list (RFC 9113 section 8.2.3).
func joined(name string, values []string) string {
	if name == "HTTP_COOKIE" {
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ", ")
}

// contentLength is the header, or the length that a request made by a program has without one.
func (s *requestSource) contentLength() (string, bool) {
	if values := s.request.Header["Content-Length"]; len(values) > 0 {
		return joined("CONTENT_LENGTH", values), true
	}
	if s.request.ContentLength > 0 {
		return strconv.FormatInt(s.request.ContentLength, 10), true
	}
	return "", false
}

// target is the target of the request line, made from the URL where the request did not come over the wire.
func (s *requestSource) target() string {
	if s.request.RequestURI != "" {
		return s.request.RequestURI
	}
	return s.url().RequestURI()
}

// noURL is the URL of a request that has none.
var noURL = url.URL{Path: "/"}

func (s *requestSource) url() *url.URL {
	if s.request.URL == nil {
		return &noURL
	}
	return s.request.URL
}

package apachebridge

// #include "crossing.h"
import "C"

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// emptyRequest is what a request begins as: package http lets a context be set only in a copy.
var emptyRequest http.Request

// newRequest makes the *http.Request of this exchange from the request_rec.
func (x *exchange) newRequest() *http.Request {
	call := x.call
	r := emptyRequest.WithContext(&x.context)
	x.request = r
	if x.parts == nil {
		x.parts = new(requestParts)
	}
	strings := x.strings()
	defer strings.release()
	r.Method, r.Proto = strings.next(), strings.next()
	r.RequestURI = strings.next()
	unparsed, path, query := strings.next(), strings.next(), strings.next()
	hostname := strings.next()
	r.RemoteAddr = strings.next()
	r.URL = x.newURL(unparsed, path, strings.next(), query)
	r.ProtoMajor, r.ProtoMinor = int(call.proto_num)/1000, int(call.proto_num)%1000
	r.Close = r.ProtoMajor < 2 && !r.ProtoAtLeast(1, 1)
	x.takeHeaders(r, &strings)
	switch {
	case r.URL.Host != "":
		r.Host = r.URL.Host // an absolute target's wins over the header's (RFC 9112 section 3.2.2)
	case r.Host == "":
		r.Host = hostname
	}
	r.ContentLength = int64(call.content_length)
	if r.Body = http.NoBody; call.content_length != 0 {
		r.Body = (*body)(x)
	}
	if call.content_length < 0 && r.ProtoMajor < 2 {
		r.TransferEncoding = []string{"chunked"}
	}
	if call.https != 0 {
		r.TLS = x.tlsState()
	}
	return r
}

// takeHeaders makes the headers of the request from the strings that are left: all names and values.
func (x *exchange) takeHeaders(r *http.Request, rest *requestStrings) {
	count := len(rest.lengths) / 2
	all := *rest
	header := make(http.Header, max(0, count-1)) // Host is not among them, as in net/http
	values := x.parts.values[:]                  // for the values of all names
	joined := false                              // the values of a field that may be binary metadata
	if count > len(values) {
		values = make([]string, count)
	}
	for i := range count {
		name, value := rest.next(), rest.next()
		switch name {
		case "Host":
			r.Host = value
			continue
		case "Transfer-Encoding":
			continue // in a field of the Request
		case "Trailer":
			announceTrailers(r, value)
			continue
		case "Authorization", "Proxy-Authorization":
			if x.call.pass_authorization == 0 {
				continue
			}
		case "Connection":
			r.Close = r.ProtoMajor < 2 && closes(value, !r.Close)
		}
		joined = joined || isBinary(name) && strings.Contains(value, ",")
		values[i] = value
		before := len(header)
		header[name] = values[i : i+1 : i+1]
		if len(header) == before { // rare: httpd joins most of those that are repeated
			header[name] = all.values(name, i+1)
		}
	}
	if joined && callsProcedure(header) {
		separateBinary(header)
	}
	r.Header = header
}

// values are those of a name among the first count headers.
func (s requestStrings) values(name string, count int) (values []string) {
	for range count {
		if n, value := s.next(), s.next(); n == name {
			values = append(values, value)
		}
	}
	return values
}

// announceTrailers enters the names of trailers that the request announces, without values, which come after the body
// (net/http, Request.Trailer).
func announceTrailers(r *http.Request, names string) {
	for name := range httpfield.TrailerNames(names) {
		if r.Trailer == nil {
			r.Trailer = make(http.Header)
		}
		r.Trailer[name] = nil
	}
}

// closes tells whether a client wants its connection closed after the response (RFC 9112 section 9.3); persistent is what
// holds without its saying so.
func closes(connection string, persistent bool) bool {
	for option := range httpfield.Elements(connection) {
		switch {
		case httpfield.EqualFold(option, "close"):
			return true
		case httpfield.EqualFold(option, "keep-alive"):
			persistent = true
		}
	}
	return !persistent
}

// tlsState is the state of the TLS connection, as far as the module that makes it tells.
func (x *exchange) tlsState() *tls.ConnectionState {
	state := environ.TLSState(func(name string) string { return sslVariable(x.call, name) })
	if x.call.stream != 0 {
		state.NegotiatedProtocol = "h2"
	}
	return state
}

// sslVariable is a variable of mod_ssl's, whether SSLOptions has it put among the request's or not.
func sslVariable(call *C.modgo_request, name string) string {
	var b [48]byte
	if len(name) >= len(b) {
		return ""
	}
	copy(b[:], name) // and a NUL
	return goString(C.modgo_ssl_variable(call, bytesOf(b[:])))
}

// takeTrailers fills the request's trailers when its body has ended. The caller holds the lock.
func (x *exchange) takeTrailers() {
	entries := tableEntries(C.modgo_request_trailers(x.call))
	if x.request == nil || len(entries) == 0 {
		return
	}
	if x.request.Trailer == nil {
		x.request.Trailer = make(http.Header, len(entries))
	}
	for _, e := range entries {
		x.request.Trailer.Add(goString(e.key), goString(e.val))
	}
}

// newURL is the URL behind the application's mount: what an http.Handler routes on, as behind http.StripPrefix. Path is
// what the server mapped, rest what follows the mount.
func (x *exchange) newURL(unparsed, path, rest, query string) *url.URL {
	u := &x.parts.url
	u.RawQuery = query
	if target := &x.call.r.parsed_uri; target.scheme != nil && target.hostinfo != nil {
		u.Scheme, u.Host = goString(target.scheme), goString(target.hostinfo) // the target's absolute form
	}
	if x.call.r.method_number == C.M_CONNECT && x.call.r.parsed_uri.hostinfo != nil {
		u.Host = goString(x.call.r.parsed_uri.hostinfo) // the target's authority form, which has no path
		return u
	}
	if rest == "" {
		u.Path = "/" // the mount itself: a handler's routes begin with a slash
		return u
	}
	u.Path, u.RawPath = environ.URLPath(unparsed, path, rest)
	return u
}

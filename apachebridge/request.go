package apachebridge

// #include "modgo.h"
import "C"

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// newRequest makes the *http.Request of this exchange from the request_rec.
func (x *exchange) newRequest() *http.Request {
	call, rec := x.call, x.call.r
	header, host := x.headers()
	if host == "" {
		host = goString(rec.hostname)
	}
	r := &http.Request{
		Method:        goString(rec.method),
		URL:           x.url(),
		Proto:         goString(rec.protocol),
		ProtoMajor:    int(call.proto_num) / 1000,
		ProtoMinor:    int(call.proto_num) % 1000,
		Header:        header,
		ContentLength: int64(call.content_length),
		Host:          host,
		RemoteAddr:    remoteAddr(rec),
		RequestURI:    goString(C.modgo_request_target(rec)),
		Body:          &x.body,
	}
	if call.content_length == 0 {
		r.Body = http.NoBody
	}
	if call.content_length < 0 && r.ProtoMajor < 2 {
		r.TransferEncoding = []string{"chunked"}
	}
	if r.URL.Host != "" {
		r.Host = r.URL.Host // an absolute target's wins over the header's (RFC 9112 section 3.2.2)
	}
	r.Close = r.ProtoMajor < 2 && closes(header["Connection"], r.ProtoAtLeast(1, 1))
	if call.https != 0 {
		r.TLS = x.tlsState()
	}
	if announced := x.trailerNames(); announced != nil {
		r.Trailer = announced
	}
	x.request = r.WithContext(&x.context)
	return x.request
}

// closes tells whether a client wants its connection closed after the response (RFC 9112 section 9.3).
func closes(connection []string, persistent bool) bool {
	for _, value := range connection {
		for option := range httpfield.Elements(value) {
			switch {
			case httpfield.EqualFold(option, "close"):
				return true
			case httpfield.EqualFold(option, "keep-alive"):
				persistent = true
			}
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

// trailerNames are the trailers that the request announces, without values, which come after the body (net/http,
// Request.Trailer).
func (x *exchange) trailerNames() (trailer http.Header) {
	for _, e := range tableEntries(x.call.headers_in) {
		if !httpfield.EqualFold(goString(e.key), "Trailer") {
			continue
		}
		for name := range httpfield.TrailerNames(goString(e.val)) {
			if trailer == nil {
				trailer = make(http.Header)
			}
			trailer[name] = nil
		}
	}
	return trailer
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

// url is the URL behind the application's mount: what an http.Handler routes on, as behind http.StripPrefix.
func (x *exchange) url() *url.URL {
	rec := x.call.r
	u := new(url.URL)
	if rec.args != nil {
		u.RawQuery = goString(rec.args)
	}
	if rec.parsed_uri.scheme != nil && rec.parsed_uri.hostinfo != nil {
		u.Scheme, u.Host = goString(rec.parsed_uri.scheme), goString(rec.parsed_uri.hostinfo) // the target's absolute form
	}
	path := goString(rec.uri)
	rest := C.GoStringN(x.call.mapping.path_info, C.int(x.call.mapping.path_info_len))
	if rest == "" {
		u.Path = "/" // the mount itself: a handler's routes begin with a slash
		return u
	}
	u.Path, u.RawPath = environ.URLPath(goString(rec.unparsed_uri), path, rest)
	return u
}

// headers copies the request's headers into an http.Header. Host is not among them, as in net/http.
func (x *exchange) headers() (header http.Header, host string) {
	entries := tableEntries(x.call.headers_in)
	header = make(http.Header, len(entries))
	values := make([]string, len(entries)) // one array for the values of all names
	for i, e := range entries {
		name := textproto.CanonicalMIMEHeaderKey(goString(e.key))
		value := goString(e.val)
		switch {
		case name == "Host":
			host = value
			continue
		case name == "Transfer-Encoding" || name == "Trailer":
			continue // in fields of the Request
		case x.call.pass_authorization == 0 && (name == "Authorization" || name == "Proxy-Authorization"):
			continue
		}
		values[i] = value
		if before, repeated := header[name]; repeated {
			header[name] = append(before, value)
		} else {
			header[name] = values[i : i+1 : i+1]
		}
	}
	return header, host
}

// remoteAddr is the client's address and port, as mod_remoteip leaves them.
func remoteAddr(rec *C.request_rec) string {
	return net.JoinHostPort(goString(rec.useragent_ip), strconv.Itoa(int(rec.useragent_addr.port)))
}

package environ

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// A RequestSource is a Source that has an *http.Request behind it.
type RequestSource interface {
	Source
	// Request returns that request, in the shape that an http.Handler expects: URL.Path is what PATH_INFO says, "/" where
	// that is empty, and RequestURI what the client sent. It is nil where there is none any more. Nobody but the Source
	// changes it.
	Request() *http.Request
}

// ToRequest returns the request that e is the environment of, for an http.Handler. URL.Path is PATH_INFO, as behind
// http.StripPrefix, and RequestURI is what the client sent. The context is e's, the body e's input.
//
// Where the Source of e is a RequestSource, the result is a shallow copy of its request, to which what has been changed
// through e is applied: REQUEST_METHOD, REQUEST_URI, PATH_INFO, QUERY_STRING, CONTENT_*, HTTP_*, REMOTE_ADDR, REMOTE_PORT,
// SERVER_PROTOCOL, SetInput and SetContext. Its trailers appear in the copy when the body has been read. Otherwise the
// request is built from the variables alone. A value that makes no sense is passed on as far as a request can hold it: a
// Content-Length that is no number is an unknown length.
func ToRequest(e *Environ) *http.Request {
	if source, ok := e.source.(RequestSource); ok {
		if original := source.Request(); original != nil {
			return changedRequest(e, original)
		}
	}
	return builtRequest(e)
}

// shareTrailer makes sure that a copy of r sees the trailers that the server sets when the body ends: they may come
// unannounced, into a map that is not there yet.
func shareTrailer(r *http.Request) {
	if r.Trailer == nil && r.ContentLength < 0 {
		r.Trailer = make(http.Header)
	}
}

// changedRequest is a copy of original with the changes that were made through e.
func changedRequest(e *Environ, original *http.Request) *http.Request {
	shareTrailer(original)
	r := original.WithContext(e.ctx)
	if r.URL == nil {
		r.URL = &url.URL{Path: "/"}
	}
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	ownURL, ownHeader := false, false
	copied := func() *url.URL {
		if !ownURL {
			u := *r.URL
			r.URL, ownURL = &u, true
			if r.RequestURI == "" { // made by a program: it would be made of the URL
				r.RequestURI = u.RequestURI()
			}
		}
		return r.URL
	}
	resized := false
	for name, c := range e.changes {
		if value, ok := e.source.Lookup(name); value == c.value && ok == !c.deleted {
			continue // a Set to what is there keeps repeated headers apart
		}
		switch name {
		case "REQUEST_METHOD":
			r.Method = methodOf(c.value)
		case "REQUEST_URI":
			r.RequestURI = c.value
		case "SERVER_PROTOCOL":
			r.Proto, r.ProtoMajor, r.ProtoMinor = protocolOf(c.value)
		case "REMOTE_ADDR", "REMOTE_PORT":
			r.RemoteAddr = remoteAddrOf(e)
		case "PATH_INFO":
			setPath(copied(), original.URL.EscapedPath(), original.URL.Path, c.value)
		case "QUERY_STRING":
			u := copied()
			u.RawQuery, u.ForceQuery = c.value, false
			r.Form = nil
		case "HTTP_HOST":
			r.Host = c.value
		case "HTTP_TRAILER": // the trailers are those of the body, whatever is said about them
		default:
			header, ok := VariableHeader(name)
			if !ok {
				continue
			}
			if !ownHeader {
				r.Header, ownHeader = maps.Clone(r.Header), true
			}
			setHeader(r, header, c)
			resized = resized || name == "CONTENT_LENGTH" || name == "HTTP_TRANSFER_ENCODING"
		}
	}
	if e.inputReplaced {
		r.Body = readCloser(e.input, original.Body)
		r.GetBody = nil
		r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if resized {
		r.ContentLength = contentLengthOf(e, !e.inputReplaced && original.ContentLength == 0)
	}
	return r
}

// setHeader applies a change to a header of r, whose map is its own.
func setHeader(r *http.Request, header string, c change) {
	switch {
	case header == "Transfer-Encoding": // net/http has it in a field
		r.TransferEncoding = nil
		if !c.deleted {
			r.TransferEncoding = codings(c.value)
		}
		delete(r.Header, header)
	case c.deleted:
		delete(r.Header, header)
	default:
		r.Header[header] = []string{c.value}
	}
	if header == "Content-Type" {
		r.Form, r.PostForm, r.MultipartForm = nil, nil, nil // parsed by another type
	}
}

// builtRequest makes a request of variables alone.
func builtRequest(e *Environ) *http.Request {
	r := &http.Request{
		Method:     methodOf(e.Get("REQUEST_METHOD")),
		URL:        &url.URL{RawQuery: e.Get("QUERY_STRING")},
		Header:     make(http.Header),
		Body:       readCloser(e.input, nil),
		Host:       e.Get("HTTP_HOST"),
		RemoteAddr: remoteAddrOf(e),
		RequestURI: e.Get("REQUEST_URI"),
		TLS:        tlsState(e),
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor = protocolOf(e.Get("SERVER_PROTOCOL"))
	for name, value := range e.All() {
		switch header, ok := VariableHeader(name); {
		case !ok || header == "Host":
		case header == "Transfer-Encoding":
			r.TransferEncoding = codings(value)
		case header == "Trailer":
			r.Trailer = announcedTrailers(value)
		default:
			r.Header[header] = []string{value}
		}
	}
	info := e.Get("PATH_INFO")
	path := e.Get("SCRIPT_NAME") + info
	setPath(r.URL, r.RequestURI, path, info)
	if r.RequestURI == "" {
		r.RequestURI = (&url.URL{Path: path, RawQuery: r.URL.RawQuery}).RequestURI()
	}
	// A body of HTTP/1 has a length or is chunked (RFC 9112 section 6.3); later versions frame it themselves.
	r.ContentLength = contentLengthOf(e, e.input == http.NoBody || r.ProtoMajor < 2 && !e.inputReplaced)
	return r.WithContext(e.ctx)
}

// methodOf is the method of a request; without one it is GET, as it is to net/http.
func methodOf(value string) string {
	if value == "" {
		return http.MethodGet
	}
	return value
}

// protocolOf splits SERVER_PROTOCOL, which also comes as "HTTP/2" and, in server-side includes, "INCLUDED".
func protocolOf(value string) (proto string, major, minor int) {
	if value == "" {
		return "HTTP/1.1", 1, 1
	}
	if major, minor, ok := http.ParseHTTPVersion(value); ok {
		return value, major, minor
	}
	if major, minor, ok := http.ParseHTTPVersion(value + ".0"); ok {
		return value, major, minor
	}
	return value, 1, 0
}

// remoteAddrOf is the client's address with its port, as net/http has it. An unknown port is left out behind the colon, so
// that net.SplitHostPort takes the address.
func remoteAddrOf(e *Environ) string {
	address, port := e.Get("REMOTE_ADDR"), e.Get("REMOTE_PORT")
	if address == "" && port == "" {
		return ""
	}
	return net.JoinHostPort(address, port)
}

// contentLengthOf is the length of the body, -1 where it is not known. Empty tells whether there is none where no
// variable speaks of one.
func contentLengthOf(e *Environ, empty bool) int64 {
	if e.Get("HTTP_TRANSFER_ENCODING") != "" {
		return -1
	}
	value := e.Get("CONTENT_LENGTH")
	if value == "" {
		if empty {
			return 0
		}
		return -1
	}
	length, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return -1
	}
	return int64(length)
}

// codings is the header Transfer-Encoding as net/http has it, nil for an empty one.
func codings(value string) []string {
	list := slices.Collect(httpfield.Elements(value))
	for i, coding := range list {
		if httpfield.EqualFold(coding, "chunked") {
			list[i] = "chunked"
		}
	}
	return list
}

// announcedTrailers is the header Trailer as net/http has it: names without values.
func announcedTrailers(value string) http.Header {
	var trailer http.Header
	for name := range httpfield.TrailerNames(value) {
		if trailer == nil {
			trailer = make(http.Header)
		}
		trailer[name] = nil
	}
	return trailer
}

// readCloser is the body of a request that reads from input. Closing it closes what it replaces, unless input sees to that.
func readCloser(input io.Reader, replaced io.Closer) io.ReadCloser {
	if body, ok := input.(io.ReadCloser); ok {
		return body
	}
	if replaced == nil {
		return io.NopCloser(input)
	}
	return struct {
		io.Reader
		io.Closer
	}{input, replaced}
}

package environ_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

// FuzzFromRequestOfWire: whatever bytes net/http takes for a request, the variables are those of its header lines and no
// others. The lines are read here a second time, without any of the code under test (C8).
func FuzzFromRequestOfWire(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /%e9?q HTTP/1.0\r\n\r\n",
		"POST http://h:1/p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: a/b\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n0\r\nX-A: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nX_A: 3\r\nX-A_: 4\r\nProxy: p\r\nPROXY: q\r\nHTTP_HOST: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nX-Raw: \xff\xfe\r\nX-Empty:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Fold: 1\r\n 2\r\nContent_Type: x\r\nContent-type:\r\nCONTENT-LENGTH: 0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nX.Y!#$%&'*+^`|~: 1\r\n\r\n",
		"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
		"CONNECT  HTTP/0.0\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			return // net/http answers 400
		}
		e := environ.FromRequest(r, environ.Server{})
		all := variablesOf(t, e)
		sent := headerLines(wire)
		for name, value := range all {
			if name == "HTTP_HOST" || !strings.HasPrefix(name, "HTTP_") && name != "CONTENT_TYPE" && name != "CONTENT_LENGTH" {
				continue
			}
			if _, ok := sent[name]; !ok {
				t.Errorf("%s=%q, but there is no such header in %q", name, value, wire)
			}
		}
		for name, values := range sent {
			switch name {
			case "HTTP_HOST", "HTTP_TRAILER", "HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH", "HTTP_CACHE_CONTROL", "HTTP_CONNECTION", "HTTP_PRAGMA":
				continue // net/http normalizes these, or adds one for another
			}
			separator := ", "
			if name == "HTTP_COOKIE" {
				separator = "; "
			}
			if want := strings.Join(values, separator); all[name] != want && !strings.Contains(string(wire), "\n ") && !strings.Contains(string(wire), "\n\t") {
				t.Errorf("%s is %q; want %q, of %q", name, all[name], want, wire)
			}
		}
		for _, name := range []string{"SERVER_NAME", "SERVER_PORT", "REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL", "PATH_INFO"} {
			if all[name] == "" {
				t.Errorf("%s is empty for %q", name, wire)
			}
		}
		target := r.RequestURI
		if target == "" { // net/http accepts that of CONNECT
			target = "/"
		}
		if all["REQUEST_METHOD"] != r.Method || all["REQUEST_URI"] != target || all["QUERY_STRING"] != r.URL.RawQuery {
			t.Errorf("%q: the request line is %q, %q, %q", wire, all["REQUEST_METHOD"], all["REQUEST_URI"], all["QUERY_STRING"])
		}
	})
}

// headerLines are the values of the header lines by variable, for names that have one.
func headerLines(wire []byte) map[string][]string {
	lines := strings.Split(string(wire), "\n")
	found := make(map[string][]string)
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if line == "" && i > 0 && strings.TrimSpace(lines[0]) != "" {
			break
		}
		name, value, colon := strings.Cut(line, ":")
		if i == 0 || !colon || !safeName.MatchString(name) || strings.EqualFold(name, "proxy") {
			continue
		}
		name = strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		if name != "CONTENT_TYPE" && name != "CONTENT_LENGTH" {
			name = "HTTP_" + name
		}
		found[name] = append(found[name], strings.Trim(value, " \t"))
	}
	return found
}

// fuzzedHeader reads a header of lines "name:value", whatever characters they have.
func fuzzedHeader(lines string) http.Header {
	header := make(http.Header)
	if lines == "" {
		return header
	}
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, colon := strings.Cut(line, ":")
		if !colon {
			header[name] = nil
			continue
		}
		header[name] = append(header[name], value)
	}
	return header
}

func addRequests(f *testing.F) {
	for _, headers := range []string{
		"", "Accept:*/*\nAccept:text/html", "Cookie:a=1\nCookie:b=2\nAccept:", "X_A:1\nX-A:2\nx-a:3\nX-a:4", "Proxy:p\nHost:h\nContent-Type:a\nContent-Length:3",
		"Transfer-Encoding:gzip\nTrailer:X-A\nNone\nX-Raw:\xff\xfe\x00", ":empty\n :space\n\xe9:e\nX-\u212a:k", "Content-Length:-1\nContent-Length:2\nHttp-Host:x",
	} {
		f.Add("GET", "/a/b", "q=1", "example.org:80", "192.0.2.1:99", headers, int64(0), "")
		f.Add("", "", "", "", "", headers, int64(-1), "/a")
		f.Add("PUT", "x", "?", "a:b:c", "[", headers, int64(1), "/")
		f.Add("BREW", "/a%2Fb/\xe9", "%20", "[::1]:81", "[2001:db8::1]:1", headers, int64(3), "/a%2Fb")
	}
}

func fuzzedRequest(method, path, query, host, remote, headers string, length int64) *http.Request {
	return &http.Request{
		Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: host, RemoteAddr: remote, Header: fuzzedHeader(headers),
		ContentLength: length, Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// FuzzRequestRoundTrip: a request becomes an Environ and a request again without loss, by way of the request behind it; and
// by way of the variables alone an Environ becomes a request and an Environ again without loss.
func FuzzRequestRoundTrip(f *testing.F) {
	addRequests(f)
	f.Fuzz(func(t *testing.T, method, path, query, host, remote, headers string, length int64, mount string) {
		r := fuzzedRequest(method, path, query, host, remote, headers, length)
		before := r.Header.Clone()
		if before == nil {
			before = make(http.Header)
		}

		back := environ.ToRequest(environ.FromRequest(r, environ.Server{}))
		if !reflect.DeepEqual(back.Header, before) || back.Method != method || *back.URL != *r.URL || back.Host != host || back.RemoteAddr != remote || back.ContentLength != length {
			t.Fatalf("the request has become\n%+v\nfrom\n%+v", back, r)
		}

		e := environ.FromRequest(r, environ.Server{Mount: mount})
		all := variablesOf(t, e)
		built := environ.ToRequest(environ.New(environ.Config{Source: environ.Variables(all)}))
		if want := all["PATH_INFO"]; built.URL.Path != want && want != "" && slashes.Replace(built.URL.Path) != slashes.Replace(want) {
			t.Errorf("a handler sees the path %q; PATH_INFO is %q", built.URL.Path, want)
		}
		for name := range built.Header {
			if variable, ok := environ.HeaderVariable(name); !ok || variable == "HTTP_HOST" {
				t.Errorf("a request of variables has the header %q", name)
			}
		}
		again := variablesOf(t, environ.FromRequest(built, environ.Server{Base: environ.Variables(all)}))
		normalize(all)
		normalize(again)
		var except []string
		if strings.ContainsAny(all["REMOTE_ADDR"], "[]") {
			except = []string{"REMOTE_ADDR", "REMOTE_PORT"} // no address of a client
		}
		sameVariables(t, "by way of the variables", again, all, except...)
	})
}

// normalize brings what net/http keeps in fields of its own, and in a form of its own, into one form.
func normalize(variables map[string]string) {
	for _, name := range []string{"HTTP_TRAILER", "HTTP_TRANSFER_ENCODING"} {
		list, ok := variables[name]
		if !ok {
			continue
		}
		var elements []string
		for element := range strings.SplitSeq(list, ",") {
			element = strings.Trim(element, " \t")
			switch {
			case element == "":
				continue
			case name == "HTTP_TRAILER":
				element = http.CanonicalHeaderKey(element)
				if element == "Trailer" || element == "Content-Length" || element == "Transfer-Encoding" {
					continue
				}
			case isChunked(element):
				element = "chunked"
			}
			elements = append(elements, element)
		}
		if name == "HTTP_TRAILER" {
			slices.Sort(elements)
			elements = slices.Compact(elements)
		}
		if len(elements) == 0 {
			delete(variables, name)
			continue
		}
		variables[name] = strings.Join(elements, ", ")
	}
}

func isChunked(coding string) bool {
	return len(coding) == len("chunked") && strings.EqualFold(coding, "chunked")
}

// FuzzChanges: after any sequence of Set and Delete, the request that a handler gets says what the Environ says, and the
// request behind has not changed.
func FuzzChanges(f *testing.F) {
	for _, changes := range []string{
		"HTTP_ACCEPT=x", "HTTP_ACCEPT", "CONTENT_LENGTH=5\nCONTENT_TYPE=a/b", "CONTENT_LENGTH\nHTTP_TRANSFER_ENCODING=chunked", "HTTP_HOST=b\nHTTP_PROXY=p\nHTTP_x=1\nHTTP_=2",
		"PATH_INFO=/b\nSCRIPT_NAME=/a", "PATH_INFO=\nQUERY_STRING=x=y\nREQUEST_METHOD=PUT", "REMOTE_ADDR=::1\nREMOTE_PORT", "SERVER_PROTOCOL=HTTP/2\nREQUEST_URI=/x",
		"HTTP_X_A=1\nHTTP_X_A\nHTTP_X_A=\xff", "REMOTE_USER=ada\nwsgi.url_scheme=https\nHTTPS=on", "HTTP_CONTENT_TYPE=x\nHTTP_CONTENT_LENGTH=3\nHTTP_TRAILER=X",
	} {
		f.Add("Accept:a\nAccept:b\nX-A:0\nContent-Length:3", "/a/b", changes)
		f.Add("", "/a%2Fb/\xe9", changes)
	}
	f.Fuzz(func(t *testing.T, headers, path, changes string) {
		if path == "" || path[0] != '/' {
			return
		}
		r := fuzzedRequest("GET", path, "q=1", "example.org", "192.0.2.1:99", headers, 0)
		before, u := r.Header.Clone(), *r.URL
		e := environ.FromRequest(r, environ.Server{})
		for line := range strings.SplitSeq(changes, "\n") {
			switch name, value, set := strings.Cut(line, "="); {
			case !acceptable(name, value, set):
			case set:
				e.Set(name, value)
			default:
				e.Delete(name)
			}
		}
		got := environ.ToRequest(e)
		want := variablesOf(t, e)
		again := variablesOf(t, environ.FromRequest(got, environ.Server{Base: sourceOf(e)}))
		normalize(want)
		normalize(again)
		for name := range want {
			if _, carries := environ.VariableHeader(name); strings.HasPrefix(name, "HTTP_") && !carries {
				delete(want, name) // set by the application, and no header's
			}
		}
		sameVariables(t, "the request's", again, want, "HTTP_TRAILER")
		if !reflect.DeepEqual(r.Header, before) || *r.URL != u || r.Method != "GET" || r.Host != "example.org" || r.RemoteAddr != "192.0.2.1:99" {
			t.Errorf("the request behind has become %+v", r)
		}
	})
}

// acceptable leaves out what no request can hold: a server that has it is broken.
func acceptable(name, value string, set bool) bool {
	switch name {
	case "REQUEST_METHOD", "SERVER_PROTOCOL", "REQUEST_URI", "HTTP_HOST":
		return set && value != "" // never absent, and empty is absent
	case "QUERY_STRING", "SCRIPT_NAME":
		return set
	case "REQUEST_SCHEME", "SERVER_NAME", "SERVER_PORT", environ.VarVersion, environ.VarURLScheme, environ.VarMultithread, environ.VarMultiprocess, environ.VarRunOnce:
		return set
	case "PATH_INFO":
		return set && (value == "" || value[0] == '/')
	case "REMOTE_ADDR", "REMOTE_PORT":
		return set && value != "" && !strings.ContainsAny(value, "[]") && (name == "REMOTE_ADDR" || !strings.Contains(value, ":"))
	case "HTTP_TRANSFER_ENCODING":
		return !set || strings.Trim(value, " \t,") != ""
	}
	return true
}

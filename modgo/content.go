package modgo

import (
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/internal/httpfield"
)

// Content answers a request for a file as http.ServeContent does: it calls startResponse, and returns what is asked for of
// f. Conditional requests (RFC 9110 section 13) and ranges (section 14) are answered by the modification time that f.Stat
// tells and an ETag among headers; Content-Type is taken from there, from the name's extension, or from the first bytes.
// f is closed when the request ends. A file that cannot seek is sent whole.
func Content(env *Environ, startResponse StartResponse, f fs.File, headers Headers) Body {
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	seeker, ok := f.(io.ReadSeeker)
	if !ok || !info.Mode().IsRegular() {
		startResponse("200 OK", headers)
		return File(f)
	}
	w := &headWriter{header: make(http.Header)}
	for _, h := range headers {
		w.header.Add(h[0], h[1])
	}
	r := environ.ToRequest(env)
	head := r.WithContext(r.Context())
	head.Method = http.MethodHead // all that ServeContent says, and nothing that it copies
	http.ServeContent(w, head, info.Name(), info.ModTime(), seeker)
	if w.status == http.StatusPartialContent && strings.HasPrefix(w.header.Get("Content-Type"), "multipart/byteranges") {
		return OnClose(FromHandler(multipart{seeker, info, headers})(env, startResponse), func() { _ = f.Close() })
	}
	startResponse(strconv.Itoa(w.status)+" "+http.StatusText(w.status), w.headers(headers))
	switch w.status {
	case http.StatusOK, http.StatusPartialContent:
		if _, err := seeker.Seek(rangeStart(w.header.Get("Content-Range")), io.SeekStart); err != nil {
			_ = f.Close()
			return func(yield func([]byte, error) bool) { yield(nil, err) }
		}
		return File(f)
	}
	_ = f.Close()
	return Bytes(w.body)
}

// multipart serves several ranges of a file at once.
type multipart struct {
	file    io.ReadSeeker
	info    fs.FileInfo
	headers Headers
}

// ServeHTTP answers with the headers and what http.ServeContent adds.
func (m multipart) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, h := range m.headers {
		w.Header().Add(h[0], h[1])
	}
	http.ServeContent(w, r, m.info.Name(), m.info.ModTime(), m.file)
}

// rangeStart is where the range begins that a Content-Range tells: "bytes 100-199/1000".
func rangeStart(contentRange string) int64 {
	first, _, _ := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "-")
	n, _ := strconv.ParseInt(first, 10, 64) // 0 without one
	return n
}

// headWriter takes the head that ServeContent makes, and the text of an error.
type headWriter struct {
	header http.Header
	status int
	body   []byte
}

// Header returns the headers that ServeContent sets.
func (w *headWriter) Header() http.Header { return w.header }

// WriteHeader keeps the first status.
func (w *headWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write keeps the text of an error; for a request of HEAD there is no other.
func (w *headWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// headers are the application's own, as far as they are still there, in their order, then those that were added.
func (w *headWriter) headers(own Headers) (headers Headers) {
	for _, h := range own {
		if w.header.Values(h[0]) != nil && !httpfield.EqualFold(h[0], "Content-Length") {
			headers = append(headers, h)
		}
	}
	for name, values := range w.header {
		if _, ok := httpfield.Get(headers, name); ok {
			continue
		}
		for _, value := range values {
			headers = append(headers, [2]string{name, value})
		}
	}
	return headers
}

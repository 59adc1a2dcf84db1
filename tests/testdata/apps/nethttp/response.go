package nethttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// LongValue is the value of a header of 64 KB.
var LongValue = strings.Repeat("0123456789abcdef", 4<<10)

// responses are what /respond/SCRIPT/ID does.
var responses = map[string]script{
	"interfaces":         interfaces,
	"strings":            writeStrings,
	"defaults":           func(http.ResponseWriter, *http.Request, *log) {},
	"headers":            headers,
	"long-header":        func(w http.ResponseWriter, _ *http.Request, _ *log) { w.Header().Set("X-Long", LongValue) },
	"late-header":        lateHeader,
	"own-date":           ownDate,
	"unknown-status":     func(w http.ResponseWriter, _ *http.Request, _ *log) { w.WriteHeader(299) },
	"sniff-text":         sniff("just text", nil),
	"sniff-html":         sniff("<!DOCTYPE html><p>", nil),
	"sniff-image":        sniff("\x89PNG\x0D\x0A\x1A\x0A and so on", nil),
	"sniff-pieces":       sniffPieces,
	"sniff-never":        sniff("<p>none", http.Header{"Content-Type": nil}),
	"sniff-typed":        sniff("<p>typed", http.Header{"Content-Type": {"text/x-own"}}),
	"sniff-encoded":      sniff(compressed("<p>"), http.Header{"Content-Encoding": {"gzip"}}),
	"length-exact":       lengths("5", "12345"),
	"length-beyond":      lengths("5", "123", "45", "67", "8"),
	"length-beyond-all":  lengths("5", "1234567"),
	"length-short":       lengths("10", "12345"),
	"length-short-large": lengths("30000", strings.Repeat("x", 20_000)),
	"length-zero":        lengths("0", "x"),
	"no-body-204":        bodiless(http.StatusNoContent),
	"no-body-304":        bodiless(http.StatusNotModified),
	"early-hints":        earlyHints,
	"flush":              flush,
	"file":               file,
	"abort":              func(http.ResponseWriter, *http.Request, *log) { panic(http.ErrAbortHandler) },
	"abort-written":      abortWritten,
	"abort-flushed":      abortFlushed,
	"full-duplex":        fullDuplex,
	"read-deadline":      readDeadline,
	"deadline-moved":     deadlineMoved,
	"write-deadline":     writeDeadline,
	"torn-upload":        tornUpload,
	"torn-download":      tornDownload,
	"write-too-late":     writeTooLate,
	"end-too-late":       endTooLate,
	"copy-body":          copyBody,
}

// routeHandlers adds handlers of net/http's own: /timeout, which passes its limit, and /content, which has a range and an age.
func routeHandlers(mux *http.ServeMux) {
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		_, _ = io.WriteString(w, "too late")
	})
	mux.Handle("/timeout", http.TimeoutHandler(slow, 50*time.Millisecond, "timed out"))
	mux.HandleFunc("/content", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(w, r, "content.txt", time.Unix(1_000_000_000, 0), strings.NewReader(LongValue))
	})
}

// interfaces notes what the writer is, beyond an http.ResponseWriter.
func interfaces(w http.ResponseWriter, _ *http.Request, log *log) {
	if _, ok := w.(http.Flusher); ok {
		log.note("Flusher")
	}
	if _, ok := w.(io.StringWriter); ok {
		log.note("StringWriter")
	}
	if _, ok := w.(interface{ CloseNotify() <-chan bool }); ok { // http.CloseNotifier, which programs still look for
		log.note("CloseNotifier")
	}
	if _, ok := w.(http.Hijacker); ok {
		log.note("Hijacker")
	}
	if _, ok := w.(io.ReaderFrom); ok {
		log.note("ReaderFrom")
	}
	if _, ok := w.(http.Pusher); ok {
		log.note("Pusher")
	}
}

func writeStrings(w http.ResponseWriter, _ *http.Request, log *log) {
	for _, text := range []string{"one ", "", "two ", strings.Repeat("long ", 5000)} {
		n, err := io.WriteString(w, text)
		log.note("%d %v", n, err)
	}
}

func headers(w http.ResponseWriter, _ *http.Request, _ *log) {
	header := w.Header()
	header["X-Several"] = []string{"first", "second, with a comma", ""}
	header["Set-Cookie"] = []string{"a=1; Path=/", "b=2"}
	header["x-as-given"] = []string{"lower"}
	header.Set("X-Spaced", "  in the midst  of  it  ")
	header.Set("X-Line", "one\r\nX-Injected: two")
	header.Set("X-Unicode", "käse")
	header.Set("Bad Name", "left out")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, "made")
}

func lateHeader(w http.ResponseWriter, _ *http.Request, _ *log) {
	w.Header().Set("X-Early", "yes")
	w.WriteHeader(http.StatusAccepted)
	w.Header().Set("X-Early", "changed")
	w.Header().Set("X-Late", "yes")
	_, _ = io.WriteString(w, "accepted")
}

func ownDate(w http.ResponseWriter, _ *http.Request, _ *log) {
	w.Header().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
	w.Header().Set("Server", "own/1")
}

func sniff(body string, header http.Header) script {
	return func(w http.ResponseWriter, _ *http.Request, _ *log) {
		for name, values := range header {
			w.Header()[name] = values
		}
		_, _ = io.WriteString(w, body)
	}
}

// sniffPieces writes less at first than tells the type.
func sniffPieces(w http.ResponseWriter, _ *http.Request, _ *log) {
	for _, piece := range []string{"<!DOC", "TYPE ", "html><p>"} {
		_, _ = io.WriteString(w, piece)
	}
}

func compressed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	must(err)
	must(z.Close())
	return b.String()
}

func lengths(length string, pieces ...string) script {
	return func(w http.ResponseWriter, _ *http.Request, log *log) {
		w.Header().Set("Content-Length", length)
		for _, piece := range pieces {
			n, err := io.WriteString(w, piece)
			log.note("%d %v", n, err)
		}
	}
}

func bodiless(status int) script {
	return func(w http.ResponseWriter, _ *http.Request, log *log) {
		w.WriteHeader(status)
		n, err := io.WriteString(w, "not allowed")
		log.note("%d %v %t", n, err, err == http.ErrBodyNotAllowed)
	}
}

// earlyHints sends two interim responses and goes on when the first was seen: /release/ID says so.
func earlyHints(w http.ResponseWriter, _ *http.Request, log *log) {
	w.Header()["Link"] = []string{"</style.css>; rel=preload", "</script.js>; rel=preload"}
	w.WriteHeader(http.StatusEarlyHints)
	log.note("released %t", log.await("released"))
	w.Header().Add("Link", "</font.woff>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Set("X-Final", "yes")
	_, _ = io.WriteString(w, "final")
}

// await waits for an event.
func (l *log) await(event string) bool {
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if l.signalled(event) {
			return true
		}
	}
	return false
}

// longest is how long a script waits for what should come at once.
const longest = 20 * time.Second

// flush sends a block and waits for the request that the client makes when it has read it.
func flush(w http.ResponseWriter, _ *http.Request, log *log) {
	_, _ = io.WriteString(w, "first ")
	log.note("flushed %v", http.NewResponseController(w).Flush())
	log.note("released %t", log.await("released"))
	_, _ = io.WriteString(w, "second")
}

// file copies the file of the query's path: all of it, from the offset on, so many bytes as limit says; behind a text that
// before gives, with the Content-Length that length gives.
func file(w http.ResponseWriter, r *http.Request, log *log) {
	q := r.URL.Query()
	f, err := os.Open(q.Get("path"))
	must(err)
	defer f.Close()
	_, err = f.Seek(number(q.Get("offset")), io.SeekStart)
	must(err)
	if length := q.Get("length"); length != "" {
		w.Header().Set("Content-Length", length)
	}
	if kind := q.Get("type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	_, _ = io.WriteString(w, q.Get("before"))
	var n int64
	if q.Has("limit") {
		limited := &io.LimitedReader{R: f, N: number(q.Get("limit"))}
		n, err = io.Copy(w, limited)
		log.note("left %d", limited.N)
	} else {
		n, err = io.Copy(w, f)
	}
	position, seekErr := f.Seek(0, io.SeekCurrent)
	must(seekErr)
	log.note("copied %d %v, at %d", n, err, position)
	_, _ = io.WriteString(w, q.Get("after"))
}

func abortWritten(w http.ResponseWriter, _ *http.Request, _ *log) {
	_, _ = io.WriteString(w, "not whole")
	panic(http.ErrAbortHandler)
}

func abortFlushed(w http.ResponseWriter, _ *http.Request, _ *log) {
	_, _ = io.WriteString(w, "not whole")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// fullDuplex answers the first half of a body before it reads the second.
func fullDuplex(w http.ResponseWriter, r *http.Request, log *log) {
	control := http.NewResponseController(w)
	log.note("enabled %v", control.EnableFullDuplex())
	half := make([]byte, 5)
	_, err := io.ReadFull(r.Body, half)
	log.note("read %q %v", half, err)
	_, _ = w.Write(half)
	log.note("flushed %v", control.Flush())
	rest, err := io.ReadAll(r.Body)
	log.note("read %q %v", rest, err)
	_, _ = w.Write(rest)
}

// ReadLimit and WriteLimit are how long the client may take before a deadline passes.
const (
	ReadLimit  = 200 * time.Millisecond
	WriteLimit = 500 * time.Millisecond
)

func readDeadline(w http.ResponseWriter, r *http.Request, log *log) {
	begun := time.Now()
	log.note("set %v", http.NewResponseController(w).SetReadDeadline(begun.Add(ReadLimit)))
	n, err := io.Copy(io.Discard, r.Body)
	log.note("read %d", n)
	log.note("exceeded %t", errors.Is(err, os.ErrDeadlineExceeded))
	log.noteTime("took", time.Since(begun))
	_, err = r.Body.Read(make([]byte, 1))
	log.note("again %t", errors.Is(err, os.ErrDeadlineExceeded))
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusRequestTimeout)
	_, _ = io.WriteString(w, "too slow")
}

// noteTime notes how long something took, in nanoseconds.
func (l *log) noteTime(what string, took time.Duration) { l.note("%s %d", what, took) }

// deadlineMoved sets a deadline for each block of a body, which is longer than any of them, and none in the end.
func deadlineMoved(w http.ResponseWriter, r *http.Request, log *log) {
	control := http.NewResponseController(w)
	block := make([]byte, 5)
	for range 3 {
		must(control.SetReadDeadline(time.Now().Add(longest)))
		_, err := io.ReadFull(r.Body, block)
		log.note("%q %v", block, err)
	}
	must(control.SetReadDeadline(time.Time{}))
	rest, err := io.ReadAll(r.Body)
	log.note("%q %v", rest, err)
}

// writeDeadline writes until an error ends it.
func writeDeadline(w http.ResponseWriter, _ *http.Request, log *log) {
	control := http.NewResponseController(w)
	begun := time.Now()
	log.note("set %v", control.SetWriteDeadline(begun.Add(WriteLimit)))
	log.signal("begun")
	block := make([]byte, 64<<10)
	for {
		if _, err := w.Write(block); err != nil {
			log.note("exceeded %t", errors.Is(err, os.ErrDeadlineExceeded))
			log.noteTime("took", time.Since(begun))
			_, again := w.Write(block)
			log.note("again %t", again != nil)
			log.note("flush %t", control.Flush() != nil)
			return
		}
	}
}

// writeTooLate goes on with a response when its deadline has passed, and when it has got another one.
func writeTooLate(w http.ResponseWriter, _ *http.Request, log *log) {
	control := http.NewResponseController(w)
	_, err := io.WriteString(w, "in time")
	log.note("%v %v", err, control.Flush())
	log.note("set %v", control.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, _ = io.WriteString(w, "too late")
	log.note("flush %t", control.Flush() != nil)
	log.note("moved %v", control.SetWriteDeadline(time.Now().Add(time.Hour)))
	_, _ = io.WriteString(w, "later")
	log.note("flush %t", control.Flush() != nil)
}

// endTooLate leaves a response to be sent whose deadline has passed.
func endTooLate(w http.ResponseWriter, _ *http.Request, log *log) {
	_, err := io.WriteString(w, "short")
	log.note("%v", err)
	log.note("set %v", http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second)))
}

// copyBody copies the body to what can only take it by its own means.
func copyBody(w http.ResponseWriter, r *http.Request, log *log) {
	var own ownReader
	n, err := io.Copy(&own, r.Body)
	log.note("%d %v, %q", n, err, own.read.String())
}

// ownReader has to be asked to read.
type ownReader struct{ read strings.Builder }

func (o *ownReader) ReadFrom(r io.Reader) (int64, error) { return io.Copy(&o.read, r) }

func (o *ownReader) Write([]byte) (int, error) { return 0, errors.New("written to") }

// number is 0 for no text.
func number(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return n
}

// key is that of a value in a context.
type key struct{}

// tornUpload reads until its client goes in the midst of the body, and looks at once whether the context has ended.
func tornUpload(_ http.ResponseWriter, r *http.Request, log *log) {
	derived, end := context.WithCancel(context.WithValue(r.Context(), key{}, "as a middleware does"))
	defer end()
	_, err := io.ReadFull(r.Body, make([]byte, len("begun")))
	must(err)
	log.signal("begun")
	_, err = io.Copy(io.Discard, r.Body)
	log.note("failed %t: the context %v, one made from it %v", err != nil, r.Context().Err(), derived.Err())
}

// tornDownload writes until its client goes, and looks at once whether the context has ended.
func tornDownload(w http.ResponseWriter, r *http.Request, log *log) {
	derived, end := context.WithCancel(context.WithValue(r.Context(), key{}, "as a middleware does"))
	defer end()
	block := make([]byte, 64<<10)
	_, err := w.Write(block)
	for err == nil {
		_, err = w.Write(block)
	}
	log.note("failed %t: the context %v, one made from it %v", err != nil, r.Context().Err(), derived.Err())
}

package middleware

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// AccessLog writes a line to w for each request when its response has ended, in whatever way: also when the application
// panicked, its body failed, or the client went away. Nil for w is the error log of the request's virtual host (env.Errors),
// nil for format is CombinedLog; JSONLog is the other one.
//
// Each line is one call of w.Write, and lines are written one at a time, so w need not be safe for use by several goroutines.
// It stands outside everything whose work is to be seen in the log: outside Recover, so that a panic is logged as the 500 that
// Recover makes of it, and outside Gzip, so that the bytes are those that were sent.
//
// Files and bodies of a single block stay what they are to the server.
func AccessLog(w io.Writer, format LogFormat) modgo.Middleware {
	if format == nil {
		format = CombinedLog
	}
	log := &accessLog{w: w, format: format}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			r := log.begin(env, startResponse)
			var returned bool
			defer r.endUnless(&returned)
			body := app(env, r.startResponse)
			returned = true
			return r.until(body)
		}
	}
}

type accessLog struct {
	format LogFormat
	mu     sync.Mutex
	w      io.Writer
}

// accessRecord is what becomes one line.
type accessRecord struct {
	Access
	log        *accessLog
	start      modgo.StartResponse
	controller *modgo.Controller
	extension  bool // the server tells what it has written
	started    bool
	hijacked   bool
	length     int64 // Content-Length, -1 without
	counted    int64 // bytes of the body that were seen to pass
	ended      bool
}

func (l *accessLog) begin(env *modgo.Environ, start modgo.StartResponse) *accessRecord {
	uri, ok := env.Lookup("REQUEST_URI")
	if !ok {
		uri = env.Get("SCRIPT_NAME") + env.Get("PATH_INFO")
		if query := env.Get("QUERY_STRING"); query != "" {
			uri += "?" + query
		}
	}
	return &accessRecord{
		Access: Access{
			Time:     time.Now(),
			Method:   env.Get("REQUEST_METHOD"),
			URI:      uri,
			Protocol: env.Get("SERVER_PROTOCOL"),
			Env:      env,
		},
		log:        l,
		start:      start,
		controller: modgo.NewController(env), // now: what is wrapped may take it away
		extension:  env.Extension() != nil,
		length:     -1,
	}
}

// startResponse notes the status and length that the server accepted.
func (r *accessRecord) startResponse(status string, headers modgo.Headers, cause ...error) io.Writer {
	w := r.start(status, headers, cause...)
	r.started = true
	r.Status = statusOf(status)
	r.length = httpfield.ContentLength(headers)
	return accessWriter{r, w}
}

// accessWriter counts what is written rather than iterated, and sees the client go.
type accessWriter struct {
	record *accessRecord
	io.Writer
}

// Write counts what the server took.
func (w accessWriter) Write(block []byte) (int, error) {
	n, err := w.Writer.Write(block)
	w.record.counted += int64(n)
	if err != nil && w.record.Aborted == "" {
		w.record.Aborted = err.Error()
	}
	return n, err
}

// until returns the body with the line written when all of it has been sent.
func (r *accessRecord) until(body modgo.Body) modgo.Body {
	r.seeTakeOver()
	if !r.extension && modgo.KindOf(body) == modgo.WholeFile {
		body = r.watch(body) // nobody else counts
	} else {
		body = modgo.Observe(body, r.watch)
	}
	return modgo.OnClose(body, func() { r.end("") })
}

// watch is the body with its blocks counted, and its failures noted.
func (r *accessRecord) watch(body modgo.Body) modgo.Body {
	return func(yield func([]byte, error) bool) {
		returned := false
		defer r.endUnless(&returned)
		for block, err := range body {
			r.counted += int64(len(block))
			if err != nil && r.Aborted == "" {
				r.Aborted = err.Error()
			}
			if !yield(block, err) {
				if r.Aborted == "" && !r.whole() {
					r.Aborted = "the server stopped before the end of the body: the client is gone"
				}
				break
			}
		}
		returned = true
		r.seeTakeOver()
	}
}

// seeTakeOver notes that the application has taken the connection over, instead of starting a response. As long as there is
// no head, Flush has none to send.
func (r *accessRecord) seeTakeOver() {
	r.hijacked = r.hijacked || !r.started && errors.Is(r.controller.Flush(), http.ErrHijacked)
}

// endUnless ends the record of an application that did not return. It is deferred, and lets the panic go on.
func (r *accessRecord) endUnless(returned *bool) {
	if *returned {
		return
	}
	v := recover()
	switch v {
	case nil:
		r.end("the application ended its goroutine")
	case http.ErrAbortHandler:
		if !r.handedOver() {
			r.Status = 0 // the connection is cut, and nothing is answered
		}
		r.end(http.ErrAbortHandler.Error())
	default:
		r.end(fmt.Sprintf("the application panicked: %v", v))
	}
	if v != nil {
		panic(v)
	}
}

// bodiless tells whether the response has no body, whatever the application gave.
func (r *accessRecord) bodiless() bool {
	return r.Method == http.MethodHead || r.started && !httpfield.BodyAllowed(r.Status)
}

// bytes are those of the body that were handed to the server.
func (r *accessRecord) bytes() int64 {
	if r.bodiless() {
		return 0
	}
	if n := r.controller.Written(); n > 0 {
		return n
	}
	return r.counted
}

// handedOver tells whether the server got anything of the body, and so has sent the head.
func (r *accessRecord) handedOver() bool { return r.counted > 0 || r.controller.Written() > 0 }

// whole tells whether nothing is missing where the server asks for no more.
func (r *accessRecord) whole() bool {
	return r.bodiless() || r.length >= 0 && r.bytes() >= r.length
}

// end writes the line, once.
func (r *accessRecord) end(aborted string) {
	if r.ended {
		return
	}
	r.ended = true
	r.Duration = time.Since(r.Time)
	r.Bytes = r.bytes()
	if r.Aborted == "" {
		r.Aborted = aborted
	}
	switch {
	case r.Aborted == http.ErrAbortHandler.Error():
	case r.Aborted != "" && !r.handedOver():
		r.Status = http.StatusInternalServerError // which the server answers as long as it can
	case r.Aborted != "":
	case r.hijacked:
	case !r.started:
		r.Aborted = "the application ended without calling startResponse"
		r.Status = http.StatusInternalServerError
	case r.length > r.Bytes && !r.bodiless():
		r.Aborted = fmt.Sprintf("the body ended after %d of the %d bytes that Content-Length promised", r.Bytes, r.length)
	}
	r.log.write(&r.Access)
}

func (l *accessLog) write(a *Access) {
	line := l.format(nil, a)
	if len(line) == 0 {
		return
	}
	if l.w == nil {
		_, _ = a.Env.Errors().Write(line) // there is no other place to say that this one fails
		return
	}
	l.mu.Lock()
	_, err := l.w.Write(line)
	l.mu.Unlock()
	if err != nil {
		fmt.Fprintf(a.Env.Errors(), "middleware.AccessLog: the line could not be written: %v: %s", err, line)
	}
}

package middleware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// A TimeoutError is the cause with which Timeout ends env.Context, and the error of writes that come later. For
// errors.Is it is context.DeadlineExceeded and http.ErrHandlerTimeout.
type TimeoutError struct{ Limit time.Duration }

// Error names the limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("middleware.Timeout: the application took longer than %v", e.Limit)
}

// Timeout is that of net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes the error one of those that packages look for.
func (e *TimeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == http.ErrHandlerTimeout
}

// A TimeoutOption changes what Timeout does.
type TimeoutOption func(*timeoutConfig)

type timeoutConfig struct {
	limit   time.Duration
	status  string
	headers modgo.Headers
	text    []byte
}

// TimeoutStatus answers with another status than "503 Service Unavailable".
func TimeoutStatus(status string) TimeoutOption {
	return func(c *timeoutConfig) { c.status = status }
}

// Timeout limits the time from the call of the application to the end of its body. When the time is over, env.Context
// ends, with a *TimeoutError as its cause (context.Cause), and
//
//   - where nothing of the response has been sent, the client gets status 503 at once, whatever the application is doing,
//     and env.Errors a line;
//   - where the response has begun, it is aborted when the application next makes a block, or is done, unless all that
//     its Content-Length promises has been sent.
//
// What the application writes later fails with the *TimeoutError; of its body nothing is asked for any more, but it is
// begun and its clean-up runs, as always. What it panics with is passed on.
//
// Nothing can stop Go code from outside. An application that ignores its context goes on until it returns, on the server's
// thread, which serves no one else and keeps the connection for so long. Hand env.Context, or that of the *http.Request,
// to whatever may wait. The server's own limits still hold for a client that reads or sends slowly: a write that waits for
// it ends with them.
//
// The application is called as without Timeout, on the same goroutine, and its body is passed on block by block. A body of
// modgo.Text, modgo.Bytes or modgo.File that is returned in time is sent without a limit: the rest is the server's
// work. A stream needs none, and a connection that the application takes over (Hijack) is left alone, except that
// env.Context ends.
//
// The page for the client may be sent from another goroutine while the application runs. What stands outside must
// therefore not read env in the StartResponse or the writer that it passes in.
//
// Timeout panics if limit is not above 0.
func Timeout(limit time.Duration, options ...TimeoutOption) modgo.Middleware {
	if limit <= 0 {
		panic(fmt.Sprintf("middleware.Timeout: the limit %v leaves no time for any request; it must be above 0", limit))
	}
	config := &timeoutConfig{limit: limit, status: "503 Service Unavailable"}
	for _, option := range options {
		option(config)
	}
	config.headers, config.text = page(config.status, "")
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			return newTimedRequest(config, env, start).call(app, env)
		}
	}
}

// timedRequest is one request under Timeout.
//
// The server's side, which is start, the writers and whatever stands outside, is used by one goroutine at a time. It may
// be used from the timer's goroutine only while the request's own is in the application, and then with mu held.
type timedRequest struct {
	config     *timeoutConfig
	cause      *TimeoutError
	start      modgo.StartResponse // the server's
	controller *modgo.Controller
	errors     io.Writer
	request    string // method and path, for the log

	ctx     context.Context // the application's
	restore func()          // ends it, and gives env back the one before

	mu       sync.Mutex
	inside   bool  // the request's goroutine is in the application
	started  bool  // the application has called start
	begun    bool  // part of the response has been sent
	left     int64 // bytes that its Content-Length promises and that have not been sent; below 0 without
	over     bool  // it has been decided what becomes of the response
	answered bool  // the client has got the page, or the application the connection
	raised   any   // what the server's side panicked with on the timer's goroutine
}

func newTimedRequest(config *timeoutConfig, env *modgo.Environ, start modgo.StartResponse) *timedRequest {
	t := &timedRequest{
		config:     config,
		cause:      &TimeoutError{config.limit},
		start:      start,
		controller: modgo.NewController(env),
		errors:     env.Errors(),
		request:    env.Get("REQUEST_METHOD") + " " + env.Get("SCRIPT_NAME") + env.Get("PATH_INFO"),
	}
	before := env.Context()
	ctx, cancel := context.WithTimeoutCause(before, config.limit, t.cause)
	t.ctx = ctx
	t.inside = true
	t.left = -1
	env.SetContext(ctx)
	stop := context.AfterFunc(ctx, t.fire)
	t.restore = func() {
		stop()
		cancel()
		env.SetContext(before)
	}
	return t
}

// call calls the application.
func (t *timedRequest) call(app modgo.Application, env *modgo.Environ) modgo.Body {
	returned := false
	defer func() {
		if !returned { // it has panicked
			t.leave(nil)
			t.restore()
		}
	}()
	body := app(env, t.startResponse)
	returned = true
	inTime := t.leave(nil)
	if inTime && (body == nil || ownMeans(body)) {
		return modgo.OnClose(body, t.restore)
	}
	return t.body(body)
}

// body passes on what the application returned, while there is time.
func (t *timedRequest) body(body modgo.Body) modgo.Body {
	return func(yield func([]byte, error) bool) {
		defer t.restore()
		if !t.enter() {
			defer discard(body) // when the client has its answer
			t.settle(yield)
			return
		}
		defer t.leave(nil) // it may panic
		for block, err := range body {
			if err != nil {
				block = nil
			}
			if !t.leave(block) {
				t.logLate(err)
				t.settle(yield)
				return
			}
			if !yield(block, err) {
				return
			}
			if !t.enter() {
				t.settle(yield)
				return
			}
		}
		if !t.leave(nil) {
			t.settle(yield)
		}
	}
}

// enter notes that the request's goroutine goes into the application. It returns false if the time is over.
func (t *timedRequest) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside = !t.expired()
	return t.inside
}

// leave notes that it has come back from there, and that block is going to be sent. It returns false if the time is over,
// and block is not to be sent.
func (t *timedRequest) leave(block []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inside = false
	if t.expired() {
		return false
	}
	t.sent(int64(len(block)))
	return true
}

// sent notes that bytes of the body have been sent.
func (t *timedRequest) sent(n int64) {
	t.begun = t.begun || n > 0
	if t.left > 0 {
		t.left = max(0, t.left-n)
	}
}

// whole tells whether the client has all that was promised to it, so that nothing is missing whatever the application
// still does.
func (t *timedRequest) whole() bool { return t.begun && t.left == 0 }

// expired tells whether the time is over. The timer's goroutine may not have had its turn yet: an application that
// returns because its context has ended must not be faster.
func (t *timedRequest) expired() bool {
	return t.over || context.Cause(t.ctx) == error(t.cause)
}

// startResponse is the StartResponse that the application gets.
func (t *timedRequest) startResponse(status string, headers modgo.Headers, cause ...error) io.Writer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expired() {
		if t.begun && len(cause) > 0 && cause[0] != nil {
			panic(cause[0]) // C36, as before
		}
		return &timedWriter{t, io.Discard} // which it does not get to
	}
	w := t.start(status, headers, cause...)
	t.started = true
	t.left = httpfield.ContentLength(headers)
	return &timedWriter{t, w}
}

// timedWriter is the writer that the application gets.
type timedWriter struct {
	request *timedRequest
	writer  io.Writer
}

// Write fails with the *TimeoutError when the time is over.
func (w *timedWriter) Write(block []byte) (int, error) {
	t := w.request
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expired() {
		return 0, t.cause
	}
	n, err := w.writer.Write(block)
	t.sent(int64(n))
	t.begun = t.begun || len(block) > 0 // the head may be out if the block is not
	return n, err
}

// fire is called on a goroutine of its own when the context ends, for whatever reason.
func (t *timedRequest) fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if context.Cause(t.ctx) != error(t.cause) || t.over || !t.inside {
		return // else the request's goroutine settles it
	}
	t.over = true
	defer func() { t.raised = recover() }() // nobody above this goroutine could take it
	if w := t.answer(); w != nil {
		t.answered = true
		_, _ = w.Write(t.config.text) // an error is the server's, which knows it
	}
}

// settle does what is to be done, on the request's goroutine, when the time is over.
func (t *timedRequest) settle(yield func([]byte, error) bool) {
	t.mu.Lock()
	decided := t.over
	t.over = true
	t.mu.Unlock() // the timer keeps away from now on
	if t.raised != nil {
		panic(t.raised)
	}
	if !decided && t.answer() != nil {
		yield(t.config.text, nil)
		return
	}
	if !t.answered && !t.whole() {
		yield(nil, t.cause) // the server aborts the response, and logs it
	}
}

// answer starts the response that says that the time is over. It returns nil if it is too late for that.
func (t *timedRequest) answer() (w io.Writer) {
	if t.begun {
		return nil
	}
	defer func() {
		if v := recover(); v != nil && v != any(t.cause) {
			panic(v)
		}
	}()
	if t.started {
		w = t.start(t.config.status, slices.Clone(t.config.headers), t.cause) // raises it if the head has been flushed (C36)
	} else {
		if errors.Is(t.controller.Flush(), http.ErrHijacked) { // which flushes nothing before start
			t.answered = true
			return nil
		}
		w = t.start(t.config.status, slices.Clone(t.config.headers))
	}
	_, _ = fmt.Fprintf(t.errors, "%v: the client got %q: %s\n", t.cause, t.config.status, t.request)
	return w
}

// logLate logs an error that the application ended its body with, when the client has been told that it took too long.
func (t *timedRequest) logLate(err error) {
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintf(t.errors, "middleware.Timeout: after its time was over, the application failed: %v: %s\n", err, t.request)
	}
}

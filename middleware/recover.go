package middleware

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/internal/stack"
	"github.com/mod-go/mod-go/modgo"
)

// recoverStatus is what a client gets for a panic.
const recoverStatus = "500 Internal Server Error"

// A RecoverOption changes what Recover does.
type RecoverOption func(*recoverConfig)

// An ErrorPage makes the page of a response of status 500: its headers and its body. Failure is what the application
// panicked with; it can tell more than a client should know.
type ErrorPage func(env *modgo.Environ, failure any) (modgo.Headers, modgo.Body)

type recoverConfig struct{ page ErrorPage }

// RecoverPage has page make the page in the place of the plain one. If page panics, the client gets the plain one.
func RecoverPage(page ErrorPage) RecoverOption {
	return func(c *recoverConfig) { c.page = page }
}

// Recover logs the panics of an application to env.Errors, with the stack and the id of the request, in one write; lines
// after the first begin with "| ". The client gets status 500 where nothing of the response has been sent; else the
// response is aborted, so that the client can tell. It does not matter whether the application panics in its call, in its
// body or the body's clean-up, nor whether with a *modgo.ContractError or something else.
//
// A panic with http.ErrAbortHandler passes through: it means to abort the response and to log nothing. So do panics of
// what stands outside Recover, and those of a goroutine of the application's own, which nothing can recover and which end the
// process. What modgo.Text, modgo.Bytes and modgo.File make is the server's to send, and so to report: a panic of an fs.File,
// or of a clean-up that modgo.OnClose has put round such a body.
func Recover(options ...RecoverOption) modgo.Middleware {
	var config recoverConfig
	for _, option := range options {
		option(&config)
	}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) (body modgo.Body) {
			r := &recovery{env: env, start: start, page: config.page}
			defer func() {
				if v := recover(); v != nil {
					body = r.answer(v)
				}
			}()
			return r.guard(app(env, start))
		}
	}
}

// recovery is what Recover does for one request.
type recovery struct {
	env   *modgo.Environ
	start modgo.StartResponse
	page  ErrorPage
}

// A recoveredPanic is the cause that startResponse is given for a panic.
type recoveredPanic struct{ value any }

// Error is what is known of the panic, in one clause.
func (p *recoveredPanic) Error() string { return fmt.Sprintf("the application panicked: %v", p.value) }

// Unwrap is what the application panicked with, if it is an error.
func (p *recoveredPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// guard is body with its panics recovered.
func (r *recovery) guard(body modgo.Body) modgo.Body {
	if body == nil || ownMeans(body) {
		return body
	}
	return func(yield func([]byte, error) bool) {
		if page := r.iterate(body, yield); page != nil {
			for block, err := range page {
				if !yield(block, err) {
					return
				}
			}
		}
	}
}

// iterate passes body on. Where it panics before anything was sent, the rest is page.
func (r *recovery) iterate(body modgo.Body, yield func([]byte, error) bool) (page modgo.Body) {
	outside, wanted := false, true
	defer func() {
		if outside { // the consumer has panicked, which is not this application's failure
			return
		}
		switch v := recover(); {
		case v == nil:
		case wanted:
			page = r.answer(v)
		default: // nobody takes another block
			r.report(v)
			panic(http.ErrAbortHandler)
		}
	}()
	for block, err := range body {
		outside = true
		wanted = yield(block, err)
		outside = false
		if !wanted {
			return nil
		}
	}
	return nil
}

// answer reports a panic and starts the response of status 500, whose body it returns. It is called while the panicking
// functions are on the stack.
func (r *recovery) answer(v any) modgo.Body {
	r.report(v)
	headers, text := page(recoverStatus, "")
	body := modgo.Bytes(text)
	if r.page != nil {
		if h, b, ok := r.makePage(v); ok {
			headers, body = h, b
		}
	}
	cause := &recoveredPanic{v}
	defer func() {
		if raised := recover(); raised == any(cause) { // the head has been sent (C36)
			discard(body)
			panic(http.ErrAbortHandler)
		} else if raised != nil {
			panic(raised)
		}
	}()
	r.start(recoverStatus, headers, cause)
	return body
}

// makePage calls the ErrorPage; ok is false where that panics, too.
func (r *recovery) makePage(v any) (headers modgo.Headers, body modgo.Body, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			r.report(v)
		}
	}()
	headers, body = r.page(r.env, v)
	return headers, body, true
}

// report logs a panic. The value http.ErrAbortHandler it raises again.
func (r *recovery) report(v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	id := r.env.Get(RequestIDVariable)
	if id == "" {
		id = r.env.Get("UNIQUE_ID")
	}
	if validRequestID(id) {
		id = " (request id " + id + ")"
	}
	// The value may hold what the client sent.
	value := httpfield.Sanitized(fmt.Sprint(v))
	trace := strings.ReplaceAll(strings.TrimSpace(stack.OfPanic()), "\n", "\n| ")
	_, _ = fmt.Fprintf(r.env.Errors(), "the application panicked: %s%s\n| %s\n", value, id, trace)
}

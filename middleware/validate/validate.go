// Package validate is middleware that checks both sides of the application contract (docs/contract.md): that the server
// calls the application as the contract says, and that the application answers as it says. It is to this module what
// wsgiref.validate is to Python.
//
//	application = modgo.Chain(application, validate.Middleware())
//
// Each breach is a *Violation, which names the clause, the side at fault and the place. The middleware gathers nothing,
// keeps the server's extensions within reach of the application, and passes on everything as it comes, the breach too:
// an application behaves as it does without it, except that Middleware raises what it finds as a panic. A block is
// copied once, an environ read once; that is cheap enough to leave on while developing.
//
// Two things cannot be seen from between server and application: what the server sends to the client, and what either
// does with an Environ (the input excepted) once the request has ended.
package validate

import (
	"log"
	"sync/atomic"

	"github.com/mod-go/mod-go/modgo"
)

// Middleware panics with the *Violation where it is found, so that it cannot be missed: the server answers with 500 or
// aborts the response, and logs it. A breach found after the request has ended, when a panic would end the process or be
// seen by nobody, is logged by package log.
func Middleware() modgo.Middleware {
	return newValidator(func(violation *Violation, late bool) {
		if late {
			log.Print(violation)
			return
		}
		panic(violation)
	}, nil).wrap
}

// Reporting calls report with each Violation and lets the request go on as it would without the middleware. Report is
// called from any goroutine, also from several at once and after the request has ended.
func Reporting(report func(*Violation)) modgo.Middleware {
	if report == nil {
		panic("validate: Reporting needs a function to report to; Middleware() is the form that panics")
	}
	return newValidator(func(violation *Violation, _ bool) { report(violation) }, nil).wrap
}

// validator is what the requests to one application have in common.
type validator struct {
	report     func(violation *Violation, late bool)
	running    atomic.Int64 // applications and bodies that run at this moment
	unfinished *unfinished  // the requests that have not ended; nil where nobody asks for them
}

func newValidator(report func(violation *Violation, late bool), unfinished *unfinished) *validator {
	return &validator{report: report, unfinished: unfinished}
}

func (v *validator) wrap(app modgo.Application) modgo.Application {
	return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		r := &request{validator: v, app: app, env: env, caller: callers(), length: -1}
		if env == nil || startResponse == nil {
			r.fault(Server, "C1", r.server(), "the application was called without an environ or without a startResponse")
			return app(env, startResponse)
		}
		r.checkEnviron()
		r.wrapInput()
		if v.unfinished != nil {
			v.unfinished.add(r)
		}
		returned := false
		defer func() {
			if !returned {
				r.end() // it panicked; there is no body whose end could be waited for
			}
		}()
		body := r.call(r.startResponse(startResponse))
		returned = true
		return r.wrapBody(body)
	}
}

// enter counts an application or a body that begins to run, and tells how many others run.
func (v *validator) enter() (others int64) { return v.running.Add(1) - 1 }

func (v *validator) leave() { v.running.Add(-1) }

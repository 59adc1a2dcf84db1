package modgo

import "net/http"

// A Middleware wraps an application in another one, which sees the request before it and the response after it.
type Middleware func(Application) Application

// Handler wraps an http.Handler, so that the method value m.Handler is a middleware for net/http:
//
//	router.Use(middleware.RequestID().Handler)
func (m Middleware) Handler(next http.Handler) http.Handler { return ToHandler(m(FromHandler(next))) }

// Chain wraps app in middlewares. The first is the outermost: it sees the request first and the response last.
func Chain(app Application, middlewares ...Middleware) Application {
	for i := len(middlewares) - 1; i >= 0; i-- {
		app = middlewares[i](app)
	}
	return app
}

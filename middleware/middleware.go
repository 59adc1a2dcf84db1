// Package middleware is what most sites put round their applications: dispatch by path, errors, logs, request ids, time
// limits, authentication, compression, sessions, static files.
//
// A middleware takes an application and returns one (modgo.Middleware). modgo.Chain puts several round one, the outermost
// first:
//
//	var application = modgo.Chain(shop,
//		middleware.RequestID(),
//		middleware.AccessLog(os.Stdout, middleware.CombinedLog),
//		middleware.Recover(),
//		middleware.Timeout(30*time.Second),
//		middleware.BasicAuth("shop", users),
//	)
//
// Each wraps an http.Handler, too: its method Handler is a func(http.Handler) http.Handler, as routers such as chi take
// it. What it leaves for the handler in the Environ is found with modgo.FromContext(r.Context()).
//
//	router.Use(middleware.RequestID().Handler)
//
// # Order
//
// The outermost sees the request first and the response last. From the outside to the inside:
//
//   - RequestID: all others, and their lines in the log, can name the request.
//   - AccessLog: it logs what the client really got: an error page of Recover, a 401, a compressed body.
//   - Recover: whatever is inside may panic.
//   - Timeout: the time of all that is inside counts. Put it round those applications alone that need it, and keep it away
//     from streams and WebSockets, which it would cut.
//   - Gzip: it compresses what all that is inside answers.
//   - BasicAuth: nobody gets further unasked.
//   - Session: only for those who may enter.
//   - MethodOverride: next to what looks at the method.
//   - StaticFiles: it takes the requests for its files and leaves the others.
//   - Mount: the last, because it chooses the application. A middleware for one application alone stands inside, round
//     that one.
//
// # What a middleware keeps
//
// None gathers a body unless that is its job: blocks pass one by one, and are sent before the next is made. A body of
// modgo.File, modgo.Text or modgo.Bytes is still known as such to the server behind those that have no reason to look at
// its blocks. The extensions of modgo.NewController work.
//
// A middleware of your own that wraps a body must begin to iterate it, whatever happens: its clean-up depends on that.
// modgo.OnClose does it for one that only wants to know when the response is over, modgo.Observe for one that only looks
// at the blocks.
package middleware

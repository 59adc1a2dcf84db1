package apachebridge

import "C"

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// server stands for net/http's server in the contexts of requests (http.ServerContextKey): by its presence a handler such
// as httputil.ReverseProxy tells that it may panic with http.ErrAbortHandler, and with RegisterOnShutdown one that has taken
// a connection over learns that the process is to end. It serves nothing.
var server = &http.Server{}

// stopping is closed when the child begins to end.
var stopping = make(chan struct{})

// stopBegan is when stopping was closed, and reloaded is closed when the functions of OnReload have returned.
var (
	stopBegan time.Time
	reloaded  = make(chan struct{})
)

var stop = sync.OnceFunc(func() {
	stopBegan = time.Now()
	close(stopping)
	endBackground()
	go func() {
		defer close(reloaded)
		reloadFunctions()
	}()
	go shutDown(server)
})

// modgoGoStopping runs what was registered with RegisterOnShutdown and modgo.OnReload: the child is to end, when its requests
// are served and the connections that were taken over are closed.
//
//export modgoGoStopping
func modgoGoStopping() { stop() }

// shutDown runs what was registered on s, which has neither listeners nor connections of its own.
func shutDown(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.Shutdown(ctx)
}

// lateGrace is how long a handler that takes a connection over when the child has begun to end has for registering.
const lateGrace = 500 * time.Millisecond

// server is what the request's context has for http.ServerContextKey. A request that came when the child had begun to end,
// and everything that was registered had run, gets one of its own.
func (x *exchange) server() *http.Server {
	select {
	case <-stopping:
	default:
		return server
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lateServer == nil {
		x.lateServer = &http.Server{}
	}
	return x.lateServer
}

// endLate runs what the handler of a late request has registered, now that it has a connection that outlives it.
func (x *exchange) endLate() {
	x.mu.Lock()
	late := x.lateServer
	x.mu.Unlock()
	if late != nil {
		time.AfterFunc(lateGrace, func() { shutDown(late) })
	}
}

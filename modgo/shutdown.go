package modgo

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// firstRequestTimeout is how long a connection may take to send its first request once a server is being shut down.
// Browsers open connections in advance, on which none may ever come.
const firstRequestTimeout = time.Second

// A run is one call of Serve.
type run struct {
	server   *http.Server
	listener net.Listener
	first    *firstRequests
	ended    chan struct{} // closed when no further connection is accepted
}

// shutdown ends a run when what its clients have asked for is answered, or ctx has ended.
//
// net/http's Shutdown alone would lose requests: it forgets a connection that is just being accepted, and closes one that it
// has accepted when the first request comes.
func (r *run) shutdown(ctx context.Context) error {
	closing := closeListener(r.listener)
	r.server.SetKeepAlivesEnabled(false) // each connection ends with the answer that it waits for
	select {
	case <-r.ended:
		r.first.wait(ctx)
	case <-ctx.Done():
	}
	if err := r.server.Shutdown(ctx); err != nil {
		return err
	}
	return closing
}

// firstRequests are those that have not come yet on connections that were accepted.
type firstRequests struct {
	mu      sync.Mutex
	since   map[net.Conn]time.Time // when the connection was accepted
	awaited sync.WaitGroup         // one for each
}

// watch is an http.Server's ConnState. Active does not count: net/http may still close the connection then, without
// answering.
func (f *firstRequests) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.since == nil {
			f.since = make(map[net.Conn]time.Time)
		}
		f.since[conn] = time.Now()
		f.awaited.Add(1)
	case http.StateIdle, http.StateHijacked, http.StateClosed:
		f.came(conn)
	}
}

// came is called when a request has reached its handler, which net/http lets finish, or when none will come.
func (f *firstRequests) came(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, awaited := f.since[conn]; awaited {
		delete(f.since, conn)
		f.awaited.Done()
	}
}

// wait returns when no request is awaited any more, of connections that are not older than firstRequestTimeout, or when
// ctx has ended. It is called when no further connection is accepted.
func (f *firstRequests) wait(ctx context.Context) {
	f.mu.Lock()
	for conn, since := range f.since {
		if time.Since(since) > firstRequestTimeout {
			delete(f.since, conn)
			f.awaited.Done()
		}
	}
	f.mu.Unlock()
	all := make(chan struct{})
	go func() {
		f.awaited.Wait() // ends with the connections at the latest
		close(all)
	}()
	timeout := time.NewTimer(firstRequestTimeout)
	defer timeout.Stop()
	select {
	case <-all:
	case <-timeout.C:
	case <-ctx.Done():
	}
}

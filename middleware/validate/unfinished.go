package validate

import (
	"runtime"
	"sync"
	"time"
)

// A ticket is held by a body that has been handed to the server, and by nothing else: it is garbage when the body is.
type ticket struct{ request *request }

// watch returns the ticket of a body. If that is thrown away and the request has not ended, nothing will end it any more:
// the server has forgotten the body's clean-up (V9).
func (r *request) watch() *ticket {
	t := &ticket{r}
	runtime.AddCleanup(t, (*request).checkForgotten, r)
	return t
}

func (r *request) checkForgotten() {
	r.mu.Lock()
	ended, begun := r.ended, r.begun
	r.ended = true // once
	r.mu.Unlock()
	if ended {
		return
	}
	if r.unfinished != nil {
		r.unfinished.remove(r)
	}
	r.forgotten(begun)
}

func (r *request) forgotten(begun bool) {
	if begun {
		r.fault(Server, "V9", r.server(), "the server began to iterate the body and never came to its end, so that its clean-up did not run")
		return
	}
	r.fault(Server, "V9", r.server(), "the server never began to iterate the body, so that its clean-up did not run")
}

// unfinished are the requests that have not ended.
type unfinished struct {
	mu       sync.Mutex
	requests map[*request]struct{}
	empty    chan struct{} // closed when there are none, if somebody waits
}

func (u *unfinished) add(r *request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.requests == nil {
		u.requests = make(map[*request]struct{})
	}
	u.requests[r] = struct{}{}
}

func (u *unfinished) remove(r *request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.requests, r)
	if len(u.requests) == 0 && u.empty != nil {
		close(u.empty)
		u.empty = nil
	}
}

// wait waits until all requests have ended, at most for limit, and returns those that have not.
func (u *unfinished) wait(limit time.Duration) []*request {
	u.mu.Lock()
	if len(u.requests) == 0 {
		u.mu.Unlock()
		return nil
	}
	empty := make(chan struct{})
	u.empty = empty
	u.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-time.After(limit):
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var left []*request
	for r := range u.requests {
		left = append(left, r)
	}
	return left
}

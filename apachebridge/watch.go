package apachebridge

// #include "modgo.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchInterval is how often the clients of running requests are looked at. A request that ends within it costs nothing
// but being entered in the list.
const watchInterval = 50 * time.Millisecond

// watchEntry is a request's place in the list of those that are watched.
type watchEntry struct {
	before, after *requestContext
	state         atomic.Int32 // changes from listed on under the list's lock only
	seen          bool         // it was there when the clients were last looked at
}

// The states of a watchEntry, one after the other; the second may be left out.
const (
	unlisted = iota
	listed
	over
)

// clients are the clients whose requests' contexts somebody waits for. One goroutine looks at them, as long as there are
// any: whether they are still there, and whether this child is to end.
var clients watchList

type watchList struct {
	mu       sync.Mutex
	first    *requestContext
	running  bool
	stopping time.Time // when the child was seen to end, once its requests are served
}

// watch enters a request.
func (l *watchList) watch(c *requestContext) {
	e := &c.watched
	if e.state.Load() != unlisted {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.state.CompareAndSwap(unlisted, listed) {
		return
	}
	e.after = l.first
	if l.first != nil {
		l.first.watched.before = c
	}
	l.first = c
	if !l.running {
		l.running = true
		go l.run()
	}
}

// forget takes a request out: its context has ended, or is about to.
func (l *watchList) forget(c *requestContext) {
	e := &c.watched
	if e.state.CompareAndSwap(unlisted, over) {
		return // without the list's lock, which all requests share
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.state.CompareAndSwap(listed, over) {
		return
	}
	if e.before != nil {
		e.before.watched.after = e.after
	} else {
		l.first = e.after
	}
	if e.after != nil {
		e.after.watched.before = e.before
	}
	e.before, e.after = nil, nil
}

// run looks at the clients until there are none.
func (l *watchList) run() {
	for {
		time.Sleep(watchInterval)
		watched, more := l.due()
		if !more {
			return
		}
		ending := l.ending()
		for _, c := range watched {
			// A connection that was taken over is gone for httpd, and its client for whoever has it.
			if !ending && (!c.exchange.clientGone() || c.exchange.isTaken()) {
				continue
			}
			c.cancel()
			if conn := c.exchange.takenFiltered(); conn != nil {
				go conn.Close()
			}
		}
	}
}

// due are the requests that have run for an interval at least. More tells whether there are any at all.
func (l *watchList) due() (watched []*requestContext, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := l.first; c != nil; c = c.watched.after {
		if c.watched.seen {
			watched = append(watched, c)
		}
		c.watched.seen = true
	}
	l.running = l.first != nil
	return watched, l.running
}

// ending tells whether the child ends without waiting for its requests: at once, or when GoShutdownTimeout has passed.
func (l *watchList) ending() bool {
	switch C.modgo_stopping_state() {
	case C.MODGO_STOP_NONE:
		return false
	case C.MODGO_STOP_AT_ONCE:
		return true
	}
	if l.stopping.IsZero() {
		l.stopping = time.Now()
		modgoGoStopping() // prefork tells only when its request is over, which may be a connection that was taken over
	}
	return time.Since(l.stopping) >= time.Duration(C.modgo_process_config_get().shutdown_timeout)*time.Microsecond
}

// clientGone tells whether the client is not there any more. While another goroutine is with httpd for it, that one will
// notice.
func (x *exchange) clientGone() bool {
	if !x.mu.TryLock() {
		return false
	}
	defer x.mu.Unlock()
	return x.call != nil && x.filtered() == nil && C.modgo_request_gone(x.call) != 0
}

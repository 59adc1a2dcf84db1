package apachebridge

// #include "modgo.h"
import "C"

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// limitInterval is how often the requests that may run for a limited time are looked at.
const limitInterval = 50 * time.Millisecond

// limit is a request's place among those that may run for a limited time (GoRequestTimeout).
type limit struct {
	before, after *exchange     // in its list; under the list's lock
	deadline      time.Duration // when its context ends, as elapsed counts; fixed before the handler runs
	phase         limitPhase    // under the list's lock
	exempt        atomic.Bool   // its connection was taken over
	returned      bool          // its handler has; under the exchange's lock
	expired       bool          // its client was answered instead of the handler; under the exchange's lock
}

// limitPhase is how far a request with a limit has come.
type limitPhase int8

const (
	inTime    limitPhase = iota
	inGrace              // its context has ended
	unlimited            // it is over, or its grace is
)

var epoch = time.Now()

// elapsed is the time since this child's Go runtime has started.
func elapsed() time.Duration { return time.Since(epoch) }

// limits are the requests that may run for a limited time. One goroutine looks at them, as long as there are any. The lists
// are several so that requests need not wait for each other's locks.
var limits limitLists

type limitLists struct {
	running atomic.Bool
	lists   [16]limitList
}

type limitList struct {
	mu    sync.Mutex
	first *exchange
	_     [48]byte // else two locks would share a cache line
}

// of is the list of a request.
func (l *limitLists) of(x *exchange) *limitList {
	const odd = 0x9e3779b97f4a7c15 // by which neighbours in memory look different
	return &l.lists[uint64(uintptr(unsafe.Pointer(x)))*odd>>60]
}

// enter lists a request that begins.
func (l *limitLists) enter(x *exchange, limit time.Duration) {
	x.limit.deadline = elapsed() + limit
	list := l.of(x)
	list.mu.Lock()
	x.limit.after = list.first
	if list.first != nil {
		list.first.limit.before = x
	}
	list.first = x
	list.mu.Unlock()
	if !l.running.Load() && l.running.CompareAndSwap(false, true) {
		go l.run()
	}
}

// leave takes a request out. Httpd's memory of it is not looked at any more.
func (l *limitLists) leave(x *exchange) {
	if x.limit == nil {
		return
	}
	list := l.of(x)
	list.mu.Lock()
	defer list.mu.Unlock()
	list.remove(x)
}

// exempt is leave for a request whose connection was taken over: nothing limits that.
func (l *limitLists) exempt(x *exchange) {
	if x.limit != nil {
		x.limit.exempt.Store(true)
		l.leave(x)
	}
}

// remove takes a request out of its list, if it is in there. The caller holds the list's lock.
func (l *limitList) remove(x *exchange) {
	e := x.limit
	if e.phase == unlimited {
		return
	}
	e.phase = unlimited
	if e.before != nil {
		e.before.limit.after = e.after
	} else {
		l.first = e.after
	}
	if e.after != nil {
		e.after.limit.before = e.before
	}
	e.before, e.after = nil, nil
}

// run looks at the requests until there are none.
func (l *limitLists) run() {
	for {
		time.Sleep(limitInterval)
		late, overdue, more := l.due(elapsed())
		for _, x := range late {
			if !x.limit.exempt.Load() {
				x.context.end(context.DeadlineExceeded)
			}
		}
		if len(overdue) > 0 {
			go expire(overdue)
		}
		if more {
			continue
		}
		l.running.Store(false)
		if !l.any() || !l.running.CompareAndSwap(false, true) {
			return // a request that enters from here on finds it so
		}
	}
}

// due are the requests whose time has passed, and those whose grace has, which leave their list. More tells whether any
// are left.
func (l *limitLists) due(now time.Duration) (late, overdue []*exchange, more bool) {
	for i := range l.lists {
		list := &l.lists[i]
		list.mu.Lock()
		for x := list.first; x != nil; {
			next := x.limit.after
			switch {
			case x.limit.phase == inTime && now >= x.limit.deadline:
				x.limit.phase = inGrace
				late = append(late, x)
			case x.limit.phase == inGrace && now >= x.limit.deadline+microseconds(x.call.grace):
				list.remove(x)
				overdue = append(overdue, x)
			}
			x = next
		}
		more = more || list.first != nil
		list.mu.Unlock()
	}
	return late, overdue, more
}

func (l *limitLists) any() bool {
	for i := range l.lists {
		list := &l.lists[i]
		list.mu.Lock()
		first := list.first
		list.mu.Unlock()
		if first != nil {
			return true
		}
	}
	return false
}

// microseconds is one of httpd's times.
func microseconds(t C.apr_interval_time_t) time.Duration { return time.Duration(t) * time.Microsecond }

package apachebridge

// #include "modgo.h"
import "C"

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// An application that cannot be constructed is tried again after pauses that double from the first to the longest.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// ready constructs a callable, unless it has been tried, and tells whether it can answer requests. What an .htaccess file names
// is constructed by its first request.
func (p *process) ready(index int) bool {
	if index >= len(p.wanted) {
		return true // mod_go's own
	}
	if p.failed[index].Load() != 0 {
		return false // nobody waits for a further attempt
	}
	err := construct(p.callables[index])
	if err != nil && p.failed[index].CompareAndSwap(0, time.Now().Add(firstPause).UnixNano()) {
		cause := p.reportFailure(index, err, 0)
		if p.callables[index] != nil {
			go p.retry(index, cause)
		}
	}
	return err == nil
}

// retry tries to construct a callable until that succeeds, or the child begins to end. Cause is that of the last failure.
func (p *process) retry(index int, cause uint64) {
	c := p.callables[index]
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		p.failed[index].Store(time.Now().Add(pause).UnixNano())
		select {
		case <-time.After(pause):
		case <-stopping:
			return
		}
		attempt := make(chan struct{})
		go func() {
			defer close(attempt)
			_ = c.Retry() // runtime.Goexit in a constructor ends this goroutine
		}()
		<-attempt
		err := c.Construct()
		if err == nil {
			break
		}
		cause = p.reportFailure(index, err, cause)
	}
	startFunctions()
	p.failed[index].Store(0)
	if p.firstToSay(index, "", cause) {
		logLine(levelNotice, fmt.Sprintf("MODGO0008: the application %s could be constructed at last, and answers its requests", c))
	}
}

// reportFailure logs that a callable cannot be constructed, once for all children and each cause, and returns what stands for
// the cause. Before is that of the failure before; 0 if there was none.
func (p *process) reportFailure(index int, err error, before uint64) (cause uint64) {
	text := describe(err)
	first, rest, _ := strings.Cut(text, "\n")
	if cause = p.number(index, first); cause == before || !p.firstToSay(index, first, p.number(index, "")) {
		return cause
	}
	logLine(levelCritical, fmt.Sprintf("MODGO0003: the application %s cannot be constructed: %s; its requests are answered with 503, and it is tried again in %s, then after pauses of up to %s", p.name(index), first, firstPause, longestPause))
	logContinuation(levelCritical, rest)
	return cause
}

// name is the callable's for messages.
func (p *process) name(index int) string {
	var c C.modgo_callable
	C.modgo_callable_at(C.int(index), &c)
	return C.GoString(c._package) + "." + C.GoString(c.name)
}

// number stands for what may be said of a callable: why it cannot be constructed, or "" for that it could.
func (p *process) number(index int, what string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", index, what)
	return max(h.Sum64(), 1)
}

// firstToSay tells whether no other child of this configuration has said it, and takes back the opposite.
func (p *process) firstToSay(index int, what string, opposite uint64) bool {
	return C.modgo_startup_first(C.apr_uint64_t(p.number(index, what)), C.apr_uint64_t(opposite)) != 0
}

// unavailable answers a request for an application that cannot be constructed.
func (p *process) unavailable(call *C.modgo_request) C.int {
	next := time.Unix(0, p.failed[call.mapping.index].Load())
	return C.modgo_startup_unavailable(call.r, C.apr_interval_time_t(time.Until(next).Microseconds()))
}

// construct is Callable.Construct for one that may be missing, which only a builder of another version can cause.
func construct(c *modgo.Callable) error {
	if c == nil {
		return errNotRegistered
	}
	return c.Construct()
}

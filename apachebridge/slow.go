package apachebridge

// #include "modgo.h"
import "C"

import (
	"fmt"
	"time"
)

// The two ways in which a handler waits for its client, as C counts them.
const (
	toSend = 0 // the body
	toTake = 1 // the response
)

// waitBegins is when a wait for the client begins; zero where nobody wants to know.
func (x *exchange) waitBegins() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil || x.call.slow == 0 {
		return time.Time{}
	}
	return time.Now()
}

// waitEnds counts a wait for the client.
func (x *exchange) waitEnds(begun time.Time, what int) {
	if begun.IsZero() {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call != nil {
		x.call.waited[what] += C.apr_interval_time_t(time.Since(begun).Microseconds())
	}
}

// logIfSlow logs a request that has taken longer than GoSlowRequestLog. Result is what the content handler returns.
func (x *exchange) logIfSlow(begun time.Time, result C.int) {
	took := time.Since(begun)
	x.mu.Lock()
	if x.call == nil || x.taken != nil || took < microseconds(x.call.slow) {
		x.mu.Unlock()
		return
	}
	status, request := x.call.r.status, goString(x.call.r.the_request)
	sending, taking := microseconds(x.call.waited[toSend]), microseconds(x.call.waited[toTake])
	x.mu.Unlock()
	if result != C.OK {
		status = result
	}
	x.logLine(levelWarning, fmt.Sprintf("MODGO0017: slow: \"%s\" took the application %s %.3f s, of which it waited %.3f s for the client to send the body and %.3f s for it to take the response; status %d (request id %s)",
		request, x.callable, took.Seconds(), sending.Seconds(), taking.Seconds(), status, x.id()))
}

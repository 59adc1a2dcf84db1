package apachebridge

// #include "modgo.h"
import "C"

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// expire deals with handlers that have not returned when their grace was over: it logs where they stand, and answers their
// clients.
func expire(overdue []*exchange) {
	var stuck []*exchange
	var goroutines []int64
	for _, x := range overdue {
		if text, goroutine, runs := x.describeOverdue(); runs {
			x.logError("MODGO0016", "the handler still runs: "+text)
			stuck, goroutines = append(stuck, x), append(goroutines, goroutine)
		}
	}
	if len(stuck) == 0 {
		return
	}
	stuck[len(stuck)-1].logContinuation(levelError, goroutineDump(goroutines))
	for _, x := range stuck {
		go x.expire()
	}
}

// overdue tells whether the handler runs still: it may have returned, or taken its connection over, meanwhile. The caller
// holds the lock.
func (x *exchange) overdue() bool {
	return x.call != nil && x.call.ended == 0 && x.taken == nil && !x.limit.returned
}

// describeOverdue says what runs, and for how long, if it does.
func (x *exchange) describeOverdue() (text string, goroutine int64, runs bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.overdue() {
		return "", 0, false
	}
	text = fmt.Sprintf("\"%s\" has been with the application %s for %s, though its context ended after the %s of GoRequestTimeout. Its client is answered with 504, or, where the response has begun, sees it cut short. The goroutines follow, its own first",
		goString(x.call.r.the_request), x.callable, (elapsed() - x.limit.deadline + microseconds(x.call.time_limit)).Round(time.Millisecond), microseconds(x.call.time_limit))
	return text, int64(C.modgo_inflight_goroutine(x.call.slot)), true
}

// patienceAfterAnswer is how long a handler has for noticing that its client has been answered.
const patienceAfterAnswer = time.Second

// expire answers the client of a handler that does not return. If the handler still holds its thread after that, the child
// ends.
func (x *exchange) expire() {
	answer, ok := x.answerInstead()
	if !ok {
		return
	}
	x.deliver(answer)
	if x.release() {
		return
	}
	for end := time.Now().Add(patienceAfterAnswer); time.Now().Before(end); time.Sleep(limitInterval / 5) {
		if x.over() {
			return
		}
	}
	retire(x, answer.grace)
}

const lateBody = `<!DOCTYPE html>
<html><head><title>504 Gateway Timeout</title></head>
<body><h1>Gateway Timeout</h1><p>The application did not answer in time.</p></body></html>
`

// insteadOf is an answer that was given instead of a handler's.
type insteadOf struct {
	cut            C.int         // the handler's had begun, and was cut short
	timeout, grace time.Duration // httpd's, for the client; the handler's
}

// answerInstead gives the client of a handler that still runs its answer. Reads and writes of the handler's fail from here
// on, those that wait for the client too.
func (x *exchange) answerInstead() (answer insteadOf, ok bool) {
	head := gateway.AppendHead(nil, http.StatusGatewayTimeout, http.StatusText(http.StatusGatewayTimeout), modgo.Headers{
		{"Content-Type", "text/html; charset=utf-8"}, {"Content-Length", strconv.Itoa(len(lateBody))}, {"Connection", "close"},
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.overdue() {
		return answer, false
	}
	x.limit.expired = true
	x.broken = http.ErrHandlerTimeout
	if x.bodyEnd == nil {
		x.bodyEnd = http.ErrHandlerTimeout
	}
	answer = insteadOf{timeout: microseconds(x.call.timeout), grace: microseconds(x.call.grace)}
	answer.cut = C.modgo_expiry_answer(x.call, bytesOf(head), C.apr_size_t(len(head)), bytesOf([]byte(lateBody)), C.apr_size_t(len(lateBody)))
	if x.waiter != nil {
		x.waiter.read.setDeadline(epoch)
		x.waiter.write.setDeadline(epoch)
	}
	return answer, true
}

// deliver waits until the client has taken the answer, for as long as httpd's Timeout, and ends the connection.
func (x *exchange) deliver(answer insteadOf) {
	pushed := func(last bool) bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.call == nil {
			return true
		}
		if answer.cut == 0 && !last && C.modgo_response_push(x.call) == C.MODGO_AGAIN {
			return false
		}
		C.modgo_expiry_close(x.call, answer.cut)
		return true
	}
	for end := time.Now().Add(answer.timeout); !pushed(time.Now().After(end)); time.Sleep(limitInterval / 5) {
	}
}

// release lets Apache's thread go if the handler runs apart from it, and tells whether it does.
func (x *exchange) release() bool {
	if x.released == nil {
		return false
	}
	x.mu.Lock()
	runs := x.call != nil
	x.mu.Unlock()
	if runs {
		x.finish()
		close(x.released)
	}
	return true
}

// over tells whether httpd has gone on without the handler.
func (x *exchange) over() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call == nil
}

// handlerReturned ends the time in which the client is answered instead of the handler, and tells whether it was.
func (x *exchange) handlerReturned() (expired bool) {
	if x.limit == nil {
		return false
	}
	limits.leave(x)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.limit.returned = true
	return x.limit.expired
}

// hasExpired tells whether the client has been answered instead of the handler.
func (x *exchange) hasExpired() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.expired()
}

// expired is hasExpired for a caller who holds the lock.
func (x *exchange) expired() bool { return x.limit != nil && x.limit.expired }

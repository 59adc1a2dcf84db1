package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// waitStep is how long a wait lasts before it asks httpd again: its filters, such as mod_reqtimeout, look at the clock
// only when they are asked.
const waitStep = time.Second

// A stream of HTTP/2 has no descriptor to wait for: it is looked at again after streamStep, then more and more rarely, up
// to streamStepMax, or idleStepMax when the client has done nothing for idleAfter.
const (
	streamStep    = 50 * time.Microsecond
	streamStepMax = 5 * time.Millisecond
	idleAfter     = time.Second
	idleStepMax   = 20 * time.Millisecond
)

var (
	// errStalled tells that the client has neither sent nor taken anything for as long as it may.
	errStalled = errors.New("mod_go: the client has been silent for as long as Timeout allows")
	// errFinished tells that the handler has returned meanwhile.
	errFinished = errors.New("mod_go: the handler of this request has returned")
)

// waiter waits for the client of an exchange, for any goroutine and without the connection's lock: on a copy of the
// connection's descriptor, in Go's poller, which knows deadlines and can be woken. It is made when first needed.
type waiter struct {
	file        *os.File // the copy; nil for a stream of HTTP/2
	read, write direction
}

// direction is one of the two ways in which a client is waited for.
type direction struct {
	set  func(time.Time) error                // the descriptor's deadline; nil for a stream
	poll func(ready func(uintptr) bool) error // Go's poller; nil for a stream

	mu       sync.Mutex
	deadline time.Time // the application's; zero is none
	step     time.Time // when the wait under way ends
	closed   bool
}

// newWaiter makes the waiter of a connection, or of a stream if descriptor is -1.
func newWaiter(descriptor int) (*waiter, error) {
	w := &waiter{}
	if descriptor < 0 {
		return w, nil
	}
	copied, err := C.modgo_descriptor_copy(C.int(descriptor))
	if copied < 0 {
		return nil, fmt.Errorf("mod_go: this child has too many open files to wait for its client; raise the limit (ulimit -n): %w", err)
	}
	w.file = os.NewFile(uintptr(copied), "client")
	if err := syscall.SetNonblock(int(copied), true); err != nil { // as httpd has it already
		return nil, errors.Join(os.NewSyscallError("fcntl", err), w.file.Close())
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	w.read.set, w.read.poll = w.file.SetReadDeadline, raw.Read
	w.write.set, w.write.poll = w.file.SetWriteDeadline, raw.Write
	return w, nil
}

// close ends all waits. Its caller does not hold the exchange's lock, for which those that wait may have to wait in turn.
func (w *waiter) close() {
	w.read.close()
	w.write.close()
	if w.file != nil {
		_ = w.file.Close()
	}
}

func (d *direction) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.set != nil {
		_ = d.set(time.Unix(1, 0)) // wakes the wait under way
	}
}

// setDeadline sets the application's deadline, for waits under way too.
func (d *direction) setDeadline(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deadline = t
	d.apply()
}

// begin sets when the wait under way ends, and tells whether there is to be one.
func (d *direction) begin(step time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errFinished
	}
	d.step = step
	d.apply()
	return nil
}

// apply gives the poller the earlier of both times. The caller holds the lock.
func (d *direction) apply() {
	if d.set != nil {
		_ = d.set(d.until()) // fails when it is closed, which the poller tells
	}
}

func (d *direction) until() time.Time {
	if !d.deadline.IsZero() && (d.step.IsZero() || d.deadline.Before(d.step)) {
		return d.deadline
	}
	return d.step
}

// expired tells whether the application's deadline has passed.
func (d *direction) expired() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.deadline.IsZero() && !time.Now().Before(d.deadline)
}

// limited tells whether the application has set a deadline.
func (d *direction) limited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.deadline.IsZero()
}

// awaitHere waits for a moment on Apache's thread, if that is the caller's. Between the packets of an upload that is all it
// takes: Go's poller would hand the processor over to another thread and back.
func (x *exchange) awaitHere(writing C.int) (ready bool) {
	x.mu.Lock()
	call, w := x.call, x.waiter
	x.mu.Unlock()
	if call == nil || w != nil && (w.read.limited() || w.write.limited()) {
		return false // a deadline has to be able to end the wait
	}
	return C.modgo_client_await(call, writing) != 0
}

// wait calls try whenever the client may be ready, until try is done. Moved tells that the client has done something, which
// a descriptor that is ready tells too. Wait gives up with os.ErrDeadlineExceeded at the application's deadline, with
// errStalled when the client has done nothing for timeout (0: no limit), and with errFinished when the handler has returned.
func (d *direction) wait(timeout time.Duration, try func() (done, moved bool)) error {
	poll, progress := d.poll, time.Now()
	if poll == nil {
		pace := streamStep
		poll = func(ready func(uintptr) bool) error { return d.look(ready, &pace, &progress) }
	}
	for {
		if d.expired() {
			return os.ErrDeadlineExceeded
		}
		step := time.Now().Add(waitStep)
		if limit := progress.Add(timeout); timeout > 0 && limit.Before(step) {
			step = limit
		}
		if err := d.begin(step); err != nil {
			return err
		}
		waited := false
		err := poll(func(uintptr) bool {
			done, moved := try()
			if moved || waited && d.set != nil {
				progress = time.Now()
			}
			waited = true
			return done
		})
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return errFinished
		case timeout > 0 && time.Since(progress) >= timeout:
			return errStalled
		}
	}
}

// look is poll for a stream, at the pace that is kept from one call of a wait to the next; progress is when the client has
// last done something.
func (d *direction) look(ready func(uintptr) bool, pace *time.Duration, progress *time.Time) error {
	for !ready(0) {
		d.mu.Lock()
		closed, until := d.closed, d.until()
		d.mu.Unlock()
		now := time.Now()
		switch {
		case closed:
			return os.ErrClosed
		case !now.Before(until):
			return os.ErrDeadlineExceeded
		}
		if pause := min(*pace, until.Sub(now)); pause < time.Millisecond {
			C.modgo_sleep(C.apr_int64_t(pause / time.Microsecond))
		} else {
			time.Sleep(pause)
		}
		longest := streamStepMax
		if now.Sub(*progress) > idleAfter {
			longest = idleStepMax
		}
		*pace = min(2**pace, longest)
	}
	return nil
}

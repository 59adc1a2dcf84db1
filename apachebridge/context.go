package apachebridge

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/modgo"
)

// requestContext is the context of one request: it ends when the handler returns, when the client goes, and when the
// server stops. It is part of the exchange. It makes a channel, and has the client watched, only for a handler that asks.
type requestContext struct {
	exchange *exchange
	watched  watchEntry

	mu     sync.Mutex
	ending *ending // nil until somebody waits for it
	err    error
	after  map[*func()]struct{}
}

// ending is how the end of a context is told.
type ending struct {
	done <-chan struct{}
	tell func()
	// standard is package context's own. Those that are made from the request's context hang on it, through whatever
	// stands between, and so end together with it, as behind net/http's server. It is nil where GoRequestTimeout applies,
	// whose error it cannot have.
	standard context.Context
}

func newEnding(limited bool) *ending {
	if limited {
		done := make(chan struct{})
		return &ending{done: done, tell: func() { close(done) }}
	}
	standard, cancel := context.WithCancel(context.Background())
	return &ending{standard.Done(), cancel, standard}
}

var _ context.Context = (*requestContext)(nil)

// Deadline is when GoRequestTimeout ends the context; there is none for a connection that was taken over.
func (c *requestContext) Deadline() (time.Time, bool) {
	limit := c.exchange.limit
	if limit == nil || limit.exempt.Load() {
		return time.Time{}, false
	}
	return epoch.Add(limit.deadline), true
}

func (c *requestContext) Done() <-chan struct{} {
	clients.watch(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		c.ending = newEnding(c.exchange.limit != nil)
		if c.err != nil {
			c.ending.tell()
		}
	}
	return c.ending.done
}

func (c *requestContext) Err() error {
	clients.watch(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *requestContext) Value(key any) any {
	switch key {
	case modgo.ContextKey():
		return c.exchange.environ()
	case http.LocalAddrContextKey:
		if local := c.localAddr(); local != nil {
			return local
		}
	case http.ServerContextKey:
		return c.exchange.server()
	}
	if c.timedOut() {
		return endedByTimeout.Value(key) // where context.Cause looks for the cause
	}
	if standard := c.standard(); standard != nil {
		return standard.Value(key) // where package context looks for its own
	}
	return nil
}

// standard is what contexts that are made from this one hang on, nil if there is none.
func (c *requestContext) standard() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil {
		return nil
	}
	return c.ending.standard
}

// AfterFunc lets package context wait for the end without a goroutine (context.AfterFunc).
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	clients.watch(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[&f]
		delete(c.after, &f)
		return waiting
	}
}

// endedByTimeout is a context that has ended with the cause of all whose time has passed.
var endedByTimeout = func() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	end(apache.ErrRequestTimeout)
	return ctx
}()

// timedOut tells whether the context has ended because of GoRequestTimeout.
func (c *requestContext) timedOut() bool {
	if c.exchange.limit == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == context.DeadlineExceeded
}

// cancel ends the context when its request is over, or its client gone.
func (c *requestContext) cancel() { c.end(context.Canceled) }

// end ends the context, unless it has ended, and those that were made from it. The caller does not hold the exchange's
// lock.
func (c *requestContext) end(err error) {
	clients.forget(c)
	for f := range c.tell(err) {
		(*f)() // package context's, which end others and wait for nothing
	}
}

// tell ends the context and what hangs on it, before anybody else can find it ended, and returns what ends the others.
func (c *requestContext) tell(err error) (after map[*func()]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil
	}
	c.err = err
	if c.ending != nil {
		c.ending.tell()
	}
	after, c.after = c.after, nil
	return after
}

// localAddr is the address that the client connected to, for http.LocalAddrContextKey.
func (c *requestContext) localAddr() net.Addr {
	x := c.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.call != nil:
		return x.localAddr()
	case x.taken != nil:
		return x.taken.local
	}
	return nil
}

// localAddr is the address that the client connected to. The caller holds the lock.
func (x *exchange) localAddr() net.Addr {
	connection := x.call.r.connection
	return tcpAddr(goString(connection.local_ip), int(connection.local_addr.port))
}

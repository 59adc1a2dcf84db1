package apachebridge

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// requestContext is the context of one request: it ends when the handler returns, when the client goes, and when the
// server stops. It is part of the exchange. It makes a channel, and has the client watched, only for a handler that asks.
type requestContext struct {
	exchange *exchange
	watched  watchEntry

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
}

var _ context.Context = (*requestContext)(nil)

func (c *requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *requestContext) Done() <-chan struct{} {
	clients.watch(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
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
	return nil
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

// cancel ends the context.
func (c *requestContext) cancel() {
	clients.forget(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	for f := range c.after {
		go (*f)()
	}
	c.after = nil
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

package apachebridge

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// requestContext is the context of one request: it ends when the handler returns. It is part of the exchange, and makes
// a channel only for a handler that asks for one.
type requestContext struct {
	exchange *exchange

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
}

var _ context.Context = (*requestContext)(nil)

func (c *requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *requestContext) Done() <-chan struct{} {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *requestContext) Value(key any) any {
	switch key {
	case modgo.ContextKey():
		return &c.exchange.environ
	case http.LocalAddrContextKey:
		return c.exchange.localAddr()
	}
	return nil
}

// AfterFunc lets package context wait for the end without a goroutine (context.AfterFunc).
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
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
	c.mu.Lock()
	defer c.mu.Unlock()
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
func (x *exchange) localAddr() net.Addr {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return nil
	}
	local := x.call.r.connection.local_addr
	return &net.TCPAddr{IP: net.ParseIP(goString(x.call.r.connection.local_ip)), Port: int(local.port)}
}

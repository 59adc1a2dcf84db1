package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"io"
	"net"
	"os"

	"sync"
	"sync/atomic"
	"time"
)

// filteredConn is a connection that was taken over and whose bytes pass through httpd's filters: under TLS, above all.
// Its reads and writes call into httpd under the exchange's lock, and wait outside it.
type filteredConn struct {
	exchange      *exchange
	waiter        *waiter
	local, remote net.Addr

	closed  atomic.Bool
	done    chan struct{} // closed when Close has ended the connection
	writing sync.Mutex    // a Write is one piece, whatever others write meanwhile
}

// newFilteredConn makes the conn of an exchange whose lock the caller holds, and which has waited before.
func newFilteredConn(x *exchange) *filteredConn {
	c := &filteredConn{exchange: x, waiter: x.waiter, done: make(chan struct{})}
	connection := x.call.r.connection
	c.local = tcpAddr(goString(connection.local_ip), int(connection.local_addr.port))
	c.remote = tcpAddr(goString(connection.client_ip), int(connection.client_addr.port))
	return c
}

func tcpAddr(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }

// Read is that of a net.Conn.
func (c *filteredConn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	waited := c.waiter.read.wait(0, func() (done, moved bool) {
		var again bool
		n, err, again = c.read(p)
		return !again, false
	})
	if waited != nil {
		return 0, c.failure("read", waited)
	}
	if err != nil && err != io.EOF {
		err = c.failure("read", err)
	}
	return n, err
}

func (c *filteredConn) read(p []byte) (n int, err error, again bool) {
	x := c.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return 0, net.ErrClosed, false
	}
	got := C.modgo_taken_read(x.call, bytesOf(p), C.apr_size_t(len(p)))
	switch got.status {
	case C.MODGO_OK:
		return int(got.len), nil, false
	case C.MODGO_AGAIN:
		return 0, nil, true
	case C.MODGO_EOF:
		return 0, io.EOF, false
	}
	return 0, errors.New("the connection has failed: " + aprError(got.apr)), false
}

// Write is that of a net.Conn.
func (c *filteredConn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closed.Load() {
		return 0, c.failure("write", net.ErrClosed)
	}
	for {
		piece := p[n:min(n+bodyPiece, len(p))]
		if err := c.pass(func(call *C.modgo_request) C.modgo_status {
			return C.modgo_taken_write(call, bytesOf(piece), C.apr_size_t(len(piece)))
		}); err != nil {
			return n, c.failure("write", err)
		}
		if n += len(piece); n == len(p) {
			return n, nil
		}
	}
}

// pass calls into httpd, then waits until the client's kernel has taken everything.
func (c *filteredConn) pass(call func(*C.modgo_request) C.modgo_status) error {
	var status C.modgo_status
	begun := false
	err := c.waiter.write.wait(0, func() (done, moved bool) {
		x := c.exchange
		x.mu.Lock()
		defer x.mu.Unlock()
		switch {
		case x.call == nil:
			status = C.MODGO_ABORTED
		case !begun:
			status = call(x.call)
		default:
			status = C.modgo_response_push(x.call)
		}
		begun = true
		return status != C.MODGO_AGAIN, false
	})
	switch {
	case err != nil:
		return err
	case status != C.MODGO_OK:
		return errors.New("the connection is closed, or was reset by its peer")
	}
	return nil
}

// closeLimit is how long Close waits for a client that takes nothing to take the filters' end, such as TLS's alert.
const closeLimit = time.Second

// Close ends the connection, which lets Apache's thread go.
func (c *filteredConn) Close() error {
	if c.closed.Swap(true) {
		return c.failure("close", net.ErrClosed)
	}
	c.waiter.read.close()
	c.waiter.write.setDeadline(time.Unix(1, 0)) // ends a Write under way
	c.writing.Lock()
	defer c.writing.Unlock()
	c.waiter.write.setDeadline(time.Now().Add(closeLimit))
	_ = c.pass(func(call *C.modgo_request) C.modgo_status { return C.modgo_taken_end(call) })
	x := c.exchange
	x.mu.Lock()
	C.modgo_taken_close(x.call)
	x.mu.Unlock()
	c.waiter.close()
	close(c.done)
	return nil
}

// LocalAddr is the address that the client connected to.
func (c *filteredConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address that the connection comes from, which may be a proxy's.
func (c *filteredConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is that of a net.Conn.
func (c *filteredConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline is that of a net.Conn.
func (c *filteredConn) SetReadDeadline(t time.Time) error {
	c.waiter.read.setDeadline(t)
	return nil
}

// SetWriteDeadline is that of a net.Conn.
func (c *filteredConn) SetWriteDeadline(t time.Time) error {
	if !c.closed.Load() {
		c.waiter.write.setDeadline(t)
	}
	return nil
}

// failure is an error as those of package net are.
func (c *filteredConn) failure(op string, err error) error {
	if c.closed.Load() || errors.Is(err, errFinished) || errors.Is(err, os.ErrClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

package apachebridge

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// ownedConn is the filteredConn that the application has. When nobody refers to it any more, as after a handler that has
// forgotten to close it, the connection is closed, which lets Apache's thread go: a *net.TCPConn does the same.
type ownedConn struct{ *filteredConn }

var _ net.Conn = (*ownedConn)(nil)

func newOwnedConn(inner *filteredConn) net.Conn {
	owned := &ownedConn{inner}
	runtime.AddCleanup(owned, func(inner *filteredConn) { go func() { _ = inner.Close() }() }, inner)
	return owned
}

// Read and Write keep the connection from being taken for forgotten while they wait.
func (c *ownedConn) Read(p []byte) (int, error) {
	defer runtime.KeepAlive(c)
	return c.filteredConn.Read(p)
}

// Write is that of a net.Conn.
func (c *ownedConn) Write(p []byte) (int, error) {
	defer runtime.KeepAlive(c)
	return c.filteredConn.Write(p)
}

// A connection that is open for longer than forgotten after its handler has returned may have been forgotten. Whether it
// has, a garbage collection finds out, of which an idle process would have none for minutes; there is one at most in
// collectInterval.
const (
	forgotten       = time.Second
	collectInterval = 5 * time.Second
)

// collected is when connections that were forgotten have last been looked for.
var collected struct {
	sync.Mutex
	at time.Time
}

// awaitEnd waits until the connection is closed, if need be because nobody refers to it any more.
func (c *filteredConn) awaitEnd() {
	for pause := forgotten; pause > 0; {
		timer := time.NewTimer(pause)
		select {
		case <-c.done:
			timer.Stop()
			return
		case <-timer.C:
			pause = collect()
		}
	}
	<-c.done
}

// collect collects garbage, or returns how long not to.
func collect() (pause time.Duration) {
	collected.Lock()
	defer collected.Unlock()
	if pause = collectInterval - time.Since(collected.at); pause > 0 {
		return pause
	}
	runtime.GC()
	collected.at = time.Now()
	return 0
}

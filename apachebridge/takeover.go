package apachebridge

// #include "modgo.h"
import "C"

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"unsafe"
	"weak"

	"github.com/mod-go/mod-go/internal/gateway"
)

// hijack takes the connection from httpd (net/http, Hijacker): a plain one as a descriptor of our own, others, such as
// TLS, through httpd's filters. Apache's thread is free with the first kind, if the handler runs apart from it.
func (x *exchange) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if x.isStream() {
		return nil, nil, fmt.Errorf("mod_go: a stream of HTTP/2 is no connection that could be taken over: %w", http.ErrNotSupported)
	}
	if _, _, err := x.patience(); err != nil {
		return nil, nil, err
	}
	// Responses to earlier requests may be on their way still.
	if err := x.write(gateway.Flush, func() C.modgo_status { return C.modgo_connection_flush(x.call) }); err != nil {
		return nil, nil, err
	}
	conn, ahead, err := x.takeOver()
	if err != nil {
		return nil, nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		asByNetHTTP(tcp)
		taken.add(tcp)
		if x.released != nil {
			x.finish()
			close(x.released)
		}
	} else {
		clients.watch(&x.context) // Apache's thread holds it, so httpd's end has to end it
	}
	x.endLate()
	return conn, readWriter(conn, ahead), nil
}

// asByNetHTTP sets what a connection that net/http's server has accepted has: httpd's own have no keep-alive, without which
// an idle connection would outlive a peer that has vanished. Where the kernel refuses, the connection works all the same.
func asByNetHTTP(conn *net.TCPConn) {
	_ = conn.SetNoDelay(true)
	_ = conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true})
}

// takeOver takes the connection, and the bytes that httpd has read ahead. As long as it holds the lock nobody finds the
// connection half taken.
func (x *exchange) takeOver() (net.Conn, []byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return nil, nil, errFinished
	}
	if x.expired() || x.context.timedOut() {
		return nil, nil, http.ErrHandlerTimeout
	}
	x.taken = &takenOver{variables: newSnapshot(x.call), local: x.localAddr()}
	var got C.modgo_takeover
	switch C.modgo_take_over(x.call, &got) {
	case C.MODGO_OK:
	case C.MODGO_FAILED:
		return nil, nil, errors.New("mod_go: this child has too many open files to take a connection over; raise the limit (ulimit -n)")
	default:
		return nil, nil, net.ErrClosed
	}
	limits.exempt(x)
	x.broken = http.ErrHijacked
	x.bodyEnd = http.ErrBodyReadAfterClose
	ahead := C.GoBytes(unsafe.Pointer(got.ahead), C.int(got.ahead_len))
	if got.descriptor < 0 {
		x.taken.filtered = newFilteredConn(x)
		return newOwnedConn(x.taken.filtered), ahead, nil
	}
	file := os.NewFile(uintptr(got.descriptor), "client")
	defer file.Close()
	conn, err := net.FileConn(file)
	return conn, ahead, err
}

// isTaken tells whether the connection was taken over.
func (x *exchange) isTaken() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.taken != nil
}

// takenFiltered is the connection, if it was taken over through its filters; else nil.
func (x *exchange) takenFiltered() *filteredConn {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.filtered()
}

// filtered is takenFiltered for a caller who holds the lock.
func (x *exchange) filtered() *filteredConn {
	if x.taken == nil {
		return nil
	}
	return x.taken.filtered
}

// remembered are the variables of a request that httpd does not know any more; none unless its connection was taken over. The
// caller holds the lock.
func (x *exchange) remembered() snapshot {
	if x.taken == nil {
		return ""
	}
	return x.taken.variables
}

// readWriter reads what httpd has read ahead, then conn.
func readWriter(conn net.Conn, ahead []byte) *bufio.ReadWriter {
	const size = 4 << 10 // as net/http's
	if len(ahead) == 0 {
		return bufio.NewReadWriter(bufio.NewReaderSize(conn, size), bufio.NewWriterSize(conn, size))
	}
	r := bufio.NewReaderSize(&aheadReader{ahead, conn}, max(size, len(ahead)))
	_, _ = r.Peek(len(ahead)) // buffered, as a handler that looks at Buffered expects
	return bufio.NewReadWriter(r, bufio.NewWriterSize(conn, size))
}

// aheadReader reads from memory before it reads from conn.
type aheadReader struct {
	ahead []byte
	conn  net.Conn
}

// Read is that of an io.Reader.
func (r *aheadReader) Read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.conn.Read(p)
}

func (x *exchange) isStream() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && x.call.stream != 0
}

// taken are the plain connections that applications have taken over, which the child's end waits for. They are
// *net.TCPConn, as with net/http, and do not tell when they are closed: that is looked up.
var taken takenConns

type takenConns struct {
	mu    sync.Mutex
	conns []weak.Pointer[net.TCPConn]
	sweep int // the length at which closed ones are sought
}

func (t *takenConns) add(conn *net.TCPConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.conns) >= t.sweep {
		t.prune()
		t.sweep = max(64, 2*len(t.conns))
	}
	t.conns = append(t.conns, weak.Make(conn))
}

// prune forgets those that are closed, or that nobody refers to. The caller holds the lock.
func (t *takenConns) prune() {
	t.conns = slices.DeleteFunc(t.conns, func(p weak.Pointer[net.TCPConn]) bool {
		conn := p.Value()
		if conn == nil {
			return true
		}
		raw, err := conn.SyscallConn()
		return err != nil || raw.Control(func(uintptr) {}) != nil
	})
}

func (t *takenConns) live() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.prune()
	return len(t.conns)
}

// modgoGoTaken is how many connections that were taken over are open.
//
//export modgoGoTaken
func modgoGoTaken() C.int { return C.int(taken.live()) }

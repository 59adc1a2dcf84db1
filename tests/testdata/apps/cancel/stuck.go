package cancel

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

// stuck writes to a client that does not read, from a goroutine of its own, and meanwhile does everything else that a
// handler may do. It notes ID writes, ID read N when a write waits for good and it has read the body, of N bytes, and ID
// stopped when the write has ended.
func stuck(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	writes := writer{begun: make(chan []byte), ended: make(chan struct{})}
	go func() {
		writes.fill(w)
		note(id, "stopped")
		close(writes.ended)
	}()
	note(id, "writes")
	if !writes.awaitStuck() {
		note(id, "failed: no write waits for the client")
		return
	}
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		note(id, "failed "+err.Error())
	}
	note(id, "read "+strconv.FormatInt(n, 10))
	<-r.Context().Done()
	note(id, "ended "+strconv.FormatInt(time.Now().UnixNano(), 10))
	<-writes.ended
}

// writer is a goroutine that writes for as long as it can.
type writer struct {
	begun chan []byte   // gets how its stack begins in a dump of all goroutines, as "goroutine 7 "
	ended chan struct{} // closed when it has
	done  atomic.Int64  // blocks
}

// block is how many bytes are written at once: as many as are passed to httpd at once, so that it is seen when some go on.
const block = 64 << 10

func (f *writer) fill(w io.Writer) {
	var dump [64]byte
	header := dump[:runtime.Stack(dump[:], false)]
	f.begun <- header[:bytes.IndexByte(header, '[')]
	for zeros := make([]byte, block); ; f.done.Add(1) {
		if _, err := w.Write(zeros); err != nil {
			return
		}
	}
}

// awaitStuck waits until a write waits for the client, and does so still when it has been looked at again and again; or has
// failed by then.
func (f *writer) awaitStuck() bool {
	const looks, every = 20, 5 * time.Millisecond
	goroutine := <-f.begun
	waits, done := 0, int64(0)
	for end := time.Now().Add(longest); time.Now().Before(end); {
		if now := f.done.Load(); now != done || !waitsForClient(goroutine) {
			waits, done = 0, now
		} else if waits++; waits == looks {
			return true
		}
		select {
		case <-f.ended:
			return true
		case <-time.After(every):
		}
	}
	return false
}

// waitsForClient tells whether a goroutine waits for the client to take what was written, which only its stack tells: a
// write that takes its time may go on by itself.
func waitsForClient(goroutine []byte) bool {
	dump := make([]byte, 256<<10)
	for stack := range bytes.SplitSeq(dump[:runtime.Stack(dump, true)], []byte("\n\n")) {
		if bytes.HasPrefix(stack, goroutine) {
			return bytes.Contains(stack, []byte("apachebridge.(*exchange).drain("))
		}
	}
	return false
}

package cancel

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// stuck writes to a client that does not read, from a goroutine of its own, and meanwhile does everything else that a
// handler may do. It notes ID read N when it has read the body, of N bytes, and ID stopped when the write has ended.
func stuck(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				note(id, "stopped")
				return
			}
		}
	}()
	time.Sleep(100 * time.Millisecond) // by which the write waits; if it does not yet, the test proves less, and passes
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		note(id, "failed "+err.Error())
	}
	note(id, "read "+strconv.FormatInt(n, 10))
	<-r.Context().Done()
	note(id, "ended "+strconv.FormatInt(time.Now().UnixNano(), 10))
	<-stopped
}

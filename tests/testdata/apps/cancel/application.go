// Package cancel has a handler that waits for its request's context to end, and writes down when it does.
package cancel

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// Application answers /wait/ID by waiting: with ?read it reads the body first, with ?headed it sends a head before it waits,
// with ?polled it looks at Err rather than at Done. What it sees goes to the file that the environment variable EVENTS
// names, one line each: ID begun, ID ended TIME, ID finished. /quick asks for the context's channel and returns; /stuck/ID is stuck's.
var Application = newMux()

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/wait/{id}", wait)
	mux.HandleFunc("/stuck/{id}", stuck)
	mux.HandleFunc("/quick", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			note("quick", "ended early")
		default:
		}
		_, _ = io.WriteString(w, "quick")
	})
	return mux
}

// longest is how long a handler waits for what should come at once; under valgrind httpd itself can take half a minute.
const longest = 2 * time.Minute

func wait(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if r.URL.Query().Has("read") {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			note(id, "failed "+err.Error())
			return
		}
	}
	if r.URL.Query().Has("headed") {
		_ = http.NewResponseController(w).Flush()
	}
	note(id, "begun")
	defer note(id, "finished")
	if r.URL.Query().Has("polled") {
		for end := time.Now().Add(longest); r.Context().Err() == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	} else {
		select {
		case <-r.Context().Done():
		case <-time.After(longest):
		}
	}
	if r.Context().Err() != nil {
		note(id, "ended "+strconv.FormatInt(time.Now().UnixNano(), 10))
	}
}

var events struct {
	sync.Mutex
	file *os.File
}

func note(id, what string) {
	events.Lock()
	defer events.Unlock()
	if events.file == nil {
		file, err := os.OpenFile(os.Getenv("EVENTS"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			panic(err)
		}
		events.file = file
	}
	if _, err := fmt.Fprintln(events.file, id, what); err != nil {
		panic(err)
	}
}

// Package stream sends a response piece by piece, each as soon as it exists: server-sent events that a page shows live, and
// plain text that ticks.
//
//	curl -N http://127.0.0.1:8000/stream/events
//	curl -N -H 'Last-Event-ID: 28' http://127.0.0.1:8000/stream/events
//	curl -N 'http://127.0.0.1:8000/stream/chunks?n=5&interval=500ms'
//
// It shows both styles. The application is an http.Handler that flushes; Chunks is the same ticking as a WSGI-style
// application whose body is an iterator, for the directive GoCallableObject Chunks. In both the client's leaving ends
// the context, and with it the work.
//
// Each open stream occupies one thread of the server, so all of them end: after n pieces, and within 10 minutes.
package stream

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/modgo"
)

var (
	//go:embed stream.html
	content string
	//go:embed stream.js
	script string

	streamPage = page.New("Streams", content, script)
)

var application http.Handler = newMux()

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", showPage)
	mux.HandleFunc("GET /events", sendEvents)
	mux.HandleFunc("GET /chunks", sendChunks)
	return mux
}

func showPage(w http.ResponseWriter, r *http.Request) {
	scriptName := "" // served by net/http itself
	if env := modgo.FromContext(r.Context()); env != nil {
		scriptName = env.Get("SCRIPT_NAME")
	}
	document, err := streamPage.Render(page.Base(scriptName), nil)
	if err != nil {
		http.Error(w, "The page could not be made: "+err.Error()+".", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", streamPage.Policy())
	w.Write(document)
}

// event is the data of one server-sent event.
type event struct {
	Number  int       `json:"number"` // from 1 to Of
	Of      int       `json:"of"`
	Time    time.Time `json:"time"`    // UTC
	Process int       `json:"process"` // that sent it
}

// sendEvents sends events 1 to n, or those after the last that the client saw, in the format of the HTML standard, section "Server-sent
// events". When all were sent it answers 204, which tells an EventSource not to come back.
func sendEvents(w http.ResponseWriter, r *http.Request) {
	p, err := parsePace(r.URL.RawQuery, pace{count: 30, interval: time.Second})
	if err != nil {
		http.Error(w, "This stream cannot be sent: "+err.Error()+".", http.StatusBadRequest)
		return
	}
	id := r.Header.Get("Last-Event-ID") // from an EventSource that reconnects
	if id == "" {
		id = r.URL.Query().Get("last") // from a page that makes a new one
	}
	last, err := strconv.Atoi(id) // an ID that was never given out is as good as none
	if err != nil || last < 0 {
		last = 0
	}
	w.Header().Set("Cache-Control", "no-store")
	if last >= p.count {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	response := http.NewResponseController(w)
	send := func(format string, a ...any) error {
		if _, err := fmt.Fprintf(w, format, a...); err != nil {
			return err
		}
		return response.Flush()
	}
	// A client that loses the connection comes back after 2 seconds, with the ID of the last event that it saw.
	if r.Method == http.MethodHead || send("retry: 2000\n\n") != nil {
		return
	}
	rest := pace{count: p.count - last, interval: p.interval}
	for tick := range rest.ticks(r.Context()) {
		data, err := json.Marshal(event{last + tick.number, p.count, tick.time, os.Getpid()})
		if err != nil {
			panic(err) // none of its fields can fail
		}
		if send("id: %d\ndata: %s\n\n", last+tick.number, data) != nil {
			return // the client has gone
		}
	}
	if r.Context().Err() == nil {
		send("event: end\ndata: all %d events were sent\n\n", p.count) // the last write: there is nothing left to stop
	}
}

// sendChunks sends n lines, one an interval.
func sendChunks(w http.ResponseWriter, r *http.Request) {
	p, err := parsePace(r.URL.RawQuery, defaultChunks)
	if err != nil {
		http.Error(w, "This stream cannot be sent: "+err.Error()+".", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	response := http.NewResponseController(w)
	for line, err := range p.lines(r.Context()) {
		if err == nil {
			_, err = w.Write(line)
		}
		if err == nil {
			err = response.Flush()
		}
		if err != nil {
			panic(http.ErrAbortHandler) // a text cut short must not look whole
		}
	}
}

// Chunks is what sendChunks does, as a WSGI-style application: the server sends each block of the body before it asks for
// the next.
func Chunks(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	p, err := parsePace(env.Get("QUERY_STRING"), defaultChunks)
	if err != nil {
		startResponse("400 Bad Request", modgo.Headers{{"Content-Type", "text/plain; charset=utf-8"}})
		return modgo.Text("This stream cannot be sent: " + err.Error() + ".\n")
	}
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}})
	return p.lines(env.Context())
}

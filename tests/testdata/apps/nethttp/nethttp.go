// Package nethttp does with requests, responses and connections what programs for net/http do, and says what came of it. It
// needs nothing of mod_go, so that it can be compared with itself on net/http's own server.
package nethttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// Application is the handler of New whose outcomes go to the folder that the environment variable OUTCOMES names.
var Application = New("")

// New returns a handler that answers /report, /form and /multipart with what it sees of the request, has handlers of
// net/http's own at /timeout and /content, and runs the scripts of
// response.go and connection.go below /respond/SCRIPT/ID and /connection/SCRIPT/ID. What a script saw lies, when it has ended,
// in the file ID of the folder dir, or of that which OUTCOMES names if dir is empty: a JSON array of strings.
func New(dir string) http.Handler {
	mux := http.NewServeMux()
	routeRequests(mux)
	routeHandlers(mux)
	for path, scripts := range map[string]map[string]script{"/respond/": responses, "/connection/": connections} {
		for name, run := range scripts {
			mux.HandleFunc(path+name+"/{id}", run.serve(dir))
		}
	}
	mux.HandleFunc("/release/{id}", func(_ http.ResponseWriter, r *http.Request) {
		newLog(dir, r.PathValue("id")).signal("released")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			report(w, r) // whatever it names: a tunnel has no path
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// script is a handler that logs what it sees.
type script func(w http.ResponseWriter, r *http.Request, log *log)

func (s script) serve(dir string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		log := newLog(dir, r.PathValue("id"))
		defer log.end()
		s(w, r, log)
	}
}

// log is what one run of a script has seen. It may be used from several goroutines.
type log struct {
	path string

	mu      sync.Mutex
	lines   []string
	waiting int // for how many goroutines end has to wait
	ended   bool
}

func newLog(dir, id string) *log {
	if dir == "" {
		dir = os.Getenv("OUTCOMES")
	}
	must(os.MkdirAll(dir, 0o755))
	return &log{path: filepath.Join(dir, filepath.Base(id))}
}

// note adds a line.
func (l *log) note(format string, values ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, values...))
}

// spawn runs a goroutine that the outcome waits for, though the handler does not.
func (l *log) spawn(run func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	go func() {
		defer l.leave()
		run()
	}()
}

func (l *log) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	l.writeIfOver()
}

// end is the handler's.
func (l *log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.writeIfOver()
}

// writeIfOver writes the outcome when nobody adds to it any more. The caller holds the lock.
func (l *log) writeIfOver() {
	if !l.ended || l.waiting > 0 {
		return
	}
	content, err := json.Marshal(l.lines)
	must(err)
	must(os.WriteFile(l.path+".new", content, 0o644))
	must(os.Rename(l.path+".new", l.path)) // whole, for whoever waits for it
}

// signal makes a file that stands for an event, which another process can see.
func (l *log) signal(event string) {
	must(os.WriteFile(l.path+"."+event, nil, 0o644))
}

// signalled tells whether signal was called, here or elsewhere.
func (l *log) signalled(event string) bool {
	_, err := os.Stat(l.path + "." + event)
	return err == nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

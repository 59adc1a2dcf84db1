package devserver

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// A problem is why there is no application to answer a request.
type problem struct {
	Title     string
	Advice    string // what to do, and what happens then
	Diagnoses []diagnosis
	Output    string // what was printed, in full
}

const (
	// eventsPath is where an error page learns that it is out of date. An application sees it only where a page's
	// connection outlived the page, and whatever it answers makes the page reload.
	eventsPath = "/.modgo/dev/events"
	// closeTimeout is how long answers under way may take when the application takes over.
	closeTimeout = time.Second
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A page answers every request with the problem, on a listener of its own for the address.
type page struct {
	server *http.Server
	own    net.Listener
	served chan struct{}  // closed when no further connection is accepted
	open   sync.WaitGroup // connections
	ended  chan struct{}  // closed when the application has taken over

	mu      sync.Mutex
	problem problem
	version string        // of the problem
	changed chan struct{} // closed when the problem is another
	note    string        // what is being done about it
}

// showPage begins to answer with a problem. It takes over the listener.
func showPage(listener net.Listener, p problem) *page {
	page := &page{own: listener, served: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{})}
	page.setProblem(p)
	page.server = &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second, ConnState: page.count}
	go func() {
		defer close(page.served)
		_ = page.server.Serve(listener) // ends because the listener is closed
	}()
	return page
}

// setProblem replaces the problem, and has pages that are open reload.
func (p *page) setProblem(problem problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = ""
	if p.version != "" && p.problem.text() == problem.text() {
		p.wake()
		return // a reload would show the same
	}
	p.problem = problem
	p.version = fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())
	p.wake()
}

// setNote tells pages that are open what is being done.
func (p *page) setNote(note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = note
	p.wake()
}

func (p *page) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *page) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		p.open.Add(1)
	case http.StateClosed:
		p.open.Done()
	}
}

// end leaves the address to the application, and has pages that are open reload. It returns when the last answer is sent.
//
// This is not net/http's Shutdown, which closes connections whose first request it has not read yet.
func (p *page) end() {
	p.own.Close()
	<-p.served
	p.server.SetKeepAlivesEnabled(false)
	close(p.ended)
	answered := make(chan struct{})
	go func() {
		p.open.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(closeTimeout):
	}
	_ = p.server.Close()
	<-answered
}

// ServeHTTP answers with the problem, in HTML for browsers, or with the events of the page.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == eventsPath {
		p.serveEvents(w, r)
		return
	}
	p.mu.Lock()
	data := struct {
		problem
		Version, Note, Events string
		Reload                bool
	}{p.problem, p.version, p.note, eventsPath, r.Method == http.MethodGet}
	p.mu.Unlock()

	var content bytes.Buffer
	kind := "text/plain; charset=utf-8"
	if strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html") {
		kind = "text/html; charset=utf-8"
		if err := pageTemplate.Execute(&content, data); err != nil {
			fmt.Fprintf(&content, "<p>This page could not be made: %s", template.HTMLEscapeString(err.Error()))
		}
	} else {
		content.WriteString(data.text())
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(content.Bytes()) // an error: the client is gone
}

// text is the problem for a terminal.
func (p *problem) text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", p.Title)
	if p.Output != "" {
		fmt.Fprintf(&text, "%s\n\n", p.Output)
	}
	for _, d := range p.Diagnoses {
		if len(d.Excerpt) == 0 {
			continue
		}
		fmt.Fprintf(&text, "%s:%d\n", d.File, d.Line)
		for _, line := range d.Excerpt {
			mark := ' '
			if line.Marked {
				mark = '>'
			}
			fmt.Fprintf(&text, "%c%6d | %s\n", mark, line.Number, line.Text)
			if line.Marked && d.Column > 0 {
				fmt.Fprintf(&text, "        | %s^\n", line.Indent)
			}
		}
		text.WriteByte('\n')
	}
	text.WriteString(p.Advice + "\n")
	return text.String()
}

// serveEvents sends a page the version of the problem and the note, at first and whenever one of them changes.
func (p *page) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	for {
		p.mu.Lock()
		version, note, changed := p.version, p.note, p.changed
		p.mu.Unlock()
		fmt.Fprintf(w, "event: problem\ndata: %s\n\nevent: note\ndata: %s\n\n", version, note)
		if controller.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			fmt.Fprint(w, "event: problem\ndata: none\n\n")
			return
		case <-r.Context().Done():
			return
		}
	}
}

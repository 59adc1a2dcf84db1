package programs

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// An upstream is the server behind the proxy. It runs in the test's own process, so that the test sees what comes, and when.
type upstream struct {
	server *httptest.Server
	events chan string   // what its handlers tell
	gate   chan struct{} // what they wait for
}

func startUpstream(t *testing.T) *upstream {
	up := &upstream{events: make(chan string, 16), gate: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", up.echo)
	mux.HandleFunc("/sum", up.sum)
	mux.HandleFunc("/stream", up.stream)
	mux.HandleFunc("/read", up.read)
	mux.HandleFunc("/trailers", up.trailers)
	mux.HandleFunc("/bare", up.bare)
	mux.HandleFunc("/waiting", up.waiting)
	mux.HandleFunc("/streaming", up.streaming)
	mux.HandleFunc("/length", up.cut)
	mux.HandleFunc("/chunked", up.cut)
	mux.HandleFunc("/hints", up.hints)
	mux.HandleFunc("/upgrade", up.upgrade)
	up.server = httptest.NewServer(mux)
	t.Cleanup(up.server.Close)
	return up
}

// wait waits for what a handler tells.
func (up *upstream) wait(t testing.TB, want string) {
	t.Helper()
	select {
	case got := <-up.events:
		if got != want {
			t.Fatalf("the upstream tells %q; want %q", got, want)
		}
	case <-time.After(httpdtest.Limit(proxyLimit)):
		t.Fatalf("the upstream never tells %q", want)
	}
}

// open lets a handler go on.
func (up *upstream) open(t testing.TB) {
	t.Helper()
	select {
	case up.gate <- struct{}{}:
	case <-time.After(httpdtest.Limit(proxyLimit)):
		t.Fatal("no handler of the upstream waits")
	}
}

// pass waits for the gate, or for the end of the request.
func (up *upstream) pass(r *http.Request) {
	select {
	case <-up.gate:
	case <-r.Context().Done():
	}
}

func (up *upstream) echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Seen", r.Method+" "+r.URL.RequestURI())
	w.Header()["X-Forwarded"] = []string{r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host")}
	w.Header().Add("X-Twice", "one")
	w.Header().Add("X-Twice", "two")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, "%s %s", r.Header.Get("X-Asked"), body)
}

// sum answers as many bytes as it gets, and their checksum.
func (up *upstream) sum(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, _ := io.Copy(sum, r.Body)
	w.Header().Set("X-Sum", hex.EncodeToString(sum.Sum(nil)))
	io.Copy(w, io.LimitReader(zeros{}, n)) // the client sees an error
}

// zeros are bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (up *upstream) stream(w http.ResponseWriter, r *http.Request) {
	for i := range 3 {
		fmt.Fprintln(w, "line", i)
		w.(http.Flusher).Flush()
		up.pass(r)
	}
}

func (up *upstream) read(_ http.ResponseWriter, r *http.Request) {
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		up.events <- lines.Text()
	}
	up.events <- "end"
}

func (up *upstream) trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Announced")
	fmt.Fprint(w, "body")
	w.(http.Flusher).Flush()
	w.Header().Set("X-Announced", "yes")
	w.Header().Set(http.TrailerPrefix+"X-Late", "too")
}

func (up *upstream) bare(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Announced")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	w.Header().Set("X-Announced", "yes")
}

func (up *upstream) waiting(_ http.ResponseWriter, r *http.Request) {
	up.events <- "called"
	<-r.Context().Done()
	up.events <- "cancelled"
}

func (up *upstream) streaming(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "begun")
	w.(http.Flusher).Flush()
	up.waiting(w, r)
}

// cut ends a response before it is complete.
func (up *upstream) cut(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/length" {
		w.Header().Set("Content-Length", "1000")
	}
	fmt.Fprint(w, "the beginning")
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func (up *upstream) hints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	fmt.Fprint(w, "done")
}

// upgrade speaks a protocol of its own: each line comes back in capitals.
func (up *upstream) upgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "capitals" {
		http.Error(w, "upgrade to capitals", http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: capitals\r\n\r\n")
	lines := bufio.NewScanner(buffered)
	for lines.Scan() {
		fmt.Fprintln(conn, strings.ToUpper(lines.Text()))
	}
	up.events <- "hung up"
}

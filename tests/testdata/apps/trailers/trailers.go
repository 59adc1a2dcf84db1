// Package trailers sends responses with trailers.
package trailers

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Application sends the header X-Kept, a body, and the trailers X-Sum, of two values, and X-Count. The form's values say the
// rest:
//
//	announce  "header", the field Trailer; "prefix", http.TrailerPrefix; "both", one trailer this way and one the other;
//	          "none", so that they must not be sent
//	size      the length of the body, 0 by default
//	length    a Content-Length, if it is there
//	flush     the head is flushed before the body, if it is there
//	status    200 by default
//
// The path /echo sends back the request's body and its trailers; the others under /odd are what net/http does not send as it is
// asked to.
var Application = newMux()

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/", send)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/odd/unset", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Count")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Count", "4")
	})
	mux.HandleFunc("/odd/forbidden", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Content-Length, Transfer-Encoding, Trailer, X-Count")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("Content-Length", "100")
		w.Header().Set("Transfer-Encoding", "chunked")
		w.Header().Set("X-Count", "4")
	})
	mux.HandleFunc("/odd/newline", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "first\r\nX-Injected: yes\r\n\r\nsecond")
		w.Header().Set(http.TrailerPrefix+"X-Count", "4")
	})
	mux.HandleFunc("/odd/large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", strings.Repeat("s", Large))
	})
	return mux
}

// Large is the length of the trailer of /odd/large.
const Large = 64 << 10

// Body is what Application sends.
func Body(size int) string { return strings.Repeat("0123456789abcdef", size/16+1)[:size] }

func send(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.FormValue("size"))       // 0 if there is none
	status, err := strconv.Atoi(r.FormValue("status")) // 200 if there is none
	if err != nil {
		status = http.StatusOK
	}
	sum, count := "X-Sum", "X-Count"
	header := w.Header()
	header.Set("X-Kept", "yes")
	header.Set("Content-Type", "text/plain")
	switch r.FormValue("announce") {
	case "header":
		header.Set("Trailer", "X-Sum, X-Count")
	case "prefix":
		sum, count = http.TrailerPrefix+sum, http.TrailerPrefix+count
	case "both":
		header.Set("Trailer", "X-Sum")
		count = http.TrailerPrefix + count
	}
	if r.Form.Has("length") {
		header.Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(status)
	if r.Form.Has("flush") {
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
	}
	for body := Body(size); body != ""; {
		n := min(len(body), 1000)
		if _, err := io.WriteString(w, body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
	header.Add(sum, "first")
	header.Add(sum, "second")
	header.Set(count, strconv.Itoa(size))
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(body)
	for name, values := range r.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

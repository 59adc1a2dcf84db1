package services

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/mod-go/mod-go/apache"
)

// answerOtherwise has httpd answer. Parameters tell what the handler does round that: read=N reads so many bytes of the
// body, first= and then= are what it does before and after.
func answerOtherwise(w http.ResponseWriter, r *http.Request, httpd *apache.Request) {
	query := r.URL.Query()
	w.Header().Set("X-Own", "yes")
	if own := query.Get("type"); own != "" {
		w.Header().Set("Content-Type", own)
	}
	if n, err := strconv.Atoi(query.Get("read")); err == nil {
		if _, err := io.ReadFull(r.Body, make([]byte, n)); err != nil {
			panic(err)
		}
	}
	act(w, r, query.Get("first"))
	if err := choose(httpd, query); err != nil {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		w.WriteHeader(apache.StatusOf(err))
		fmt.Fprint(w, err)
		return
	}
	act(w, r, query.Get("then"))
}

func act(w http.ResponseWriter, r *http.Request, what string) {
	switch what {
	case "write":
		fmt.Fprint(w, "this is dropped")
	case "flush":
		fmt.Fprint(w, "begun ")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
	case "fail": // with an error document of httpd's, if it were not for what was asked
		w.Header().Set("X-Late", "yes")
		w.WriteHeader(http.StatusGone)
	case "not-found":
		http.NotFound(w, r)
	case "panic":
		panic("after it was asked for")
	case "read":
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// countdown redirects to itself until n is zero.
func countdown(w http.ResponseWriter, httpd *apache.Request, query url.Values) {
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil {
		panic(err)
	}
	if n == 0 {
		fmt.Fprint(w, "landed")
		return
	}
	if err := httpd.Redirect("/app/countdown?n=" + strconv.Itoa(n-1)); err != nil {
		panic(err)
	}
}

// hijack takes the connection over after httpd was asked to answer.
func hijack(w http.ResponseWriter, httpd *apache.Request, query url.Values) {
	if err := choose(httpd, query); err != nil {
		panic(err)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	refused := httpd.Redirect("/") != nil && httpd.SendFile("/") != nil
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ntaken over, refused: %t", refused)
}

// keep takes the connection over, says so, and keeps it until the client ends it.
func keep(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	go func() {
		defer conn.Close()
		fmt.Fprint(conn, "kept")
		_, _ = io.Copy(io.Discard, conn)
	}()
}

// wait answers when the context ends.
func wait(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "waiting ")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
	fmt.Fprint(w, "ended")
}

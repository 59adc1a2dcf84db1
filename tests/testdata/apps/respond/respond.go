// Package respond makes responses of every kind through net/http's contract; the path selects which.
package respond

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

var application = routes()

// adapted is the same as an Application.
var adapted = modgo.FromHandler(application)

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/bytes/{n}", sendBytes)
	mux.HandleFunc("/length/{n}", sendLength)
	mux.HandleFunc("/relay", relay)
	mux.HandleFunc("/count", count)
	mux.HandleFunc("/trailer", trailer)
	mux.HandleFunc("/ignore", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ignored") })
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "refused", http.StatusForbidden) })
	mux.HandleFunc("/hints", hints)
	mux.HandleFunc("/close", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "closing")
	})
	mux.HandleFunc("/header/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(r.Header[r.PathValue("name")], "|"))
	})
	mux.HandleFunc("/status/{code}", sendStatus)
	mux.HandleFunc("/location", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"z", "a", "m"} {
			http.SetCookie(w, &http.Cookie{Name: name, Value: "1"})
		}
	})
	mux.HandleFunc("/sniff/{kind}", sniff)
	mux.HandleFunc("/include", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `before[<!--#include virtual="%s" -->]after`, r.URL.Query().Get("virtual"))
	})
	return mux
}

// letters are the n bytes of a body: the alphabet over and over.
func letters(n int) []byte {
	return bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), n/26+1)[:n]
}

// sendBytes writes n bytes, in one piece or, with ?pieces, byte by byte; it sets no Content-Length.
func sendBytes(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	w.Header().Set("X-Seen", r.Method)
	if !r.URL.Query().Has("pieces") {
		_, _ = w.Write(letters(n))
		return
	}
	for _, b := range letters(n) {
		_, _ = w.Write([]byte{b})
	}
}

// sendLength sets Content-Length itself.
func sendLength(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.PathValue("n"))
	w.Header().Set("Content-Length", strconv.Itoa(n))
	_, _ = w.Write(letters(n))
}

// relay sends every piece of the request's body back as soon as it comes.
func relay(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	response := http.NewResponseController(w)
	_, _ = io.WriteString(w, "begin ")
	_ = response.Flush()
	piece := make([]byte, 4096)
	for {
		n, err := r.Body.Read(piece)
		_, _ = w.Write(piece[:n])
		_ = response.Flush()
		if err != nil {
			fmt.Fprintf(w, " %v", err)
			return
		}
	}
}

// count answers with the length of the body, and that reading on at its end gives the same end again.
func count(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	_, again := r.Body.Read(make([]byte, 1))
	fmt.Fprintf(w, "%d %v %v", n, err, again)
}

// trailer answers with what followed a chunked body, and with what the same name has among the headers.
func trailer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "trailer=%s header=%s", r.Trailer.Get("X-Sum"), r.Header.Get("X-Sum"))
}

// hints sends an informational response before it reads the request's body.
func hints(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	w.Header().Set("X-Final", "yes")
	n, _ := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "%d", n)
}

// sendStatus answers with a status, headers that belong to some of them, and the body of ?body.
func sendStatus(w http.ResponseWriter, r *http.Request) {
	code, _ := strconv.Atoi(r.PathValue("code"))
	switch code {
	case http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", `Bearer realm="tests"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="tests"`)
	case http.StatusMethodNotAllowed:
		if r.URL.Query().Has("lines") {
			w.Header()["Allow"] = []string{"GET", "PURGE"}
		} else {
			w.Header().Set("Allow", "GET, PURGE")
		}
	case http.StatusNotModified:
		w.Header().Set("ETag", `"v1"`)
	}
	w.Header().Set("X-Kept", "yes")
	w.WriteHeader(code)
	if body := r.URL.Query().Get("body"); body != "" {
		_, _ = io.WriteString(w, body)
	}
}

// sniff leaves the Content-Type to be found out, unless the kind says otherwise.
func sniff(w http.ResponseWriter, r *http.Request) {
	body := "plain words"
	switch r.PathValue("kind") {
	case "html":
		body = "<!DOCTYPE html><title>t</title>"
	case "png":
		body = "\x89PNG\r\n\x1a\n"
	case "explicit":
		w.Header().Set("Content-Type", "application/vnd.tests")
	case "suppressed":
		w.Header()["Content-Type"] = nil
	case "encoded":
		w.Header().Set("Content-Encoding", "x-tests")
	case "empty":
		body = ""
	}
	_, _ = io.WriteString(w, body)
}

// Package hellohandler answers as apps/hello does, as an http.Handler.
package hellohandler

import (
	"io"
	"net/http"
	"strconv"
)

func application(w http.ResponseWriter, r *http.Request) {
	body := "The request method was " + r.Method
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = io.WriteString(w, body)
}

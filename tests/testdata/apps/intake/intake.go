// Package intake reads bodies, and tells what has become of them.
package intake

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/mod-go/mod-go/modgo"
)

// Application logs what the body of a request with ?name= came to, and answers with it, with status 422 if it failed. /left
// answers nothing then.
func Application(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	text := fmt.Sprintf("%d bytes, %s", n, kind(err))
	log.Printf("%s: %s", r.URL.Query().Get("name"), text)
	switch {
	case err == nil:
		_, _ = io.WriteString(w, text)
	case r.URL.Path != "/left":
		http.Error(w, text, http.StatusUnprocessableEntity)
	}
}

// WSGI fails with the body's error.
func WSGI(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return func(yield func([]byte, error) bool) {
		n, err := io.Copy(io.Discard, env.Input())
		if err != nil {
			yield(nil, fmt.Errorf("reading the form: %w", err))
			return
		}
		yield(fmt.Appendf(nil, "%d bytes, whole", n), nil)
	}
}

// kind names what an application can tell of an error.
func kind(err error) string {
	var timeout interface{ Timeout() bool }
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return "whole"
	case errors.As(err, &tooLarge):
		return fmt.Sprintf("larger than %d", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &timeout) && timeout.Timeout():
		return "too slow"
	}
	return "failed: " + err.Error()
}

// Package hijack takes connections over by hand, and says what became of it.
package hijack

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Application answers every path.
func Application(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		fmt.Fprintf(w, "%s: not supported", r.Proto)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
	if rw.Flush() != nil {
		return
	}
	io.Copy(conn, rw) // until the client ends its half
}

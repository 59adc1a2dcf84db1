// Package version answers with which build of it runs: "first", or "second" under the build tag of that name.
package version

import (
	"io"
	"net/http"
)

func application(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, build)
}

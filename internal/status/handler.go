package status

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"time"
)

// patience is how long children have to answer.
const patience = time.Second

// NewHandler returns the handler that shows what source knows: the page, and under it json and metrics. Where the page is does
// not matter: the last segment of the path tells.
func NewHandler(source Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The status can only be read: GET or HEAD.", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r = r.WithContext(ctx)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch path.Base(r.URL.Path) {
		case "metrics":
			serveMetrics(w, r, source)
		case "json":
			w.Header().Set("Content-Type", "application/json")
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			_ = encoder.Encode(source.Report(ctx)) // the client is gone if it fails
		default:
			servePage(w, r, source.Report(ctx))
		}
	})
}

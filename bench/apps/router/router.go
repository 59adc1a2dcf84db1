// Package router is the benchmark's site on github.com/go-chi/chi.
package router

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/mod-go/mod-go/bench/internal/site"
)

// Application is the router.
var Application http.Handler = routes()

func routes() *chi.Mux {
	r := chi.NewRouter()
	r.Get("/hello", site.Hello)
	r.Get("/headers", site.Headers)
	r.Post("/echo", site.Echo)
	r.Post("/upload", site.Upload)
	r.Get("/flushes", site.Flushes)
	r.Get("/memory/{bytes}", site.Memory)
	r.Get("/file/{name}", site.File)
	r.Get(site.CountersPath, site.Counters)
	return r
}

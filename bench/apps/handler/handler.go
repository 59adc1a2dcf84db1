// Package handler is the benchmark's site as an http.Handler.
package handler

import (
	"net/http"

	"github.com/mod-go/mod-go/bench/internal/site"
)

// Application answers each workload.
func Application(w http.ResponseWriter, r *http.Request) { site.Handler.ServeHTTP(w, r) }

// Package metered has metrics of its own, as any program has them that uses Prometheus's client.
package metered

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var greetings = promauto.NewCounterVec(prometheus.CounterOpts{Name: "greetings_total", Help: "Greetings, by language and child."}, []string{"child", "language"})

// Application counts a greeting in the language that the query names.
func Application(w http.ResponseWriter, r *http.Request) {
	greetings.WithLabelValues("first-born", r.FormValue("language")).Inc()
	fmt.Fprintln(w, "hello")
}

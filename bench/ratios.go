package bench

import (
	"fmt"
	"strings"
)

// Ratio is a comparison of two peers that has a bound.
type Ratio struct {
	Name     string
	Of, To   *Peer
	Workload Workload
	Measure  Measure
	Bound    float64 // 0: none, it is there for comparison
	AtMost   bool    // the bound is an upper one
}

// ratios are what the module has to reach. Where the name says mod_go without a style, it is the http.Handler, the dearer of
// the two. The first three leave out what the module saves httpd between requests, so that they tell what the bridge costs.
var ratios = []Ratio{
	{"C handler / mod_go, GoKeepAliveWait off", C, HandlerAlone, Hello, CPU, 0.85, false},
	{"the same, WSGI style", C, ApplicationAlone, Hello, CPU, 0.88, false},
	{"the same, 30+12 headers", C, HandlerAlone, Headers, CPU, 0.75, false},
	{"C handler / mod_go", C, Handler, Hello, CPU, 0.85, false},
	{"mod_proxy_http to Go over a Unix socket / mod_go", ProxyUnix, Handler, Hello, CPU, 2.2, false},
	{"the same / C handler, the limit", ProxyUnix, C, Hello, CPU, 0, false},
	{"mod_wsgi embedded / mod_go", WSGIEmbedded, Handler, Hello, CPU, 1.5, false},
	{"mod_wsgi daemon / mod_go", WSGIDaemon, Handler, Hello, CPU, 3.0, false},
	{"mod_proxy_fcgi to Go / mod_go", ProxyFCGI, Handler, Hello, CPU, 4.0, false},
	{"mod_go / Apache's own files, 10 MB", Handler, Static, FileLarge, Throughput, 0.95, false},
	{"mod_go / C handler, 10 MB upload", Handler, C, Upload, Throughput, 0.95, false},
	{"mod_go / C handler, 32 connections", Handler, C, Hello, P99, 1.3, true},
}

// grace is the share by which the short form lets a bound be missed: it has few rounds.
const grace = 0.10

// Result is a ratio that was measured: round by round, of neighbours in time, whatever else the machine does.
type Result struct {
	Ratio
	Spread
}

// resultOf compares the series of a ratio's two peers.
func (r Ratio) resultOf(of, to Series) Result {
	values := of.values(r.Measure)
	for i, value := range to.values(r.Measure) {
		values[i] /= value
	}
	return Result{r, spreadOf(values)}
}

// Reached tells whether the bound is, or is missed by no more than a share.
func (r Result) Reached(grace float64) bool {
	if r.AtMost {
		return r.Median <= r.Bound*(1+grace)
	}
	return r.Median >= r.Bound*(1-grace)
}

// BoundText is the bound in words.
func (r Ratio) BoundText() string {
	if r.Bound == 0 {
		return "for comparison"
	}
	if r.AtMost {
		return fmt.Sprintf("at most %.2f", r.Bound)
	}
	return fmt.Sprintf("at least %.2f", r.Bound)
}

func (r Result) String() string {
	return fmt.Sprintf("%-50s %-11s %5.2f (%.2f..%.2f), %s", r.Name, r.Measure.Name, r.Median, r.Low, r.High, r.BoundText())
}

// ratioText lists results for people.
func ratioText(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		mark := "  "
		if !r.Reached(0) {
			mark = "! "
		}
		b.WriteString(mark + r.String() + "\n")
	}
	return b.String()
}

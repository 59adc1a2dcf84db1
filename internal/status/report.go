// Package status shows what a server with mod_go does: as a page for people, as JSON, and as metrics for Prometheus.
package status

import (
	"context"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Source knows the server. Its methods may be called from any goroutine.
type Source interface {
	// Report tells what the server does now. A child that does not answer before ctx ends is reported as silent.
	Report(ctx context.Context) *Report
	// Metrics gathers those of the children that answer before ctx ends.
	Metrics(ctx context.Context) []ChildMetrics
}

// ChildMetrics are the metrics of one child's process: those of its Go runtime, and those that applications have registered.
type ChildMetrics struct {
	Child    int
	Families []*dto.MetricFamily
}

// A Report is what the server does at one moment. It is the JSON of /json; all durations there are in seconds, all sizes in
// bytes.
type Report struct {
	Time         time.Time     `json:"time"`
	AnsweredBy   int           `json:"answered_by"` // the pid of the child that made this report
	Server       Server        `json:"server"`
	Build        Build         `json:"build"`
	Applications []Application `json:"applications"`
	Children     []Child       `json:"children"`
	InFlight     []Request     `json:"in_flight"` // the oldest first; not those for this report
}

// Server is the httpd.
type Server struct {
	Version         string    `json:"version"`
	MPM             string    `json:"mpm"`
	PID             int       `json:"pid"` // of the parent
	Started         time.Time `json:"started"`
	Configured      time.Time `json:"configured"` // when it was last started or restarted, gracefully or not
	Restarts        int       `json:"restarts"`   // since it was started
	ChildrenStarted uint64    `json:"children_started"`
	ChildrenDied    uint64    `json:"children_died"` // without httpd having asked them to: see the error log
}

// Build is the object that the answering child runs.
type Build struct {
	ModGo    string `json:"mod_go"`
	Go       string `json:"go"`
	ID       string `json:"id"`                 // the go command's build ID; "unknown" if it has none
	Module   string `json:"module,omitempty"`   // what it was built from, with its version
	Revision string `json:"revision,omitempty"` // of version control, with "+dirty" where files had been changed
}

// Application is one of those that the object holds, or that one before it held, if it has answered a request. Its figures
// are sums over all children since the server was started, those that have ended too.
type Application struct {
	Name     string         `json:"name"` // import path, dot, name of the value
	Requests uint64         `json:"requests"`
	InFlight int            `json:"in_flight"`
	Statuses []StatusCount  `json:"statuses"`
	Rate     float64        `json:"rate"`    // requests a second, in the last ten
	Seconds  []uint32       `json:"seconds"` // requests in each of the last seconds, the last one first
	Latency  Latency        `json:"latency"` // of this minute and the last
	Duration DurationCounts `json:"-"`
}

// StatusCount says how many responses had a status; 0 stands for all others when there were very many.
type StatusCount struct {
	Status   int    `json:"status"`
	Requests uint64 `json:"requests"`
}

// Latency is how long handlers took. Quantiles are read from classes, and off by 28 % at most.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

// Child is a process of httpd's.
type Child struct {
	Child      int       `json:"child"` // its place, which another gets when it has ended
	PID        int       `json:"pid"`
	Generation int       `json:"generation"`
	State      string    `json:"state"` // see the constants
	Started    time.Time `json:"started"`
	Requests   uint64    `json:"requests"` // answered by applications in it
	Threads    Threads   `json:"threads"`
	Process    *Process  `json:"process,omitempty"` // nil: it did not answer
}

// The states of a child.
const (
	Starting = "starting"
	Waiting  = "waiting" // answers for applications with 503, because their start has failed: see the error log
	Serving  = "serving"
	Ending   = "ending" // serves what it has to the end, and takes nothing more
	Silent   = "silent" // did not answer in time: it hangs, or is short of CPU
)

// Threads that serve requests.
type Threads struct {
	Total int `json:"total"`
	Busy  int `json:"busy"` // with applications
}

// Process is what a child says of itself.
type Process struct {
	BuildID     string  `json:"build_id"` // of the object that it runs
	Ending      bool    `json:"ending"`
	Connections int     `json:"taken_connections"` // that handlers have taken over, WebSockets for instance
	Goroutines  uint64  `json:"goroutines"`
	MaxProcs    uint64  `json:"gomaxprocs"`
	Heap        uint64  `json:"heap_bytes"`     // objects that live, and garbage not yet collected
	Runtime     uint64  `json:"runtime_bytes"`  // all memory of the Go runtime, less what it gave back
	Resident    uint64  `json:"resident_bytes"` // of the whole process
	MemoryLimit uint64  `json:"memory_limit_bytes,omitempty"`
	GC          GC      `json:"gc"`
	CPU         float64 `json:"cpu_seconds"`
}

// GC is the garbage collector's work since the child's start.
type GC struct {
	Cycles   uint64  `json:"cycles"`
	PauseP50 float64 `json:"pause_p50"`
	PauseP99 float64 `json:"pause_p99"`
	PauseMax float64 `json:"pause_max"`
}

// Request is one that an application is at work on.
type Request struct {
	Application string  `json:"application"`
	Child       int     `json:"child"`
	PID         int     `json:"pid"`
	Method      string  `json:"method"`
	URL         string  `json:"url"` // without the query, which may have secrets
	Client      string  `json:"client"`
	ID          string  `json:"id"` // in the logs
	Seconds     float64 `json:"seconds"`
}

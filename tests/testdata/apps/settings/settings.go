// Package settings answers with what the Go runtime of the child was told, and that it lives.
package settings

import (
	"encoding/json"
	"math"
	"net/http"
	"os"
	"os/user"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"
)

// Report is the answer. Env holds MODGO_TEST_VARIABLE, now and as an init function saw it, and what the query asks for: ?env=NAME.
type Report struct {
	PID         int
	MaxProcs    int
	MemoryLimit int64
	GC          int // percent, -1 for off
	Env         map[string]string
	User        string
	Args        []string
	Alive       bool // goroutines, timers and the garbage collector work
}

// constructed is what an init function sees of the environment.
var constructed = os.Getenv("MODGO_TEST_VARIABLE")

// Application is found by its exported name.
func Application(w http.ResponseWriter, r *http.Request) {
	report := Report{
		PID:         os.Getpid(),
		MaxProcs:    runtime.GOMAXPROCS(0),
		MemoryLimit: debug.SetMemoryLimit(-1),
		Env:         map[string]string{"MODGO_TEST_VARIABLE": os.Getenv("MODGO_TEST_VARIABLE"), "at init": constructed},
		Args:        os.Args,
		Alive:       alive(),
	}
	for _, name := range r.URL.Query()["env"] {
		if value, set := os.LookupEnv(name); set {
			report.Env[name] = value
		}
	}
	if report.MemoryLimit == math.MaxInt64 {
		report.MemoryLimit = 0
	}
	if megabytes := r.URL.Query().Get("live"); megabytes != "" {
		n, _ := strconv.Atoi(megabytes)
		live = make([]byte, n<<20)
		runtime.GC()
	}
	report.GC = gcPercent()
	if u, err := user.Current(); err == nil {
		report.User = u.Username
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}

// live is memory that a request has asked to be kept.
var live []byte

// gcPercent reads the percentage without setting it, -1 for off.
func gcPercent() int {
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	return int(percent[0].Value.Uint64())
}

func alive() bool {
	done := make(chan bool)
	go func() {
		<-time.After(time.Millisecond)
		runtime.GC()
		done <- true
	}()
	return <-done
}

// admin is another application of the same package, for GoCallableObject.
func admin(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("admin")) }

package site

import (
	"encoding/json"
	"net/http"
	"os"
	"runtime"
)

// CountersPath is where Counters is served.
const CountersPath = "/counters"

// Count is what a process has done since it started.
type Count struct {
	PID       int
	Mallocs   uint64 // objects allocated on the heap
	Bytes     uint64 // bytes allocated on the heap
	CgoCalls  int64  // calls from Go into C
	GCCycles  uint32
	HeapInUse uint64 // bytes
}

// Counters answers with the Count of its process, as JSON.
func Counters(w http.ResponseWriter, _ *http.Request) {
	text, err := CountersText()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	head(w, "application/json", len(text))
	_, _ = w.Write(text)
}

// CountersText is the body of Counters.
func CountersText() ([]byte, error) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return json.Marshal(Count{os.Getpid(), stats.Mallocs, stats.TotalAlloc, runtime.NumCgoCall(), stats.NumGC, stats.HeapInuse})
}

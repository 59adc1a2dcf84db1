package apachebridge

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The garbage collector begins when the heap has grown by as much as is alive, at 4 MB at the earliest. Often only 1 or 2 MB
// of a child are alive, and requests fill the rest many times in a second. So requests may leave garbage bytes behind before
// it begins, and GOGC falls to its usual 100 as the live heap grows to that size. In bytes, and in percent.
const (
	garbage      = 16 << 20
	leastPercent = 100
	mostPercent  = 400 // with which a collection begins at garbage bytes, for it is 4 MB that this multiplies
)

// tuneCollector sets the collector's percentage now and after each collection, unless the configuration or the application
// sets it.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	if before := debug.SetGCPercent(mostPercent); before != leastPercent {
		debug.SetGCPercent(before) // an init function's
		return
	}
	afterCollection(mostPercent)
}

// afterCollection has the percentage adjusted when the next collection has freed an object that is made for it.
func afterCollection(percent int) {
	runtime.AddCleanup(new([64]byte), adjustCollector, percent)
}

// adjustCollector sets the percentage that fits the live heap, if it is still the one given; to set it stops all goroutines
// for a moment, so it is left where it fits nearly.
func adjustCollector(percent int) {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	if samples[0].Value.Uint64() != uint64(percent) {
		return // the application has set it
	}
	if fit := fittingPercent(samples[1].Value.Uint64()); fit < percent*9/10 || fit > percent*11/10 {
		debug.SetGCPercent(fit)
		percent = fit
	}
	afterCollection(percent)
}

// fittingPercent is the percentage of a live heap of so many bytes.
func fittingPercent(live uint64) int {
	return int(min(mostPercent, max(leastPercent, 100*garbage/max(live, 1))))
}

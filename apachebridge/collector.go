package apachebridge

// #include "modgo.h"
import "C"

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/mod-go/mod-go/internal/memory"
)

// The garbage collector begins when the heap has grown by as much as is alive, at 4 MB at the earliest. Often only 1 or 2 MB
// of a child are alive, and requests fill the rest many times in a second; each time the collector wakes threads, stops
// others and has requests wait. So requests may leave more behind before it begins: all children together this share of the
// machine's memory, one of them from least to most bytes. GOGC falls to its usual 100 as the live heap grows to that size.
const (
	garbageShare = 32 // one part in so many
	leastGarbage = 4 << 20
	mostGarbage  = 64 << 20

	usualPercent = 100
)

// collector adjusts the collector's percentage.
type collector struct {
	garbage uint64 // how many bytes may gather
	percent int    // what was set last
}

// garbageOf is how many bytes of garbage may gather in each of so many children of a machine with so many bytes of memory. A
// memory of 0, which is not known, gives the least.
func garbageOf(memory uint64, children int) uint64 {
	return min(mostGarbage, max(leastGarbage, memory/garbageShare/uint64(children)))
}

// tuneCollector sets the collector's percentage now and after each collection, unless the configuration or the application
// sets it.
func tuneCollector() {
	c := collector{garbage: garbageOf(memory.Limit(), int(C.modgo_runtime_children()))}
	if os.Getenv("GOGC") != "" || c.garbage == leastGarbage {
		return
	}
	c.percent = c.fitting(0)
	if before := debug.SetGCPercent(c.percent); before != usualPercent {
		debug.SetGCPercent(before) // an init function's
		return
	}
	c.afterCollection()
}

// afterCollection has the percentage adjusted when the next collection has freed an object that is made for it.
func (c collector) afterCollection() {
	runtime.AddCleanup(new([64]byte), collector.adjust, c)
}

// adjust sets the percentage that fits the live heap, if it is still the one that was set before; to set it stops all
// goroutines for a moment, so it is left where it fits nearly.
func (c collector) adjust() {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	if samples[0].Value.Uint64() != uint64(c.percent) {
		return // the application has set it
	}
	if fit := c.fitting(samples[1].Value.Uint64()); fit < c.percent*9/10 || fit > c.percent*11/10 {
		debug.SetGCPercent(fit)
		c.percent = fit
	}
	c.afterCollection()
}

// fitting is the percentage of a live heap of so many bytes. The runtime multiplies 4 MB by it where less is alive.
func (c collector) fitting(live uint64) int {
	return int(max(usualPercent, 100*c.garbage/max(live, 4<<20)))
}

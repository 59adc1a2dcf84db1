package apachebridge

// #include "modgo.h"
import "C"

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mod-go/mod-go/internal/memory"
)

const (
	// memoryInterval is how often the memory of a child that does something is looked at.
	memoryInterval = 250 * time.Millisecond
	// freeInterval is how often garbage is given back to the kernel because of the hard limit, which costs a collection.
	freeInterval = 10 * time.Second
)

// memoryGuard ends this child when its memory is beyond the hard limit of GoMemoryLimit. It looks at the memory that no file
// has, in RAM or swapped out: what C allocates counts too. It does so only as long as requests are served, and for a moment
// after each garbage collection: goroutines in the background that allocate cause these, and an idle child is not woken.
var memoryGuard guard

type guard struct {
	limit   uint64      // in bytes; 0: none. It does not change once requests are served
	busy    atomic.Bool // something has happened since the last look
	running atomic.Bool // there is a goroutine that looks, to which the rest belongs

	freed   time.Time // when garbage was last given back
	kept    bool      // too much was left after that
	leaving bool      // the child takes no more connections for its memory's sake
	ending  time.Time // when the child was seen to end, for whatever reason
}

// start sets the limit, unless it cannot be kept.
func (g *guard) start(limit uint64) {
	if limit == 0 {
		return
	}
	used, err := memory.Private()
	if err == nil && used > limit {
		g.giveBack()
		used, err = memory.Private()
	}
	switch {
	case err != nil:
		logLine(levelError, "MODGO0037: the hard limit of GoMemoryLimit does not hold in this child, because its memory cannot be measured: "+err.Error())
	case used > limit:
		logLine(levelError, fmt.Sprintf("MODGO0038: this child has %s of memory before its first request, more than the hard limit of GoMemoryLimit, %s, which does not hold in it: the next child would have as much. Raise the limit", megabytes(used), megabytes(limit)))
	default:
		g.limit = limit
		g.afterCollection()
	}
}

// note tells that something happens which may take memory.
func (g *guard) note() {
	if g.limit == 0 {
		return
	}
	if !g.busy.Load() {
		g.busy.Store(true)
	}
	if !g.running.Load() && g.running.CompareAndSwap(false, true) {
		go g.run()
	}
}

// afterCollection has the memory looked at when the next collection has freed an object that is made for it.
func (g *guard) afterCollection() {
	runtime.AddCleanup(new([64]byte), func(g *guard) {
		g.note()
		g.afterCollection()
	}, g)
}

// run looks at the memory until nothing happens any more.
func (g *guard) run() {
	for {
		time.Sleep(memoryInterval)
		busy := g.busy.Swap(false)
		over := g.look()
		if busy || over || g.leaving || len(inFlight()) > 0 {
			continue
		}
		g.running.Store(false)
		if !g.busy.Load() || !g.running.CompareAndSwap(false, true) {
			return // what happens from here on finds it so
		}
	}
}

// look compares the memory with the limit, and tells whether it is over it, and will have to be looked at again.
func (g *guard) look() (over bool) {
	stopping := C.modgo_stopping_state() != C.MODGO_STOP_NONE
	if g.leaving && !stopping {
		C.modgo_retire_wake()
	}
	used, err := memory.Private()
	if err != nil || used <= g.limit {
		return false
	}
	if stopping && g.ending.IsZero() {
		g.ending = time.Now()
	}
	if g.ending.IsZero() {
		if used, over = g.excess(used); over && (C.modgo_memory_turn() != 0 || used > g.halfAgain()) {
			g.leave(used)
		}
		return used > g.limit
	}
	patience := microseconds(C.modgo_process_config_get().shutdown_timeout)
	if used > 2*g.limit || used > g.halfAgain() && time.Since(g.ending) > patience {
		g.end(used)
	}
	return true
}

// halfAgain is the memory beyond which a child does not wait for its turn, and for its requests no longer than
// GoShutdownTimeout.
func (g *guard) halfAgain() uint64 { return g.limit + g.limit/2 }

// excess tells whether there is too much memory, garbage and what C has freed aside.
func (g *guard) excess(used uint64) (uint64, bool) {
	if time.Since(g.freed) >= freeInterval {
		g.giveBack()
		if after, err := memory.Private(); err == nil {
			used = after
		}
		g.freed, g.kept = time.Now(), used > g.limit
	}
	return used, used > g.limit && (g.kept || used > g.halfAgain())
}

// giveBack collects garbage, and gives what Go and C have freed back to the kernel.
func (g *guard) giveBack() {
	debug.FreeOSMemory()
	C.modgo_memory_trim()
}

// leave has the child take no more connections.
func (g *guard) leave(used uint64) {
	g.leaving, g.ending = true, time.Now()
	logLine(levelWarning, fmt.Sprintf("MODGO0035: child %d takes no more connections and ends when its requests are served, because it has %s of memory, more than the hard limit of GoMemoryLimit, %s. %s; %s. Httpd starts another child in its place. If this goes on, an application keeps memory that it should let go, or the limit is too low",
		os.Getpid(), megabytes(used), megabytes(g.limit), shares(used), describeInFlight()))
	C.modgo_retire_begin()
}

// end ends the child with its requests.
func (g *guard) end(used uint64) {
	logLine(levelError, fmt.Sprintf("MODGO0036: child %d ends and does not wait for its requests, because it has %s of memory, and the hard limit of GoMemoryLimit is %s. %s; %s",
		os.Getpid(), megabytes(used), megabytes(g.limit), shares(used), describeInFlight()))
	time.AfterFunc(leastShutdown, func() { C.modgo_retire_end() }) // it grows on meanwhile
	endChild()
}

// shares tells what of the memory is Go's and what C's.
func shares(used uint64) string {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	runtime := min(used, samples[0].Value.Uint64()-samples[1].Value.Uint64())
	objects := min(runtime, samples[2].Value.Uint64())
	return fmt.Sprintf("The Go runtime has %s of it, %s in objects of Go programs; the rest is C's", megabytes(runtime), megabytes(objects))
}

// inFlight counts the requests that are served, by their packages.
func inFlight() map[string]int {
	packages := make(map[string]int)
	part := C.modgo_inflight_part()
	var found C.modgo_inflight_copy
	for i := range C.modgo_inflight_slots(part) {
		if C.modgo_inflight_read(part, i, &found) != 0 {
			packages[C.GoString(&found._package[0])]++
		}
	}
	return packages
}

// describeInFlight names the packages whose requests are served.
func describeInFlight() string {
	packages := inFlight()
	if len(packages) == 0 {
		return "no request is in flight"
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		words = append(words, fmt.Sprintf("%s (%d)", name, packages[name]))
	}
	return "requests in flight: " + strings.Join(words, ", ")
}

// megabytes is a number of bytes for a message.
func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

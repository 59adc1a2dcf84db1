package status

import (
	"bytes"
	"math"
	"os"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// NewProcess reads what the Go runtime and the kernel know of this process.
func NewProcess() *Process {
	const (
		goroutines = iota
		maxProcs
		heap
		total
		released
		limit
		cycles
		pauses
	)
	samples := make([]metrics.Sample, pauses+1)
	for i, name := range map[int]string{
		goroutines: "/sched/goroutines:goroutines",
		maxProcs:   "/sched/gomaxprocs:threads",
		heap:       "/memory/classes/heap/objects:bytes",
		total:      "/memory/classes/total:bytes",
		released:   "/memory/classes/heap/released:bytes",
		limit:      "/gc/gomemlimit:bytes",
		cycles:     "/gc/cycles/total:gc-cycles",
		pauses:     "/sched/pauses/total/gc:seconds",
	} {
		samples[i].Name = name
	}
	metrics.Read(samples)
	number := func(i int) uint64 { return samples[i].Value.Uint64() }
	p := &Process{
		Goroutines: number(goroutines), MaxProcs: number(maxProcs), Heap: number(heap),
		Runtime: number(total) - number(released), Resident: resident(), CPU: cpuTime().Seconds(),
		GC: pausesOf(samples[pauses].Value.Float64Histogram()),
	}
	p.GC.Cycles = number(cycles)
	if n := number(limit); n < math.MaxInt64 { // else there is none
		p.MemoryLimit = n
	}
	return p
}

// pausesOf reads quantiles from the runtime's histogram, rounded up to the end of the class they are in.
func pausesOf(h *metrics.Float64Histogram) (gc GC) {
	var n, seen uint64
	for _, count := range h.Counts {
		n += count
	}
	for i, count := range h.Counts {
		if count == 0 {
			continue
		}
		seen += count
		end := h.Buckets[i+1]
		if math.IsInf(end, 1) {
			end = h.Buckets[i]
		}
		if before := seen - count; 2*before < n {
			gc.PauseP50 = end
		}
		if before := seen - count; 100*before < 99*n {
			gc.PauseP99 = end
		}
		gc.PauseMax = end
	}
	return gc
}

// resident is how much memory of the machine this process occupies, in bytes; 0 where the kernel does not tell.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize())
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

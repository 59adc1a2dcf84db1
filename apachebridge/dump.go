package apachebridge

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The sizes of a dump of goroutines, in bytes: what the Go runtime is asked for at most, what of it is logged at most, and
// how much of it may be one goroutine's.
const (
	dumpFirst = 256 << 10
	dumpMost  = 16 << 20
	dumpLog   = 48 << 10
	dumpOne   = 8 << 10
)

// dumpEvery is how often all goroutines are logged at most, however many handlers do not return.
const dumpEvery = 10 * time.Second

// lastDump is when they were last.
var lastDump struct {
	sync.Mutex
	at time.Time
}

// dumpOfAll tells whether it is time to log all goroutines.
func dumpOfAll() bool {
	lastDump.Lock()
	defer lastDump.Unlock()
	if !lastDump.at.IsZero() && time.Since(lastDump.at) < dumpEvery {
		return false
	}
	lastDump.at = time.Now()
	return true
}

// goroutineDump is where the goroutines with these numbers stand, and then all others unless they were logged a moment ago,
// as far as it fits.
func goroutineDump(first []int64) string {
	stacks := strings.Split(strings.TrimRight(allStacks(), "\n"), "\n\n")
	slices.SortStableFunc(stacks, func(a, b string) int { return rank(first, a) - rank(first, b) })
	all := dumpOfAll()
	var dump strings.Builder
	left := 0
	for _, stack := range stacks {
		switch stack := shortened(stack); {
		case idle(stack) || !all && rank(first, stack) == len(first):
		case dump.Len()+len(stack) > dumpLog:
			left++
		default:
			dump.WriteString(stack)
			dump.WriteString("\n\n")
		}
	}
	if left > 0 {
		fmt.Fprintf(&dump, "%d more goroutines are left out\n", left)
	}
	return strings.TrimRight(dump.String(), "\n")
}

// allStacks is the stacks of all goroutines, as far as they fit into dumpMost.
func allStacks() string {
	for size := dumpFirst; ; size *= 2 {
		buffer := make([]byte, size)
		if n := runtime.Stack(buffer, true); n < size || size >= dumpMost {
			return string(buffer[:n])
		}
	}
}

// rank is a stack's place in the dump: the earlier its goroutine is named the smaller, and the same for all that are not.
func rank(first []int64, stack string) int {
	number, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
	id, err := strconv.ParseInt(number, 10, 64)
	at := slices.Index(first, id)
	if err != nil || at < 0 {
		return len(first)
	}
	return at
}

// shortened is a stack that has at most dumpOne bytes, in whole lines.
func shortened(stack string) string {
	if len(stack) <= dumpOne {
		return stack
	}
	return stack[:strings.LastIndexByte(stack[:dumpOne], '\n')+1] + "..."
}

// idle tells whether a stack is that of one of Apache's threads that runs no Go code.
func idle(stack string) bool { return !strings.Contains(stack, ".go:") }

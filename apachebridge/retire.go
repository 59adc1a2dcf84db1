package apachebridge

// #include "modgo.h"
import "C"

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// retireStep is how often a child that is to end looks whether it can.
const retireStep = 50 * time.Millisecond

// retirement is the end of this child because handlers hold its threads and do not return.
var retirement struct {
	mu    sync.Mutex
	begun bool
	held  []*exchange // their requests
}

// retire has the child end, because a handler holds the thread that x is served on. Other requests are served to their end,
// for GoShutdownTimeout, or grace if that is longer.
func retire(x *exchange, grace time.Duration) {
	r := &retirement
	r.mu.Lock()
	r.held = append(r.held, x)
	first := !r.begun
	r.begun = true
	r.mu.Unlock()
	if !first {
		return
	}
	patience := max(grace, microseconds(C.modgo_process_config_get().shutdown_timeout))
	logLine(levelWarning, fmt.Sprintf("MODGO0028: child %d takes no more connections and ends, because a handler that does not return holds one of its threads; its other requests have %s. Httpd starts another child in its place", os.Getpid(), patience))
	end := time.Now().Add(patience)
	C.modgo_retire_begin()
	for ; ; time.Sleep(retireStep) {
		stopping := C.modgo_stopping_state() != C.MODGO_STOP_NONE
		late := time.Now().After(end)
		held := heldThreads(stopping || late)
		if held == 0 && (stopping || late) {
			return // httpd ends it when its requests are served
		}
		if !stopping {
			C.modgo_retire_wake()
		}
		// Without threads there is nothing else in this process but what was taken over before.
		if held > 0 && (late || C.modgo_retire_threaded() == 0 && taken.live() == 0) {
			logLine(levelWarning, fmt.Sprintf("MODGO0029: child %d ends, and %d handlers that have not returned end with it", os.Getpid(), held))
			endChild()
		}
	}
}

// endChild ends the process with whatever it has, when the functions of OnShutdown have returned.
func endChild() {
	stop()
	endFunctions()
	C.modgo_retire_end()
}

// heldThreads is how many threads handlers still hold that should have returned. Where there are none, and enough has been
// waited for, the next such handler begins anew.
func heldThreads(enough bool) int {
	r := &retirement
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = slices.DeleteFunc(r.held, (*exchange).over)
	if len(r.held) == 0 && enough {
		r.begun = false
	}
	return len(r.held)
}

package apachebridge

// #include "modgo.h"
import "C"

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// background is the context of functions that were registered with modgo.OnStart; it ends when the child begins to end.
var background, endBackground = context.WithCancel(context.Background())

// leastShutdown is how long functions registered with modgo.OnShutdown have at least: GoShutdownTimeout may have been spent on
// connections, and a server that is stopped at once kills its children after some seconds.
const leastShutdown = 2 * time.Second

// startFunctions runs what applications have registered for the process's start.
func startFunctions() {
	for err := range failures(modgo.Start(background)) {
		logLine(levelError, "MODGO0040: a function that an application has registered for the start of this child failed: "+oneLine(err))
		logFunctionPanic(err)
	}
}

// reloadFunctions runs what applications have registered for the time when this child takes no further requests.
func reloadFunctions() { logFailedEnd(modgo.Reload()) }

// shutdownFunctions runs what applications have registered for the process's end, and returns when it is done or its time has
// passed.
func shutdownFunctions() {
	timeout := leastShutdown
	graceful := C.modgo_stopping_state() == C.MODGO_STOP_GRACEFUL
	if graceful {
		stop() // prefork may not have told before
		limit := time.Duration(C.modgo_process_config_get().shutdown_timeout) * time.Microsecond
		timeout = max(timeout, limit-time.Since(stopBegan))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if graceful {
		select {
		case <-reloaded:
		case <-ctx.Done():
		}
	}
	logFailedEnd(modgo.Shutdown(ctx))
}

// endFunctions is shutdownFunctions, once: a child that handlers hold ends by itself (retire.go), or as httpd ends it.
var endFunctions = sync.OnceFunc(shutdownFunctions)

func logFailedEnd(err error) {
	for err := range failures(err) {
		logLine(levelError, "MODGO0041: a function that an application has registered for the end of this child failed: "+oneLine(err))
		logFunctionPanic(err)
	}
}

// failures yields each of the errors that functions have returned.
func failures(err error) iter.Seq[error] {
	return func(yield func(error) bool) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				if !yield(err) {
					return
				}
			}
		} else if err != nil {
			yield(err)
		}
	}
}

// logFunctionPanic logs the stack, if the error is a panic.
func logFunctionPanic(err error) {
	var panicked *modgo.FunctionPanic
	if errors.As(err, &panicked) {
		logContinuation(levelError, string(panicked.Stack))
	}
}

package apachebridge

// #include "modgo.h"
import "C"

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// server stands for net/http's server in the contexts of requests (http.ServerContextKey): by its presence a handler such
// as httputil.ReverseProxy tells that it may panic with http.ErrAbortHandler, and with RegisterOnShutdown one that has taken
// a connection over learns that the process is to end. It serves nothing.
var server = &http.Server{}

var stopping sync.Once

// modgoGoStopping runs what was registered with RegisterOnShutdown: the child is to end, when its requests are served and
// the connections that were taken over are closed.
//
//export modgoGoStopping
func modgoGoStopping() {
	stopping.Do(func() {
		limit := time.Duration(C.modgo_process_config_get().shutdown_timeout) * time.Microsecond
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			_ = server.Shutdown(ctx) // it has no listener whose closing could fail
		}()
	})
}

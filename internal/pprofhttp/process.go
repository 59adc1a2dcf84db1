// Package pprofhttp serves profiles and execution traces of a server's children. It does what net/http/pprof does for one
// process, without entering itself in http.DefaultServeMux, which may be an application's.
package pprofhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long profiles over a time take: the default, and the most.
const (
	defaultProfile = 30 * time.Second
	defaultTrace   = time.Second
	mostSeconds    = 300
)

// Handler serves the profiles of this process. The request's path is a profile's name: one of runtime/pprof's, "profile" for
// one of the CPU, or "trace".
//
// The parameter seconds is how long to watch, for the last two, and for block and mutex, which watch nothing otherwise unless
// the application has set a rate; debug is that of runtime/pprof; gc=1 collects garbage before a profile of the heap.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(r.URL.Path, "/")
		watch, err := seconds(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		switch p := pprof.Lookup(name); {
		case name == "profile":
			serveOver(w, r, name+".pb.gz", or(watch, defaultProfile), func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
		case name == "trace":
			serveOver(w, r, name+".out", or(watch, defaultTrace), func() error { return trace.Start(w) }, trace.Stop)
		case p != nil:
			serveProfile(w, r, p, watch)
		default:
			http.Error(w, fmt.Sprintf("There is no profile %q; there are: profile, trace, %s.", name, strings.Join(names(), ", ")), http.StatusNotFound)
		}
	})
}

// names are those of the profiles of one moment.
func names() (names []string) {
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	return names
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// seconds is the parameter of that name; 0 where there is none.
func seconds(r *http.Request) (time.Duration, error) {
	text := r.FormValue("seconds")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n <= mostSeconds) {
		return 0, fmt.Errorf("seconds=%s is no number greater than 0 and up to %d", text, mostSeconds)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// wait returns when the time has passed, or the client has gone.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func asFile(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%d-%s"`, os.Getpid(), name))
}

// serveOver serves what is written between start and stop.
func serveOver(w http.ResponseWriter, r *http.Request, file string, watch time.Duration, start func() error, stop func()) {
	asFile(w, file)
	if err := start(); err != nil { // before anything was written
		w.Header().Del("Content-Disposition")
		http.Error(w, fmt.Sprintf("Child %d cannot begin: %v. Another one may be running; try again when it has ended.", os.Getpid(), err), http.StatusConflict)
		return
	}
	wait(r.Context(), watch)
	stop()
}

func serveProfile(w http.ResponseWriter, r *http.Request, p *pprof.Profile, watch time.Duration) {
	debug, _ := strconv.Atoi(r.FormValue("debug"))
	if p.Name() == "heap" && r.FormValue("gc") == "1" {
		runtime.GC()
	}
	if watch > 0 {
		if err := watchContention(r.Context(), p.Name(), watch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		asFile(w, p.Name()+".pb.gz")
	}
	_ = p.WriteTo(w, debug) // the client is gone if it fails
}

// watching is held while contention is recorded for somebody.
var watching sync.Mutex

// watchContention has the runtime record every event of a profile that records none by itself, for a time.
func watchContention(ctx context.Context, name string, watch time.Duration) error {
	if name != "block" && name != "mutex" {
		return errors.New("seconds is for profile, trace, block and mutex; this profile is of one moment")
	}
	watching.Lock()
	defer watching.Unlock()
	if name == "block" {
		runtime.SetBlockProfileRate(1)
		defer runtime.SetBlockProfileRate(0)
	} else if before := runtime.SetMutexProfileFraction(-1); before == 0 {
		runtime.SetMutexProfileFraction(1)
		defer runtime.SetMutexProfileFraction(before)
	}
	wait(ctx, watch)
	return nil
}

package apachebridge

// #include "modgo.h"
import "C"

import (
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mod-go/mod-go/internal/status"
)

func readServer() status.Server {
	var events C.modgo_events
	var generation C.int
	C.modgo_statistics_events(&events)
	C.ap_mpm_query(C.AP_MPMQ_GENERATION, &generation)
	return status.Server{
		Version: goString(C.ap_get_server_description()), MPM: goString(C.ap_show_mpm()), PID: os.Getppid(),
		Started: fromMicroseconds(events.server_started), Configured: fromMicroseconds(events.configured), Restarts: int(generation),
		ChildrenStarted: uint64(events.children_started), ChildrenDied: uint64(events.children_died),
	}
}

func fromMicroseconds(t C.apr_time_t) time.Time { return time.UnixMicro(int64(t)) }

// livingChildren yields the children that there are, as far as the shared memory knows them.
func livingChildren(yield func(status.Child) bool) {
	for i := range int(C.modgo_inflight_parts()) {
		var c C.modgo_child
		if C.modgo_statistics_child_at(C.int(i), &c) == 0 {
			continue
		}
		if !yield(status.Child{
			Child: i, PID: int(c.pid), Generation: int(c.generation), State: status.Serving, Started: fromMicroseconds(c.started),
			Requests: uint64(c.requests), Threads: status.Threads{Total: int(c.threads)},
		}) {
			return
		}
	}
}

// readInFlight lists what a child is at work on.
func readInFlight(child, pid int, now time.Time) (requests []status.Request) {
	var copied C.modgo_inflight_copy
	for slot := range int(C.modgo_inflight_slots(C.int(child))) {
		if C.modgo_inflight_read(C.int(child), C.int(slot), &copied) == 0 {
			continue
		}
		method, url := withoutQuery(C.GoString(&copied.request[0]))
		name := goString(C.modgo_statistics_name(copied.row))
		if name == "" {
			name = C.GoString(&copied._package[0])
		}
		requests = append(requests, status.Request{
			Application: name, Child: child, PID: pid, Method: method, URL: url,
			Client: C.GoString(&copied.client[0]), ID: C.GoString(&copied.id[0]),
			Seconds: math.Max(0, now.Sub(fromMicroseconds(copied.since)).Seconds()),
		})
	}
	return requests
}

// withoutQuery takes a request line apart. What follows a question mark may have secrets; nor are there any of a URL with a user
// name.
func withoutQuery(line string) (method, url string) {
	method, target, _ := strings.Cut(line, " ")
	target, _, _ = strings.Cut(target, " ")
	if path, _, asked := strings.Cut(target, "?"); asked {
		target = path + "?…"
	}
	if scheme, rest, absolute := strings.Cut(target, "://"); absolute {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 && !strings.Contains(rest[:at], "/") {
			target = scheme + "://" + rest[at+1:]
		}
	}
	return method, target
}

// bounds are those of the classes of durations; not read before somebody asks.
var bounds = sync.OnceValue(func() (bounds []time.Duration) {
	for i := range C.MODGO_DURATION_BOUNDS {
		bounds = append(bounds, time.Duration(C.modgo_duration_bound(C.int(i))))
	}
	return bounds
})

// rateSeconds is over how many seconds a rate is taken.
const rateSeconds = 10

// readApplications lists the applications that the configuration names, and others that have answered.
func readApplications(inFlight []status.Request) []status.Application {
	applications := []status.Application{}
	held := map[int]bool{} // by their rows
	for i, wanted := range current.wanted {
		held[int(C.modgo_statistics_row(C.int(i)))] = wanted
	}
	var totals C.modgo_totals
	for row := range int(C.modgo_statistics_rows()) {
		C.modgo_statistics_totals(C.int(row), &totals)
		if totals.requests == 0 && !held[row] {
			continue
		}
		a := newApplication(C.GoString(C.modgo_statistics_name(C.int(row))), &totals)
		for _, r := range inFlight {
			if r.Application == a.Name {
				a.InFlight++
			}
		}
		applications = append(applications, a)
	}
	slices.SortFunc(applications, func(a, b status.Application) int { return strings.Compare(a.Name, b.Name) })
	return applications
}

func newApplication(name string, t *C.modgo_totals) status.Application {
	a := status.Application{
		Name: name, Requests: uint64(t.requests), Statuses: []status.StatusCount{},
		Duration: status.DurationCounts{Bounds: bounds(), Total: time.Duration(t.time)},
	}
	for _, s := range t.statuses {
		if s.requests > 0 {
			a.Statuses = append(a.Statuses, status.StatusCount{Status: int(s.status), Requests: uint64(s.requests)})
		}
	}
	slices.SortFunc(a.Statuses, func(a, b status.StatusCount) int { return a.Status - b.Status })
	recent := status.DurationCounts{Bounds: bounds()}
	for i := range t.durations {
		a.Duration.Counts = append(a.Duration.Counts, uint64(t.durations[i]))
		recent.Counts = append(recent.Counts, uint64(t.recent[i]))
	}
	a.Latency = recent.Latency()
	sum := 0.0
	for i, n := range t.second {
		a.Seconds = append(a.Seconds, uint32(n))
		if i >= 1 && i <= rateSeconds { // the current second is not over
			sum += float64(n)
		}
	}
	a.Rate = sum / rateSeconds
	return a
}

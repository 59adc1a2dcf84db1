package bench

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/mod-go/mod-go/bench/internal/site"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Footprint is the memory of all that serves, in bytes, without httpd's parent process.
type Footprint struct {
	Processes    int
	Resident     int64 // RSS of the largest
	Proportional int64 // PSS of all together
}

// footprint reads it from an instance that has just been under load.
func (in *Instance) footprint(t testing.TB) Footprint {
	t.Helper()
	pids, err := descendants(in.roots)
	if err != nil {
		t.Fatal(err)
	}
	var f Footprint
	for _, pid := range pids {
		if in.srv != nil && pid == in.srv.ParentPID() {
			continue
		}
		m, err := memoryOfProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		f.Processes++
		f.Resident = max(f.Resident, m.resident)
		f.Proportional += m.proportional
	}
	return f
}

// Budget is what a request of mod_go costs inside Go.
type Budget struct {
	Peer      *Peer
	Workload  Workload
	Mallocs   float64 // objects on the heap
	Bytes     float64 // on the heap
	Crossings float64 // of the boundary to C, in both directions
}

// budgetRequests are counted for each workload, and fewer where a request is large.
const (
	budgetRequests      = 2000
	budgetLargeRequests = 20
)

// budgetWorkloads are those that tell something of the bridge.
var budgetWorkloads = []Workload{Hello, Headers, JSON, MemorySmall, FileSmall, Upload, Flushes}

// budgets counts in an httpd of one child, whose counters a request reads before and after.
func budgets(t testing.TB, p *Peer) []Budget {
	t.Helper()
	in := start(t, p, Limits{Processes: 1, Threads: usual.Threads}, false)
	client := in.srv.Client()
	one := func(w Workload) {
		t.Helper()
		resp, err := send(t.Context(), client, in.url(httpdtest.HTTP1), w)
		if err == nil {
			_, err = checked(resp, w)
		}
		if err != nil {
			t.Fatalf("%s, %s: %v", p.Title, w.Name, err)
		}
	}
	var result []Budget
	for _, w := range budgetWorkloads {
		n := budgetRequests
		if len(w.Body) > megabyte || w.LengthVaries {
			n = budgetLargeRequests
		}
		for range n / 10 { // what is made once is not counted
			one(w)
		}
		idle := countersOf(t, in)
		before := countersOf(t, in)
		for range n {
			one(w)
		}
		after := countersOf(t, in)
		// Less what asking for the counters costs.
		per := func(idle, before, after float64) float64 { return (after - before - (before - idle)) / float64(n) }
		result = append(result, Budget{
			Peer: p, Workload: w,
			Mallocs:   per(float64(idle.Mallocs), float64(before.Mallocs), float64(after.Mallocs)),
			Bytes:     per(float64(idle.Bytes), float64(before.Bytes), float64(after.Bytes)),
			Crossings: per(float64(idle.CgoCalls), float64(before.CgoCalls), float64(after.CgoCalls)) + 1, // the call into Go
		})
	}
	return result
}

func countersOf(t testing.TB, in *Instance) site.Count {
	t.Helper()
	var count site.Count
	answer := in.srv.Get(site.CountersPath)
	if err := json.Unmarshal([]byte(answer.Text), &count); err != nil {
		t.Fatal(fmt.Errorf("%s answers %s, %q: %w", site.CountersPath, answer.Status, answer.Text, err))
	}
	return count
}

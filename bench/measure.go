package bench

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Cell is one peer under one workload and load: what has one figure in a table.
type Cell struct {
	*Instance
	Workload
	Load
}

// cell is a peer's workload over connections that are kept alive.
func cell(in *Instance, w Workload) Cell {
	return Cell{in, w, Load{Connections: w.Connections, Protocol: httpdtest.HTTP1}}
}

// String names the cell in messages.
func (c Cell) String() string {
	name := fmt.Sprintf("%s, %s, %d connections", c.Peer.Title, c.Name, c.Load.Connections)
	if c.Protocol != httpdtest.HTTP1 {
		name += ", " + string(c.Protocol)
	}
	if c.Close {
		name += ", not kept alive"
	}
	return name
}

// Sample is what one round measured.
type Sample struct {
	Throughput     float64 // requests a second
	CPU            float64 // microseconds of CPU time for each request, of all processes that serve
	P50, P99, P999 float64 // latency in microseconds
}

// Measure is a figure of a sample.
type Measure struct {
	Name string
	Of   func(Sample) float64
}

// The measures.
var (
	Throughput = Measure{"throughput", func(s Sample) float64 { return s.Throughput }}
	CPU        = Measure{"CPU time", func(s Sample) float64 { return s.CPU }}
	P50        = Measure{"p50 latency", func(s Sample) float64 { return s.P50 }}
	P99        = Measure{"p99 latency", func(s Sample) float64 { return s.P99 }}
	P999       = Measure{"p99.9 latency", func(s Sample) float64 { return s.P999 }}
)

// Series are the samples of a cell, one for each round.
type Series []Sample

func (s Series) values(m Measure) []float64 {
	values := make([]float64, len(s))
	for i, sample := range s {
		values[i] = m.Of(sample)
	}
	return values
}

// Spread is the median of some values with the quartiles round it.
type Spread struct{ Low, Median, High float64 }

func spreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	return Spread{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

// Spread is that of a measure.
func (s Series) Spread(m Measure) Spread { return spreadOf(s.values(m)) }

// quantile interpolates between the neighbours in a sorted slice that is not empty.
func quantile(sorted []float64, q float64) float64 {
	position := q * float64(len(sorted)-1)
	below := math.Floor(position)
	low, high := sorted[int(below)], sorted[int(math.Ceil(position))]
	return low + (high-low)*(position-below)
}

// interleave measures cells in rounds: each cell once in every round, so that neighbours in time are compared. Every second
// round goes backwards, which cancels what drifts. A first pass checks each response and warms up.
func interleave(t testing.TB, cells []Cell, rounds int) []Series {
	t.Helper()
	expected := make([]response, len(cells))
	for i, c := range cells {
		var err error
		if expected[i], err = probe(t, c.Instance, c.Workload, c.Load); err != nil {
			t.Fatal(err)
		}
		if _, err := c.sample(t, expected[i]); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	results := make([]Series, len(cells))
	for round := range rounds {
		for n := range cells {
			i := n
			if round%2 == 1 {
				i = len(cells) - 1 - n
			}
			sample, err := cells[i].sample(t, expected[i])
			if err != nil {
				t.Fatalf("%v, round %d: %v", cells[i], round+1, err)
			}
			results[i] = append(results[i], sample)
		}
	}
	return results
}

// sample measures one round.
func (c Cell) sample(t testing.TB, expected response) (s Sample, err error) {
	before, err := c.readCPU()
	if err != nil {
		return s, err
	}
	o, err := drive(t.Context(), c.Instance, c.Workload, c.Load, expected)
	if err != nil {
		return s, err
	}
	after, err := c.readCPU()
	if err != nil {
		return s, err
	}
	used, err := usedBetween(before, after)
	if err != nil {
		return s, err
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return Sample{
		Throughput: o.requests / o.elapsed.Seconds(), CPU: us(used) / o.requests,
		P50: us(o.p50), P99: us(o.p99), P999: us(o.p999),
	}, nil
}

// readCPU is the CPU time of all that serves, by process; that of a control group stands under 0.
func (in *Instance) readCPU() (map[int]time.Duration, error) {
	if in.group != nil {
		used, err := in.group.cpuTime()
		return map[int]time.Duration{0: used}, err
	}
	pids, err := descendants(in.roots)
	if err != nil {
		return nil, err
	}
	return cpuTimes(pids)
}

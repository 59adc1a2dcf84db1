package bench

import (
	"fmt"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Sweep is the course of the figures as one thing grows.
type Sweep struct {
	Key, Title  string
	What        string // what grows, as the plot's axis says it
	Values      []int
	Peers       []*Peer
	Logarithmic bool // the values grow by factors
	Magnitudes  bool // so does the CPU time, which the plot shows; the CSV has all measures
	At          func(value int) point
}

// point is what a value of a sweep means.
type point struct {
	limits      Limits
	workload    Workload
	connections int
}

var (
	limitAndOurs = []*Peer{C, Application, Handler}
	andProxy     = []*Peer{C, Application, Handler, ProxyUnix}
)

// fewerConnections leave threads idle in the smallest server of a sweep.
const fewerConnections = 16

// mostConnections is the most that a sweep has, and so the threads of each child: none is ever without an idle one.
const mostConnections = 256

var sweeps = []Sweep{
	{
		Key: "connections", Title: "CPU time and connections", What: "connections", Values: []int{1, 4, 16, 64, mostConnections}, Peers: andProxy, Logarithmic: true,
		At: func(n int) point { return point{Limits{Processes: 2, Threads: mostConnections + 64}, Hello, n} },
	},
	{
		Key: "threads", Title: "CPU time and threads", What: "threads of each of 2 children", Values: []int{32, 64, 128, 256}, Peers: limitAndOurs, Logarithmic: true,
		At: func(n int) point { return point{Limits{Processes: 2, Threads: n}, Hello, fewerConnections} },
	},
	{
		Key: "children", Title: "CPU time and children", What: "children of 64 threads", Values: []int{1, 2, 4, 8}, Peers: limitAndOurs, Logarithmic: true,
		At: func(n int) point { return point{Limits{Processes: n, Threads: usual.Threads}, Hello, usualConnections} },
	},
	{
		Key: "headers", Title: "CPU time and request headers", What: "headers of the request", Values: []int{1, 10, 20, 30, 60, 90}, Peers: limitAndOurs,
		At: func(n int) point { return point{usual, headersOf(n), usualConnections} },
	},
	{
		Key: "body", Title: "CPU time and the size of the response", What: "bytes of the body", Values: []int{1 << 10, 8 << 10, 64 << 10, 512 << 10, 4 << 20}, Peers: andProxy, Logarithmic: true, Magnitudes: true,
		At: func(n int) point { return point{usual, memoryOf(n, fewConnections), fewConnections} },
	},
	{
		Key: "applications", Title: "CPU time and applications", What: "applications in a child, the last of which is asked", Values: []int{1, 8, 32, 64}, Peers: []*Peer{Many}, Logarithmic: true,
		At: func(n int) point {
			w := Hello
			w.Path = fmt.Sprintf("/App%02d", n)
			return point{Limits{Processes: 2, Threads: usual.Threads, Applications: n}, w, usualConnections}
		},
	},
}

// Line is the course of one peer, a series for each value.
type Line struct {
	Peer   *Peer
	Series []Series
}

// run measures a sweep, all its cells interleaved.
func (s Sweep) run(t testing.TB, rounds int) []Line {
	t.Helper()
	type server struct {
		peer   *Peer
		limits Limits
	}
	started := make(map[server]*Instance)
	var cells []Cell
	for _, p := range s.Peers {
		for _, value := range s.Values {
			at := s.At(value)
			key := server{p, at.limits}
			if started[key] == nil {
				started[key] = start(t, p, at.limits, false)
			}
			cells = append(cells, Cell{started[key], at.workload, Load{Connections: at.connections, Protocol: httpdtest.HTTP1}})
		}
	}
	series := interleave(t, cells, rounds)
	var lines []Line
	for i, p := range s.Peers {
		lines = append(lines, Line{p, series[i*len(s.Values) : (i+1)*len(s.Values)]})
	}
	return lines
}

package bench

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var reportDir = flag.String("report", "", "the folder of documents to write the figures into; without it, none is written")

var rounds = flag.Int("rounds", 0, "how many rounds each figure is the median of; 0 is as many as each table needs")

// roundsOr is how many rounds to measure where the command line does not say.
func roundsOr(usual int) int {
	if *rounds > 0 {
		return *rounds
	}
	return usual
}

// report collects what the tests measure.
var report Report

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mod-go-bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built.dir = dir
	code := m.Run()
	if *reportDir != "" {
		if err := report.write(*reportDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// How many rounds figures are medians of.
const (
	ratioRounds = 10
	tableRounds = 5
	sweepRounds = 5
)

// TestRatios compares the peers that bounds are set for, all interleaved.
func TestRatios(t *testing.T) {
	var f farm
	var cells []Cell
	var series []Series
	type pair struct{ of, to int }
	var pairs []pair
	// The servers end before the bounds are looked at: a ratio that is missed is not explained by an error log.
	t.Run("measured", func(t *testing.T) {
		place := func(p *Peer, w Workload) int {
			for i, c := range cells {
				if c.Peer == p && c.Name == w.Name {
					return i
				}
			}
			cells = append(cells, cell(f.instance(t, p), w))
			return len(cells) - 1
		}
		for _, r := range ratios {
			pairs = append(pairs, pair{place(r.Of, r.Workload), place(r.To, r.Workload)})
		}
		series = interleave(t, cells, roundsOr(ratioRounds))
	})
	if t.Failed() {
		return
	}
	for i, r := range ratios {
		report.Results = append(report.Results, r.resultOf(series[pairs[i].of], series[pairs[i].to]))
	}
	fmt.Printf("Medians of %d rounds, and their quartiles; ! marks one that misses its bound:\n%s\n", roundsOr(ratioRounds), ratioText(report.Results))
	for i, c := range cells {
		t.Logf("%v: %.0f requests/s, CPU %.1f us, p50 %.0f us, p99 %.0f us", c, series[i].Spread(Throughput).Median, series[i].Spread(CPU).Median, series[i].Spread(P50).Median, series[i].Spread(P99).Median)
	}
	for _, r := range report.Results {
		if !r.Reached(grace) {
			t.Errorf("%s: %.2f, which misses the bound of %s by more than %.0f %%", r.Name, r.Median, r.BoundText(), 100*grace)
		}
	}
}

// TestTables measures each workload for every peer that serves it.
func TestTables(t *testing.T) {
	plain, secure := farm{}, farm{protocols: true}
	for _, table := range tables() {
		f := &plain
		if table.Protocol.Secure() {
			f = &secure
		}
		fmt.Println("measuring", table.Title)
		servers := t // which start with their first table and end with the last
		t.Run(table.Key, func(t *testing.T) {
			cells := f.cells(servers, table)
			measured := MeasuredTable{table, interleave(t, cells, roundsOr(tableRounds))}
			report.Tables = append(report.Tables, measured)
			for i, p := range table.Peers {
				t.Logf("%s: %s requests/s, CPU %s us", p.Title, number(measured.Series[i].Spread(Throughput).Median), number(measured.Series[i].Spread(CPU).Median))
			}
			if table.Key != footprintTable {
				return
			}
			for _, c := range cells {
				report.Footprints = append(report.Footprints, MeasuredFootprint{c.Peer, c.footprint(t)})
			}
		})
	}
}

// TestBudgets counts what a request costs inside Go.
func TestBudgets(t *testing.T) {
	for _, p := range []*Peer{Application, Handler, Router} {
		report.Budgets = append(report.Budgets, budgets(t, p)...)
	}
	for _, b := range report.Budgets {
		t.Logf("%s, %s: %.1f allocations, %.0f bytes, %.1f crossings", b.Peer.Title, b.Workload.Name, b.Mallocs, b.Bytes, b.Crossings)
		if b.Crossings < 2 {
			t.Errorf("%s, %s: %.2f crossings: there is one into Go and at least one back", b.Peer.Title, b.Workload.Name, b.Crossings)
		}
	}
}

// TestSweeps measures what costs grow with.
func TestSweeps(t *testing.T) {
	for _, sweep := range sweeps {
		fmt.Println("measuring", sweep.Title)
		t.Run(sweep.Key, func(t *testing.T) {
			measured := MeasuredSweep{sweep, sweep.run(t, roundsOr(sweepRounds))}
			report.Sweeps = append(report.Sweeps, measured)
			for _, line := range measured.Lines {
				for i, value := range sweep.Values {
					t.Logf("%s, %d %s: CPU %s us", line.Peer.Title, value, sweep.What, number(line.Series[i].Spread(CPU).Median))
				}
			}
		})
	}
}

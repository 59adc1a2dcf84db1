package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReportIsWhole: figures stand between the marks and nowhere else, and a run that lacks some writes nothing.
func TestReportIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, documentName)
	const before, after = "# Figures\n\n", "\nwhat follows\n"
	if err := os.WriteFile(path, []byte(before+begin+"stale\n"+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
	one := Series{{Throughput: 1000, CPU: 10, P50: 1, P99: 2, P999: 3}, {Throughput: 2000, CPU: 20, P50: 1, P99: 2, P999: 3}}
	var r Report
	for _, ratio := range ratios {
		r.Results = append(r.Results, ratio.resultOf(one, one))
	}
	for _, table := range tables() {
		measured := MeasuredTable{Table: table}
		for range table.Peers {
			measured.Series = append(measured.Series, one)
		}
		r.Tables = append(r.Tables, measured)
	}
	r.Footprints = []MeasuredFootprint{{C, Footprint{2, 4 * megabyte, 6 * megabyte}}}
	r.Budgets = []Budget{{Handler, Hello, 9, 2500, 3}}
	if err := r.write(dir); err == nil {
		t.Error("a report without sweeps was written")
	}
	for _, sweep := range sweeps {
		measured := MeasuredSweep{Sweep: sweep}
		for _, p := range sweep.Peers {
			line := Line{Peer: p}
			for range sweep.Values {
				line.Series = append(line.Series, one)
			}
			measured.Lines = append(measured.Lines, line)
		}
		r.Sweeps = append(r.Sweeps, measured)
	}
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), before+begin) || !strings.HasSuffix(string(text), end+after) || strings.Contains(string(text), "stale") {
		t.Errorf("the document begins with %.80q and ends with %q; its own text has to stay", text, text[max(0, len(text)-80):])
	}
	for _, row := range []string{"| C handler / mod_go, GoKeepAliveWait off | CPU time, hello | 1.00 |", "| mod_go, http.Handler | 1500 | 15.0 (12.5 to 17.5) |", "| a C handler (the limit) | 2 | 4.0 MB | 6.0 MB |", "](performance/connections.svg)"} {
		if !strings.Contains(string(text), row) {
			t.Errorf("the document lacks %q", row)
		}
	}
	for _, name := range []string{"ratios.csv", "workloads.csv", "processes.csv", "budget.csv", "connections.csv", "connections.svg"} {
		if _, err := os.Stat(filepath.Join(dir, folderName, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestReached: a bound is missed on its own side only, and grace moves it.
func TestReached(t *testing.T) {
	least, most := Ratio{Bound: 0.85}, Ratio{Bound: 1.3, AtMost: true}
	for _, c := range []struct {
		ratio  Ratio
		median float64
		grace  float64
		want   bool
	}{
		{least, 0.85, 0, true}, {least, 0.84, 0, false}, {least, 0.77, grace, true}, {least, 0.76, grace, false},
		{most, 1.3, 0, true}, {most, 1.31, 0, false}, {most, 1.42, grace, true}, {most, 1.44, grace, false},
	} {
		if got := (Result{c.ratio, Spread{Median: c.median}}).Reached(c.grace); got != c.want {
			t.Errorf("%.2f, %s, grace %.2f: reached is %t", c.median, c.ratio.BoundText(), c.grace, got)
		}
	}
}

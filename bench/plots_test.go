package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlots draws every sweep from figures that are made up: what would fail there fails before an hour of measuring.
func TestPlots(t *testing.T) {
	for _, sweep := range sweeps {
		measured := MeasuredSweep{Sweep: sweep}
		for i, p := range sweep.Peers {
			line := Line{Peer: p}
			for j := range sweep.Values {
				cost := float64(30*(i+1) + 10*j)
				line.Series = append(line.Series, Series{{CPU: cost}, {CPU: cost * 1.1}, {CPU: cost * 1.2}})
			}
			measured.Lines = append(measured.Lines, line)
		}
		path := filepath.Join(t.TempDir(), sweep.Key+".svg")
		if err := measured.plot(path); err != nil {
			t.Errorf("%s: %v", sweep.Key, err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range sweep.Peers {
			if !strings.Contains(string(text), p.Title) {
				t.Errorf("%s: the plot does not name %q", sweep.Key, p.Title)
			}
		}
	}
}

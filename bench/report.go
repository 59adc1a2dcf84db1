package bench

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/internal/httpd"
)

// Report is all that a run has measured.
type Report struct {
	Results    []Result
	Tables     []MeasuredTable
	Footprints []MeasuredFootprint
	Budgets    []Budget
	Sweeps     []MeasuredSweep
}

// MeasuredTable has a series for each of the table's peers.
type MeasuredTable struct {
	Table
	Series []Series
}

// MeasuredFootprint is that of a peer.
type MeasuredFootprint struct {
	Peer *Peer
	Footprint
}

// MeasuredSweep has a line for each of the sweep's peers.
type MeasuredSweep struct {
	Sweep
	Lines []Line
}

// The marks in docs/performance.md between which the figures stand.
const (
	begin = "<!-- figures: written by make bench -->\n"
	end   = "<!-- end of the figures of make bench -->"
)

// The names within the folder of documents.
const (
	documentName = "performance.md"
	folderName   = "performance" // of CSV and SVG
)

// write puts the figures into the document, and CSV and SVG beside it. It writes all or nothing of the document.
func (r *Report) write(docs string) error {
	if len(r.Results) != len(ratios) || len(r.Tables) != len(tables()) || len(r.Footprints) == 0 || len(r.Budgets) == 0 || len(r.Sweeps) != len(sweeps) {
		return fmt.Errorf("nothing is written into %s: the run has not measured everything", docs)
	}
	folder := filepath.Join(docs, folderName)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, rows := range map[string][][]string{"ratios.csv": r.ratioRows(), "workloads.csv": r.tableRows(), "processes.csv": r.footprintRows(), "budget.csv": r.budgetRows()} {
		if err := writeCSV(filepath.Join(folder, name), rows); err != nil {
			return err
		}
	}
	for _, s := range r.Sweeps {
		if err := writeCSV(filepath.Join(folder, s.Key+".csv"), s.rows()); err != nil {
			return err
		}
		if err := s.plot(filepath.Join(folder, s.Key+".svg")); err != nil {
			return fmt.Errorf("the plot of %s: %w", s.Key, err)
		}
	}
	machine, err := machineText()
	if err != nil {
		return err
	}
	path := filepath.Join(docs, documentName)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		return fmt.Errorf("%s has no place for the figures: it lacks the line %q or %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(head+begin+machine+r.markdown()+end+tail), 0o644)
}

func writeCSV(path string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// machineText says what the figures are of.
func machineText() (string, error) {
	installed, err := httpd.Find()
	if err != nil {
		return "", err
	}
	model := "a processor of unknown name"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("Measured on %d processors of %s, with Apache %s and %s.\n\n", runtime.NumCPU(), model, installed.Version, runtime.Version()), nil
}

func (r *Report) markdown() string {
	var b strings.Builder
	b.WriteString("### Ratios\n\n| | of | median | quartiles | bound |\n| --- | --- | --- | --- | --- |\n")
	for _, result := range r.Results {
		median := number(result.Median)
		if !result.Reached(0) {
			median = "**" + median + "**"
		}
		fmt.Fprintf(&b, "| %s | %s, %s | %s | %s to %s | %s |\n", result.Name, result.Measure.Name, result.Workload.Name, median, number(result.Low), number(result.High), result.BoundText())
	}
	b.WriteString("\nA median in bold misses its bound.\n")
	for _, table := range r.Tables {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", upperFirst(table.Title), table.loadText())
		b.WriteString("| served by | requests/s | CPU us for a request | p50 us | p99 us | p99.9 us |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
		for i, p := range table.Peers {
			s := table.Series[i]
			cpu := s.Spread(CPU)
			fmt.Fprintf(&b, "| %s | %s | %s (%s to %s) | %s | %s | %s |\n", p.Title, number(s.Spread(Throughput).Median), number(cpu.Median), number(cpu.Low), number(cpu.High),
				number(s.Spread(P50).Median), number(s.Spread(P99).Median), number(s.Spread(P999).Median))
		}
	}
	b.WriteString("\n### Memory\n\nAfter the load of hello, without httpd's parent process.\n\n")
	b.WriteString("| served by | processes | RSS of the largest | PSS of all |\n| --- | ---: | ---: | ---: |\n")
	for _, f := range r.Footprints {
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", f.Peer.Title, f.Processes, megabytes(f.Resident), megabytes(f.Proportional))
	}
	b.WriteString("\n### A request inside Go\n\nObjects and bytes on Go's heap, and calls from C into Go and from Go into C, for each request.\n\n")
	b.WriteString("| served by | workload | allocations | bytes | crossings |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, budget := range r.Budgets {
		fmt.Fprintf(&b, "| %s | %s | %.1f | %.0f | %.1f |\n", budget.Peer.Title, budget.Workload.Name, budget.Mallocs, budget.Bytes, budget.Crossings)
	}
	b.WriteString("\n### As things grow\n")
	for _, s := range r.Sweeps {
		fmt.Fprintf(&b, "\n![%s](%s/%s.svg)\n", s.Title, folderName, s.Key)
	}
	b.WriteString("\n")
	return b.String()
}

// loadText says how a table was measured.
func (t MeasuredTable) loadText() string {
	kept := "kept alive"
	if t.Close {
		kept = "not kept alive"
	}
	if t.Protocol.HTTP2() {
		return fmt.Sprintf("h2load, %d connections of %d streams.", t.Workload.Connections/streams, streams)
	}
	return fmt.Sprintf("wrk, %d connections, %s.", t.Workload.Connections, kept)
}

// number writes a figure with three digits that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/megabyte) }

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// measures are those that tables and CSV have.
var measures = []Measure{Throughput, CPU, P50, P99, P999}

// measureColumns name the columns of a series: median and quartiles of each measure.
func measureColumns() []string {
	var names []string
	for _, m := range []string{"requests_per_second", "cpu_us", "p50_us", "p99_us", "p999_us"} {
		names = append(names, m, m+"_q1", m+"_q3")
	}
	return names
}

func (s Series) columns() []string {
	var columns []string
	for _, m := range measures {
		spread := s.Spread(m)
		columns = append(columns, plain(spread.Median), plain(spread.Low), plain(spread.High))
	}
	return columns
}

func plain(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func (r *Report) ratioRows() [][]string {
	rows := [][]string{{"ratio", "measure", "workload", "median", "q1", "q3", "bound"}}
	for _, result := range r.Results {
		rows = append(rows, []string{result.Name, result.Measure.Name, result.Workload.Name, plain(result.Median), plain(result.Low), plain(result.High), result.BoundText()})
	}
	return rows
}

func (r *Report) tableRows() [][]string {
	rows := [][]string{append([]string{"table", "peer", "protocol", "connections", "rounds"}, measureColumns()...)}
	for _, table := range r.Tables {
		for i, p := range table.Peers {
			rows = append(rows, append([]string{table.Key, p.Key, string(table.Protocol), strconv.Itoa(table.Workload.Connections), strconv.Itoa(len(table.Series[i]))}, table.Series[i].columns()...))
		}
	}
	return rows
}

func (r *Report) footprintRows() [][]string {
	rows := [][]string{{"peer", "processes", "rss_largest_bytes", "pss_all_bytes"}}
	for _, f := range r.Footprints {
		rows = append(rows, []string{f.Peer.Key, strconv.Itoa(f.Processes), strconv.FormatInt(f.Resident, 10), strconv.FormatInt(f.Proportional, 10)})
	}
	return rows
}

func (r *Report) budgetRows() [][]string {
	rows := [][]string{{"peer", "workload", "allocations", "bytes", "crossings"}}
	for _, b := range r.Budgets {
		rows = append(rows, []string{b.Peer.Key, b.Workload.Name, plain(b.Mallocs), plain(b.Bytes), plain(b.Crossings)})
	}
	return rows
}

func (s MeasuredSweep) rows() [][]string {
	rows := [][]string{append([]string{s.Key, "peer", "rounds"}, measureColumns()...)}
	for _, line := range s.Lines {
		for i, value := range s.Values {
			rows = append(rows, append([]string{strconv.Itoa(value), line.Peer.Key, strconv.Itoa(len(line.Series[i]))}, line.Series[i].columns()...))
		}
	}
	return rows
}

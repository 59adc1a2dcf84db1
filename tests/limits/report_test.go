// Package limits measures what docs/performance.md promises, and fails where a bound is missed. `make limits` runs it and
// writes the figures into that document.
package limits

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

var reportFile = flag.String("report", "", "the document whose table of figures to write")

// figure is one row of the table.
type figure struct {
	what, value, bound, test string
}

var figures struct {
	sync.Mutex
	rows []figure
}

// record notes a figure. Bound is in words, "-" for none.
func record(t *testing.T, what, value, bound string) {
	t.Helper()
	t.Logf("%s: %s (bound: %s)", what, value, bound)
	figures.Lock()
	defer figures.Unlock()
	name, _, _ := strings.Cut(t.Name(), "/")
	figures.rows = append(figures.rows, figure{what, value, bound, name})
}

// The marks between which the table stands.
const (
	begin = "<!-- figures: written by make limits -->\n"
	end   = "<!-- end of figures -->"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if code == 0 && *reportFile != "" {
		if err := writeReport(*reportFile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func writeReport(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		return fmt.Errorf("%s has no place for the figures: it lacks the line %q or %q", path, begin, end)
	}
	var b strings.Builder
	b.WriteString(head + begin)
	b.WriteString("| what | measured | bound | command |\n| --- | --- | --- | --- |\n")
	for _, f := range figures.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | `go test ./tests/limits -v -run %s` |\n", f.what, f.value, f.bound, f.test)
	}
	b.WriteString(end + tail)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// megabytes is a number of bytes for people.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }

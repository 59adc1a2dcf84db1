package lines_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/internal/lines"
)

// sink keeps the lines.
type sink []string

func (s *sink) Line(line []byte) { *s = append(*s, string(line)) }

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		writes []string
		want   []string
	}{
		{nil, nil},
		{[]string{"a\n"}, []string{"a"}},
		{[]string{"a"}, []string{"a"}},
		{[]string{"a", "b\nc", "\n"}, []string{"ab", "c"}},
		{[]string{"a\r\nb\rc\r", "\n"}, []string{"a", "b\rc"}},
		{[]string{"\n\n"}, []string{"", ""}},
		{[]string{"k\xc3", "\xa4se\n\xff"}, []string{"käse", "\xff"}},
		{[]string{"1\n2\n3\n4", "4\n5"}, []string{"1", "2", "3", "44", "5"}},
	} {
		var got sink
		w := &lines.Writer{To: &got}
		for _, text := range test.writes {
			if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("Write(%q) = %d, %v", text, n, err)
			}
		}
		w.Flush()
		w.Flush()
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q; want %q", test.writes, got, test.want)
		}
	}
}

// TestWriterFromGoroutines: lines that are written whole arrive whole.
func TestWriterFromGoroutines(t *testing.T) {
	var got sink
	w := &lines.Writer{To: &got}
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 100 {
				fmt.Fprintf(w, "%s\n", strings.Repeat(fmt.Sprint(i), 50))
			}
		})
	}
	writers.Wait()
	for _, line := range got {
		if line != strings.Repeat(line[:1], 50) {
			t.Fatalf("a mixed line: %q", line)
		}
	}
	if len(got) != 800 {
		t.Errorf("%d lines; want 800", len(got))
	}
}

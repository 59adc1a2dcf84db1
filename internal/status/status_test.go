package status

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

func TestQuantiles(t *testing.T) {
	bounds := []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}
	for _, c := range []struct {
		name   string
		counts []uint64
		q      float64
		want   float64
	}{
		{"nothing", []uint64{0, 0, 0, 0}, 0.5, 0},
		{"half of the first class", []uint64{10, 0, 0, 0}, 0.5, 0.0005},
		{"the end of a class", []uint64{5, 5, 0, 0}, 0.5, 0.001},
		{"within a later class", []uint64{5, 5, 0, 0}, 0.75, 0.0055},
		{"over an empty class", []uint64{1, 0, 1, 0}, 0.99, 0.01 + 0.09*0.98},
		{"beyond the last bound", []uint64{1, 0, 0, 9}, 0.99, 0.1},
		{"the greatest", []uint64{0, 4, 0, 0}, 1, 0.01},
	} {
		if got := (DurationCounts{Bounds: bounds, Counts: c.counts}).Quantile(c.q); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: the %v quantile of %v is %v; want %v", c.name, c.q, c.counts, got, c.want)
		}
	}
}

func TestBucketsAreCumulative(t *testing.T) {
	d := DurationCounts{Bounds: []time.Duration{1, 2, 3, 4}, Counts: []uint64{1, 10, 100, 1000, 10000}}
	got := d.buckets([]time.Duration{2, 4})
	if got[time.Duration(2).Seconds()] != 11 || got[time.Duration(4).Seconds()] != 1111 || d.N() != 11111 {
		t.Errorf("the buckets are %v of %d", got, d.N())
	}
}

// TestMergeChildren: labels of a metric that it shares with others are left as they are.
func TestMergeChildren(t *testing.T) {
	shared := []*dto.LabelPair{{Name: new("child"), Value: new("a")}, {Name: new("zone"), Value: new("b")}}
	family := func(kind dto.MetricType) []*dto.MetricFamily {
		return []*dto.MetricFamily{{Name: new("jobs"), Type: kind.Enum(), Metric: []*dto.Metric{{Label: shared}}}}
	}
	merged, err := mergeChildren([]ChildMetrics{{0, family(dto.MetricType_COUNTER)}, {7, family(dto.MetricType_COUNTER)}, {8, family(dto.MetricType_GAUGE)}, {9, nil}})
	if err == nil || !strings.Contains(err.Error(), "jobs of child 8 is a GAUGE, and a COUNTER of another") {
		t.Errorf("a type that contradicts is told as %v", err)
	}
	if len(merged) != 1 || len(merged[0].Metric) != 2 {
		t.Fatalf("merged are %v", merged)
	}
	var labels []string
	for _, l := range merged[0].Metric[1].Label {
		labels = append(labels, l.GetName()+"="+l.GetValue())
	}
	if want := []string{"child=7", "exported_child=a", "zone=b"}; !slices.Equal(labels, want) {
		t.Errorf("the labels are %v; want %v", labels, want)
	}
	if shared[0].GetName() != "child" || len(shared) != 2 {
		t.Errorf("the metric's own labels are %v", shared)
	}
}

func TestProcess(t *testing.T) {
	p := NewProcess()
	if p.Goroutines < 1 || p.MaxProcs < 1 || p.Heap == 0 || p.Runtime < p.Heap || p.Resident == 0 || p.CPU <= 0 {
		t.Errorf("the process is %+v", p)
	}
}

func TestFiguresForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{duration(0), "–"}, {duration(0.0000125), "12.5 µs"}, {duration(0.25), "250 ms"}, {duration(12.34), "12.3 s"}, {duration(3725), "1 h 2 min"},
		{ago(59 * time.Second), "59 s"}, {ago(61 * time.Second), "1 min 1 s"}, {ago(50 * time.Hour), "2 d 2 h"},
		{size(2048), "2 kB"}, {size(3 << 20), "3.0 MB"}, {size(20 << 30), "20.0 GB"},
		{count(7), "7"}, {count(uint64(1234567)), "1\u202f234\u202f567"}, {count(-12), "-12"},
		{rate(0.25), "0.2/s"}, {rate(1234), "1\u202f234/s"},
		{bars([]uint32{9, 4, 0, 2}), "M59 16v-16.0M57 16v-8.0"}, {bars(nil), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q is shown; want %q", c.got, c.want)
		}
	}
}

func TestLinesEscape(t *testing.T) {
	r := &Report{Children: []Child{{PID: 1, State: "<b>"}, {PID: 2, State: Silent}}}
	if got := r.Lines(true); strings.Contains(got, "<b>") || !strings.Contains(got, "does not answer") {
		t.Errorf("the table is %s", got)
	}
}

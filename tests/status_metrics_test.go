package tests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestStatusMetrics: what a scrape gets is what Prometheus and its linter accept: mod_go's totals, and each child's metrics, those
// of applications too.
func TestStatusMetrics(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := httpdtest.Config{MPM: mpm, Processes: 2, Packages: []string{"./tests/testdata/apps/metered"}}
		cfg.Conf = "GoAlias /app " + appsPath + "metered\n" + statusConf
		srv := httpdtest.Start(t, cfg)
		awaitStatus(t, srv, "that all children serve", allServe)
		const languages = 30
		for i := range languages {
			srv.Get(fmt.Sprintf("/app?language=%d", i))
		}
		resp := srv.Get("/go-status/metrics")
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
			t.Errorf("the metrics are %s, %v", resp.Status, resp.Header)
		}
		families := parseMetrics(t, resp.Text)
		name := appsPath + "metered.Application"
		if got := valueOf(t, families, "modgo_http_requests_total", "application", name, "code", "200"); got != languages {
			t.Errorf("%v requests are counted; want %d", got, languages)
		}
		histogram := metric(t, families, "modgo_http_request_duration_seconds", "application", name).GetHistogram()
		if histogram.GetSampleCount() != languages || histogram.GetSampleSum() <= 0 {
			t.Errorf("the histogram is %v", histogram)
		}
		for _, bound := range prometheus.DefBuckets {
			if !slices.ContainsFunc(histogram.Bucket, func(b *dto.Bucket) bool { return b.GetUpperBound() == bound }) {
				t.Errorf("the histogram has no bound %v", bound)
			}
		}
		if got := valueOf(t, families, "modgo_http_requests_in_flight", "application", name); got != 0 {
			t.Errorf("%v are in flight", got)
		}
		if got := len(families["modgo_child_up"].GetMetric()); got < 2 {
			t.Errorf("%d children are up", got)
		}
		for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "go_gc_duration_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"} {
			if got, want := len(families[name].GetMetric()), len(families["modgo_child_up"].GetMetric()); got != want {
				t.Errorf("%s has %d children; want %d", name, got, want)
			}
		}
		greeted := 0.0
		for _, m := range families["greetings_total"].GetMetric() {
			greeted += m.GetCounter().GetValue()
			if labels := labelsOf(m); labels["exported_child"] != "first-born" || labels["child"] == "" || labels["language"] == "" {
				t.Errorf("the application's own metric has the labels %v", labels)
			}
		}
		if greeted != languages {
			t.Errorf("the application's own metric adds up to %v; want %d", greeted, languages)
		}
		// The linter's rules are for what mod_go names itself.
		for n := range families {
			if !strings.HasPrefix(n, "modgo_") {
				delete(families, n)
			}
		}
		problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(families))).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("the linter says %v, %v", problems, err)
		}
		open := srv.Get("/go-status/metrics", "Accept", "application/openmetrics-text; version=1.0.0", "Accept-Encoding", "gzip")
		if !strings.HasPrefix(open.Header.Get("Content-Type"), "application/openmetrics-text") || open.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("Prometheus's own request gets %s, %v", open.Status, open.Header)
		}
	})
}

func parseMetrics(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the metrics cannot be read: %v\n%s", err, text)
	}
	return families
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// metric is that of a family with these labels, which are names and values by turns.
func metric(t *testing.T, families map[string]*dto.MetricFamily, family string, labels ...string) *dto.Metric {
	t.Helper()
	want := map[string]string{}
	for pair := range slices.Chunk(labels, 2) {
		want[pair[0]] = pair[1]
	}
	for _, m := range families[family].GetMetric() {
		if maps.Equal(labelsOf(m), want) {
			return m
		}
	}
	t.Fatalf("there is no %s%v, but %v", family, want, families[family])
	return nil
}

func valueOf(t *testing.T, families map[string]*dto.MetricFamily, family string, labels ...string) float64 {
	t.Helper()
	m := metric(t, families, family, labels...)
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// bounds of the histogram of durations: three a decade, with client_golang's own (prometheus.DefBuckets) among them.
var bounds = []time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 25 * time.Second, 50 * time.Second, 100 * time.Second,
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("modgo_"+name, help, labels, nil)
}

var (
	requestsDesc = describe("http_requests_total", "Requests that applications have answered, over all children since the server's start.", "application", "code")
	durationDesc = describe("http_request_duration_seconds", "How long handlers took.", "application")
	inFlightDesc = describe("http_requests_in_flight", "Requests that applications are at work on.", "application")
	upDesc       = describe("child_up", "Whether the child has answered for this scrape.", "child")
	threadsDesc  = describe("child_threads", "Threads of the child that serve requests.", "child")
	busyDesc     = describe("child_threads_busy", "Threads of the child that are with an application.", "child")
	startedDesc  = describe("children_started_total", "Children that httpd has started.")
	diedDesc     = describe("children_died_total", "Children that have ended without httpd having asked them to.")
	restartsDesc = describe("server_restarts_total", "Restarts of the server, graceful or not.")
	sinceDesc    = describe("server_start_time_seconds", "When the server was started, in seconds since 1970.")
	buildDesc    = describe("build_info", "The object that the answering child runs; always 1.", "version", "goversion", "build_id")
)

// Describe is part of prometheus.Collector.
func (r *Report) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requestsDesc, durationDesc, inFlightDesc, upDesc, threadsDesc, busyDesc, startedDesc, diedDesc, restartsDesc, sinceDesc, buildDesc} {
		descs <- d
	}
}

// Collect is part of prometheus.Collector: it sends the report as metrics.
func (r *Report) Collect(metrics chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for _, a := range r.Applications {
		for _, s := range a.Statuses {
			code := strconv.Itoa(s.Status)
			if s.Status == 0 {
				code = "other"
			}
			send(requestsDesc, prometheus.CounterValue, float64(s.Requests), a.Name, code)
		}
		metrics <- prometheus.MustNewConstHistogram(durationDesc, a.Duration.N(), a.Duration.Total.Seconds(), a.Duration.buckets(bounds), a.Name)
		send(inFlightDesc, prometheus.GaugeValue, float64(a.InFlight), a.Name)
	}
	for _, c := range r.Children {
		child, up := strconv.Itoa(c.Child), 1.0
		if c.State == Silent {
			up = 0
		}
		send(upDesc, prometheus.GaugeValue, up, child)
		send(threadsDesc, prometheus.GaugeValue, float64(c.Threads.Total), child)
		send(busyDesc, prometheus.GaugeValue, float64(c.Threads.Busy), child)
	}
	send(startedDesc, prometheus.CounterValue, float64(r.Server.ChildrenStarted))
	send(diedDesc, prometheus.CounterValue, float64(r.Server.ChildrenDied))
	send(restartsDesc, prometheus.CounterValue, float64(r.Server.Restarts))
	send(sinceDesc, prometheus.GaugeValue, float64(r.Server.Started.UnixMicro())/1e6)
	send(buildDesc, prometheus.GaugeValue, 1, r.Build.ModGo, r.Build.Go, r.Build.ID)
}

// own are the metrics of this process that client_golang makes itself. They take memory, so not before somebody wants them.
var own = sync.OnceValue(func() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
})

// GatherProcess gathers the metrics of this process: of the Go runtime, of the process, and what applications have registered
// with client_golang's default registry. What cannot be gathered is told in the error; the rest is there.
func GatherProcess() ([]*dto.MetricFamily, error) {
	families, ownError := own().Gather()
	names := make(map[string]bool, len(families))
	for _, f := range families {
		names[f.GetName()] = true
	}
	registered, registeredError := prometheus.DefaultGatherer.Gather()
	for _, f := range registered {
		if !names[f.GetName()] {
			families = append(families, f)
		}
	}
	return families, errors.Join(ownError, registeredError)
}

// serveMetrics answers a scrape.
func serveMetrics(w http.ResponseWriter, r *http.Request, source Source) {
	ctx := r.Context()
	gather := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gatherAll(ctx, source) })
	promhttp.HandlerFor(gather, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true}).ServeHTTP(w, r)
}

// gatherAll gathers the report's metrics and those of all children, which get a label that tells them apart.
func gatherAll(ctx context.Context, source Source) ([]*dto.MetricFamily, error) {
	// Both at the same time: a child that hangs takes all the time that the others have.
	var children []ChildMetrics
	var gathering sync.WaitGroup
	gathering.Go(func() { children = source.Metrics(ctx) })
	report := source.Report(ctx)
	gathering.Wait()

	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(report); err != nil {
		return nil, err
	}
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	merged, err := mergeChildren(children)
	return append(families, merged...), err
}

// childLabel tells the children's metrics apart. A label of that name that a metric has already is renamed, as Prometheus
// itself does it with those of a target.
const childLabel = "child"

// mergeChildren puts the children's families of one name together. A child whose family has another type than the others', as
// a newer build's may, loses it, which the error tells.
func mergeChildren(children []ChildMetrics) (merged []*dto.MetricFamily, err error) {
	byName := map[string]*dto.MetricFamily{}
	for _, c := range children {
		for _, f := range c.Families {
			into := byName[f.GetName()]
			if into == nil {
				into = &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit}
				byName[f.GetName()] = into
				merged = append(merged, into)
			}
			if into.GetType() != f.GetType() {
				err = errors.Join(err, fmt.Errorf("%s of child %d is a %s, and a %s of another", f.GetName(), c.Child, f.GetType(), into.GetType()))
				continue
			}
			for _, m := range f.Metric {
				m.Label = withChild(m.Label, c.Child)
				into.Metric = append(into.Metric, m)
			}
		}
	}
	slices.SortFunc(merged, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return merged, err
}

// withChild returns new labels: those of a metric are those of all that it tells.
func withChild(labels []*dto.LabelPair, child int) []*dto.LabelPair {
	with := []*dto.LabelPair{{Name: new(childLabel), Value: new(strconv.Itoa(child))}}
	for _, l := range labels {
		if l.GetName() == childLabel {
			l = &dto.LabelPair{Name: new("exported_" + childLabel), Value: l.Value}
		}
		with = append(with, l)
	}
	slices.SortFunc(with, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	return with
}

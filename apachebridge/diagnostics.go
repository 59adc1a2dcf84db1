package apachebridge

// #include "modgo.h"
import "C"

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/mod-go/mod-go/internal/pprofhttp"
	"github.com/mod-go/mod-go/internal/sibling"
	"github.com/mod-go/mod-go/internal/status"
	"github.com/mod-go/mod-go/modgo"
)

// diagnosticHandlers are mod_go's own handlers. Their indexes follow those of the callables, as diagnostics.c has them.
func diagnosticHandlers() []*modgo.Callable {
	return []*modgo.Callable{
		{Package: C.MODGO_STATUS_HANDLER, Name: "Handler", Handler: status.NewHandler(observer{})},
		{Package: C.MODGO_PPROF_HANDLER, Name: "Handler", Handler: pprofhttp.Front(profiled, siblings())},
	}
}

// siblings is the way to the children, this one too.
var siblings = sync.OnceValue(func() http.RoundTripper { return sibling.Transport(channelKey(), addressOf) })

// observer looks at this httpd for package status.
type observer struct{}

// Report reads the shared memory, and asks each child for what only it knows.
func (observer) Report(ctx context.Context) *status.Report {
	r := &status.Report{Time: time.Now(), AnsweredBy: os.Getpid(), Server: readServer(), Build: readBuild(), Children: []status.Child{}, InFlight: []status.Request{}}
	for child := range livingChildren {
		for _, request := range readInFlight(child.Child, child.PID, r.Time) {
			child.Threads.Busy++
			if request.Application != C.MODGO_STATUS_HANDLER {
				r.InFlight = append(r.InFlight, request)
			}
		}
		r.Children = append(r.Children, child)
	}
	slices.SortStableFunc(r.InFlight, func(a, b status.Request) int { return cmp.Compare(b.Seconds, a.Seconds) })
	r.Applications = readApplications(r.InFlight)
	askAll(r.Children, func(c *status.Child) {
		process, err := askProcess(ctx, c.Child)
		switch phase := C.modgo_inflight_phase(C.int(c.Child)); {
		case phase == C.MODGO_START_NONE:
			c.State = status.Waiting
		case phase != C.MODGO_START_DONE || errors.Is(err, sibling.ErrNone) && r.Time.Sub(c.Started) < starting:
			c.State = status.Starting
		case err != nil:
			c.State = status.Silent
		case process.Ending:
			c.State = status.Ending
		}
		c.Process = process
	})
	return r
}

// starting is for how long nobody wonders that a new child has no socket yet.
const starting = 10 * time.Second

// Metrics asks each child for those of its process.
func (observer) Metrics(ctx context.Context) []status.ChildMetrics {
	children := slices.Collect(func(yield func(status.ChildMetrics) bool) {
		for c := range livingChildren {
			if !yield(status.ChildMetrics{Child: c.Child}) {
				return
			}
		}
	})
	askAll(children, func(c *status.ChildMetrics) {
		c.Families, _ = askMetrics(ctx, c.Child) // that a child does not answer is one of the metrics
	})
	return children
}

// askAll calls ask for each at the same time.
func askAll[T any](children []T, ask func(*T)) {
	var asking sync.WaitGroup
	for i := range children {
		asking.Go(func() { ask(&children[i]) })
	}
	asking.Wait()
}

// ask gets what a child has under a path.
func ask(ctx context.Context, child int, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, sibling.URL(child, path), nil)
	if err != nil {
		return nil, err
	}
	resp, err := siblings().RoundTrip(r)
	if err == nil && resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s", resp.Status)
	}
	return resp, err
}

func askProcess(ctx context.Context, child int) (*status.Process, error) {
	resp, err := ask(ctx, child, processPath)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	p := new(status.Process)
	if err := json.NewDecoder(resp.Body).Decode(p); err != nil {
		return nil, err
	}
	return p, nil
}

func askMetrics(ctx context.Context, child int) (families []*dto.MetricFamily, err error) {
	resp, err := ask(ctx, child, metricsPath)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	for decoder := expfmt.NewDecoder(resp.Body, metricsFormat); ; {
		f := new(dto.MetricFamily)
		if err := decoder.Decode(f); err == io.EOF {
			return families, nil
		} else if err != nil {
			return nil, err
		}
		families = append(families, f)
	}
}

// ownProcess is what this child says of itself.
func ownProcess() *status.Process {
	p := status.NewProcess()
	p.BuildID = BuildID()
	p.Ending = C.modgo_stopping_state() != C.MODGO_STOP_NONE
	p.Connections = taken.live()
	return p
}

// profiled are the children that can be profiled.
func profiled() (children []pprofhttp.Child) {
	for c := range livingChildren {
		children = append(children, pprofhttp.Child{PID: c.PID, Generation: c.Generation, Started: c.Started, URL: sibling.URL(c.Child, pprofPath)})
	}
	return children
}

// readBuild tells what this object is.
func readBuild() status.Build {
	b := status.Build{ModGo: C.MODGO_VERSION, ID: BuildID()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	b.Module = strings.TrimSpace(info.Main.Path + " " + info.Main.Version)
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value + b.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += "+dirty"
		}
	}
	return b
}

// modgoGoStatusLines is what mod_status shows of the children; C frees it.
//
//export modgoGoStatusLines
func modgoGoStatusLines(asHTML C.int) *C.char {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return C.CString(observer{}.Report(ctx).Lines(asHTML != 0))
}

package programs

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// frameworksDocument says what Fiber's adaptor costs.
const frameworksDocument = "../../docs/net-http.md"

// fiberCostPattern finds the bound in the document.
var fiberCostPattern = regexp.MustCompile(`at most ([0-9.]+) times the CPU time`)

const (
	fiberRounds    = 5
	fiberPerRound  = 8000 // requests
	fiberClients   = 4
	fiberUserPath  = "/users/7"
	fiberBodyLimit = 4 << 20 // bytes, which is Fiber's default
)

// The same request costs an httpd with Fiber behind its adaptor no more than the document says, compared with net/http's
// ServeMux on the same httpd.
func TestFiberCost(t *testing.T) {
	text, err := os.ReadFile(frameworksDocument)
	if err != nil {
		t.Fatal(err)
	}
	match := fiberCostPattern.FindSubmatch(text)
	if match == nil {
		t.Fatalf("%s does not say what Fiber costs: it has nothing like %s", frameworksDocument, fiberCostPattern)
	}
	bound, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	cfg := frameworkConfig()
	cfg.Conf = "MaxKeepAliveRequests 0"
	srv := httpdtest.Start(t, cfg)
	child := srv.AwaitChildren(1)[0]
	cost := func(path string) time.Duration {
		before := srv.CPUTime(child)
		sendMany(t, srv, path)
		return srv.CPUTime(child) - before
	}
	paths := []string{"/servemux" + fiberUserPath, fiberUserPath}
	for _, path := range paths {
		sendMany(t, srv, path) // warm
	}
	var ratios, plain, fiber []float64
	for range fiberRounds {
		of, to := cost(paths[0]), cost(paths[1])
		ratios = append(ratios, to.Seconds()/of.Seconds())
		plain, fiber = append(plain, of.Seconds()), append(fiber, to.Seconds())
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2]
	t.Logf("a request to ServeMux takes %.1f us of CPU time, to Fiber %.1f us: %.2f times", slices.Min(plain)*1e6/fiberPerRound, slices.Min(fiber)*1e6/fiberPerRound, ratio)
	if ratio > bound {
		t.Errorf("a request to Fiber takes %.2f times the CPU time of one to ServeMux; %s says at most %.2f", ratio, frameworksDocument, bound)
	}
}

// sendMany sends a round of requests over a few connections that are kept alive.
func sendMany(t *testing.T, srv *httpdtest.Server, path string) {
	t.Helper()
	var clients sync.WaitGroup
	defer clients.Wait()
	for range fiberClients {
		clients.Go(func() {
			client := &http.Client{Transport: new(http.Transport)}
			defer client.CloseIdleConnections()
			for range fiberPerRound / fiberClients {
				resp, err := client.Get(srv.URL(path))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, resp.Status)
					return
				}
			}
		})
	}
}

// What the adaptor takes from a request is the same on net/http's own server, and in the document.
func TestFiberLimits(t *testing.T) {
	httpdtest.Hosts(t, frameworkConfig(), nil, func(t *testing.T, srv *httpdtest.Server) {
		t.Run("a body beyond Fiber's limit is refused", func(t *testing.T) {
			got := apache(srv.In(t)).exchange(t, frameworkRequest{
				method: "POST", path: "/upload", headers: []string{"Content-Type", multipartType}, body: multipartBody(fiberBodyLimit),
			})
			if got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, "Too Large") {
				t.Errorf("status %d: %.200q; want 413", got.status, got.body)
			}
		})
		t.Run("below a mount Fiber sees the whole path", func(t *testing.T) {
			got := srv.In(t).Get("/mounted" + fiberUserPath)
			if got.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %.200q; want 404, for Fiber has no such route", got.Status, got.Text)
			}
		})
	})
}

package limits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	appsPath = "github.com/mod-go/mod-go/tests/testdata/apps/"
	restarts = 100
	// perRestart is how many requests are answered between two restarts.
	perRestart = 50
	// parentGrowth is how many bytes the parent's resident memory may grow in all restarts.
	parentGrowth = 1 << 20
)

// buildVersion builds the application version with or without its build tag.
func buildVersion(t *testing.T, tags ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "mod_go.so")
	_, err := builder.Build(t.Context(), builder.Options{
		Dir: "../..", Patterns: []string{"./tests/testdata/apps/version"}, Output: output, Tags: tags, Log: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	httpdtest.OpenWay(t, output)
	return output
}

// TestGracefulRestarts: a hundred graceful restarts, each with another build, while clients send without a pause: every
// request is answered whole, the parent does not grow, and the last build answers.
func TestGracefulRestarts(t *testing.T) {
	builds := []string{buildVersion(t), buildVersion(t, "second")}
	for _, mpm := range []string{"event", "worker"} {
		t.Run(mpm, func(t *testing.T) {
			srv := httpdtest.Start(t, httpdtest.Config{
				MPM: mpm, Processes: 2, Threads: 8, Object: builds[0], Conf: "GoAlias / " + appsPath + "version",
			})
			load := startLoad(t, srv)
			before := srv.RSS(srv.ParentPID())
			for i := range restarts {
				srv.ReplaceObject(builds[(i+1)%2])
				srv.Graceful()
				load.await(t, perRestart)
			}
			requests := load.stop(t)
			grown := srv.RSS(srv.ParentPID()) - before
			record(t, fmt.Sprintf("%d graceful restarts, %s: requests answered, none failed", restarts, mpm), fmt.Sprint(requests), "none failed")
			record(t, fmt.Sprintf("the same: growth of the parent's resident memory, %s", mpm), megabytes(grown), "1 MB")
			if grown > parentGrowth {
				t.Errorf("the parent grew by %d bytes", grown)
			}
			if got, want := srv.Get("/").Text, []string{"first", "second"}[restarts%2]; got != want {
				t.Errorf("after the last restart the build %q answers; want %q", got, want)
			}
		})
	}
}

// load is clients that send one request after another.
type load struct {
	cancel   context.CancelFunc
	clients  sync.WaitGroup
	requests atomic.Int64
	mu       sync.Mutex
	failures []error
}

// startLoad starts clients of three kinds: with connections kept alive, with a connection for each request, and with a
// body in two parts, so that some requests are always half-way.
func startLoad(t *testing.T, srv *httpdtest.Server) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	kinds := []func() error{
		func() error { return l.get(srv.Client(), srv.URL("/")) },
		func() error { return l.get(newConnections, srv.URL("/")) },
		func() error { return l.post(newConnections, srv.URL("/")) },
	}
	for _, send := range slices.Concat(kinds, kinds) {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				if err := send(); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, err)
					l.mu.Unlock()
				}
				l.requests.Add(1)
			}
		})
	}
	return l
}

var newConnections = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func (l *load) get(client *http.Client, url string) error {
	resp, err := client.Get(url)
	return check(resp, err)
}

func (l *load) post(client *http.Client, url string) error {
	resp, err := client.Post(url, "text/plain", io.MultiReader(strings.NewReader("one half"), strings.NewReader("the other")))
	return check(resp, err)
}

func check(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || string(body) != "first" && string(body) != "second" {
		return fmt.Errorf("status %d, %q", resp.StatusCode, body)
	}
	return nil
}

// await waits until n more requests have been answered.
func (l *load) await(t *testing.T, n int64) {
	t.Helper()
	enough := l.requests.Load() + n
	if err := httpdtest.Poll(time.Minute, func() bool { return l.requests.Load() >= enough }); err != nil {
		t.Fatalf("waiting for %d requests to be answered: %v", n, err)
	}
}

// stop ends the load and returns how many requests were answered; it fails the test if one was not.
func (l *load) stop(t *testing.T) int64 {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	if len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed: %v", len(l.failures), l.requests.Load(), errors.Join(l.failures[:min(5, len(l.failures))]...))
	}
	return l.requests.Load()
}

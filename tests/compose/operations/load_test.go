package operations

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const answer = "The request method was GET"

// A load is clients that send one request for the application hello after another.
type load struct {
	cancel   context.CancelFunc
	clients  sync.WaitGroup
	requests atomic.Int64
	mu       sync.Mutex
	failures []error
}

// startLoad starts as many clients as there are senders, each with its own.
func startLoad(t *testing.T, url string, senders ...*http.Client) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	for _, client := range senders {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				if err := get(client, url); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, fmt.Errorf("%s: %w", time.Now().Format("15:04:05.000"), err))
					l.mu.Unlock()
				}
				l.requests.Add(1)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		l.clients.Wait()
	})
	return l
}

func get(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || string(body) != answer {
		return fmt.Errorf("status %d, %q", response.StatusCode, body)
	}
	return nil
}

// await waits until n more requests have been made.
func (l *load) await(t *testing.T, n int64) {
	t.Helper()
	enough := l.requests.Load() + n
	if err := httpdtest.Poll(time.Minute, func() bool { return l.requests.Load() >= enough }); err != nil {
		t.Fatalf("waiting for %d requests: %v", n, err)
	}
}

// stop ends the load; it fails the test if one request failed.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	t.Logf("%d requests", l.requests.Load())
	if len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed, the first: %v", len(l.failures), l.requests.Load(), errors.Join(l.failures[:min(5, len(l.failures))]...))
	}
}

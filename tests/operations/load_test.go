package operations

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pause is what each client waits between two requests: the load shows failures, not how much the machine can do.
const pause = 2 * time.Millisecond

// A load is clients that fetch one URL, some over one connection as long as it is kept open, some over a new one each time.
type load struct {
	url      string
	cancel   context.CancelFunc
	clients  sync.WaitGroup
	requests atomic.Int64
	mu       sync.Mutex
	failures []error
}

// startLoad starts the clients. Each answer has to be of status 200, with a body that matches.
func startLoad(t *testing.T, url, body string) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{url: url, cancel: cancel}
	want := regexp.MustCompile(body)
	for _, keep := range []bool{true, false} {
		client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:80")
			},
			DisableKeepAlives: !keep,
		}}
		l.clients.Go(func() {
			for ctx.Err() == nil {
				if err := get(client, url, want); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, fmt.Errorf("%s, connection kept: %t: %w", time.Now().Format("15:04:05.000"), keep, err))
					l.mu.Unlock()
				}
				l.requests.Add(1)
				time.Sleep(pause)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		l.clients.Wait()
	})
	return l
}

func get(client *http.Client, url string, want *regexp.Regexp) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !want.Match(body) {
		return fmt.Errorf("status %d, %.200q", response.StatusCode, body)
	}
	return nil
}

// stop ends the load; it fails the test where one request failed, or none was made.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	requests := l.requests.Load()
	t.Logf("%s: %d requests, %d failures", l.url, requests, len(l.failures))
	if requests == 0 {
		t.Errorf("%s: no request was made", l.url)
	}
	if len(l.failures) > 0 {
		t.Errorf("%s: the first of %d failures: %v", l.url, len(l.failures), errors.Join(l.failures[:min(5, len(l.failures))]...))
	}
}

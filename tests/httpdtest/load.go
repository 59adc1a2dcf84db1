package httpdtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Sender is one client of a Load: what it sends again and again, and what it wants for an answer.
type Sender struct {
	Client *http.Client // one of its own, unless connections are to be shared
	URL    string
	Body   func() io.Reader       // what it posts; without, it gets
	Wants  func(text string) bool // tells whether the body of an answer with status 200 is the right one; nil takes any
	Every  time.Duration          // at most one request in this time; 0: without a pause
}

// NewConnections is a client that has a connection for each request.
func NewConnections() *http.Client {
	return &http.Client{Timeout: Limit(clientLimit), Transport: &http.Transport{DisableKeepAlives: true}}
}

// KeptConnections is a client that keeps its connections alive.
func KeptConnections() *http.Client {
	return &http.Client{Timeout: Limit(clientLimit), Transport: &http.Transport{}}
}

// Load is clients that send one request after another, for tests of what happens to a server meanwhile. It ends with the
// test at the latest, which fails for each request that did.
type Load struct {
	t        testing.TB
	cancel   context.CancelFunc
	clients  sync.WaitGroup
	answered atomic.Int64
	mu       sync.Mutex
	failures []string
	stop     func()
}

// StartLoad starts the senders, each on a goroutine of its own.
func StartLoad(t testing.TB, senders ...Sender) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, cancel: cancel}
	l.stop = sync.OnceFunc(l.judge)
	for _, sender := range senders {
		l.clients.Go(func() { l.run(ctx, sender) })
	}
	t.Cleanup(l.stop)
	return l
}

func (l *Load) run(ctx context.Context, sender Sender) {
	defer sender.Client.CloseIdleConnections()
	for ctx.Err() == nil {
		begun := time.Now()
		if err := sender.send(); err != nil {
			l.mu.Lock()
			l.failures = append(l.failures, fmt.Sprintf("begun %s, failed after %s: %s: %v", begun.Format("15:04:05.000"), time.Since(begun).Round(time.Millisecond), sender.URL, err))
			l.mu.Unlock()
		} else {
			l.answered.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(begun.Add(sender.Every))):
		}
	}
}

// send makes one request, which the end of the load does not cut.
func (s *Sender) send() error {
	resp, err := s.request()
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("status %d, %.200q: %w", resp.StatusCode, text, err)
	}
	if resp.StatusCode != http.StatusOK || s.Wants != nil && !s.Wants(string(text)) {
		return fmt.Errorf("status %d, %.200q", resp.StatusCode, text)
	}
	return nil
}

func (s *Sender) request() (*http.Response, error) {
	if s.Body == nil {
		return s.Client.Get(s.URL)
	}
	return s.Client.Post(s.URL, "text/plain", s.Body())
}

// Answered is how many requests have been answered as they should.
func (l *Load) Answered() int64 { return l.answered.Load() }

// Await waits until n more requests have been answered.
func (l *Load) Await(n int64) {
	l.t.Helper()
	enough := l.answered.Load() + n
	if err := Poll(time.Minute, func() bool { return l.answered.Load() >= enough }); err != nil {
		l.stop()
		l.t.Fatalf("waiting for %d requests to be answered: %v", n, err)
	}
}

// Stop ends the load and returns how many requests were answered; it fails the test if one was not, or not as it should.
func (l *Load) Stop() int64 {
	l.t.Helper()
	l.stop()
	return l.answered.Load()
}

func (l *Load) judge() {
	l.t.Helper()
	l.cancel()
	l.clients.Wait()
	if failed := len(l.failures); failed > 0 {
		l.t.Errorf("%d of %d requests failed:\n%s", failed, l.answered.Load()+int64(failed), strings.Join(l.failures, "\n"))
	}
}

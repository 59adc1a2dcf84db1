package httpdtest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a test of its own within a test: what goes wrong in it is recorded.
type recorder struct {
	testing.TB // of the surrounding test, for what is not overridden

	mu       sync.Mutex
	failures []string
	logs     []string
	failed   bool
	cleanups []func()
}

// record runs test to its end, cleanups included, as go test does.
func record(t *testing.T, test func(t testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	r.run(func() { test(r) })
	slices.Reverse(r.cleanups)
	for _, cleanup := range r.cleanups {
		r.run(cleanup)
	}
	return r
}

// run calls f in a goroutine that FailNow may end.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (r *recorder) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	r.failures = append(r.failures, text)
}

func (r *recorder) Error(args ...any)            { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.fail(fmt.Sprintf(f, args...)) }
func (r *recorder) Fatal(args ...any)            { r.fail(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(f string, args ...any) { r.fail(fmt.Sprintf(f, args...)); runtime.Goexit() }
func (r *recorder) Logf(f string, args ...any)   { r.logs = append(r.logs, fmt.Sprintf(f, args...)) }
func (r *recorder) Failed() bool                 { return r.failed }
func (r *recorder) Cleanup(f func())             { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Context() context.Context     { return context.Background() }
func (r *recorder) Setenv(string, string)        { panic("not in a recorder") }

func (r *recorder) TempDir() string {
	dir, err := os.MkdirTemp("", "recorder")
	if err != nil {
		r.TB.Fatal(err)
	}
	r.TB.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// wants checks that the test failed exactly once, with these words, or not at all where there are none.
func (r *recorder) wants(t *testing.T, words string) {
	t.Helper()
	switch {
	case words == "" && len(r.failures) > 0:
		t.Errorf("the test failed: %q", r.failures)
	case words != "" && len(r.failures) != 1:
		t.Errorf("the test failed %d times: %q; want once, saying %q", len(r.failures), r.failures, words)
	case words != "" && !strings.Contains(r.failures[0], words):
		t.Errorf("the test failed with %q; want %q", r.failures[0], words)
	}
}

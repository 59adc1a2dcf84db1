package validate

import (
	"log"
	"sync"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// TB is what of testing.TB is used, so that a program that leaves the validator on does not link package testing.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// settleLimit is how long the requests of a test may take to end after it.
var settleLimit = 5 * time.Second

// Testing reports each Violation as an error of the test, and lets the request go on. When the test ends, every body must
// have been iterated: it waits up to five seconds for what the server is still doing.
func Testing(t TB) modgo.Middleware {
	var mu sync.Mutex
	done := false
	open := &unfinished{}
	v := newValidator(func(violation *Violation, _ bool) {
		mu.Lock()
		defer mu.Unlock()
		if done {
			log.Printf("after the end of the test: %v", violation) // Errorf would panic
			return
		}
		t.Helper()
		t.Errorf("%v", violation)
	}, open)
	t.Cleanup(func() {
		for _, r := range open.wait(settleLimit) {
			r.mu.Lock()
			forgotten, begun := r.returned && !r.ended, r.begun
			r.ended = true
			r.mu.Unlock()
			if forgotten {
				r.forgotten(begun)
			}
		}
		mu.Lock()
		done = true
		mu.Unlock()
	})
	return v.wrap
}

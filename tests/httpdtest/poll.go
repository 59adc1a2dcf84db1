package httpdtest

import (
	"fmt"
	"time"
)

// pollEvery is how long Poll lets pass before it asks again.
const pollEvery = 5 * time.Millisecond

// Poll waits for a condition that nothing but asking can tell. Limit is that of an ordinary machine, and grows as Limit
// says; the error is that it is over. The condition is called on the caller's goroutine, so it may end the test.
func Poll(limit time.Duration, condition func() bool) error {
	limit = Limit(limit)
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(pollEvery) {
		if time.Now().After(deadline) {
			return fmt.Errorf("nothing within %s", limit)
		}
	}
	return nil
}

package validate

import "time"

// SetSettleLimit sets how long Testing waits for requests when a test ends, and returns what it was.
func SetSettleLimit(limit time.Duration) (before time.Duration) {
	before, settleLimit = settleLimit, limit
	return before
}

package stream

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

const (
	maxCount    = 10000
	minInterval = time.Millisecond
	maxInterval = 10 * time.Second
	maxDuration = 10 * time.Minute
)

// pace is how many pieces a stream has, and the time from one to the next; the first comes at once.
type pace struct {
	count    int
	interval time.Duration
}

var defaultChunks = pace{count: 10, interval: 500 * time.Millisecond}

// parsePace reads n and interval from a query string; what it does not give is as in fallback. Its errors are for
// the client to read.
func parsePace(query string, fallback pace) (pace, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return pace{}, fmt.Errorf("the query string %q cannot be read (%w): ask for something like ?n=5&interval=500ms", query, err)
	}
	p := fallback
	if n := values.Get("n"); n != "" {
		p.count, err = strconv.Atoi(n)
		if err != nil || p.count < 1 || p.count > maxCount {
			return pace{}, fmt.Errorf("n is %q: it is the number of pieces, a whole number from 1 to %d", n, maxCount)
		}
	}
	if interval := values.Get("interval"); interval != "" {
		p.interval, err = time.ParseDuration(interval)
		if err != nil || p.interval < minInterval || p.interval > maxInterval {
			return pace{}, fmt.Errorf("interval is %q: it is a time from %v to %v with its unit, such as 500ms", interval, minInterval, maxInterval)
		}
	}
	if total := time.Duration(p.count-1) * p.interval; total > maxDuration {
		return pace{}, fmt.Errorf("%d pieces, one every %v, take %v: a stream may take %v, so ask for fewer or for a shorter interval", p.count, p.interval, total, maxDuration)
	}
	return p, nil
}

type tick struct {
	number int       // from 1
	time   time.Time // UTC
}

// ticks yields count ticks, and ends early when the context does.
func (p pace) ticks(ctx context.Context) iter.Seq[tick] {
	return func(yield func(tick) bool) {
		ticker := time.NewTicker(p.interval)
		defer ticker.Stop()
		for number := 1; ctx.Err() == nil && yield(tick{number, time.Now().UTC()}) && number < p.count; number++ {
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}
}

// lines is a body of count lines. Cut short by its context it ends in an error, so that it does not look whole.
func (p pace) lines(ctx context.Context) modgo.Body {
	return func(yield func([]byte, error) bool) {
		sent := 0
		for tick := range p.ticks(ctx) {
			line := fmt.Appendf(nil, "%d of %d at %s\n", tick.number, p.count, tick.time.Format("15:04:05.000 UTC"))
			if !yield(line, nil) {
				return
			}
			sent++
		}
		if sent < p.count {
			yield(nil, fmt.Errorf("after %d of %d lines: %w", sent, p.count, context.Cause(ctx)))
		}
	}
}

package status

import "time"

// DurationCounts says how many requests took how long. Counts[i] is how many took longer than Bounds[i-1] and no longer than
// Bounds[i]; the last one has those beyond.
type DurationCounts struct {
	Bounds []time.Duration
	Counts []uint64
	Total  time.Duration // of all together
}

// N is how many there are.
func (d DurationCounts) N() (n uint64) {
	for _, count := range d.Counts {
		n += count
	}
	return n
}

// Quantile is the duration that a part q of them did not exceed, in seconds; between two bounds it is interpolated.
func (d DurationCounts) Quantile(q float64) float64 {
	rank := q * float64(d.N())
	if rank == 0 {
		return 0
	}
	before := 0.0
	for i, count := range d.Counts {
		if before+float64(count) < rank || count == 0 {
			before += float64(count)
			continue
		}
		if i == len(d.Bounds) {
			break
		}
		low := 0.0
		if i > 0 {
			low = d.Bounds[i-1].Seconds()
		}
		return low + (d.Bounds[i].Seconds()-low)*(rank-before)/float64(count)
	}
	return d.Bounds[len(d.Bounds)-1].Seconds()
}

// Latency reads the quantiles that the page shows.
func (d DurationCounts) Latency() Latency {
	return Latency{P50: d.Quantile(0.5), P90: d.Quantile(0.9), P99: d.Quantile(0.99)}
}

// buckets are the cumulative counts up to some of the bounds, in seconds, as a histogram of Prometheus has them.
func (d DurationCounts) buckets(at []time.Duration) map[float64]uint64 {
	buckets := make(map[float64]uint64, len(at))
	n, i := uint64(0), 0
	for _, bound := range at {
		for ; i < len(d.Bounds) && d.Bounds[i] <= bound; i++ {
			n += d.Counts[i]
		}
		buckets[bound.Seconds()] = n
	}
	return buckets
}

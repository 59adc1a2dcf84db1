package status

import (
	"fmt"
	"strings"
	"time"
)

// duration shows seconds with three digits that count.
func duration(seconds float64) string {
	switch {
	case seconds == 0:
		return "–"
	case seconds < 1e-3:
		return fmt.Sprintf("%.3g µs", seconds*1e6)
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	case seconds < 100:
		return fmt.Sprintf("%.1f s", seconds)
	}
	return ago(time.Duration(seconds * float64(time.Second)))
}

// ago shows a long time in its two largest units.
func ago(d time.Duration) string {
	d = d.Truncate(time.Second)
	switch days := d / (24 * time.Hour); {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// size shows bytes.
func size(n uint64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d kB", n>>10)
}

// count groups a number's digits by threes.
func count(n any) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

func rate(perSecond float64) string {
	if perSecond >= 100 {
		return count(int(perSecond+0.5)) + "/s"
	}
	return fmt.Sprintf("%.1f/s", perSecond)
}

// statusClass is a status's first digit as a word for the style.
func statusClass(status int) string {
	switch {
	case status >= 500:
		return "bad"
	case status >= 400:
		return "poor"
	}
	return "good"
}

// bars draws the requests of the last minute as an SVG path, the current second, which is not over, left out.
func bars(seconds []uint32) string {
	const width, height = 60, 16
	most := uint32(1)
	for i := 1; i < len(seconds) && i <= width; i++ {
		most = max(most, seconds[i])
	}
	var b strings.Builder
	for i := 1; i < len(seconds) && i <= width; i++ {
		if n := seconds[i]; n > 0 {
			fmt.Fprintf(&b, "M%d %dv-%.1f", width-i, height, max(1, float64(n)*height/float64(most)))
		}
	}
	return b.String()
}

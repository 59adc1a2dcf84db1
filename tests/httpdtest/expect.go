package httpdtest

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Expectation declares lines of the error log.
type Expectation struct {
	pattern  *regexp.Regexp
	raw      bool
	min, max int
}

// Times says how many lines match, exactly. Without Times, AtLeast or AtMost at least one does.
func (e *Expectation) Times(n int) *Expectation {
	e.min, e.max = n, n
	return e
}

// AtLeast says how many lines match at the least.
func (e *Expectation) AtLeast(n int) *Expectation {
	e.min = n
	return e
}

// AtMost says how many lines match at the most; then it may be none.
func (e *Expectation) AtMost(n int) *Expectation {
	e.min, e.max = 0, n
	return e
}

// Maybe says that the lines may come, any number of them, or not.
func (e *Expectation) Maybe() *Expectation {
	e.min, e.max = 0, math.MaxInt
	return e
}

func (e *Expectation) matches(line Line) bool {
	return e.pattern.MatchString(line.Text)
}

// allows tells whether the expectation makes up for the line.
func (e *Expectation) allows(line Line) bool {
	return e.raw && line.Raw || e.matches(line)
}

// count is how often the expectation was asked to match, in words.
func (e *Expectation) count() string {
	switch {
	case e.min == e.max:
		return fmt.Sprintf("exactly %d", e.min)
	case e.max == math.MaxInt:
		return fmt.Sprintf("at least %d", e.min)
	default:
		return fmt.Sprintf("%d to %d", e.min, e.max)
	}
}

// expectations are those of one server.
type expectations struct {
	mu  sync.Mutex
	all []*Expectation
}

func (x *expectations) add(pattern string, raw bool) *Expectation {
	e := &Expectation{pattern: regexp.MustCompile(pattern), raw: raw, min: 1, max: math.MaxInt}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all = append(x.all, e)
	return e
}

// check fails the test for lines that were not declared and for declared lines that did not come.
func (x *expectations) check(t testing.TB, lines []Line) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	counts := make([]int, len(x.all))
	var undeclared []string
	headAllowed := make(map[int]bool) // by process: what was found of the line that a continuation belongs to
	for _, line := range lines {
		if line.continues() && headAllowed[line.PID] {
			continue
		}
		allowed := !line.mustBeDeclared()
		for i, e := range x.all {
			if e.matches(line) {
				counts[i]++
			}
			allowed = allowed || e.allows(line)
		}
		headAllowed[line.PID] = allowed
		if !allowed {
			undeclared = append(undeclared, line.File+": "+line.Text)
		}
	}
	if len(undeclared) > 0 {
		t.Errorf("httpd logged what the test did not declare (Server.Expect):\n%s", strings.Join(undeclared, "\n"))
	}
	for i, e := range x.all {
		if counts[i] < e.min || counts[i] > e.max {
			t.Errorf("httpd logged %d lines that match %q; the test declared %s", counts[i], e.pattern, e.count())
		}
	}
}

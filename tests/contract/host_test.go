package contract

import (
	"crypto/tls"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// A host serves the applications of tests/testdata/apps/contract, for the whole table once.
type host interface {
	// site is where an application of the suite is reached.
	site(m mount) site
	// log is the error log so far.
	log(t testing.TB) []logLine
	// expect declares that the log may have lines, at warn or above, that match a regular expression. Others of that kind
	// fail the suite.
	expect(t testing.TB, pattern string)
	// processes are those that answer requests.
	processes(t testing.TB) []int
	facts() facts
}

// A mount is an application in its place.
type mount int

const (
	atApp    mount = iota // Application at /app
	atSub                 // Environ at /environ
	atRoot                // Environ at the top of the site
	atSecure              // Environ at /environ, over TLS
	atOther               // Application at /app, of a site with an error log of its own
)

// site is where a mount is reached.
type site struct {
	addr   string // host and port of the connection
	name   string // the header Host
	path   string // where the application is mounted
	secure bool
}

// facts are what hosts differ in, by their nature.
type facts struct {
	multithread, multiprocess bool
	configured                bool // there is a configuration, which is httpd's
	reasons                   bool // the application's own reason phrases are sent
}

// logLine is a message in an error log.
type logLine struct {
	file    string
	message string // as it was written, the lines below it included
}

// A hostKind makes a host when the first check needs it.
type hostKind struct {
	name  string
	start func() host
}

// hosts are those that the suite runs on, as MODGO_TEST_MPM selects them. They end with t.
func hosts(t *testing.T) []hostKind {
	kinds := []hostKind{{"reference", sync.OnceValue(func() host { return startReference(t) })}}
	for _, mpm := range httpdtest.MPMs() {
		kinds = append(kinds, hostKind{mpm, sync.OnceValue(func() host { return startApache(t, mpm) })})
	}
	return kinds
}

// waitLimit is how long an ordinary machine may take to do what a check waits for.
const waitLimit = 10 * time.Second

// await waits for a condition that nothing but asking can tell.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if err := httpdtest.Poll(waitLimit, condition); err != nil {
		t.Fatalf("waited in vain for %s: %v", what, err)
	}
}

// awaitLog waits for a line of the log that matches a regular expression, and returns it.
func awaitLog(t testing.TB, h host, pattern string) (found logLine) {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	await(t, "a line of the error log that matches "+pattern, func() bool {
		lines := h.log(t)
		i := slices.IndexFunc(lines, func(l logLine) bool { return expression.MatchString(l.message) })
		if i >= 0 {
			found = lines[i]
		}
		return i >= 0
	})
	return found
}

// checkNotes waits for the end of the request that bears the token, and for what its application has to note, in order. The
// context of a request may end before the application does, when the client goes.
func checkNotes(t testing.TB, h host, token string, want ...string) {
	t.Helper()
	awaitLog(t, h, noted(token, "end$"))
	var got []string
	await(t, "the notes "+strings.Join(want, ", "), func() bool {
		got = notes(h.log(t), token)
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		t.Errorf("the application noted %q; want %q", got, want)
	}
}

// notes are what the application of the request that bears the token noted, but for its end.
func notes(lines []logLine, token string) (texts []string) {
	for _, line := range lines {
		if _, text, found := strings.Cut(line.message, "contract: "+token+" "); found && text != "end" {
			texts = append(texts, text)
		}
	}
	return texts
}

var noteOncePattern = regexp.MustCompile(`contract: (\S+ (?:clean-up|closed.*|called|end))$`)

// checkOnce fails the test for what was noted twice at any time, of what happens once in a request.
func checkOnce(t testing.TB, lines []logLine) {
	seen := make(map[string]bool)
	for _, line := range lines {
		if match := noteOncePattern.FindStringSubmatch(line.message); match != nil {
			if seen[match[1]] {
				t.Errorf("noted twice: %s", match[1])
			}
			seen[match[1]] = true
		}
	}
}

// noted is the regular expression of a note.
func noted(token, pattern string) string {
	return "contract: " + regexp.QuoteMeta(token) + " " + pattern
}

// tlsClient trusts whom it talks to: the suite's own server, on this machine.
var tlsClient = &tls.Config{InsecureSkipVerify: true}

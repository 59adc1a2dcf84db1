package contract

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware/validate/brokenapps"
	"github.com/mod-go/mod-go/modgo"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/contract/bare"
)

const (
	bareFolder  = "./tests/testdata/apps/contract/bare"
	barePackage = "github.com/mod-go/mod-go/tests/testdata/apps/contract/bare"
)

// bareHost serves the broken applications as they are.
type bareHost struct {
	site      site
	failures  func(t testing.TB) []string // the lines that tell of a failure
	processes func(t testing.TB) []int
}

// TestBrokenApplications: what an application does wrong is answered as brokenapps says, told by one line of the error log
// with a number that docs/log-messages.md explains, and the process lives on.
func TestBrokenApplications(t *testing.T) {
	for _, mpm := range httpdtest.MPMs() {
		t.Run(mpm, func(t *testing.T) { testBroken(t, bareApache(t, mpm)) })
	}
	t.Run("reference", func(t *testing.T) { testBroken(t, bareReference(t)) })
}

func bareApache(t *testing.T, mpm string) bareHost {
	srv := httpdtest.Start(t, httpdtest.Config{MPM: mpm, Packages: []string{bareFolder}, Conf: "GoAlias / " + barePackage})
	srv.Expect(`MODGO\d{4}: the application .*bare\.Application (panicked|failed): `)
	documented := documentedNumbers(t)
	number := regexp.MustCompile(`MODGO\d{4}`)
	failures := func(t testing.TB) (lines []string) {
		for _, line := range srv.In(t).Log() {
			if found := number.FindString(line.Message); found != "" {
				lines = append(lines, line.Message)
				if !slices.Contains(documented, found) {
					t.Errorf("docs/log-messages.md does not explain %s: %s", found, line.Message)
				}
			}
		}
		return lines
	}
	return bareHost{
		site{addr: srv.Addr(), name: "localhost"}, failures,
		func(t testing.TB) []int { return srv.In(t).ChildPIDs() },
	}
}

// documentedNumbers are those with a heading in docs/log-messages.md.
func documentedNumbers(t testing.TB) (numbers []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/log-messages.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^### (MODGO\d{4}): `).FindAllStringSubmatch(string(text), -1) {
		numbers = append(numbers, match[1])
	}
	return numbers
}

func bareReference(t *testing.T) bareHost {
	log := new(messages)
	server := modgo.NewServer("127.0.0.1:0", bare.Application)
	server.ErrorLog = log.of("error.log")
	serve(t, server)
	failures := func(testing.TB) (lines []string) {
		for _, line := range log.all() {
			lines = append(lines, line.message)
		}
		return lines
	}
	return bareHost{
		site{addr: server.Addr().String(), name: "localhost"}, failures,
		func(testing.TB) []int { return []int{os.Getpid()} },
	}
}

func testBroken(t *testing.T, h bareHost) {
	before := h.processes(t)
	for _, app := range brokenapps.All() {
		t.Run(app.Name, func(t *testing.T) {
			lines := len(h.failures(t))
			checkBare(t, h.site, app)
			wanted := 0
			if app.Logged {
				wanted = 1
				await(t, "a line of the error log", func() bool { return len(h.failures(t)) > lines })
			}
			if told := h.failures(t)[lines:]; len(told) != wanted {
				t.Errorf("%s: the log has %d lines; want %d:\n%s", app.Description, len(told), wanted, strings.Join(told, "\n"))
			}
		})
	}
	if resp := get(t, h.site, "/"); resp.StatusCode != 200 {
		t.Errorf("afterwards the answer is %s", resp.Status)
	}
	after := h.processes(t)
	slices.Sort(before)
	if slices.Sort(after); !slices.Equal(before, after) {
		t.Errorf("the processes were %d, and are %d", before, after)
	}
}

// checkBare compares the answer with what the table says. It reads to the end of the connection, so that the request is over.
func checkBare(t *testing.T, s site, app brokenapps.App) {
	t.Helper()
	c := converse(t, s)
	defer c.Close()
	c.send(s.request("GET", "/"+app.Name, http11, end))
	resp := c.head("GET")
	text, err := io.ReadAll(resp.Body)
	if app.Absent != "" && resp.Header.Get(app.Absent) != "" {
		t.Errorf("%s: the response has the header %s", app.Description, app.Absent)
	}
	switch app.Bare {
	case brokenapps.Failed:
		if resp.StatusCode != 500 || err != nil {
			t.Errorf("%s: the answer is %s: %q (%v); want a whole one of status 500", app.Description, resp.Status, text, err)
		}
	case brokenapps.Aborted:
		if err == nil {
			t.Errorf("%s: the answer looks whole: %s: %q", app.Description, resp.Status, text)
		}
	case brokenapps.Harmless:
		if resp.StatusCode != app.Status || string(text) != app.Body || err != nil {
			t.Errorf("%s: the answer is %s: %q (%v); want %d: %q", app.Description, resp.Status, text, err, app.Status, app.Body)
		}
	}
	_, _ = io.Copy(io.Discard, c.reader) // an abort resets it
}

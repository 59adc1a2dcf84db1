package operations

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	pidFile  = "/run/apache2/apache2.pid"
	logs     = "/var/log/apache2/*error.log"
	graceful = "apache2ctl graceful"
)

// parent is the process id of the server, 0 where it does not run.
func parent() int {
	content, err := os.ReadFile(pidFile)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
	return pid
}

// The states of sockets in the tables of /proc/net.
const (
	established = "01"
	listening   = "0A"
)

// children are the processes of the server that take connections.
func children(t *testing.T) (pids []string) {
	t.Helper()
	listeners := sockets(t, listening)
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	of := strconv.Itoa(parent())
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		pid := filepath.Base(filepath.Dir(stat))
		// The state and the parent follow the name, which stands in brackets and may have anything in it.
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		if len(fields) > 1 && fields[1] == of && held(pid, listeners) > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sockets are those of TCP in a state, as links of /proc/PID/fd name them.
func sockets(t *testing.T, state string) (links []string) {
	t.Helper()
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == state {
				links = append(links, "socket:["+fields[9]+"]")
			}
		}
	}
	return links
}

// held is how many of the sockets a process has open; none where it has ended.
func held(pid string, sockets []string) (n int) {
	descriptors, _ := filepath.Glob("/proc/" + pid + "/fd/*")
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && slices.Contains(sockets, target) {
			n++
		}
	}
	return n
}

// awaitChange waits until the children before a graceful restart take no more connections, and others do, and until they have
// served theirs, but for one: the page leaves a request to them that hangs. Nobody types so fast that the next command comes
// earlier.
func awaitChange(t *testing.T, before []string) {
	t.Helper()
	var now []string
	left := 0
	err := httpdtest.Poll(time.Minute, func() bool {
		now, left = children(t), 0
		connections := sockets(t, established)
		for _, pid := range before {
			left += held(pid, connections)
		}
		return len(now) > 0 && left <= 1 && !slices.ContainsFunc(now, func(pid string) bool { return slices.Contains(before, pid) })
	})
	if err != nil {
		t.Fatalf("after %s, children %v take connections, as %v did before, which have %d left: %v\n%s", graceful, now, before, left, err, errorLogs(t))
	}
}

// stopServer stops the server, if it runs, and waits for its end.
func stopServer(t *testing.T) {
	t.Helper()
	pid := parent()
	if pid == 0 {
		return
	}
	run := newTerminal(t, "/")
	run.begin(t, block{text: "apache2ctl stop\n"})
	if err := run.end(); err != nil {
		t.Errorf("apache2ctl stop: %v\n%s", err, run.printed)
	}
	if err := httpdtest.Poll(time.Minute, func() bool { return parent() == 0 }); err != nil {
		t.Errorf("the server, process %d, does not end: %v", pid, err)
	}
}

// errorLogs is what the error logs of the server and of its virtual hosts say.
func errorLogs(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(logs)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}

var (
	numberPattern = regexp.MustCompile(`MODGO\d{4}`)
	gravePattern  = regexp.MustCompile(`\[\w*:(warn|error|crit|alert|emerg)\]`)
	// What belongs to the line before it, and what the event MPM now and then says of a connection that becomes idle while its
	// child ends.
	harmlessPattern = regexp.MustCompile(`\[go:error\] .*\] \| |\[mpm_event:\w+\] .*AH(03092|03093|03465|10503): \w+: apr_pollset_add failure`)
)

// checkLogs fails the test for each line at warn or above, and each with a number of mod_go, that the page does not show,
// and for each that is no line of httpd's.
func checkLogs(t *testing.T, blocks []block) {
	t.Helper()
	var shown []string
	for _, b := range blocks {
		if b.language == "text" {
			shown = append(shown, numberPattern.FindAllString(b.text, -1)...)
		}
	}
	for line := range strings.Lines(errorLogs(t)) {
		number := numberPattern.FindString(line)
		switch {
		case harmlessPattern.MatchString(line):
		case number != "" && slices.Contains(shown, number):
		case number != "" || gravePattern.MatchString(line) || !strings.HasPrefix(line, "["):
			t.Errorf("the log has a line that %s does not show: %s", page, line)
		}
	}
}

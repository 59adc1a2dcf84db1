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

// children are the processes of the server that take connections.
func children(t *testing.T) (pids []string) {
	t.Helper()
	listening := listeners(t)
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
		// The state and the parent follow the name, which stands in brackets and may have anything in it.
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		if len(fields) > 1 && fields[1] == of && holds(filepath.Dir(stat), listening) {
			pids = append(pids, filepath.Base(filepath.Dir(stat)))
		}
	}
	return pids
}

// listeners are the sockets that listen, as links of /proc/PID/fd name them.
func listeners(t *testing.T) (sockets []string) {
	t.Helper()
	const listen = "0A"
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == listen {
				sockets = append(sockets, "socket:["+fields[9]+"]")
			}
		}
	}
	return sockets
}

// holds tells whether a process has one of the sockets open.
func holds(process string, sockets []string) bool {
	links, _ := filepath.Glob(process + "/fd/*")
	return slices.ContainsFunc(links, func(link string) bool {
		target, err := os.Readlink(link)
		return err == nil && slices.Contains(sockets, target)
	})
}

// awaitChange waits until the children before a graceful restart take no more connections, and others do: nobody types so
// fast that the next command meets an old one.
func awaitChange(t *testing.T, before []string) {
	t.Helper()
	var now []string
	err := httpdtest.Poll(time.Minute, func() bool {
		now = children(t)
		return len(now) > 0 && !slices.ContainsFunc(now, func(pid string) bool { return slices.Contains(before, pid) })
	})
	if err != nil {
		t.Fatalf("after %s, children %v take connections, as %v did before: %v\n%s", graceful, now, before, err, errorLogs(t))
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

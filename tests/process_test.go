package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/settings"
)

// appsPath is the import path of the folder of test applications.
const appsPath = "github.com/mod-go/mod-go/tests/testdata/apps/"

// sigurg is the bit of SIGURG in a signal mask of /proc: the Go runtime handles it in every process it lives in, and
// httpd handles it nowhere.
const sigurg = 1 << (23 - 1)

// procStatus is a field of /proc/PID/status.
func procStatus(t *testing.T, pid int, field string) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, field)
	return ""
}

func handlesSIGURG(t *testing.T, pid int) bool {
	t.Helper()
	caught, err := strconv.ParseUint(procStatus(t, pid, "SigCgt"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return caught&sigurg != 0
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, resp *httpdtest.Response) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(resp.Text), &value); err != nil {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, resp.Text)
	}
	return value
}

// askAtOnce sends n requests on as many connections, so that several children have some of them.
func askAtOnce(t *testing.T, srv *httpdtest.Server, n int) []settings.Report {
	t.Helper()
	reports := make([]settings.Report, n)
	var requests sync.WaitGroup
	for i := range reports {
		requests.Go(func() {
			answer := string(srv.Raw(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
			_, body, _ := strings.Cut(answer, "\r\n\r\n")
			if err := json.Unmarshal([]byte(body), &reports[i]); err != nil {
				t.Errorf("%v: %s", err, answer)
			}
		})
	}
	requests.Wait()
	return reports
}

// TestParentRunsNoGo: the parent is C alone, before and after a restart; each child has a live Go runtime.
func TestParentRunsNoGo(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Processes: 2, Threads: 8,
			Packages: []string{"./tests/testdata/apps/settings"},
			Conf:     "GoAlias / " + appsPath + "settings",
		})
		check := func(when string) {
			t.Helper()
			parent := srv.ParentPID()
			if threads := procStatus(t, parent, "Threads"); threads != "1" {
				t.Errorf("%s: the parent has %s threads", when, threads)
			}
			if handlesSIGURG(t, parent) {
				t.Errorf("%s: the parent has a signal handler of Go's", when)
			}
			// Every child answers sooner or later, and says whether goroutines, timers and the garbage collector work.
			waiting := make(map[int]bool)
			for _, child := range srv.ChildPIDs() {
				waiting[child] = true
			}
			for range 200 {
				// One that a restart ends may still have been there, and is gone soon.
				living := srv.ChildPIDs()
				maps.DeleteFunc(waiting, func(child int, _ bool) bool { return !slices.Contains(living, child) })
				for _, report := range askAtOnce(t, srv, 2*len(waiting)+2) {
					if !report.Alive {
						t.Errorf("%s: the Go runtime of child %d does not live", when, report.PID)
					}
					delete(waiting, report.PID)
				}
				if len(waiting) == 0 {
					return
				}
			}
			t.Errorf("%s: children %v answer nothing", when, slices.Collect(maps.Keys(waiting)))
		}
		check("after the start")
		srv.Graceful()
		check("after a graceful restart")
		srv.Restart()
		check("after a restart")
	})
}

// TestRunsAsUser: applications run, and are constructed in the check of the configuration, as httpd's User.
func TestRunsAsUser(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/settings"},
		Conf:     "GoAlias / " + appsPath + "settings",
	})
	report := decode[settings.Report](t, srv.Get("/"))
	root := report.User == "root"
	if root {
		t.Errorf("the application runs as root")
	}
	if len(report.Args) == 0 || !strings.Contains(report.Args[0], "apache2") && !strings.Contains(report.Args[0], "httpd") {
		t.Errorf("os.Args is %q; want httpd's own", report.Args)
	}
}

// TestUnprivileged: an ordinary user's httpd works as root's does.
func TestUnprivileged(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Unprivileged: true, Packages: []string{"./tests/testdata/apps/settings"},
			Conf: "GoAlias / " + appsPath + "settings",
		})
		for _, when := range []string{"after the start", "after a graceful restart"} {
			if uid := strings.Fields(procStatus(t, srv.ParentPID(), "Uid"))[0]; uid == "0" {
				t.Fatalf("%s: the parent is root's", when)
			}
			if report := decode[settings.Report](t, srv.Get("/")); !report.Alive || report.User == "root" {
				t.Errorf("%s: the Go runtime lives: %v, as %s", when, report.Alive, report.User)
			}
			srv.Graceful()
		}
	})
}

// TestStopsWhileServing: an httpd that is told to restart at once ends children whose applications are at work, and that
// is no crash. Under prefork that includes one that computes, which the signal interrupts; a threaded child waits for its
// threads.
func TestStopsWhileServing(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: []string{"./tests/testdata/apps/faulty"}, Conf: faultyConf,
		})
		begin := func(request, line string) {
			t.Helper()
			conn := srv.Dial(t)
			t.Cleanup(func() { conn.Close() })
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			srv.AwaitLog(line)
		}
		begin("POST /faulty/sip HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1", "sip begins")
		if mpm == "prefork" {
			begin("GET /faulty/spin HTTP/1.1\r\nHost: a\r\n\r\n", "spinning")
		}
		srv.Restart()
		if text := srv.Get("/faulty/ok").Text; !strings.HasPrefix(text, "pid ") {
			t.Errorf("after the restart the server answers %q", text)
		}
	})
}

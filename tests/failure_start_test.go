package tests

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const fragile = appsPath + "fragile"

// fragileConfig is a server of one application that can be told to die, and a file.
func fragileConfig(mpm string) httpdtest.Config {
	cfg := httpdtest.Config{
		MPM: mpm, Packages: []string{"./tests/testdata/apps/fragile"}, DocumentRoot: "www", Processes: 2,
		Files: map[string]string{"www/index.html": "static"},
		Conf:  "GoSetEnv FRAGILE ${DIR}/way\nGoAlias /app " + fragile + "\n",
	}
	switch mpm {
	case "worker":
		cfg.Conf += httpdtest.RoomForOldChildren
	case "prefork":
		cfg.Threads = 4
	}
	return cfg
}

// startFragile returns when every child has started the application.
func startFragile(t *testing.T, cfg httpdtest.Config) *httpdtest.Server {
	t.Helper()
	srv := httpdtest.Start(t, cfg)
	children := cfg.Processes
	if cfg.MPM == "prefork" {
		children *= cfg.Threads
	}
	srv.AwaitLogs("fragile has started", children)
	return srv
}

// breakStart has the application die in some way from its next start on, until mendStart.
func breakStart(t *testing.T, srv *httpdtest.Server, way string) {
	t.Helper()
	if err := os.WriteFile(srv.Path("way"), []byte(way), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mendStart(t *testing.T, srv *httpdtest.Server) {
	t.Helper()
	if err := os.Remove(srv.Path("way")); err != nil {
		t.Fatal(err)
	}
}

// keepAsking asks for the static file until the test ends, each time on a new connection, and fails the test for each answer
// that is not the file.
func keepAsking(t *testing.T, srv *httpdtest.Server) (stop func()) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: httpdtest.Limit(20 * time.Second)}
	ended := make(chan struct{})
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			for asked := 0; ; asked++ {
				select {
				case <-ended:
					if asked < 10 {
						t.Errorf("the file was asked for only %d times", asked)
					}
					return
				case <-time.After(5 * time.Millisecond):
				}
				resp, err := client.Get(srv.URL("/index.html"))
				if err != nil {
					t.Errorf("the static file: %v", err)
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || string(text) != "static" {
					t.Errorf("the static file: %s, %q, %v", resp.Status, text, err)
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(ended); askers.Wait() })
}

// startFailures are ways in which a start kills its process, with what the log says of the place and the cause, and a line of
// the trace where there is one.
var startFailures = []struct{ way, place, cause, trace string }{
	{"init panics", "while the Go runtime started and the packages' init functions ran", "panic: no licence file", `fragile\.go:\d+`},
	{"init exits", "while the Go runtime started and the packages' init functions ran", "it ended (without a word|the process with status 6)", ""},
	{"init segfaults", "while the Go runtime started and the packages' init functions ran", "SIGSEGV: segmentation violation", `fragile\._Cfunc_look`},
	{"constructor dies", "while it constructed the application " + regexp.QuoteMeta(fragile) + ".application", "panic: in a goroutine of the constructor", ""},
	{"start exits", "in a function that an application has registered with modgo.OnStart", "it ended (without a word|the process with status 8)", ""},
	{"goroutine panics", "soon after the start, and through no known request", "panic: the licence has run out", `fragile\.go:\d+`},
}

// TestStartFailures: applications that kill every child as it starts are reported once. The rest of the server works on, all
// the time, and they are answered with 503, until they start again, without anybody's doing.
func TestStartFailures(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for _, failure := range startFailures {
			t.Run(failure.way, func(t *testing.T) {
				srv := startFragile(t, fragileConfig(mpm))
				stop := func() {}
				if failure.way != "goroutine panics" { // which kills children that serve
					stop = keepAsking(t, srv)
				}
				defer func() { stop() }()
				breakStart(t, srv, failure.way)
				srv.Expect(`MODGO0030: the applications of this build cannot start: child \d+ died ` + failure.place + `: ` + failure.cause + `.* \(build \S+/\S+\)\. New children`).Times(1)
				srv.Expect(`MODGO0032: attempt \d+ to start the applications failed, .*: ` + failure.cause).AtMost(4)
				srv.Expect(`MODGO0031: the applications can start again, at attempt \d+`).Times(1)
				srv.Expect(`AH10392: children are killed successively`).Maybe() // httpd waits a second then
				if failure.way == "goroutine panics" {                          // which a single death does not make a start that fails
					srv.Expect(`MODGO0023: .*` + failure.cause).Times(2)
				}
				srv.Graceful()
				srv.AwaitLog(`MODGO0030`)
				if failure.trace != "" {
					srv.AwaitLog(`\| .*` + failure.trace)
				}
				await(t, "503", func() bool { return srv.Get("/app/").StatusCode == 503 })
				resp := srv.Get("/app/")
				if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode != 503 || err != nil || seconds < 1 || seconds > 60 {
					t.Errorf("the application answers %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
				}
				srv.AwaitLog(`MODGO0032`)
				if failure.way == "goroutine panics" {
					stop = keepAsking(t, srv)
				}
				mendStart(t, srv)
				srv.AwaitLog(`MODGO0031`)
				await(t, "the application in all children", func() bool { return answersAlways(srv) })
				stop()
			})
		}
	})
}

// TestStartSupervisor: the process that tries again is itself replaced when it is killed, and ends with httpd.
func TestStartSupervisor(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFragile(t, fragileConfig(mpm))
		breakStart(t, srv, "init panics")
		srv.Expect(`MODGO0030`).Times(1)
		srv.Expect(`MODGO0032`).AtLeast(2)
		srv.Expect(`AH10392: children are killed successively`).Maybe()
		srv.Graceful()
		supervisor := srv.AwaitLog(`MODGO0032`).PID
		srv.Signal(supervisor, syscall.SIGKILL)
		await(t, "an attempt of another supervisor", func() bool {
			return slices.ContainsFunc(srv.Log(), func(line httpdtest.Line) bool {
				return strings.Contains(line.Message, "MODGO0032") && line.PID != supervisor
			})
		})
	})
}

// TestConstructionRetried: an application that cannot be constructed is reported once for all children, answered with 503, and
// tried again. A failure of another kind is reported, too, and so is the same one when it comes back.
func TestConstructionRetried(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFragile(t, fragileConfig(mpm))
		failed := `MODGO0003: the application ` + regexp.QuoteMeta(fragile) + `.application cannot be constructed: .*: the database at 192.0.2.1 does not answer; its requests are answered with 503, and it is tried again in 1s`
		mended := `MODGO0008: the application ` + regexp.QuoteMeta(fragile) + `.application could be constructed at last`
		srv.Expect(failed).Times(2)
		srv.Expect(mended).Times(2)
		for n := range 2 {
			breakStart(t, srv, "constructor fails")
			srv.Graceful()
			await(t, "503", func() bool { return srv.Get("/app/").StatusCode == 503 })
			if after := srv.Get("/app/").Header.Get("Retry-After"); after != "1" && after != "2" && after != "3" {
				t.Errorf("Retry-After is %q", after)
			}
			mendStart(t, srv)
			await(t, "the application in all children", func() bool { return answersAlways(srv) })
			srv.AwaitLogs("MODGO0008", n+1) // by a child that has failed, which the requests may not have come to
		}
	})
}

// answersAlways tells whether many requests, which come to most of the children, are answered well.
func answersAlways(srv *httpdtest.Server) bool {
	for range 20 {
		if srv.Get("/app/", "Connection", "close").StatusCode != 200 {
			return false
		}
	}
	return true
}

// await waits for a condition that comes about in half a minute at most.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if err := httpdtest.Poll(30*time.Second, condition); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// TestStartFailureWithTurnover: children that httpd starts in its usual course, while the applications cannot start, do not try
// either, and children that start Go where they are end as any other.
func TestStartFailureWithTurnover(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := fragileConfig(mpm)
		cfg.MaxConnectionsPerChild = 100
		srv := startFragile(t, cfg)
		srv.Expect(`MODGO0030`).Times(1)
		srv.Expect(`MODGO0032`).AtMost(4)
		srv.Expect(`MODGO0031`).Times(1)
		srv.Expect(`AH10392: children are killed successively`).Maybe()
		stop := keepAsking(t, srv)
		defer stop()
		breakStart(t, srv, "init panics")
		srv.Graceful()
		supervisor := srv.AwaitLog(`MODGO0032`).PID
		children := slices.DeleteFunc(srv.ChildPIDs(), func(pid int) bool { return pid == supervisor })
		await(t, "other children in the place of all", func() bool {
			return !slices.ContainsFunc(srv.ChildPIDs(), func(pid int) bool { return slices.Contains(children, pid) })
		})
		mendStart(t, srv)
		srv.AwaitLog(`MODGO0031`)
		await(t, "the application in all children", func() bool { return answersAlways(srv) })
	})
}

// TestStartRepaired: apachectl graceful after a repair does not wait for the next attempt.
func TestStartRepaired(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startFragile(t, fragileConfig(mpm))
		breakStart(t, srv, "init panics")
		srv.Expect(`MODGO0030`).Times(1)
		srv.Expect(`MODGO0032`).Maybe()
		srv.Expect(`AH10392: children are killed successively`).Maybe()
		srv.Graceful()
		srv.AwaitLogs(`MODGO0032`, 3) // the next attempt is 8 seconds away
		mendStart(t, srv)
		if output, ok := srv.Control("graceful"); !ok {
			t.Fatalf("apachectl graceful: %s", output)
		}
		await(t, "the application", func() bool { return srv.Get("/app/").StatusCode == 200 })
		for _, line := range srv.Log() {
			if strings.Contains(line.Text, "MODGO0031") {
				t.Errorf("the restart waited for an attempt: %s", line.Text)
			}
		}
	})
}

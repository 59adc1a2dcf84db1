package tests

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// deaths are ways in which a request ends its process, with the cause that the report names, and a line of the trace.
var deaths = []struct{ path, cause, trace string }{
	{"/app/segfault", "SIGSEGV: segmentation violation", `fragile\._Cfunc_look`},
	{"/app/exits", "it ended without a word: os.Exit or log.Fatal in an application, or a kill -9 from outside", ""},
	{"/app/panics", "panic: in the background of a request", `fragile\.go:\d+`},
}

// buildOf is the build ID of an object, as modgo check prints it.
func buildOf(t *testing.T, path string) string {
	t.Helper()
	object, err := builder.Inspect(path)
	if err != nil || object.BuildID == "" {
		t.Fatalf("%s: %v; build ID %q", path, err, object.BuildID)
	}
	return object.BuildID
}

// testReports has requests kill their processes, and looks for one entry on each in the log.
func testReports(t *testing.T, cfg httpdtest.Config) {
	cfg.Processes = 1
	srv := startFragile(t, cfg)
	build := regexp.QuoteMeta(buildOf(t, httpdtest.Object(t, cfg.Packages...)))
	for _, death := range deaths {
		entry := `MODGO0022: child \d+ died while application ` + regexp.QuoteMeta(fragile) + ` served "GET ` + death.path +
			` HTTP/1.1" \(id \S+, client 127.0.0.1, for [\d.]+ s\): ` + death.cause + `.*\(build ` + build + `\)$`
		srv.Expect(entry).Times(1)
		if answer := once(t, srv, death.path); answer != "" {
			t.Errorf("%s is answered %q", death.path, answer)
		}
		srv.AwaitLog(entry)
		if death.trace != "" {
			srv.AwaitLog(`\| .*` + death.trace)
		}
		await(t, "another child", func() bool { return srv.Get("/app/").StatusCode == 200 })
	}
	// The trace is part of the entry, and nowhere else.
	for _, line := range srv.Log() {
		if strings.Contains(line.Message, "goroutine ") && !strings.HasPrefix(line.Message, "| ") && !strings.Contains(line.Message, "MODGO0022") {
			t.Errorf("a part of a trace stands alone: %s", line.Text)
		}
	}
}

// TestDeathReports: whatever a request kills its process with, one entry has the application, the request and its id, the
// cause, the build and the trace.
func TestDeathReports(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) { testReports(t, fragileConfig(mpm)) })
}

// TestDeathReportsPiped: the same where a program takes the log.
func TestDeathReportsPiped(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := fragileConfig(mpm)
		// Into the file that the harness reads.
		cfg.Conf += `ErrorLog "|$cat >> ${DIR}/error.log"` + "\n"
		testReports(t, cfg)
	})
}

// TestDeathByKill: a process that the kernel or somebody else kills leaves an entry on each of its requests.
func TestDeathByKill(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := fragileConfig(mpm)
		cfg.Processes = 1
		srv := startFragile(t, cfg)
		entry := `MODGO0022: child \d+ died while .* served "GET /app/wait HTTP/1.1" \(id \S+, .*\): it ended without a word.* kill -9 from outside`
		srv.Expect(entry).Times(1)
		srv.Expect(`MODGO0023: .* it ended without a word`).Maybe() // prefork's others
		conn := srv.Dial(t)
		defer conn.Close()
		if _, err := conn.Write([]byte("GET /app/wait HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		srv.Signal(srv.AwaitLog(`fragile waits`).PID, syscall.SIGKILL)
		srv.AwaitLog(entry)
	})
}

// TestDeathReportsOldBuild: a child that still runs the build before is reported with that build.
func TestDeathReportsOldBuild(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := fragileConfig(mpm)
		srv := startFragile(t, cfg)
		before := httpdtest.Object(t, cfg.Packages...)
		after := httpdtest.Object(t, append(cfg.Packages, "./tests/testdata/apps/hellohandler")...)
		if buildOf(t, before) == buildOf(t, after) {
			t.Fatal("both objects have the same build ID")
		}
		entry := `MODGO0022: .* served "GET /app/wait HTTP/1.1" .*\(build ` + regexp.QuoteMeta(buildOf(t, before)) + `\)$`
		srv.Expect(entry).Times(1)
		conn := srv.Dial(t)
		defer conn.Close()
		if _, err := conn.Write([]byte("GET /app/wait HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		child := srv.AwaitLog(`fragile waits`).PID
		srv.ReplaceObject(after)
		srv.Graceful()
		srv.Signal(child, syscall.SIGKILL)
		srv.AwaitLog(entry)
	})
}

// devLog is where the C library sends what goes to syslog.
const devLog = "/dev/log"

// TestDeathReportsSyslog: the same where the log goes to syslog. The test listens in the place of a syslog daemon, which only
// root can, and only where there is none: elsewhere it would have to read the machine's own log.
func TestDeathReportsSyslog(t *testing.T) {
	if _, err := os.Stat(devLog); err == nil || os.Getuid() != 0 {
		t.Logf("not tested: %s belongs to a syslog daemon of this machine, or the test does not run as root", devLog)
		return
	}
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: devLog, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(devLog, 0o666); err != nil { // for children that have given up root
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "syslog.log")
	var writer sync.WaitGroup
	writer.Go(func() { logSyslog(t, listener, file) })
	t.Cleanup(func() { listener.Close(); writer.Wait(); os.Remove(devLog) })
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		cfg := fragileConfig(mpm)
		// The last one counts for httpd; the harness reads both.
		cfg.Conf += "ErrorLog " + file + "\nErrorLog syslog:local3\n"
		testReports(t, cfg)
	})
}

// syslogHead is what the C library puts before a line: the priority in angle brackets, time, program and process.
var syslogHead = regexp.MustCompile(`^<\d+>\w+ +\d+ [\d:]+ [^:]*: `)

// logSyslog writes what comes to a syslog socket into a file, as httpd gave it to the C library.
func logSyslog(t *testing.T, listener net.Conn, path string) {
	message := make([]byte, 64<<10)
	for {
		n, err := listener.Read(message)
		if err != nil {
			return // closed
		}
		line := syslogHead.ReplaceAll(message[:n], nil)
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := file.Write(append(bytes.TrimRight(line, "\x00\n"), '\n')); err != nil {
			t.Error(err)
		}
		file.Close()
	}
}

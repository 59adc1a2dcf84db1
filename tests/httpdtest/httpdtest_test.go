package httpdtest

import (
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

var files = Config{DocumentRoot: "htdocs", Files: map[string]string{"htdocs/index.html": "hello\n"}}

func TestServerOfEveryMPM(t *testing.T) {
	Matrix(t, func(t *testing.T, mpm string) {
		cfg := files
		cfg.MPM, cfg.Processes, cfg.Threads = mpm, 2, 3
		srv := Start(t, cfg)
		if got := srv.Get("/"); got.StatusCode != 200 || got.Text != "hello\n" {
			t.Errorf("GET / answers %s: %q", got.Status, got.Text)
		}
		if got := string(srv.Raw(t, "GET /absent HTTP/1.0\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 404 ") {
			t.Errorf("the raw answer is %q", got)
		}
		children := map[string]int{"prefork": 6}[mpm]
		if children == 0 {
			children = 2
		}
		pids := srv.AwaitChildren(children)
		if rss := srv.RSS(pids[0]); rss < 1<<20 {
			t.Errorf("a child has %d bytes of memory", rss)
		}
	})
}

func TestRestartsKeepTheParentAndReplaceTheChildren(t *testing.T) {
	Matrix(t, func(t *testing.T, mpm string) {
		cfg := files
		cfg.MPM, cfg.Threads = mpm, 1
		srv := Start(t, cfg)
		for name, restart := range map[string]func(){"graceful": srv.Graceful, "restart": srv.Restart} {
			parent, before := srv.ParentPID(), srv.AwaitChildren(1)
			restart()
			srv.await("a new child after "+name, func() bool {
				now := srv.ChildPIDs()
				return len(now) == 1 && now[0] != before[0]
			})
			if srv.ParentPID() != parent {
				t.Errorf("%s: the parent is another process", name)
			}
		}
	})
}

func TestReconfigure(t *testing.T) {
	srv := Start(t, files)
	cfg := files
	cfg.Conf = "Redirect /gone http://localhost/elsewhere"
	srv.Reconfigure(cfg)
	if output, ok := srv.ConfigTest(); !ok {
		t.Fatal(output)
	}
	srv.Graceful()
	srv.await("the new configuration to answer", func() bool { return srv.Get("/gone").StatusCode == 302 })
}

func TestABrokenConfigurationIsRefused(t *testing.T) {
	cfg := files
	cfg.Conf = "NoSuchDirective"
	output, ok := ConfigTest(t, cfg)
	if ok || !strings.Contains(output, "NoSuchDirective") {
		t.Errorf("httpd -t: %v\n%s", ok, output)
	}
	if output := StartFailure(t, cfg); !strings.Contains(output, "NoSuchDirective") {
		t.Errorf("the failed start says\n%s", output)
	}
	srv := Start(t, files)
	srv.Reconfigure(cfg)
	if output, ok := srv.Control("graceful"); ok {
		t.Errorf("httpd -k graceful accepts it:\n%s", output)
	}
	if got := srv.Get("/"); got.StatusCode != 200 {
		t.Errorf("the running server answers %s", got.Status)
	}
}

func TestVirtualHostsWithLogsOfTheirOwn(t *testing.T) {
	srv := Start(t, Config{
		Files: map[string]string{"one/a.txt": "1", "two/a.txt": "2"},
		VirtualHosts: []httpdconf.VirtualHost{
			{Name: "one.test", Site: httpdconf.Site{DocumentRoot: "one"}},
			{Name: "two.test", ErrorLog: "two.log", Site: httpdconf.Site{DocumentRoot: "two", Conf: "<Location /no>\nRequire all denied\n</Location>"}},
		},
	})
	srv.Expect(`AH01630: client denied`).Times(1)
	for _, host := range []string{"one.test", "two.test"} {
		got := srv.Get("http://" + host + "/a.txt")
		if want := map[string]string{"one.test": "1", "two.test": "2"}[host]; got.Text != want {
			t.Errorf("%s answers %s: %q", host, got.Status, got.Text)
		}
	}
	if got := srv.Get("/no", "Host", "two.test"); got.StatusCode != 403 {
		t.Errorf("status %d", got.StatusCode)
	}
	line := srv.AwaitLog(`AH01630`)
	if line.File != "two.log" || line.Module != "authz_core" || line.Level != "error" || !strings.HasPrefix(line.Client, "127.0.0.1:") || line.ID == "" {
		t.Errorf("the line is %+v", line)
	}
	if !slices.Contains(srv.ChildPIDs(), line.PID) {
		t.Errorf("process %d is no child", line.PID)
	}
}

// A test that says nothing about an error that its httpd logs must fail; so must one that declares what does not come.
func TestUndeclaredLinesFailTheTest(t *testing.T) {
	denied := Config{Conf: "<Location /no>\nRequire all denied\n</Location>"}
	r := record(t, func(t testing.TB) { Start(t, denied).Get("/no") })
	r.wants(t, "AH01630: client denied")
	if !slices.ContainsFunc(r.logs, func(text string) bool { return strings.Contains(text, "AH01630") }) {
		t.Errorf("a failed test does not show the error log, but %q", r.logs)
	}
	r = record(t, func(t testing.TB) { Start(t, denied).Expect("AH01630") })
	r.wants(t, "declared at least 1")
	r = record(t, func(t testing.TB) {
		srv := Start(t, denied)
		srv.Expect("AH01630")
		srv.Get("/no")
	})
	r.wants(t, "")
}

func TestRawOutputFailsTheTest(t *testing.T) {
	r := record(t, func(t testing.TB) {
		srv := Start(t, files)
		f, err := os.OpenFile(srv.Path("error.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString("fatal error: all goroutines are asleep"); err != nil {
			t.Fatal(err)
		}
	})
	r.wants(t, "all goroutines are asleep")
}

func TestAnEndThatNobodyAskedForFailsTheTest(t *testing.T) {
	r := record(t, func(t testing.TB) {
		srv := Start(t, files)
		if err := syscall.Kill(srv.ParentPID(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-srv.process.exited
	})
	r.wants(t, "ended before it was told to")
	r = record(t, func(t testing.TB) {
		srv := Start(t, files)
		srv.Signal(srv.ParentPID(), syscall.SIGTERM)
		if err := srv.AwaitExit(); err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
	})
	r.wants(t, "")
}

// A parent that is killed leaves children behind; the test must fail and none of them may live on.
func TestNoProcessOutlivesTheTest(t *testing.T) {
	t.Setenv(EnvSlow, "0.2") // it shall not take the whole limit
	var group int
	r := record(t, func(t testing.TB) {
		srv := Start(t, files)
		group = srv.process.group()
		srv.AwaitChildren(1)
		srv.Signal(srv.ParentPID(), syscall.SIGSTOP)
	})
	if !r.Failed() || !strings.Contains(strings.Join(r.failures, "\n"), "had to be killed") {
		t.Errorf("the test's failures are %q", r.failures)
	}
	if err := Poll(stopLimit, func() bool { return syscall.Kill(-group, 0) == syscall.ESRCH }); err != nil {
		t.Errorf("processes of the group are left: %v", err)
	}
}

func TestGracefulStopFinishesRequests(t *testing.T) {
	srv := Start(t, files)
	conn := srv.Dial(t)
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n")); err != nil {
		t.Fatal(err)
	}
	srv.Get("/") // by now the first connection, which came before, is accepted
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		srv.GracefulStop()
	}()
	srv.AwaitLog("AH00492: caught SIGWINCH")
	if _, err := conn.Write([]byte("\r\n")); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 12)
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("the request that ran when the server stopped got %q, %v", answer, err)
	}
	conn.Close()
	<-stopped
}

// Another process may take the port between the moment it was found free and httpd's start.
func TestATakenPortIsReplaced(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := prepare(t, files)
	s.addr = taken.Addr().String()
	t.Cleanup(s.judge)
	s.launch(files)
	if s.Addr() == taken.Addr().String() {
		t.Errorf("the server claims to listen on a port that is taken")
	}
	if got := s.Get("/"); got.StatusCode != 200 {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestSanitizerReportsFailTheTest(t *testing.T) {
	tests := []struct{ file, report, want string }{
		{"asan.17", "ERROR: AddressSanitizer: heap-use-after-free", "heap-use-after-free"},
		{"valgrind.17", "==17== ERROR SUMMARY: 2 errors from 1 contexts", "2 errors"},
		{"valgrind.17", "==17== ERROR SUMMARY: 0 errors from 0 contexts", ""},
	}
	for _, tt := range tests {
		cfg := files
		cfg.Files = map[string]string{tt.file: tt.report, "htdocs/index.html": ""}
		r := record(t, func(t testing.TB) { Start(t, cfg) })
		r.wants(t, tt.want)
	}
}

func TestTimeLimitsGrow(t *testing.T) {
	t.Setenv(EnvSlow, "2.5")
	if got := Limit(stopLimit); got != stopLimit*5/2 {
		t.Errorf("the limit is %s", got)
	}
}

func TestObjectVariable(t *testing.T) {
	for want, patterns := range map[string][]string{
		"MODGO_TEST_OBJECT_APPS":                          {"./apps/..."},
		"MODGO_TEST_OBJECT_APPS_HELLO":                    {"./apps/hello"},
		"MODGO_TEST_OBJECT_APPS_HELLO_TESTS_TESTDATA_A_1": {"./apps/hello", "./tests/testdata/a-1/..."},
	} {
		if got := objectVariable(patterns); got != want {
			t.Errorf("the variable of %q is %s, want %s", patterns, got, want)
		}
	}
}

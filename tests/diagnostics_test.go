package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/status"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestDiagnosticsNeedRequire: what shows the inside is refused where nobody said who may see it, with file and line.
func TestDiagnosticsNeedRequire(t *testing.T) {
	section := func(inside string) string { return "<Location /inside>\n" + inside + "\n</Location>\n" }
	for _, c := range []struct {
		name, conf string
		ok         bool
	}{
		{"without a Require", section("SetHandler go-status"), false},
		{"go-pprof without a Require", section("SetHandler go-pprof"), false},
		{"outside of sections", "SetHandler go-status", false},
		{"for a file's extension", section("AddHandler go-status .status"), false},
		{"in other letters", section("sethandler GO-STATUS"), false},
		{"a Require in a section beside it", section("SetHandler go-status") + "<Location /other>\nRequire local\n</Location>", false},
		{"in a virtual host, without", "<VirtualHost *>\nServerName a\n" + section("SetHandler go-status") + "</VirtualHost>", false},
		{"with a Require", section("Require local\nSetHandler go-status"), true},
		{"with Requires in a section", section("SetHandler go-pprof\n<RequireAny>\nRequire local\nRequire ip 192.0.2.0/24\n</RequireAny>"), true},
		{"within a section that has a Require", section("Require local\n<If \"true\">\nSetHandler go-status\n</If>"), true},
		{"of which everybody may see it", section("SetHandler go-status\nRequire all granted"), true},
		{"in a condition of the configuration", section("<IfModule mod_dir.c>\nSetHandler go-status\n</IfModule>\nRequire local"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			output, ok := httpdtest.ConfigTest(t, httpdtest.Config{Packages: []string{"./apps/hello"}, Conf: c.conf})
			refused := regexp.MustCompile(`MODGO0048: .*httpd\.conf:\d+: (SetHandler|AddHandler) go-(status|pprof) stands where everybody could ask`).MatchString(output)
			if ok != c.ok || refused == c.ok {
				t.Errorf("configtest says %t:\n%s", ok, output)
			}
		})
	}
}

// TestDiagnosticsAtRestart: a restart with such a section does not end the server, and shows nothing.
func TestDiagnosticsAtRestart(t *testing.T) {
	cfg := httpdtest.Config{Packages: []string{"./apps/hello"}, Conf: "GoAlias /hello " + examplePath + "hello\n<Directory />\nRequire all granted\n</Directory>\n" + statusConf}
	srv := httpdtest.Start(t, cfg)
	cfg.Conf = strings.ReplaceAll(cfg.Conf, "Require local\n", "")
	srv.Expect(`MODGO0048`)
	srv.Reconfigure(cfg)
	srv.Graceful()
	for _, path := range []string{"/go-status", "/go-pprof"} {
		// A child that the restart ends may still answer a request or two.
		if err := httpdtest.Poll(5*time.Second, func() bool { return srv.Get(path).StatusCode == 403 }); err != nil {
			t.Errorf("%s is not refused: %v", path, err)
		}
	}
	if resp := srv.Get("/hello"); resp.StatusCode != 200 {
		t.Errorf("the application answers %s", resp.Status)
	}
}

// TestDiagnosticsInHtaccess: who may write .htaccess files alone cannot open them.
func TestDiagnosticsInHtaccess(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: []string{"./apps/hello"}, DocumentRoot: "site",
		Files: map[string]string{"site/a/.htaccess": "SetHandler go-status\nRequire all granted\n", "site/b/.htaccess": "SetHandler go-pprof\n"},
		Conf:  "<Directory ${DIR}/site>\nAllowOverride All\nRequire all granted\n</Directory>\n",
	})
	srv.Expect(`MODGO0049: an .htaccess file has SetHandler go-(status|pprof)`).Times(2)
	for _, path := range []string{"/a/", "/b/"} {
		if resp := srv.Get(path); resp.StatusCode != 403 {
			t.Errorf("%s answers %s:\n%s", path, resp.Status, resp.Text)
		}
	}
}

// TestDiagnosticsRequireIsKept: whom the Require keeps out gets 403, as everywhere in httpd.
func TestDiagnosticsRequireIsKept(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: []string{"./apps/hello"}, Conf: strings.ReplaceAll(statusConf, "Require local", "Require ip 192.0.2.1"),
	})
	srv.Expect(`AH01630: client denied by server configuration`)
	for _, path := range []string{"/go-status", "/go-status/json", "/go-status/metrics", "/go-pprof", fmt.Sprintf("/go-pprof/%d/heap", srv.ChildPIDs()[0])} {
		if resp := srv.Get(path); resp.StatusCode != 403 {
			t.Errorf("%s answers %s", path, resp.Status)
		}
	}
}

// TestModStatus: httpd's own status page has a line for each child, for people and for programs.
func TestModStatus(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Modules: []string{"mod_status"}, Packages: []string{"./apps/hello"},
			Conf: "GoAlias /hello " + examplePath + "hello\n<Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n",
		})
		srv.Get("/hello")
		for _, pid := range srv.ChildPIDs() {
			line := regexp.MustCompile(fmt.Sprintf(`(?m)^ModGoChild: pid=%d state=serving requests=\d+ threads=\d+ busy=\d+ goroutines=\d+ heap=\d+ resident=\d+ gc=\d+$`, pid))
			var text string
			if err := httpdtest.Poll(10*time.Second, func() bool { text = srv.Get("/server-status?auto").Text; return line.MatchString(text) }); err != nil {
				t.Errorf("%v: the status for programs has no line of child %d:\n%s", err, pid, text)
			}
			row := fmt.Sprintf("<tr><td>%d</td><td>serving</td>", pid)
			if page := srv.Get("/server-status").Text; !strings.Contains(page, row) {
				t.Errorf("the page has no line of child %d:\n%s", pid, page)
			}
		}
	})
}

// TestPprof: profiles and traces of the child that the URL names are such as Go's tools read.
func TestPprof(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := overtimeConfig(statusConf)
		cfg.MPM, cfg.Processes = mpm, 2
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`AH(00484|00161): server reached MaxRequestWorkers`).Maybe() // as it does when a process serves one connection
		awaitStatus(t, srv, "that all children serve", allServe)
		// A handler that is busy, in one child.
		done := make(chan struct{})
		go func() {
			defer close(done)
			resp, err := srv.Client().Get(srv.URL("/app/spin/pprof"))
			if err == nil {
				resp.Body.Close()
			}
		}()
		var busy int
		awaitStatus(t, srv, "the busy handler", func(r status.Report) bool {
			for _, q := range r.InFlight {
				if q.URL == "/app/spin/pprof" {
					busy = q.PID
				}
			}
			return busy != 0
		})
		index := srv.Get("/go-pprof/")
		for _, pid := range srv.ChildPIDs() {
			if !strings.Contains(index.Text, fmt.Sprintf(`href="/go-pprof/%d"`, pid)) {
				t.Errorf("the list of children lacks %d:\n%s", pid, index.Text)
			}
		}
		if list := srv.Get(fmt.Sprintf("/go-pprof/%d", busy)); !strings.Contains(list.Text, fmt.Sprintf(`href="/go-pprof/%d/heap"`, busy)) {
			t.Errorf("the list of profiles is\n%s", list.Text)
		}
		if top := goTool(t, srv.Get(fmt.Sprintf("/go-pprof/%d/profile?seconds=0.5", busy)), "pprof", "-top"); !strings.Contains(top, "overtime.spinUntilReleased") {
			t.Errorf("the CPU profile of the child that is busy has no trace of it:\n%s", top)
		}
		for _, name := range []string{"heap", "allocs", "goroutine", "mutex?seconds=0.1", "block?seconds=0.1", "threadcreate"} {
			if top := goTool(t, srv.Get(fmt.Sprintf("/go-pprof/%d/%s", busy, name)), "pprof", "-top"); !strings.Contains(top, "Type: ") {
				t.Errorf("%s is no profile:\n%s", name, top)
			}
		}
		if text := srv.Get(fmt.Sprintf("/go-pprof/%d/goroutine?debug=2", busy)).Text; !strings.Contains(text, "overtime.spinUntilReleased") {
			t.Errorf("the goroutines are\n%s", text)
		}
		trace := srv.Get(fmt.Sprintf("/go-pprof/%d/trace?seconds=0.2", busy))
		if events := goTool(t, trace, "trace", "-d=parsed"); !strings.Contains(events, "GoStop") && !strings.Contains(events, "StateTransition") {
			t.Errorf("the trace is no execution trace: %.500s", events)
		}
		letGo(t, srv, "pprof")
		<-done

		for path, want := range map[string]string{
			"/go-pprof/1/heap":                                  "404 There is no child 1; there are: ",
			fmt.Sprintf("/go-pprof/%d/secrets", busy):           "404 There is no profile \"secrets\"; there are: profile, trace, ",
			fmt.Sprintf("/go-pprof/%d/cmdline", busy):           "404 There is no profile",
			fmt.Sprintf("/go-pprof/%d/profile?seconds=x", busy): "400 seconds=x is no number",
			fmt.Sprintf("/go-pprof/%d/trace?seconds=301", busy): "400 seconds=301 is no number greater than 0 and up to 300",
			fmt.Sprintf("/go-pprof/%d/heap?seconds=1", busy):    "400 seconds is for ",
		} {
			if resp := srv.Get(path); !strings.HasPrefix(fmt.Sprintf("%d %s", resp.StatusCode, resp.Text), want) {
				t.Errorf("%s answers %s, %s; want %s", path, resp.Status, resp.Text, want)
			}
		}
	})
}

// goTool reads what was downloaded with one of Go's tools.
func goTool(t *testing.T, resp *httpdtest.Response, tool string, args ...string) string {
	t.Helper()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("a profile is %s, %v:\n%.300s", resp.Status, resp.Header, resp.Text)
	}
	path := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(path, []byte(resp.Text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", append(append([]string{"tool", tool}, args...), path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool %s: %v\n%s", tool, err, out)
	}
	return string(out)
}

package tests

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// brokenPackages are applications that cannot be constructed.
var brokenPackages = []string{
	"./tests/testdata/apps/broken/fails", "./tests/testdata/apps/broken/panics", "./tests/testdata/apps/broken/exits",
	"./tests/testdata/apps/broken/hangs", "./tests/testdata/apps/broken/isnil", "./tests/testdata/apps/broken/fatal",
	"./tests/testdata/apps/settings",
}

// brokenConfigs are configurations that configtest and a start refuse, with what the refusal must say. The directive
// stands in the file and line that LINE marks.
var brokenConfigs = []struct {
	name string
	conf string
	want []string
}{
	{"a package that was not compiled in", "GoAlias / example.org/elsewhere",
		[]string{"on line LINE of", "GoAlias: the package example.org/elsewhere was not compiled into this mod_go.so; it holds", appsPath + "settings", "modgo build -o mod_go.so"}},
	{"a callable that is not there", "GoAlias / " + appsPath + "settings callable=nobody",
		[]string{"on line LINE of", "has no application named nobody; it has Application and admin"}},
	{"no value named application", "GoAlias / " + appsPath + "settings callable=application",
		[]string{"on line LINE of", "has no application named application"}},
	{"a constructor that returns an error", "GoAlias / " + appsPath + "broken/fails",
		[]string{"MODGO0003", ":LINE (GoAlias)", "the application " + appsPath + "broken/fails.application cannot be constructed", "the database at 192.0.2.1 does not answer"}},
	{"a constructor that panics", "GoAlias / " + appsPath + "broken/panics",
		[]string{"MODGO0003", ":LINE (GoAlias)", "its constructor panicked: no settings file", "| ", "panics.go:6"}},
	{"a constructor that ends the process", "GoAlias / " + appsPath + "broken/exits",
		[]string{"MODGO0003", ":LINE (GoAlias)", "it ended the process with status 4 (os.Exit or log.Fatal)"}},
	{"a constructor that does not return", fmt.Sprintf("GoStartTimeout %dms\nGoAlias / ", httpdtest.Limit(300*time.Millisecond).Milliseconds()) + appsPath + "broken/hangs",
		[]string{"MODGO0003", "it took longer than GoStartTimeout"}},
	{"a limit that passes before anything is begun", "GoStartTimeout 1ms\nGoAlias / " + appsPath + "settings",
		[]string{"MODGO000", "it took longer than GoStartTimeout"}},
	{"an application without a value", "GoAlias / " + appsPath + "broken/isnil",
		[]string{"MODGO0003", ":LINE (GoAlias)", "is nil: give it a value"}},
	{"a fatal error while constructing", "GoAlias / " + appsPath + "broken/fatal",
		[]string{"MODGO0003", ":LINE (GoAlias)", "it was ended by signal 6", "panic: in a goroutine"}},
	{"a section that names a broken application", "<Location /x>\nGoApplication " + appsPath + "broken/fails\n</Location>",
		[]string{"MODGO0003", "(GoApplication)", "does not answer"}},
}

// TestConfigtestRefuses: a configuration that cannot work is refused with file, line, cause and cure, by configtest and
// at a start.
func TestConfigtestRefuses(t *testing.T) {
	for _, c := range brokenConfigs {
		t.Run(c.name, func(t *testing.T) {
			cfg := httpdtest.Config{Packages: brokenPackages, Conf: c.conf}
			output, ok := httpdtest.ConfigTest(t, cfg)
			if ok {
				t.Fatalf("configtest accepts it:\n%s", output)
			}
			for _, want := range c.want {
				pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "LINE", `\d+`)
				if !regexp.MustCompile(pattern).MatchString(output) {
					t.Errorf("the refusal does not say %q:\n%s", want, output)
				}
			}
		})
	}
}

// TestStartRefuses: what configtest refuses does not start either, and says so on the terminal.
func TestStartRefuses(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		output := httpdtest.StartFailure(t, httpdtest.Config{
			MPM: mpm, Packages: brokenPackages, Conf: "GoAlias / " + appsPath + "broken/fails",
		})
		if !strings.Contains(output, "MODGO0003") || !strings.Contains(output, "does not answer") {
			t.Errorf("the start failed with:\n%s", output)
		}
	})
}

// TestRestartKeepsServing: a broken application does not take the server down. apachectl graceful refuses; a signal sent
// past it leaves the other applications working, and the broken one answers 503.
func TestRestartKeepsServing(t *testing.T) {
	good := httpdtest.Config{
		Packages: brokenPackages,
		Conf:     "GoAlias /settings " + appsPath + "settings",
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		t.Run("construction fails", func(t *testing.T) {
			cfg := good
			cfg.MPM = mpm
			srv := httpdtest.Start(t, cfg)
			cfg.Conf += "\nGoAlias /broken " + appsPath + "broken/fails"
			srv.Reconfigure(cfg)
			if output, ok := srv.ConfigTest(); ok {
				t.Fatalf("configtest accepts it:\n%s", output)
			}
			srv.Expect(`MODGO0003: the application .*broken/fails.application cannot be constructed: .* 503`)
			srv.Graceful()
			if resp := srv.Get("/settings"); resp.StatusCode != 200 {
				t.Errorf("the good application answers %d", resp.StatusCode)
			}
			if resp := srv.Get("/broken"); resp.StatusCode != 503 {
				t.Errorf("the broken application answers %d", resp.StatusCode)
			}
		})
		t.Run("the package is gone", func(t *testing.T) {
			cfg := good
			cfg.MPM = mpm
			srv := httpdtest.Start(t, cfg)
			cfg.Conf += "\nGoAlias /broken example.org/elsewhere"
			srv.Reconfigure(cfg)
			srv.Expect(`MODGO0001: .*:\d+: GoAlias: the package example.org/elsewhere was not compiled`)
			srv.Expect(`MODGO0001: .*:\d+: GoAlias names example.org/elsewhere`)
			srv.Graceful()
			if resp := srv.Get("/settings"); resp.StatusCode != 200 {
				t.Errorf("the good application answers %d", resp.StatusCode)
			}
			if resp := srv.Get("/broken"); resp.StatusCode != 503 {
				t.Errorf("the broken application answers %d", resp.StatusCode)
			}
		})
	})
}

// TestConstructedByItsFirstRequest: what only an .htaccess file names is unknown to configtest; it is constructed when it
// is first asked for, and a failure is logged once.
func TestConstructedByItsFirstRequest(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Threads: 1, Packages: brokenPackages, DocumentRoot: "www",
			Files: map[string]string{
				"www/good/.htaccess":   "SetHandler go-application\nGoApplication " + appsPath + "settings callable=admin\n",
				"www/broken/.htaccess": "SetHandler go-application\nGoApplication " + appsPath + "broken/fails\n",
			},
			Conf: "<Directory ${DIR}/www>\nAllowOverride FileInfo\n</Directory>",
		})
		srv.Expect(`AH(00484|00161|00286): server reached MaxRequestWorkers`).Maybe() // there is but one
		srv.Expect(`MODGO0003: the application .*broken/fails.application cannot be constructed: .*does not answer`).Times(1)
		for range 3 {
			if resp := srv.Get("/broken/"); resp.StatusCode != 503 {
				t.Errorf("the broken application answers %s", resp.Status)
			}
			if resp := srv.Get("/good/"); resp.Text != "admin" {
				t.Errorf("the good application answers %s: %q", resp.Status, resp.Text)
			}
		}
	})
}

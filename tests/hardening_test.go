package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestNoExecutableMemory: mod_go runs where no memory can be made executable, as with systemd's MemoryDenyWriteExecute or
// without SELinux's execmem; so do garbage collections, goroutines, a crash and a restart.
func TestNoExecutableMemory(t *testing.T) {
	wrapper := filepath.Join(t.TempDir(), "noexec")
	compile := exec.CommandContext(t.Context(), "gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", wrapper, "testdata/sandbox/noexec.c")
	if text, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", compile.Args, err, text)
	}
	t.Setenv(httpdtest.EnvWrapper, strings.TrimSpace(os.Getenv(httpdtest.EnvWrapper)+" "+wrapper))
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: []string{"./tests/testdata/apps/settings", "./tests/testdata/apps/faulty"},
			Conf: "GoAlias /settings " + settingsApp + "\n" + faultyConf,
		})
		srv.Expect(`MODGO0022: .*in a goroutine of its own`)
		srv.Expect(`AH00052: child pid \d+ exit signal`).Maybe()
		for range 2 {
			if report := decode[struct{ Alive bool }](t, srv.Get("/settings")); !report.Alive {
				t.Error("goroutines, timers and the collector do not work")
			}
			conn := srv.Dial(t)
			if _, err := conn.Write([]byte("GET /faulty/goroutine HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			srv.AwaitLog("MODGO0022")
			srv.Graceful()
		}
	})
}

// TestAppArmorProfile: the profile in httpd-conf is one, with all that it includes.
func TestAppArmorProfile(t *testing.T) {
	const profile = "../httpd-conf/apparmor.profile"
	output, err := exec.CommandContext(t.Context(), "apparmor_parser", "--skip-kernel-load", "--skip-cache", profile).CombinedOutput()
	if err != nil {
		t.Errorf("apparmor_parser, which make deps installs: %v\n%s", err, output)
	}
}

var (
	namedPattern = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	proofPattern = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestProofsAreThere: the tests that SECURITY.md and docs/hardening.md name exist.
func TestProofsAreThere(t *testing.T) {
	proofs := make(map[string]bool)
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		paths, err := filepath.Glob("../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range proofPattern.FindAllSubmatch(text, -1) {
				proofs[string(match[1])] = true
			}
		}
	}
	for _, doc := range []string{"../SECURITY.md", "../docs/hardening.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		named := namedPattern.FindAllSubmatch(text, -1)
		if len(named) == 0 {
			t.Errorf("%s names no test", doc)
		}
		for _, match := range named {
			if !proofs[string(match[1])] {
				t.Errorf("%s: there is no test %s", doc, match[1])
			}
		}
	}
}

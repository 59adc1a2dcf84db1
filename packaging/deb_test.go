// Package packaging tests the packages that are made of mod_go.so, by installing them on this machine.
package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	packageName = "libapache2-mod-go"
	objectPath  = "/usr/lib/apache2/modules/mod_go.so"
	recordPath  = "/usr/lib/apache2/modules/mod_go.installed.json"
	loadPath    = "/etc/apache2/mods-available/go.load"
)

// run runs a command, which has to succeed, and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	output, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return string(output)
}

// apt runs apt-get, and waits while another one is at work.
func apt(t *testing.T, args ...string) {
	t.Helper()
	run(t, "env", append([]string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", "--no-install-recommends", "--option", "DPkg::Lock::Timeout=300"}, args...)...)
}

// known tells whether dpkg knows the package.
func known() bool { return exec.Command("dpkg-query", "--status", packageName).Run() == nil }

// fails runs a command, which has to fail and to say each of the texts.
func fails(t *testing.T, wanted []string, name string, args ...string) {
	t.Helper()
	output, err := exec.Command(name, args...).CombinedOutput()
	if err == nil {
		t.Errorf("%s %s does not fail:\n%s", name, strings.Join(args, " "), output)
	}
	for _, want := range wanted {
		if !strings.Contains(string(output), want) {
			t.Errorf("%s %s does not say %q, but\n%s", name, strings.Join(args, " "), want, output)
		}
	}
}

// noServices keeps the packages that the test installs from starting the server, until the test has ended.
func noServices(t *testing.T) {
	t.Helper()
	const policy = "/usr/sbin/policy-rc.d"
	file, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if os.IsExist(err) {
		// Whoever has put it there decides.
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(policy); err != nil {
			t.Error(err)
		}
	})
	if _, err := file.WriteString("#!/bin/sh\nexit 101\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// build makes a package of an object and returns its path.
func build(t *testing.T, object, version string) string {
	t.Helper()
	cmd := exec.Command("deb/build", object, t.TempDir())
	cmd.Env = append(os.Environ(), "VERSION="+version)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v\n%s%s", cmd, err, output, &complaints)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

// prepare installs Debian's apache2, which has to be without mod_go, and returns a mod_go.so with the example application
// hello.
func prepare(t *testing.T) (object string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root can install packages: run make test-deb, which uses sudo")
	}
	if left := installed(t); len(left) > 0 {
		t.Fatalf("mod_go is installed here (%s), and would not survive this test: run it on another machine", strings.Join(left, ", "))
	}
	noServices(t)
	run(t, "../.ci/deps", "apache2", "lintian", "dpkg-dev")
	run(t, "go", "build", "-C", "..", "-o", "bin/modgo", "./cmd/modgo")
	object = filepath.Join(t.TempDir(), "mod_go.so")
	run(t, "../bin/modgo", "build", "-C", "..", "-o", object, "./apps/hello")
	return object
}

// installed are the files of mod_go in the system.
func installed(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"/etc/apache2/mods-*/go.*", "/var/lib/apache2/module/*/go", objectPath, recordPath} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// query asks a2query who has enabled the module, and has the server check that it works: the check constructs the application.
func query(t *testing.T, want string) {
	t.Helper()
	if got := run(t, "a2query", "-m", "go"); got != "go ("+want+")\n" {
		t.Errorf("a2query says %q, want %s", got, want)
	}
	run(t, "apache2ctl", "-t", "-c", "GoAlias /hello github.com/mod-go/mod-go/apps/hello")
}

// TestInstall: modgo install and Debian's a2enmod, a2dismod and a2query agree.
func TestInstall(t *testing.T) {
	object := prepare(t)
	t.Cleanup(func() { run(t, "../bin/modgo", "uninstall") })
	run(t, "../bin/modgo", "install", object)
	query(t, "enabled by site administrator")
	if got := run(t, "a2enmod", "go"); got != "Module go already enabled\n" {
		t.Errorf("a2enmod says %q", got)
	}
	run(t, "a2dismod", "go")
	fails(t, []string{"disabled by site administrator"}, "a2query", "-m", "go")
	run(t, "../bin/modgo", "install", object)
	query(t, "enabled by site administrator")
	run(t, "../bin/modgo", "uninstall")
	if left := installed(t); len(left) > 0 {
		t.Errorf("modgo uninstall leaves %q", left)
	}
}

func TestDebianPackage(t *testing.T) {
	object := prepare(t)
	deb := build(t, object, "0.1.0-1")
	again, err := os.ReadFile(build(t, object, "0.1.0-1"))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(deb); err != nil || !bytes.Equal(content, again) {
		t.Errorf("the same object makes another package (%v)", err)
	}
	run(t, "lintian", "--allow-root", "--fail-on", "error,warning", deb)
	for field, want := range map[string]string{
		"Architecture": strings.TrimSpace(run(t, "dpkg", "--print-architecture")),
		"Depends":      "apache2-api-20120211, apache2-bin (>= 2.4.49), libc6 (>= ",
		"Recommends":   "apache2",
	} {
		if got := run(t, "dpkg-deb", "--field", deb, field); !strings.HasPrefix(got, want) {
			t.Errorf("the package's %s is %q, want %q", field, got, want)
		}
	}

	t.Cleanup(func() {
		if known() {
			apt(t, "purge", packageName)
		}
	})
	apt(t, "install", deb)
	query(t, "enabled by maintainer script")
	if changes := run(t, "zcat", "/usr/share/doc/"+packageName+"/changelog.Debian.gz"); !strings.Contains(changes, "    - github.com/mod-go/mod-go/apps/hello\n") {
		t.Errorf("the changelog does not list the application:\n%s", changes)
	}
	fails(t, []string{"belongs to the Debian package " + packageName, "make deb"}, "../bin/modgo", "install", object)
	fails(t, []string{"belongs to the Debian package " + packageName}, "../bin/modgo", "uninstall")
	run(t, "dpkg", "--verify", packageName)

	apt(t, "install", build(t, object, "0.1.0-2"))
	query(t, "enabled by maintainer script")

	apt(t, "remove", packageName)
	fails(t, []string{"No module matches go"}, "a2query", "-m", "go")
	run(t, "apache2ctl", "-t")
	if _, err := os.Stat(objectPath); err == nil {
		t.Errorf("%s is still there", objectPath)
	}
	if _, err := os.Stat(loadPath); err != nil {
		t.Errorf("a removed package keeps its configuration: %v", err)
	}
	apt(t, "purge", packageName)
	if left := installed(t); len(left) > 0 {
		t.Errorf("a purged package leaves %q", left)
	}
}

package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
)

// execute runs modgo with arguments.
func execute(args ...string) (stdout, stderr string, err error) {
	var out, complaints bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(&complaints)
	root.SetArgs(args)
	err = root.Execute()
	return out.String(), complaints.String(), err
}

func TestBuildAndCheckCommands(t *testing.T) {
	object := filepath.Join(t.TempDir(), "mod_go.so")
	cache := t.TempDir()
	_, log, err := execute("build", "-C", "../..", "--cache", cache, "-o", object, "./apps/hello")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	if want := "github.com/mod-go/mod-go/apps/hello: application (modgo.Application)\n"; !strings.Contains(log, want) {
		t.Errorf("modgo build printed\n%swant %s", log, want)
	}
	listed, _, err := execute("check", object)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(listed, "OK       "+object) || !strings.Contains(listed, " module API 20120211.") || !strings.Contains(listed, "github.com/mod-go/mod-go/apps/hello: application\n") {
		t.Errorf("modgo check printed\n%s", listed)
	}
	out, log, err := execute("build", "-q", "-C", "../..", "--cache", cache, "-o", object, "./apps/hello")
	if out != "" || log != "" || err != nil {
		t.Errorf("modgo build -q printed %q and %q (%v)", out, log, err)
	}
}

func TestVersion(t *testing.T) {
	out, _, err := execute("--version")
	if want := runtime.Version() + " for linux/"; err != nil || !strings.HasPrefix(out, "modgo ") || !strings.Contains(out, want) {
		t.Errorf("modgo --version printed %q (%v), want one with %q", out, err, want)
	}
}

func TestCommandErrors(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"quiet and verbose", []string{"build", "-q", "-v"}, "exclude each other"},
		{"unknown flag", []string{"build", "--nosuch"}, "unknown flag: --nosuch; modgo build --help lists the flags"},
		{"unknown command", []string{"nosuch"}, `unknown command "nosuch"; modgo --help lists the commands`},
		{"misspelt command", []string{"biuld"}, `unknown command "biuld"; did you mean build? `},
		{"no such package", []string{"build", "-C", "../..", "./nosuch"}, "there is no package"},
		{"no such directory", []string{"build", "-C", "nosuch"}, "there is no directory"},
		{"bad objects", []string{"check", "main.go", "nosuch.so"}, "2 of the 2 shared objects cannot be used"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := execute(test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("modgo %s: error %v, want %q", strings.Join(test.args, " "), err, test.want)
			}
		})
	}
}

func TestCheckThisMachine(t *testing.T) {
	out, _, err := execute("check")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"OK       Go ", "OK       cgo ", "OK       C compiler ", "OK       GNU ld ", "OK       httpd ", "OK       httpd headers ", "OK       MPM "} {
		if !strings.Contains(out, want) {
			t.Errorf("modgo check lacks %q:\n%s", want, out)
		}
	}
}

func TestCheckTellsWhatIsMissing(t *testing.T) {
	tests := []struct {
		name, variable, value string
		wanted                []string
	}{
		{"Go", "PATH", "/nonexistent", []string{"MISSING  Go ", "https://go.dev/dl/"}},
		{"cgo", "CGO_ENABLED", "0", []string{"MISSING  cgo            CGO_ENABLED=0", "go env -u CGO_ENABLED"}},
		{"C compiler", "CC", "nosuchcc", []string{"MISSING  C compiler ", "apt-get install gcc libc6-dev binutils\n", "dnf install gcc glibc-devel binutils\n"}},
		{"linker", "CC", "gcc -fuse-ld=gold", []string{"OK       C compiler ", "MISSING  GNU ld ", "make GNU ld (ld.bfd) the linker"}},
		{"httpd", "MODGO_HTTPD", "/nonexistent", []string{
			"MISSING  httpd          MODGO_HTTPD=/nonexistent is no program",
			"apt-get install apache2-bin apache2-dev\n", "dnf install httpd httpd-devel apr-devel apr-util-devel\n",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			out, _, err := execute("check")
			if err == nil || !strings.HasPrefix(err.Error(), "missing on this machine: ") {
				t.Errorf("modgo check: error %v", err)
			}
			for _, want := range test.wanted {
				if !strings.Contains(out, want) {
					t.Errorf("modgo check lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

func TestMessages(t *testing.T) {
	lines := "# example.com/site\n./site.go:3:1: undefined: x"
	if got := message(&builder.CompileError{Output: lines}); got != lines {
		t.Errorf("the go command's lines became %q", got)
	}
	if got := message(errors.New("what failed")); got != "modgo: what failed" {
		t.Errorf("message = %q", got)
	}
}

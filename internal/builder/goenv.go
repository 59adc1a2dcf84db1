package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mod-go/mod-go/internal/httpd"
)

// goEnv is what `go env` says in the user's directory, and the environment in which the go command is run there.
type goEnv struct {
	GOFLAGS, GOMOD, GOWORK, GOMODCACHE string
	GOOS, GOARCH, GOVERSION            string
	GOEXPERIMENT                       string
	CGO_ENABLED, CGO_CFLAGS, CC        string

	flags []string // GOFLAGS, one flag each
	vars  []string // the environment
}

func readGoEnv(ctx context.Context, dir string) (*goEnv, error) {
	env := &goEnv{vars: append(os.Environ(), "PWD="+dir)}
	output, err := env.run(ctx, dir, "env", "-json",
		"GOFLAGS", "GOMOD", "GOWORK", "GOMODCACHE", "GOOS", "GOARCH", "GOVERSION", "GOEXPERIMENT", "CGO_ENABLED", "CGO_CFLAGS", "CC")
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("there is no go command on PATH: install Go from https://go.dev/dl/, or add its bin directory to PATH")
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(output, env); err != nil {
		return nil, fmt.Errorf("go env -json answered what is no JSON: %w", err)
	}
	env.flags = splitQuoted(env.GOFLAGS)
	switch {
	case env.GOOS != "linux":
		return nil, fmt.Errorf("GOOS is %s, but mod_go.so can be built for Linux only", env.GOOS)
	case env.flag("overlay") != "":
		return nil, errors.New("GOFLAGS holds -overlay, but the builder needs an overlay of its own: remove it from GOFLAGS")
	}
	return env, nil
}

// flag returns the value of the last -name=value in GOFLAGS, "" where there is none.
func (e *goEnv) flag(name string) string {
	value := ""
	for _, f := range e.flags {
		if v, ok := strings.CutPrefix(strings.TrimLeft(f, "-"), name+"="); ok {
			value = v
		}
	}
	return value
}

// run runs the go command and returns its standard output. The error holds what it said on its standard error.
func (e *goEnv) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := e.command(ctx, dir, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return output, &goError{args: args, output: strings.TrimSpace(complaint.String()), err: err}
	}
	return output, nil
}

// command prepares a run of the go command. A ctx that is done ends it together with the compilers that it runs.
func (e *goEnv) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = e.vars
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// A goError is a failure of the go command.
type goError struct {
	args   []string
	output string // its standard error
	err    error
}

func (e *goError) Error() string {
	if e.output == "" {
		return fmt.Sprintf("go %s: %v", e.args[0], e.err)
	}
	return fmt.Sprintf("go %s: %s", e.args[0], e.output)
}

func (e *goError) Unwrap() error { return e.err }

// splitQuoted splits a string at white space as the go command splits GOFLAGS, CC and -ldflags: a field that begins with
// a quote ends at the next such quote, and there are no escapes.
func splitQuoted(s string) []string {
	var fields []string
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			return fields
		}
		var field string
		if quote := s[0]; quote == '"' || quote == '\'' {
			field, s, _ = strings.Cut(s[1:], string(quote))
		} else if end := strings.IndexAny(s, " \t\r\n"); end >= 0 {
			field, s = s[:end], s[end:]
		} else {
			field, s = s, ""
		}
		fields = append(fields, field)
	}
}

// Directories of httpd's and APR's headers that the bridge's own #cgo lines name.
var (
	knownIncludes = []string{"/usr/include/apache2", "/usr/include/httpd"}
	knownAPR      = []string{"/usr/include/apr-1.0", "/usr/include/apr-1"}
)

// findHeaders sees to it that the C compiler finds the headers of httpd. CGO_CFLAGS come before the bridge's own flags,
// so the headers of the installation that was asked for win over those of another.
func (b *build) findHeaders() error {
	if b.env.CGO_ENABLED != "1" {
		return errors.New("cgo is disabled, but mod_go.so needs it: install gcc (modgo check tells how) and do not set CGO_ENABLED=0")
	}
	installation := b.HTTPD
	if installation == nil {
		found, err := httpd.Find()
		if errors.Is(err, httpd.ErrNotFound) {
			// Headers alone are enough to build, for example in a container that only builds.
			found = &httpd.Installation{IncludeDir: dirWith("httpd.h", knownIncludes), APRInclude: dirWith("apr.h", knownAPR)}
			if found.HasHeaders() {
				err = nil
			}
		}
		if err != nil {
			return err
		}
		installation = found
	}
	if !installation.HasHeaders() {
		return fmt.Errorf("the development headers of %s (httpd.h and apr.h) are not installed: "+
			"Debian, Ubuntu: apt-get install apache2-dev; RHEL, Fedora: dnf install httpd-devel apr-devel apr-util-devel; "+
			"for a server that was built from source set %s to its apxs", installation.Binary, httpd.EnvAPXS)
	}
	var flags []string
	for _, dir := range []string{installation.IncludeDir, installation.APRInclude} {
		flag := "-I" + dir
		if strings.ContainsAny(dir, " \t") {
			flag = `"` + flag + `"`
		}
		flags = append(flags, flag)
	}
	if installation.IncludeDir == dirWith("httpd.h", knownIncludes) && installation.APRInclude == dirWith("apr.h", knownAPR) {
		return nil // other flags than the default would have the standard library compiled anew
	}
	b.env.CGO_CFLAGS = strings.Join(append(flags, b.env.CGO_CFLAGS), " ")
	b.env.vars = append(b.env.vars, "CGO_CFLAGS="+b.env.CGO_CFLAGS)
	return nil
}

// dirWith returns the first directory that holds the file, "" where none does.
func dirWith(file string, dirs []string) string {
	for _, dir := range dirs {
		if exists(filepath.Join(dir, file)) {
			return dir
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

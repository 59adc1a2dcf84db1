package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/builder"
)

func TestDevErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"port taken", []string{"--addr", taken.Addr().String()}, "is taken by another program"},
		{"no port", []string{"--addr", "localhost"}, "write host:port"},
		{"foreign address", []string{"--addr", "192.0.2.1:8000"}, "this machine has no address 192.0.2.1:8000"},
		{"relative mount", []string{"--mount", "shop"}, "begins with /"},
		{"unclean mount", []string{"--mount", "/a/../b"}, "no clean path"},
		{"no such package", []string{"--addr", "127.0.0.1:0", "-C", "../..", "./nosuch"}, "there is no package ./nosuch"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := execute(append([]string{"dev", "--cache", t.TempDir()}, test.args...)...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestDevMounts(t *testing.T) {
	packages := []builder.Package{
		{Path: "example.org/a", Callables: []builder.Callable{{Name: "Application"}, {Name: "other"}}},
		{Path: "example.org/a/v2", Callables: []builder.Callable{{Name: "admin"}}},
		{Path: "example.org/b", Callables: []builder.Callable{{Name: "application"}}},
	}
	mounts, err := devMounts(packages)
	if err != nil {
		t.Fatal(err)
	}
	const want = "[{/example.org/a/v2 example.org/a/v2 admin} {/example.org/a example.org/a Application} {/b example.org/b application}]"
	if got := fmt.Sprint(mounts); got != want {
		t.Errorf("the mounts are %s, want %s", got, want)
	}
	if mounts, err = devMounts(packages[2:]); err != nil || fmt.Sprint(mounts) != "[{ example.org/b application}]" {
		t.Errorf("the only package is mounted as %v, %v", mounts, err)
	}
}

// TestDevLeavesNothing ends modgo dev by Ctrl-C, and by a kill that it cannot see.
func TestDevLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	modgo := filepath.Join(dir, "modgo")
	if output, err := exec.Command("go", "build", "-o", modgo, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			temporary := t.TempDir()
			cmd := exec.Command(modgo, "dev", "-C", "../..", "--cache", dir, "--addr", "127.0.0.1:0", "--mount", "/below", "./apps/hello")
			cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
			terminal, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			url := awaitServing(t, terminal)
			response, err := http.Get(url + "who")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || !strings.HasSuffix(url, "/below/") {
				t.Errorf("%s answered %d with %q, %v", url, response.StatusCode, body, err)
			}
			programs := children(t, cmd.Process.Pid)
			if len(programs) != 1 {
				t.Errorf("modgo dev has the children %v, want 1", programs)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); (err == nil) != (signal == syscall.SIGINT) {
				t.Errorf("modgo dev ended with %v", err)
			}
			for _, pid := range programs {
				awaitEnd(t, pid)
			}
			left, err := os.ReadDir(temporary)
			if err != nil || signal == syscall.SIGINT && len(left) > 0 {
				t.Errorf("left in the folder for temporary files are %v, %v", left, err)
			}
		})
	}
}

// awaitServing reads a terminal until modgo dev serves, and then on in the background.
func awaitServing(t *testing.T, terminal io.Reader) (url string) {
	t.Helper()
	lines := bufio.NewScanner(terminal)
	var seen strings.Builder
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "serving at "); ok {
			go io.Copy(io.Discard, terminal)
			return url
		}
		fmt.Fprintln(&seen, lines.Text())
	}
	t.Fatalf("modgo dev does not serve; it printed\n%s", &seen)
	return ""
}

// statFields finds state and parent in /proc/PID/stat, past the program's name.
var statFields = regexp.MustCompile(`(?s)^(\d+) \(.*\) (\w) (\d+) `)

// children are the processes that a process has started.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		if m := statFields.FindSubmatch(text); m != nil && string(m[3]) == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitEnd waits until a process is gone, or is a zombie that init has yet to reap.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(10 * time.Second)
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if m := statFields.FindSubmatch(text); err != nil || m != nil && string(m[2]) == "Z" {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d is left", pid)
		}
	}
}

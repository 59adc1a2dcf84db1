package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cgroup counts the CPU time of processes that end during a round, which nobody waits for: mod_cgid ignores SIGCHLD, so
// that its dead children's time is added to no parent's.
type cgroup struct{ dir string }

// newCgroup makes a control group below this process's own in the unified hierarchy (version 2), whose cpu.stat every group
// has. It is removed when the test has ended, so it has to be made before the server that moves into it.
func newCgroup(t testing.TB) *cgroup {
	t.Helper()
	const cure = "the CPU time of CGI programs is counted by a control group of version 2: run as root, on a Linux that has them mounted"
	mount, err := firstField("/proc/self/mounts", func(fields []string) (string, bool) {
		return at(fields, 1), at(fields, 2) == "cgroup2"
	})
	if err != nil {
		t.Fatalf("%v; %s", err, cure)
	}
	own, err := firstField("/proc/self/cgroup", func(fields []string) (string, bool) {
		return strings.CutPrefix(at(fields, 0), "0::")
	})
	if err != nil {
		t.Fatalf("%v; %s", err, cure)
	}
	dir, err := os.MkdirTemp(filepath.Join(mount, own), "mod-go-bench-")
	if err != nil {
		t.Fatalf("%v; %s", err, cure)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("the control group stays behind: %v", err)
		}
	})
	return &cgroup{dir}
}

func at(fields []string, i int) string {
	if i < len(fields) {
		return fields[i]
	}
	return ""
}

// firstField looks through the lines of a file for what choose takes.
func firstField(path string, choose func(fields []string) (string, bool)) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if field, ok := choose(strings.Fields(line)); ok {
			return field, nil
		}
	}
	return "", fmt.Errorf("%s names no unified hierarchy of control groups", path)
}

// add moves processes into the group; what they start is born there.
func (g *cgroup) add(pids []int) error {
	for _, pid := range pids {
		if err := os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return err
		}
	}
	return nil
}

// cpuTime is what all processes of the group have used, those that have ended included.
func (g *cgroup) cpuTime() (time.Duration, error) {
	text, err := firstField(filepath.Join(g.dir, "cpu.stat"), func(fields []string) (string, bool) {
		return at(fields, 1), at(fields, 0) == "usage_usec"
	})
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	return microseconds(n), err
}

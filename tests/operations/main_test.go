// Package operations walks through docs/operations.md as a new administrator does: it does what the page says, with the
// commands and files of the page, and compares what they print with what the page shows.
package operations

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	// page is what the test follows, seen from this folder.
	page = "../../docs/operations.md"
	// inside is set in the process that walks.
	inside = "MODGO_OPERATIONS_INSIDE"
	// scratch is where that process has a file system of its own. Nothing else uses it: TestMain makes it.
	scratch = "MODGO_OPERATIONS_SCRATCH"
)

// TestMain has the tests run in namespaces of their own: with this machine's files, but what is written there goes with the
// namespace; with a network that has nothing but the loopback interface, so that the page's port 80 is free and closed to
// others; with processes that end when this one does.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		if err := enter(os.Getenv(scratch)); err != nil {
			fail(err)
		}
		os.Exit(m.Run())
	}
	if os.Geteuid() != 0 {
		fail(errors.New("only root can walk through docs/operations.md: run make test-operations, which uses sudo"))
	}
	if err := prepare(); err != nil {
		fail(err)
	}
	code, err := again()
	if err != nil {
		fail(err)
	}
	os.Exit(code)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// prepare does what needs a network: it installs the packages that the page names, and builds what the page builds, so that
// all modules are in the cache.
func prepare() error {
	blocks, err := readPage()
	if err != nil {
		return err
	}
	packages, err := packagesOf(blocks)
	if err != nil {
		return err
	}
	if err := install(packages); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modgo-operations-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	modgo := filepath.Join(dir, "modgo")
	if err := run("../..", "go", "build", "-o", modgo, "./cmd/modgo"); err != nil {
		return err
	}
	if err := run(dir, modgo, "new", "shop"); err != nil {
		return err
	}
	return run(filepath.Join(dir, "shop"), modgo, "build", "-o", "mod_go.so", ".")
}

// packagesOf are the Debian packages that the page has installed.
func packagesOf(blocks []block) ([]string, error) {
	for _, b := range blocks {
		if packages, found := strings.CutPrefix(b.text, installCommand); found {
			return strings.Fields(packages), nil
		}
	}
	return nil, fmt.Errorf("%s has no block that begins with %q", page, installCommand)
}

// install installs the packages that are missing. None of them may start a server.
func install(packages []string) error {
	const policy = "/usr/sbin/policy-rc.d"
	file, err := os.OpenFile(policy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	switch {
	case os.IsExist(err):
		// Whoever has put it there decides.
	case err != nil:
		return err
	default:
		defer os.Remove(policy)
		_, err := file.WriteString("#!/bin/sh\nexit 101\n")
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return run("../..", ".ci/deps", packages...)
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return nil
}

// again runs this program once more, in namespaces of its own, and returns its exit status.
func again() (int, error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "modgo-operations-")
	if err != nil {
		return 0, err
	}
	// What is mounted there is mounted in the namespace only, which has ended by then.
	defer os.Remove(dir)
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"=yes", scratch+"="+dir)
	// The signal comes when the thread ends that has started the process.
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("the walk changes this machine's files, and needs namespaces of its own so that they are as before afterwards: run it where root may make some, in a container with --privileged (%w)", err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status := cmd.ProcessState.ExitCode(); status >= 0 {
		return status, nil
	}
	return 0, fmt.Errorf("the process that walks has ended: %s", cmd.ProcessState)
}

// enter makes of new namespaces a machine with a name, as one in a data centre. Dir is an empty folder.
func enter(dir string) error {
	const name = "web.example.org"
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("the host's name: %w", err)
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	// Nothing that is mounted from here on is seen outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("a private tree of mounts: %w", err)
	}
	if err := mount("proc", "/proc", "proc", ""); err != nil {
		return err
	}
	if err := mount("tmpfs", dir, "tmpfs", "mode=0755"); err != nil {
		return err
	}
	for _, folder := range []string{"/etc", "/usr", "/var"} {
		upper, work := filepath.Join(dir, folder, "upper"), filepath.Join(dir, folder, "work")
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		if err := mount("overlay", folder, "overlay", "lowerdir="+folder+",upperdir="+upper+",workdir="+work); err != nil {
			return err
		}
	}
	// Without what servers of this machine say of themselves.
	if err := mount("tmpfs", "/run", "tmpfs", "mode=0755"); err != nil {
		return err
	}
	if err := os.Mkdir("/run/lock", 0o755); err != nil {
		return err
	}
	return os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n127.0.1.1 "+name+" web\n"), 0o644)
}

func mount(source, target, kind, data string) error {
	if err := unix.Mount(source, target, kind, 0, data); err != nil {
		return fmt.Errorf("mount a %s on %s: %w", kind, target, err)
	}
	return nil
}

// loopback switches the loopback interface on, which a new network namespace has switched off.
func loopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

package httpdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// process is httpd's parent process with the process group that it leads.
type process struct {
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the parent has ended
	err     error         // of cmd.Wait, once exited is closed
	stopped bool          // it was told to end
}

// run starts httpd. What it prints before it has opened its error log goes there too.
func (s *Server) run() {
	s.t.Helper()
	output, err := os.OpenFile(s.Path(errorLogName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer output.Close()
	args := command(s.dir, s.httpd.Binary, "-DFOREGROUND", "-f", s.Path("httpd.conf"))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = s.dir, environment(s.dir, s.environ)
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own, so that whatever may be left of it is found; and no httpd outlives a test that dies.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if s.unprivileged && s.account != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.account.UID), Gid: uint32(s.account.GID)}
		if err := output.Chown(s.account.UID, s.account.GID); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("httpdtest: cannot run httpd: %v", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	s.process = p
}

var errEnded = errors.New("httpd has ended")

// await waits for a condition, and gives up when httpd has ended without it.
func (p *process) await(limit time.Duration, condition func() bool) error {
	var met bool
	err := Poll(limit, func() bool {
		ended := p.ended() // before the condition, which may come true with the last thing that httpd does
		met = condition()
		return met || ended
	})
	if err == nil && !met {
		return errEnded
	}
	return err
}

func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// group is the number of httpd's process group.
func (p *process) group() int { return p.cmd.Process.Pid }

// groupIsEmpty tells whether the parent and all children are gone.
func (p *process) groupIsEmpty() bool {
	return errors.Is(syscall.Kill(-p.group(), 0), syscall.ESRCH)
}

// kill is the last resort.
func (p *process) kill() {
	_ = syscall.Kill(-p.group(), syscall.SIGKILL) // fails where nothing is left to be killed
	<-p.exited
}

// awaitStart waits until the server's own process has written its number, accepts connections and says that it is done.
func (s *Server) awaitStart() error {
	err := s.process.await(startLimit, func() bool {
		if pid, ok := s.pid(); !ok || s.groupOf(pid) != s.process.group() {
			return false
		}
		return strings.Contains(s.logText(), resumed)
	})
	if err != nil {
		return err
	}
	conn, err := s.dial()
	if err != nil {
		return err
	}
	return conn.Close()
}

// resumed is what every MPM logs when a start or a restart is complete.
const resumed = "configured -- resuming normal operations"

func (s *Server) pid() (pid int, ok bool) {
	text, err := os.ReadFile(s.Path(httpdconf.PIDFile))
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil
}

func (s *Server) groupOf(pid int) int {
	group, err := syscall.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}

// ParentPID is the number of httpd's parent process.
func (s *Server) ParentPID() int {
	s.t.Helper()
	pid, ok := s.pid()
	if !ok {
		s.t.Fatal("httpd has no pid file: it does not run")
	}
	return pid
}

// ChildPIDs are the parent's live children, in no order.
func (s *Server) ChildPIDs() []int {
	s.t.Helper()
	parent := s.ParentPID()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	var children []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// "pid (name) state ppid ...", where the name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			s.t.Fatal(err)
		}
		children = append(children, pid)
	}
	return children
}

// AwaitChildren waits until the parent has exactly n children and returns them.
func (s *Server) AwaitChildren(n int) []int {
	s.t.Helper()
	var children []int
	s.await(fmt.Sprintf("%d child processes", n), func() bool {
		children = s.ChildPIDs()
		return len(children) == n
	})
	return children
}

// RSS is the resident memory of a process in bytes.
func (s *Server) RSS(pid int) int64 {
	s.t.Helper()
	return s.statusBytes(pid, "VmRSS")
}

// PrivateMemory is how much memory of a process no file has and no other process shares on purpose, in bytes.
func (s *Server) PrivateMemory(pid int) int64 {
	s.t.Helper()
	return s.statusBytes(pid, "RssAnon") + s.statusBytes(pid, "VmSwap")
}

// statusBytes is a size that the kernel tells of a process.
func (s *Server) statusBytes(pid int, name string) int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, name+": %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	s.t.Fatalf("process %d has no %s: it has ended", pid, name)
	return 0
}

// cpuTick is the unit of the times in /proc: USER_HZ is 100 on Linux.
const cpuTick = 10 * time.Millisecond

// CPUTime is the time of processors that a process has used so far, in steps of 10 ms.
func (s *Server) CPUTime(pid int) time.Duration {
	s.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		s.t.Fatal(err)
	}
	// "pid (name) state ...", where the name may hold anything; utime and stime are the 14th and 15th field.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		s.t.Fatalf("/proc/%d/stat has only %d fields behind the name", pid, len(fields))
	}
	var total time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			s.t.Fatalf("/proc/%d/stat: %v", pid, err)
		}
		total += time.Duration(ticks) * cpuTick
	}
	return total
}

package httpdtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Graceful restarts httpd by SIGUSR1 and waits until the parent runs with the new configuration. Old children may still
// finish requests then.
func (s *Server) Graceful() {
	s.t.Helper()
	s.restart(syscall.SIGUSR1)
}

// Restart restarts httpd by SIGHUP, which ends the old children at once, and waits until that is done.
func (s *Server) Restart() {
	s.t.Helper()
	s.settle()
	s.markEnd()
	s.restart(syscall.SIGHUP)
}

func (s *Server) restart(signal syscall.Signal) {
	s.t.Helper()
	before := s.starts()
	s.Signal(s.ParentPID(), signal)
	s.await("the restart", func() bool { return s.starts() > before })
}

// starts is how often the server was configured.
func (s *Server) starts() (n int) {
	s.t.Helper()
	for _, line := range s.Log() {
		if strings.Contains(line.Text, resumed) {
			n++
		}
	}
	return n
}

// Signal sends a signal to one of the server's processes.
func (s *Server) Signal(pid int, signal syscall.Signal) {
	s.t.Helper()
	if s.groupOf(pid) != s.process.group() {
		s.t.Fatalf("process %d does not belong to this httpd", pid)
	}
	if err := syscall.Kill(pid, signal); err != nil {
		s.t.Fatalf("cannot send %v to process %d: %v", signal, pid, err)
	}
}

// ConfigTest runs `httpd -t` on the server's configuration as it is now.
func (s *Server) ConfigTest() (output string, ok bool) {
	s.t.Helper()
	return s.httpdCommand("-t")
}

// Control runs `httpd -k ARGUMENT`, as apachectl does: "graceful" checks the configuration before it signals the parent.
func (s *Server) Control(argument string) (output string, ok bool) {
	s.t.Helper()
	return s.httpdCommand("-k", argument)
}

func (s *Server) httpdCommand(args ...string) (output string, ok bool) {
	s.t.Helper()
	args = command(s.dir, append([]string{s.httpd.Binary, "-f", s.Path("httpd.conf")}, args...)...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = s.dir, environment(s.dir, s.environ)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("httpdtest: cannot run httpd: %v", err)
	}
	return string(text), err == nil
}

// Stop ends httpd as SIGTERM does and waits until parent and children are gone. The end of the test does it too.
func (s *Server) Stop() {
	s.t.Helper()
	s.stop(syscall.SIGTERM)
}

// GracefulStop ends httpd when the requests that run now are answered.
func (s *Server) GracefulStop() {
	s.t.Helper()
	s.stop(syscall.SIGWINCH)
}

// AwaitExit waits until httpd ends by itself and returns how: nil for status 0, else an *exec.ExitError. It is for tests
// that end the parent process in another way than Stop does.
func (s *Server) AwaitExit() error {
	s.t.Helper()
	if err := Poll(stopLimit, s.process.ended); err != nil {
		s.t.Fatalf("httpd still runs: %v", err)
	}
	s.process.stopped = true
	return s.process.err
}

func (s *Server) stop(signal syscall.Signal) {
	s.t.Helper()
	p := s.process
	if p == nil || p.stopped {
		return
	}
	p.stopped = true
	if p.ended() {
		s.t.Errorf("httpd ended before it was told to: %v", p.err)
	} else {
		if signal == syscall.SIGTERM {
			s.settle()
		}
		s.markEnd()
		pid, ok := s.pid()
		if !ok {
			pid = p.cmd.Process.Pid
		}
		s.Signal(pid, signal)
	}
	// A child may need a moment longer than its parent.
	if err := Poll(stopLimit, func() bool { return p.ended() && p.groupIsEmpty() }); err != nil {
		s.t.Errorf("httpd did not stop after %v and had to be killed: %v", signal, err)
		p.kill()
		return
	}
	if p.err != nil {
		s.t.Errorf("httpd ended with an error: %v", p.err)
	}
}

// settleLimit is short: a test may well end while it holds connections.
const settleLimit = time.Second

// settle waits a moment for the server to be done with the connections that clients have closed. When its children are told
// to end, the event MPM closes the sockets that its threads work on, and crashes now and then on one that is just freed.
func (s *Server) settle() {
	for _, client := range s.clients {
		client.CloseIdleConnections()
	}
	_ = Poll(settleLimit, func() bool { return s.connections() == 0 }) // connections that are held are no fault
}

// connections is the number of the server's connections that are open on its side. Only IPv4 is looked at, as Start listens.
func (s *Server) connections() (n int) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0
	}
	var locals []string // as they stand in the table
	for _, addr := range []string{s.addr, s.secureAddr} {
		if _, port, err := net.SplitHostPort(addr); err == nil {
			number, _ := strconv.Atoi(port)
			locals = append(locals, fmt.Sprintf("%04X", number))
		}
	}
	for line := range strings.Lines(string(table)) {
		// "slot: local remote state ...", where state 0A is a listening socket and 06 one that only waits for late packets.
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] == "0A" || fields[3] == "06" {
			continue
		}
		if _, port, _ := strings.Cut(fields[1], ":"); slices.Contains(locals, port) {
			n++
		}
	}
	return n
}

// markEnd remembers where in the log the end of the children begins.
func (s *Server) markEnd() {
	s.t.Helper()
	if lines := s.Log(); s.ending == 0 {
		s.ending = len(lines)
	}
}

// judge stops the server and says what was wrong with its life.
func (s *Server) judge() {
	s.t.Helper()
	s.Stop()
	lines, err := s.logs.read(true)
	if err != nil {
		s.t.Errorf("httpdtest: cannot read the error log: %v", err)
	}
	if s.ending > 0 {
		late := slices.DeleteFunc(slices.Clone(lines[s.ending:]), Line.isOfTheEnd)
		lines = append(lines[:s.ending:s.ending], late...)
	}
	s.expected.check(s.t, lines)
	s.checkTools()
	if s.t.Failed() {
		s.t.Logf("the error log:\n%s", s.logText())
	}
}

// valgrindErrors is the number of errors in the last line of a report.
var valgrindErrors = regexp.MustCompile(`ERROR SUMMARY: ([1-9][\d,]*) errors`)

// checkTools fails the test for what AddressSanitizer and valgrind reported into the server's folder.
func (s *Server) checkTools() {
	s.t.Helper()
	for pattern, bad := range map[string]func(report string) bool{
		"asan.*":     func(string) bool { return true },
		"valgrind.*": valgrindErrors.MatchString,
	} {
		reports, err := filepath.Glob(s.Path(pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, path := range reports {
			report, err := os.ReadFile(path)
			if err != nil {
				s.t.Errorf("httpdtest: %v", err)
			} else if bad(string(report)) {
				s.t.Errorf("%s reports:\n%s", filepath.Base(path), report)
			}
		}
	}
}

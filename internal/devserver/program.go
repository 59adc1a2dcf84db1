package devserver

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"text/template"
	"time"
)

const (
	// shutdownTimeout is how long requests in flight may take when their program is replaced.
	shutdownTimeout = 3 * time.Second
	// killTimeout is when a program that was told to end is killed.
	killTimeout = shutdownTimeout + 2*time.Second
	// outputTimeout is how long a program's own children may hold its output open after its end.
	outputTimeout = time.Second
	// tailSize is how much of what a program printed is kept to explain its end, in bytes.
	tailSize = 64 << 10
)

//go:embed program.go.tmpl
var programText string

var programTemplate = template.Must(template.New("program").Parse(programText))

// programSource returns the source of the main function that serves the mounts below base.
func programSource(base string, mounts []Mount) (string, error) {
	var source bytes.Buffer
	err := programTemplate.Execute(&source, struct {
		Base            string
		Mounts          []Mount
		ShutdownTimeout time.Duration
	}{base, mounts, shutdownTimeout})
	if err != nil {
		return "", err
	}
	formatted, err := format.Source(source.Bytes())
	return string(formatted), err
}

// A program is a process of the built applications. It starts in the background: ready, then exited, are closed as it
// goes on.
type program struct {
	process *os.Process
	started time.Time
	ready   chan struct{} // closed when it answers requests
	exited  chan struct{} // closed when it and what it started are gone

	// Set when exited is closed.
	state   *os.ProcessState
	failure string // why the applications could not be constructed, "" where they could
	printed string // the last that it wrote to its standard error
}

// startProgram runs an executable in a directory. The kernel ends it should this process be killed, and does so when the
// calling thread ends: the caller has locked it.
func startProgram(executable, dir string, listener *os.File, out, errOut io.Writer) (*program, error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writing.Close()
	printed := &tail{}
	cmd := exec.Command(executable)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, io.MultiWriter(errOut, printed)
	cmd.ExtraFiles = []*os.File{listener, writing}
	cmd.WaitDelay = outputTimeout
	// A process group of its own: Ctrl-C reaches modgo only, which ends the program in order, and with it whatever it
	// has started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		reading.Close()
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("the program that was built may not be run: %w; set TMPDIR to a directory on a file system that is not mounted noexec", err)
		}
		return nil, fmt.Errorf("the program that was built cannot be run: %w", err)
	}
	p := &program{process: cmd.Process, started: time.Now(), ready: make(chan struct{}), exited: make(chan struct{})}
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		p.readReport(reading)
	}()
	go func() {
		_ = cmd.Wait() // the state tells more
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		// What it has started may hold the other end.
		_ = reading.SetReadDeadline(time.Now().Add(outputTimeout))
		<-reported
		reading.Close()
		p.state, p.printed = cmd.ProcessState, printed.String()
		close(p.exited)
	}()
	return p, nil
}

// readReport reads what the program tells of its applications.
func (p *program) readReport(report io.Reader) {
	lines := bufio.NewReader(report)
	switch line, _ := lines.ReadString('\n'); line {
	case "ready\n":
		close(p.ready)
	case "failed\n":
		text, _ := io.ReadAll(lines)
		p.failure = strings.TrimSpace(string(text))
	}
}

// stop ends the program: requests in flight are answered, within shutdownTimeout. It returns when the process is gone, and
// tells whether that took a kill.
func (p *program) stop() (killed bool) {
	_ = p.process.Signal(syscall.SIGTERM) // an error: it has ended already
	timeout := time.NewTimer(killTimeout)
	defer timeout.Stop()
	select {
	case <-p.exited:
		return false
	case <-timeout.C:
		_ = p.process.Kill()
		<-p.exited
		return true
	}
}

// has tells whether a state has been reached.
func has(state <-chan struct{}) bool {
	select {
	case <-state:
		return true
	default:
		return false
	}
}

// tail keeps the last bytes that are written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the end of what has been written.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// String is what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

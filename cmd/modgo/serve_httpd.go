package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// stopSignals are those that end modgo serve.
var stopSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// sameKeystroke is within what time two signals are one: the terminal sends Ctrl-C to go tool modgo and to this process,
// and go tool passes its own on.
const sameKeystroke = 300 * time.Millisecond

// stopper turns signals into the end of what runs: the first into an orderly one, the second into one at once.
type stopper struct {
	ctx     context.Context // done at the first signal
	again   chan struct{}   // closed at the second
	release func()
}

func notifyStop(parent context.Context) *stopper {
	ctx, cancel := context.WithCancel(parent)
	s := &stopper{ctx: ctx, again: make(chan struct{})}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals...)
	done := make(chan struct{})
	s.release = sync.OnceFunc(func() {
		signal.Stop(signals)
		close(done)
		cancel()
	})
	go func() {
		var first time.Time
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			cancel()
			if first.IsZero() {
				first = time.Now()
			} else if time.Since(first) > sameKeystroke {
				close(s.again)
				return
			}
		}
	}()
	return s
}

func (s *stopper) requested() bool { return s.ctx.Err() != nil }

const (
	readyPoll = 20 * time.Millisecond
	// outputWait is how long a program that an application has started may hold the log after httpd's end.
	outputWait = 3 * time.Second
	messageCap = 16 << 10
)

// run runs httpd in the foreground until it ends or has to stop; ready is called, with its parent process, when it accepts
// connections. Reload, if not nil, follows its log.
func (s *serveSite) run(stop *stopper, conf string, out, errOut io.Writer, reload *reloader, ready func(httpd *os.Process)) error {
	// Should this process be killed, the kernel tells httpd to end; it does so when the thread that started it is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	messages := &head{limit: messageCap}
	cmd := exec.Command(s.httpd.Binary, "-DFOREGROUND", "-f", conf)
	// Always pipes: httpd opens them anew by name, which fails for a terminal of another user or a socket.
	cmd.Stdout, cmd.Stderr = io.MultiWriter(out), io.MultiWriter(errOut, messages)
	if reload != nil {
		cmd.Stderr = io.MultiWriter(errOut, messages, reload.restarts)
	}
	cmd.WaitDelay = outputWait
	// A process group of its own: Ctrl-C reaches this process only, which then ends httpd in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("httpd cannot be run: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	isReady := false
	for {
		select {
		case <-poll.C:
			if s.accepts(cmd.Process.Pid) {
				poll.Stop()
				isReady = true
				ready(cmd.Process)
			}
		case err := <-ended:
			return s.ending(err, isReady, messages.String())
		case <-stop.ctx.Done():
			return s.end(cmd, ended, stop, errOut)
		}
	}
}

// accepts tells whether this httpd, and no other, answers at the address.
func (s *serveSite) accepts(pid int) bool {
	if running, ok := runningIn(s.workDir); !ok || running != pid {
		return false
	}
	conn, err := net.DialTimeout("tcp", reachable(s.endpoints[0].addr), time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// end stops httpd and awaits it: SIGTERM to its parent process, which ends the children.
func (s *serveSite) end(cmd *exec.Cmd, ended <-chan error, stop *stopper, errOut io.Writer) error {
	fmt.Fprintln(errOut, "\nStopping; Ctrl-C again ends it at once.")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("httpd, process %d, cannot be stopped: %w", cmd.Process.Pid, err)
	}
	select {
	case err := <-ended:
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return fmt.Errorf("httpd stopped with an error (%w); its messages are above", err)
		}
		return nil
	case <-stop.again:
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		return errors.Join(errors.New("httpd was killed before it had stopped"), err)
	}
}

// refusedPort finds the port in httpd's message on an address that it cannot listen on.
var refusedPort = regexp.MustCompile(`AH00072: .* could not bind to address \S*:(\d+)`)

// ending says why httpd ended by itself.
func (s *serveSite) ending(err error, wasReady bool, messages string) error {
	// httpd's message on a port that it cannot bind; somebody took it after it was found free.
	if refused := refusedPort.FindStringSubmatch(messages); !wasReady && refused != nil {
		for _, e := range s.endpoints {
			if host, port, err := net.SplitHostPort(e.addr); err == nil && port == refused[1] {
				number, _ := strconv.Atoi(port)
				return listenError(host, number, e.flag, syscall.EADDRINUSE)
			}
		}
	}
	how := "without an error"
	if err != nil {
		how = err.Error()
	}
	if wasReady {
		return fmt.Errorf("httpd ended by itself (%s); its messages are above", how)
	}
	if strings.TrimSpace(messages) == "" {
		return fmt.Errorf("httpd did not start (%s) and gave no reason; run it by hand with --keep and %s -DFOREGROUND -f FOLDER/httpd.conf", how, s.httpd.Binary)
	}
	return fmt.Errorf("httpd did not start (%s); its messages are above, and --keep keeps the configuration that they name", how)
}

// head keeps the first bytes that are written to it.
type head struct {
	mu    sync.Mutex
	text  bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(p[:min(len(p), h.limit-h.text.Len())])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// sortLongestFirst orders mounts so that no path hides a longer one that begins with it.
func sortLongestFirst(mounts []httpdconf.Mount) {
	slices.SortStableFunc(mounts, func(a, b httpdconf.Mount) int { return cmp.Compare(len(b.Path), len(a.Path)) })
}

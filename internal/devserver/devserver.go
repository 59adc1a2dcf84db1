// Package devserver serves applications while they are written: it builds them as an ordinary program, runs it, and does
// both anew whenever a source file changes. While there is nothing to run it answers requests itself, with a page that
// says why.
//
// It holds the listening socket, which every program inherits, so that no connection is refused in between.
package devserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/watch"
)

// A Mount is an application at a path.
type Mount struct {
	Path     string // below Options.Base; "" is everything there
	Package  string // import path
	Callable string
}

// Options say what Run serves, and where.
type Options struct {
	Build    builder.Options                                     // Output is not used
	Mount    func([]builder.Package) (mounts []Mount, err error) // decides where the packages are mounted
	Listener *net.TCPListener                                    // Run closes it
	Base     string                                              // SCRIPT_NAME of everything, "" or a path such as "/shop"
	KeepOld  bool                                                // serve the last good build while the newest is broken
	Out      io.Writer                                           // gets the standard output of the applications
	ErrOut   io.Writer                                           // gets their standard error, and what Run reports
	Quiet    bool                                                // report nothing but problems

	// SlowStart is when a program that does not get ready is reported, which goes on all the same; 0 is ten seconds.
	SlowStart time.Duration
}

const (
	// The first, and the longest, time before a program that ended is started again. It doubles each time.
	firstDelay = time.Second
	lastDelay  = 30 * time.Second
	// goodLife is how long a program has to live for its end to be no repetition of the last one's.
	goodLife = 20 * time.Second
)

// Run serves until ctx is done, and then returns nil. When it returns, every process that it started has ended. It returns
// an error where there is nothing to build from the start, or where it cannot watch files.
func Run(ctx context.Context, options Options) error {
	defer options.Listener.Close()
	// The kernel ends a program together with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	s := &server{Options: options, sources: &builder.Sources{}, built: make(chan built), delay: firstDelay}
	if s.SlowStart == 0 {
		s.SlowStart = 10 * time.Second
	}
	var err error
	if s.dir, err = filepath.Abs(options.Build.Dir); err != nil {
		return err
	}
	if s.socket, err = inheritable(options.Listener); err != nil {
		return err
	}
	defer s.socket.Close()
	if s.workDir, err = os.MkdirTemp("", "modgo-dev-"); err != nil {
		return fmt.Errorf("there is no place for the program: %w; set TMPDIR to a directory that can be written", err)
	}
	defer os.RemoveAll(s.workDir)
	s.Build.Output = filepath.Join(s.workDir, "program")
	if s.watcher, err = watch.New(s.errorf); err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(s.watcher.Run)
	defer watching.Wait()
	defer s.watcher.Close()

	defer s.endAll()
	return s.run(ctx)
}

// server is the state of Run. Its goroutine alone uses it.
type server struct {
	Options
	dir     string   // absolute
	workDir string   // of the program
	socket  *os.File // the listening socket
	watcher *watch.Watcher
	sources *builder.Sources // as of the last build whose sources could be listed

	cancelBuild context.CancelFunc // nil where nothing is being built
	build       int                // number of the newest build
	built       chan built
	good        bool // the program in workDir is of the newest sources

	next    *program // starting
	serving *program // answering requests
	page    *page    // answering requests with a problem

	retry *time.Timer    // to start the program again; nil where that is not planned
	delay time.Duration  // before the next retry
	slow  *time.Timer    // of the program that starts
	ends  sync.WaitGroup // programs and pages that are being ended
}

func (s *server) run(ctx context.Context) error {
	s.logf("building %s; Ctrl-C ends modgo dev", strings.Join(s.patterns(), " "))
	s.startBuild(ctx)
	for {
		var retry, slow <-chan time.Time
		if s.retry != nil {
			retry = s.retry.C
		}
		if s.slow != nil {
			slow = s.slow.C
		}
		var nextReady, nextExited, servingExited <-chan struct{}
		if s.next != nil {
			nextReady, nextExited = s.next.ready, s.next.exited
		}
		if s.serving != nil {
			servingExited = s.serving.exited
		}
		select {
		case <-ctx.Done():
			return nil
		case changed := <-s.watcher.Changes:
			s.logf("%s: building", watch.Describe(s.dir, changed))
			s.startBuild(ctx)
		case b := <-s.built:
			if ctx.Err() != nil {
				return nil // which is why it failed
			}
			if b.number != s.build {
				continue // it was overtaken
			}
			if err := s.finishBuild(b); err != nil {
				return err
			}
		case <-nextReady:
			s.replace()
		case <-nextExited:
			if has(s.next.ready) {
				s.replace() // and its end comes next
				continue
			}
			ended := s.next
			s.next, s.slow = nil, nil
			s.crashed(ended)
		case <-servingExited:
			ended := s.serving
			s.serving = nil
			s.crashed(ended)
		case <-retry:
			s.retry = nil
			s.start()
		case <-slow:
			s.slow = nil
			s.report(problem{
				Title:  "The application is still starting",
				Advice: fmt.Sprintf("Its init functions or its constructor have not returned for %s. Should they never: kill -QUIT %d ends it and shows where they are.", s.SlowStart, s.next.process.Pid),
			}, true)
		}
	}
}

// start starts the program that was built last.
func (s *server) start() {
	s.stopNext()
	program, err := startProgram(s.Build.Output, s.dir, s.socket, s.Out, s.ErrOut)
	if err != nil {
		s.report(problem{Title: "The application cannot be started", Advice: "Mend this and save a source file: modgo dev tries again.", Output: err.Error()}, false)
		return
	}
	s.next = program
	s.slow = time.NewTimer(s.SlowStart)
}

// stopNext ends a program that is starting, and any plan to start one.
func (s *server) stopNext() {
	if s.next != nil {
		s.end(s.next)
	}
	s.next, s.retry, s.slow = nil, nil, nil
}

// replace puts the program that has become ready into the place of the one that answered before it, or of the page.
func (s *server) replace() {
	old := s.serving
	s.serving, s.next, s.slow = s.next, nil, nil
	if old != nil {
		s.end(old)
	}
	if s.page != nil {
		s.ends.Go(s.page.end)
		s.page = nil
	}
	s.logf("serving at http://%s%s/", s.Listener.Addr(), s.Base)
}

// crashed tells why a program ended by itself, and plans to start it again unless a build is about to.
func (s *server) crashed(p *program) {
	if s.serving == nil && time.Since(p.started) > goodLife {
		s.delay = firstDelay
	}
	what := problem{Title: fmt.Sprintf("The application has ended: %s", p.state), Output: crashText(p.printed)}
	if p.failure != "" {
		what.Title, what.Output = "The application could not be constructed", p.failure
	}
	what.Diagnoses = diagnoseStack(what.Output, s.dir, s.isOwn)
	switch {
	case s.cancelBuild != nil || s.next != nil:
		what.Advice = "A newer build is on its way; this page reloads itself."
	case !s.good:
		what.Advice = "The newest sources do not build, as the terminal tells. Mend them and save; this page reloads itself."
	default:
		what.Advice = fmt.Sprintf("Mend the source and save it; this page reloads itself. Should the cause lie elsewhere: the application is started again after %s.", s.delay)
		s.retry = time.NewTimer(s.delay)
		s.delay = min(2*s.delay, lastDelay)
	}
	s.report(what, p.failure == "")
}

// isOwn tells whether a file belongs to a package that the user edits.
func (s *server) isOwn(file string) bool {
	dir := filepath.Dir(file)
	return slices.ContainsFunc(s.sources.Packages, func(p builder.SourcePackage) bool { return p.Dir == dir })
}

// report tells of a problem on the terminal, unless what it prints was seen there already, and in answers to requests,
// unless an older program may go on with those.
func (s *server) report(p problem, seen bool) {
	text := p.Title
	if !seen && p.Output != "" {
		text += "\n" + p.Output
	}
	s.errorf("%s", text)
	if s.serving != nil && (s.KeepOld || s.next != nil) {
		s.errorf("the last good build goes on serving")
		return
	}
	if s.page != nil {
		s.page.setProblem(p)
	} else if listener, err := net.FileListener(s.socket); err != nil {
		s.errorf("requests have to wait, because no page can be shown: %v", err)
	} else {
		s.page = showPage(listener, p)
	}
	if s.serving != nil {
		s.end(s.serving)
		s.serving = nil
	}
}

// end ends a program in the background.
func (s *server) end(p *program) {
	s.ends.Go(func() {
		if p.stop() {
			s.errorf("the program, process %d, did not end within %s and was killed", p.process.Pid, killTimeout)
		}
	})
}

// endAll ends everything and waits for it.
func (s *server) endAll() {
	if s.cancelBuild != nil {
		s.cancelBuild()
	}
	s.stopNext()
	if s.serving != nil {
		s.end(s.serving)
	}
	if s.page != nil {
		s.ends.Go(s.page.end)
	}
	s.ends.Wait()
}

func (s *server) logf(format string, args ...any) {
	if !s.Quiet {
		s.errorf(format, args...)
	}
}

func (s *server) errorf(format string, args ...any) {
	fmt.Fprintf(s.ErrOut, "modgo: "+format+"\n", args...)
}

func (s *server) patterns() []string {
	if len(s.Build.Patterns) == 0 {
		return []string{"."}
	}
	return s.Build.Patterns
}

// inheritable returns the socket of a listener for other processes. It stays non-blocking: the flag is the socket's, and
// every process that accepts connections from it depends on that.
func inheritable(listener *net.TCPListener) (*os.File, error) {
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil, err
	}
	var copied int
	var failed error
	err = raw.Control(func(fd uintptr) { copied, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("the listening socket cannot be passed on: %w", err)
	}
	// Not listener.File, whose descriptor becomes a blocking one when it is passed to a process.
	return os.NewFile(uintptr(copied), "listener"), nil
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/internal/watch"
)

// The names in the work folder of a build that has yet to prove itself.
const (
	nextObjectName = "mod_go.next.so"
	nextConfName   = "httpd.next.conf"
)

// restartWait is within what time httpd has to say that it has restarted.
const restartWait = 30 * time.Second

// reloader builds again when a source file changes, and has httpd change over to what was built.
type reloader struct {
	site     *serveSite
	build    builder.Options
	dir      string // the working directory
	errOut   io.Writer
	watcher  *watch.Watcher
	restarts *restartLog // is written what httpd logs

	// Of the goroutine that start starts.
	process *os.Process // httpd's parent
	buildID string      // of the object that httpd has
	mounts  []mount     // that it serves

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// newReloader watches what the build reads, from now on until close.
func newReloader(ctx context.Context, site *serveSite, build builder.Options, errOut io.Writer) (*reloader, error) {
	r := &reloader{site: site, build: build, errOut: errOut, restarts: &restartLog{seen: make(chan struct{}, 1)}}
	r.build.Output, r.build.Log = site.path(nextObjectName), nil // each build would repeat the list of packages
	var err error
	if r.dir, err = filepath.Abs(build.Dir); err != nil {
		return nil, err
	}
	if r.watcher, err = watch.New(r.logf); err != nil {
		return nil, fmt.Errorf("--reload: %w", err)
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.work.Go(r.watcher.Run)
	if _, err := r.watcher.FollowBuild(r.ctx, r.build); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// start reloads from now on the httpd whose parent is given and that serves the build of the given ID.
func (r *reloader) start(process *os.Process, buildID string, mounts []mount) {
	r.process, r.buildID, r.mounts = process, buildID, mounts
	r.work.Go(func() {
		for {
			select {
			case <-r.ctx.Done():
				return
			case changed := <-r.watcher.Changes:
				for changed != nil {
					r.logf("%s: building", watch.Describe(r.dir, changed))
					changed = r.attempt()
				}
			}
		}
	})
}

// close ends what start began, and waits for it.
func (r *reloader) close() {
	r.cancel()
	r.watcher.Close()
	r.work.Wait()
	_ = os.Remove(r.build.Output) // a build that was refused; mostly there is none
}

// attempt reloads once, unless a further change overtakes it, which it returns.
func (r *reloader) attempt() (changed []string) {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.reload(ctx) }()
	select {
	case err := <-done:
		if err != nil && r.ctx.Err() == nil {
			fmt.Fprintln(r.errOut, message(err))
			r.logf("the build before goes on serving; mend this and save a source file")
		}
	case changed = <-r.watcher.Changes:
		cancel()
		<-done // its error is that of sources which are not any more
	}
	return changed
}

// reload builds, and has httpd serve what was built if its applications can be constructed.
func (r *reloader) reload(ctx context.Context) error {
	if _, err := r.watcher.FollowBuild(ctx, r.build); err != nil {
		return err
	}
	result, err := builder.Build(ctx, r.build)
	if err != nil {
		return err
	}
	if result.BuildID == r.buildID {
		r.logf("the module is the same as before, and goes on")
		return os.Remove(result.Output)
	}
	mounts, err := mountPackages(result.Packages)
	if err != nil {
		return err
	}
	server := r.site.configuration(mounts)
	if err := r.check(ctx, server); err != nil {
		return err
	}
	// What follows is not to be interrupted: object and configuration belong together.
	if err := os.Rename(result.Output, server.GoModule); err != nil {
		return fmt.Errorf("the new build cannot be put into its place: %w", err)
	}
	if _, err := r.site.write(server, mounts); err != nil {
		return err
	}
	complete, err := r.restarts.await(r.ctx, r.restart)
	if err != nil {
		return err
	}
	r.buildID = result.BuildID
	if complete {
		r.logf("built in %.1f s, and serving", result.Duration.Seconds())
	} else if r.ctx.Err() == nil {
		r.logf("built in %.1f s, but httpd has not said within %s that it has restarted; see its messages above", result.Duration.Seconds(), restartWait)
	}
	if !slices.Equal(mounts, r.mounts) {
		r.mounts = mounts
		r.site.listMounts(r.errOut, mounts)
	}
	return nil
}

// check has httpd read a configuration with the new object, which constructs every application in a process of its own.
func (r *reloader) check(ctx context.Context, server httpdconf.Server) error {
	server.GoModule = r.build.Output
	conf := r.site.path(nextConfName)
	if err := server.WriteFileTo(r.site.httpd, conf); err != nil {
		return fmt.Errorf("the configuration of the new build cannot be written: %w", err)
	}
	defer os.Remove(conf)
	cmd := exec.CommandContext(ctx, r.site.httpd.Binary, "-t", "-f", conf)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = outputWait
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("httpd refuses the new build (%w):\n%s", err, bytes.TrimSpace(output))
	}
	return nil
}

// restart has httpd read its configuration and load the object again; requests that run are finished by the old children.
func (r *reloader) restart() error {
	if err := r.process.Signal(syscall.SIGUSR1); err != nil {
		return fmt.Errorf("httpd, process %d, cannot be told to restart: %w", r.process.Pid, err)
	}
	return nil
}

func (r *reloader) logf(format string, args ...any) {
	fmt.Fprintf(r.errOut, "modgo: "+format+"\n", args...)
}

// restartLog reads in httpd's log when a start or a restart is complete. Until then httpd would miss the signal for the
// next one.
type restartLog struct {
	mu   sync.Mutex
	line []byte // that has no end yet
	n    int    // starts and restarts
	seen chan struct{}
}

// resumed is what every MPM logs when a start or a restart is complete.
var resumed = []byte("configured -- resuming normal operations")

// lineCap is how much of a line is kept to look at.
const lineCap = 4 << 10

// Write reads on in the log.
func (l *restartLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for chunk := range bytes.Lines(p) {
		l.line = append(l.line, chunk[:min(len(chunk), max(0, lineCap-len(l.line)))]...)
		if chunk[len(chunk)-1] != '\n' {
			break
		}
		// Not what an application writes, which comes from another module.
		if bytes.Contains(l.line, []byte("[mpm_")) && bytes.Contains(l.line, resumed) {
			l.n++
			select {
			case l.seen <- struct{}{}:
			default: // somebody has yet to look
			}
		}
		l.line = l.line[:0]
	}
	return len(p), nil
}

func (l *restartLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// await calls restart when no earlier start or restart is under way, and waits until that one is complete. It gives up
// waiting after restartWait, and when ctx is done.
func (l *restartLog) await(ctx context.Context, restart func() error) (complete bool, err error) {
	timeout := time.NewTimer(restartWait)
	defer timeout.Stop()
	atLeast := func(n int) bool {
		for l.count() < n {
			select {
			case <-l.seen:
			case <-ctx.Done():
				return false
			case <-timeout.C:
				return false
			}
		}
		return true
	}
	atLeast(1)
	before := l.count()
	if err := restart(); err != nil {
		return false, err
	}
	return atLeast(before + 1), nil
}

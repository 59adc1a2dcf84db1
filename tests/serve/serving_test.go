package serve

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// serving is a running modgo serve.
type serving struct {
	cmd    *exec.Cmd
	output lockedBuffer
	url    string // without a slash at its end
	exited chan struct{}
	err    error
}

// lockedBuffer is written by a process while the test reads.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// count is how often a text was written.
func (b *lockedBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.text.Bytes(), []byte(text))
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var buildModgo = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", "build", "test", "modgo"))
	if err != nil {
		return "", err
	}
	output, err := exec.Command("go", "build", "-o", path, "../../cmd/modgo").CombinedOutput()
	if err != nil {
		return "", errors.New(string(output))
	}
	return path, nil
})

// command is modgo serve on a free port in the repository's root. Its temporary folders are under temp.
func command(t *testing.T, temp string, args ...string) *exec.Cmd {
	t.Helper()
	modgo, err := buildModgo()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(modgo, append([]string{"serve", "--port", "0"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	return cmd
}

// serve starts such a command.
func serve(t *testing.T, temp string, args ...string) *serving {
	t.Helper()
	return start(t, command(t, temp, args...))
}

// start starts a modgo serve, which ends with the test.
func start(t *testing.T, cmd *exec.Cmd) *serving {
	t.Helper()
	s := &serving{cmd: cmd, exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if s.cmd.SysProcAttr == nil {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		s.stop(t, syscall.SIGTERM)
		if t.Failed() {
			t.Logf("modgo serve wrote\n%s", requestLine.ReplaceAllString(s.output.String(), ""))
		}
	})
	return s
}

// requestLine is a line of the access log that tells nothing new.
var requestLine = regexp.MustCompile(`(?m)^.* "GET \S+ HTTP/\S+" 200 .*\n`)

var servedURL = regexp.MustCompile(`(https?://127\.0\.0\.1:\d+)/`)

// awaitReady waits until it says where it listens.
func (s *serving) awaitReady(t *testing.T) {
	t.Helper()
	s.await(t, "Ctrl-C stops it", 5*time.Minute) // the first build takes long
	s.url = servedURL.FindStringSubmatch(s.output.String())[1]
}

// await waits until it has written text.
func (s *serving) await(t *testing.T, text string, limit time.Duration) {
	t.Helper()
	var written bool
	err := httpdtest.Poll(limit, func() bool {
		ended := s.ended() // before the text, which may be the last that it writes
		written = s.output.count(text) > 0
		return written || ended
	})
	switch {
	case err != nil:
		t.Fatalf("modgo serve did not write %q: %v", text, err)
	case !written:
		t.Fatalf("modgo serve ended (%v) before it wrote %q", s.err, text)
	}
}

func (s *serving) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func (s *serving) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case <-s.exited:
	case <-time.After(httpdtest.Limit(30 * time.Second)):
		t.Error("modgo serve did not stop and had to be killed")
		if err := s.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-s.exited
	}
}

// fails waits until it has ended with status 1, after it has written text.
func (s *serving) fails(t *testing.T, text string) {
	t.Helper()
	s.await(t, text, 5*time.Minute)
	<-s.exited
	var exit *exec.ExitError
	if !errors.As(s.err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, want status 1", s.err)
	}
}

func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return get(t, http.DefaultClient, s.url+path)
}

func get(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// publicTemp is a folder for temporary files that httpd's child processes can enter.
func publicTemp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func isEmpty(t *testing.T, dir string) bool {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "modgo-serve-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(left) == 0
}

// Package serve tests modgo serve as its user sees it.
package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

// serve starts modgo serve on a free port in the repository's root. Its temporary folders are under temp.
func serve(t *testing.T, temp string, args ...string) *serving {
	t.Helper()
	modgo, err := buildModgo()
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{cmd: exec.Command(modgo, append([]string{"serve", "--port", "0"}, args...)...), exited: make(chan struct{})}
	s.cmd.Dir = filepath.Join("..", "..")
	s.cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
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
			t.Logf("modgo serve wrote\n%s", s.output.String())
		}
	})
	return s
}

var servedURL = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/`)

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
		written = strings.Contains(s.output.String(), text)
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

func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(s.url + path)
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

func TestServeListsSeveralApplications(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		temp := publicTemp(t)
		s := serve(t, temp, "--mpm", mpm, "--processes", "2", "--setenv", "SHOWN=a value", "./apps/hello", "./apps/environ")
		s.awaitReady(t)
		if status, body := s.get(t, "/"); status != 200 || !strings.Contains(body, `href="/hello"`) || !strings.Contains(body, `href="/environ"`) {
			t.Errorf("GET / answers %d:\n%s", status, body)
		}
		if status, body := s.get(t, "/hello"); status != 200 || body != "The request method was GET" {
			t.Errorf("GET /hello answers %d: %q", status, body)
		}
		if status, _ := s.get(t, "/absent"); status != 404 {
			t.Errorf("GET /absent answers %d", status)
		}
		s.await(t, `"GET /hello HTTP/1.1" 200`, 10*time.Second) // the access log
		s.stop(t, syscall.SIGINT)
		if s.err != nil {
			t.Errorf("after Ctrl-C modgo serve ended with %v", s.err)
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
			conn.Close()
			t.Error("somebody still listens on the port")
		}
		if !isEmpty(t, temp) {
			t.Error("the work folder is still there")
		}
	})
}

func TestServeMountsOneApplicationBehindFiles(t *testing.T) {
	temp := publicTemp(t)
	if err := os.WriteFile(filepath.Join(temp, "file.txt"), []byte("a file"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := serve(t, temp, "--document-root", temp, "--keep", "./apps/hello")
	s.awaitReady(t)
	for path, want := range map[string]string{"/file.txt": "a file", "/": "The request method was GET", "/any/path": "The request method was GET"} {
		if status, body := s.get(t, path); status != 200 || body != want {
			t.Errorf("GET %s answers %d: %q, want %q", path, status, body, want)
		}
	}
	s.stop(t, syscall.SIGTERM)
	if s.err != nil {
		t.Errorf("after SIGTERM modgo serve ended with %v", s.err)
	}
	if isEmpty(t, temp) {
		t.Error("--keep kept nothing")
	}
}

// A killed modgo cannot tidy up, but its httpd must not live on.
func TestServeLeavesNoServerBehindWhenKilled(t *testing.T) {
	s := serve(t, publicTemp(t), "./apps/hello")
	s.awaitReady(t)
	s.stop(t, syscall.SIGKILL)
	addr := strings.TrimPrefix(s.url, "http://")
	err := httpdtest.Poll(20*time.Second, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if err != nil {
		t.Fatalf("httpd still listens: %v", err)
	}
}

func TestServeSaysWhyItDoesNotStart(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown package":    {[]string{"./apps/absent"}, "absent"},
		"unknown MPM":        {[]string{"--mpm", "motorz", "./apps/hello"}, `"motorz" is not there`},
		"broken application": {[]string{"--setenv", "GUESTBOOK_DB=/proc/absent/guestbook.db", "./apps/guestbook"}, "httpd did not start"},
	} {
		t.Run(name, func(t *testing.T) {
			temp := publicTemp(t)
			s := serve(t, temp, test.args...)
			s.await(t, test.want, 5*time.Minute)
			<-s.exited
			var exit *exec.ExitError
			if !errors.As(s.err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v, want status 1", s.err)
			}
			if !isEmpty(t, temp) {
				t.Error("the work folder is still there")
			}
		})
	}
}

package install

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// in runs a command in a folder and returns what it printed.
func in(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return string(output)
}

var servedURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

// serveIn runs modgo serve in a folder and returns its URL.
func serveIn(t *testing.T, modgo, dir string) string {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "serve.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(modgo, "serve", "--port", "0", ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("modgo serve ended by itself: %v", err)
			return
		}
		select {
		case <-exited:
		case <-time.After(httpdtest.Limit(30 * time.Second)):
			t.Error("modgo serve does not stop")
			cmd.Process.Kill()
		}
	})
	ready := func() bool { return strings.Contains(read(t, log.Name()), "Ctrl-C stops it") }
	if err := httpdtest.Poll(5*time.Minute, func() bool { return ready() || len(exited) > 0 }); err != nil || !ready() {
		t.Fatalf("modgo serve does not serve (%v):\n%s", err, read(t, log.Name()))
	}
	return servedURL.FindString(read(t, log.Name()))
}

// TestNew: everything that a new module's README tells to run works at once.
func TestNew(t *testing.T) {
	modgo, err := buildModgo()
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	if output := in(t, parent, modgo, "new", "my-site"); !strings.HasPrefix(output, "my-site is the module example.org/my-site.") {
		t.Errorf("modgo new says\n%s", output)
	}
	dir := filepath.Join(parent, "my-site")
	if output := in(t, dir, "gofmt", "-l", "."); output != "" {
		t.Errorf("not formatted:\n%s", output)
	}
	in(t, dir, "go", "vet", "./...")
	in(t, dir, "go", "test", "./...")

	resp, err := http.Get(serveIn(t, modgo, dir) + "Ada")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || !strings.HasPrefix(string(body), "Hello, Ada, from Apache/") {
		t.Errorf("GET /Ada answers %s, %q", resp.Status, body)
	}

	in(t, dir, modgo, "build", "-o", "mod_go.so", ".")
	conf := read(t, filepath.Join(dir, "httpd.conf"))
	if !strings.Contains(conf, "<VirtualHost *:80>") {
		t.Fatalf("httpd.conf has no virtual host:\n%s", conf)
	}
	srv := httpdtest.Start(t, httpdtest.Config{Object: filepath.Join(dir, "mod_go.so"), Conf: strings.ReplaceAll(conf, "*:80", "*")})
	if got := srv.Get("http://my-site.example.org/"); got.StatusCode != 200 || !strings.HasPrefix(got.Text, "Hello, world, from Apache/") {
		t.Errorf("with httpd.conf GET / answers %s, %q", got.Status, got.Text)
	}
}

// Package serve tests modgo serve as its user sees it.
package serve

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

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
	s := serve(t, temp, "--mpm", "event", "--document-root", temp, "--keep", "./apps/hello")
	s.awaitReady(t)
	for _, want := range []string{
		"event MPM, mod_go built with go1.", "capacity     50 requests at once (2 processes of 25 threads)", "logs         this terminal",
		"work folder  " + temp + "/modgo-serve-", "/  github.com/mod-go/mod-go/apps/hello\n",
	} {
		if !strings.Contains(s.output.String(), want) {
			t.Errorf("the banner lacks %q", want)
		}
	}
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

// TestServeShowsStatus: beside an application at /, in whatever way that is mounted.
func TestServeShowsStatus(t *testing.T) {
	for name, more := range map[string][]string{"alone": nil, "behind files": {"--document-root", publicTemp(t)}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, publicTemp(t), append(more, "--mpm", "event", "--status", "./apps/hello")...)
			s.awaitReady(t)
			if want := "status       " + s.url + "/go-status, profiles at " + s.url + "/go-pprof"; !strings.Contains(s.output.String(), want) {
				t.Errorf("the banner lacks %q", want)
			}
			for path, want := range map[string]string{
				"/go-status": "<title>mod_go status</title>", "/go-status/json": `"github.com/mod-go/mod-go/apps/hello.application"`,
				"/go-status/metrics": `modgo_child_up{child="0"} 1`, "/go-pprof": "Each child process has its own", "/": "The request method was GET",
			} {
				if status, body := s.get(t, path); status != 200 || !strings.Contains(body, want) {
					t.Errorf("GET %s answers %d: %q, want %q", path, status, body, want)
				}
			}
			s.stop(t, syscall.SIGTERM)
			s.quiet(t)
		})
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

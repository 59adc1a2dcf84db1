package devserver_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/devserver"
)

// TestEnd has a program that is deaf to the signal that ends it, and a process that it started.
func TestEnd(t *testing.T) {
	t.Parallel()
	dir := tree(t, goMod, `
-- app/app.go --
package app

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
)

var child = exec.Command("sleep", "1000")

func init() {
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		panic(err)
	}
}

func application(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%d %d\n", os.Getpid(), child.Process.Pid)
	if r.URL.Path == "/stream" {
		http.NewResponseController(w).Flush()
		select {}
	}
}
`)
	s := serve(t, dir, nil, "./app")
	pids := s.await("/", 200)
	response, err := http.Get(s.url + "/stream") // under way at the end
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	s.stop()
	<-s.ended
	for _, field := range strings.Fields(pids) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		awaitGone(t, pid)
	}
	if _, _, _, err := s.get("/", ""); err == nil {
		t.Error("something listens after the end")
	}
}

// awaitGone waits until a process is no more than a zombie, which its parent or init reaps.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	stat := fmt.Sprintf("/proc/%d/stat", pid)
	zombie := regexp.MustCompile(`^\d+ \(.*\) Z`)
	var text []byte
	gone := eventually(5*time.Second, func() bool {
		var err error
		text, err = os.ReadFile(stat)
		return err != nil || zombie.Match(text)
	})
	if !gone {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Fatalf("process %d is left: %s", pid, text)
	}
}

func TestNothingToServe(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, tree, pattern, want string }{
		{"no module", "-- app/app.go --\n" + greeting("x"), "./app", "is in no Go module"},
		{"no such package", goMod, "./app", "there is no package ./app"},
		{"broken go.mod", "-- go.mod --\nnonsense\n", ".", "nonsense"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			err = devserver.Run(context.Background(), devserver.Options{
				Build:    builder.Options{Dir: tree(t, test.tree), Patterns: []string{test.pattern}, Cache: t.TempDir()},
				Listener: listener.(*net.TCPListener), Out: &log{}, ErrOut: &log{},
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

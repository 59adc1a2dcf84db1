package devserver_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/devserver"
)

// TestMain has programs linked without symbols for debuggers, which takes half the time.
func TestMain(m *testing.M) {
	if err := os.Setenv("GOFLAGS", strings.TrimSpace(os.Getenv("GOFLAGS")+" -ldflags=-w")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// goMod is the go.mod of a user's module, which requires this repository.
const goMod = `
-- go.mod --
module example.com/site

go 1.26.0

require github.com/mod-go/mod-go v0.0.0

replace github.com/mod-go/mod-go => REPOSITORY
`

// greeting is the source of an application that answers with a text.
func greeting(text string) string {
	return `package app

import (
	"fmt"
	"net/http"
)

func application(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "` + text + `")
}
`
}

// tree writes files in txtar form into a new directory and returns its path.
func tree(t *testing.T, parts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range txtar.Parse([]byte(strings.Join(parts, ""))).Files {
		write(t, filepath.Join(dir, file.Name), string(file.Data))
	}
	return dir
}

// write writes a file in place, and makes the directories above it.
func write(t *testing.T, path, content string) {
	t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(content, "REPOSITORY", repository)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// save replaces a file as editors do: the new content gets a name of its own, the old one a backup's.
func save(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path, path+"~"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// site is a server that runs in the background.
type site struct {
	*testing.T
	url   string
	log   *log
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of Run, when ended is closed
}

// serve runs a server in a directory until the end of the test, where it must have ended without an error.
func serve(t *testing.T, dir string, change func(*devserver.Options), patterns ...string) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &site{T: t, url: "http://" + listener.Addr().String(), log: &log{}, stop: stop, ended: make(chan struct{})}
	options := devserver.Options{
		Build: builder.Options{Dir: dir, Patterns: patterns, Cache: t.TempDir()},
		Mount: func(packages []builder.Package) (mounts []devserver.Mount, err error) {
			for _, p := range packages {
				path := ""
				if len(packages) > 1 {
					path = "/" + filepath.Base(p.Path)
				}
				mounts = append(mounts, devserver.Mount{Path: path, Package: p.Path, Callable: p.Callables[0].Name})
			}
			return mounts, nil
		},
		Listener: listener.(*net.TCPListener), Out: s.log, ErrOut: s.log,
	}
	if change != nil {
		change(&options)
	}
	go func() {
		defer close(s.ended)
		s.err = devserver.Run(ctx, options)
	}()
	t.Cleanup(func() {
		stop()
		<-s.ended
		if s.err != nil {
			t.Errorf("the server ended with %v", s.err)
		}
		if t.Failed() {
			t.Logf("the terminal:\n%s", s.log)
		}
	})
	return s
}

// timeout is how long a build may take on a busy machine.
const timeout = time.Minute

// get asks once, on a connection of its own.
func (s *site) get(path, accept string) (status int, header http.Header, body string, err error) {
	request, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		return 0, nil, "", err
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(content), err
}

// eventually calls done until it returns true, and returns false where it has not within limit.
func eventually(limit time.Duration, done func() bool) bool {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(limit)
	for !done() {
		select {
		case <-poll.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// await asks until the answer has a status and holds the texts, and fails where a request fails or that takes too long.
func (s *site) await(path string, wantStatus int, wanted ...string) (body string) {
	s.Helper()
	var status int
	answered := eventually(timeout, func() bool {
		select {
		case <-s.ended:
			s.Fatalf("the server ended: %v", s.err)
		default:
		}
		var err error
		if status, _, body, err = s.get(path, ""); err != nil {
			s.Fatal(err)
		}
		return status == wantStatus && containsAll(body, wanted)
	})
	if !answered {
		s.Fatalf("the answer is still %d with\n%s\nwant %d with %q; the terminal:\n%s", status, body, wantStatus, wanted, s.log)
	}
	return body
}

func containsAll(text string, wanted []string) bool {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return false
		}
	}
	return true
}

// log is a terminal.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// awaitLog waits for a text on the terminal, as often as given.
func (s *site) awaitLog(text string, times int) {
	s.Helper()
	if !eventually(timeout, func() bool { return strings.Count(s.log.String(), text) >= times }) {
		s.Fatalf("the terminal lacks %q:\n%s", text, s.log)
	}
}

// events opens the stream of an error page, and returns a function that gives the data of the next event of a kind.
func (s *site) events() (next func(kind string) string) {
	s.Helper()
	response, err := http.Get(s.url + "/.modgo/dev/events")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { response.Body.Close() })
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		s.Fatalf("the events are %s", got)
	}
	lines := bufio.NewScanner(response.Body)
	return func(kind string) string {
		s.Helper()
		for lines.Scan() {
			if lines.Text() == "event: "+kind && lines.Scan() {
				return strings.TrimPrefix(lines.Text(), "data: ")
			}
		}
		s.Fatalf("the stream ended without an event %s: %v", kind, lines.Err())
		return ""
	}
}

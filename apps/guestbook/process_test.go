package guestbook

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// signatures is the environment variable that makes this test program a child process of a server: it constructs the
// application once its standard input ends, and signs that often.
const signatures = "GUESTBOOK_TEST_SIGNATURES"

func TestMain(m *testing.M) {
	if n := os.Getenv(signatures); n != "" {
		if err := child(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	h, err := application()
	if err != nil {
		return err
	}
	var signed sync.WaitGroup
	failures := make(chan error, count)
	for i := range count {
		signed.Go(func() {
			form := url.Values{"name": {strconv.Itoa(os.Getpid())}, "message": {strconv.Itoa(i)}}
			request := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, request)
			if recorder.Code != http.StatusSeeOther {
				failures <- fmt.Errorf("signing: %d %s", recorder.Code, recorder.Body)
			}
		})
	}
	signed.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

// childCommand runs program, this test program or a copy of it, as a child process of a server.
func childCommand(t *testing.T, program, database string, signed int) (command *exec.Cmd, output *strings.Builder) {
	t.Helper()
	output = new(strings.Builder)
	command = exec.CommandContext(t.Context(), program)
	command.Env = append(os.Environ(), file.Variable+"="+database, signatures+"="+strconv.Itoa(signed))
	command.Stderr = output
	return command, output
}

func TestManyProcessesShareANewFile(t *testing.T) {
	const processes, each = 4, 25
	database := filepath.Join(t.TempDir(), "guest book?#.db")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var commands [processes]*exec.Cmd
	var outputs [processes]*strings.Builder
	for i := range commands {
		commands[i], outputs[i] = childCommand(t, program, database, each)
		commands[i].Stdin = start
		if err := commands[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	start.Close()
	hold.Close() // all of them begin now
	for i, command := range commands {
		if err := command.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, outputs[i])
		}
	}
	b := open(t, database)
	entries, more, err := b.list(t.Context(), 1<<62, processes*each)
	if err != nil || more || len(entries) != processes*each {
		t.Fatalf("%d entries, more %t (%v), want %d", len(entries), more, err, processes*each)
	}
	perProcess := map[string]int{}
	for _, e := range entries {
		perProcess[e.Name]++
	}
	for name, n := range perProcess {
		if n != each {
			t.Errorf("process %s has %d entries, want %d", name, n, each)
		}
	}
}

// An ordinary user is needed for these: root may write to what is read-only.
func TestUnwritablePlaces(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, directory, database string)
		want    []string
	}{
		{"a read-only directory", func(t *testing.T, directory, database string) {
			chmod(t, directory, 0o555)
		}, []string{"cannot be made", "permission denied", "GoSetEnv GUESTBOOK_DB"}},
		{"a read-only file", func(t *testing.T, directory, database string) {
			open(t, database).Close()
			chmod(t, database, 0o444)
			chmod(t, directory, 0o555)
		}, []string{"cannot be used", "let the server's user write to the file"}},
		{"a read-only file in a directory that is not", func(t *testing.T, directory, database string) {
			open(t, database).Close()
			chmod(t, database, 0o444)
			chmod(t, directory, 0o777)
		}, []string{"cannot be used", "let the server's user write to the file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := publicDirectory(t)
			directory := filepath.Join(root, "data")
			if err := os.Mkdir(directory, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(directory, 0o755) }) // so that it can be removed
			database := filepath.Join(directory, "guestbook.db")
			test.prepare(t, directory, database)

			command, output := childCommand(t, copyOfThisProgram(t, root), database, 1)
			if os.Geteuid() == 0 {
				command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			if err := command.Run(); err == nil {
				t.Fatal("the application was constructed")
			}
			for _, want := range append(test.want, database) {
				if !strings.Contains(output.String(), want) {
					t.Errorf("%q does not say %q", output, want)
				}
			}
		})
	}
}

// publicDirectory is a temporary directory that other users may enter; that of t.TempDir is closed to them.
func publicDirectory(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "guestbook-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			t.Error(err)
		}
	})
	chmod(t, directory, 0o755)
	return directory
}

func copyOfThisProgram(t *testing.T, directory string) string {
	t.Helper()
	from, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(directory, "child")
	if err := os.WriteFile(to, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

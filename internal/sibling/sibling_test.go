package sibling

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

var key = bytes.Repeat([]byte{7}, 32)

// serve starts a sibling and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	address, err := Serve(key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "at ", r.URL.Path) }))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// get asks the sibling at address, as child 3, and returns its answer.
func get(address string, key []byte) (status int, body string, err error) {
	client := &http.Client{Transport: Transport(key, func(child int) string {
		if child != 3 {
			return ""
		}
		return address
	})}
	resp, err := client.Get(URL(3, "/process"))
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestASiblingAnswers(t *testing.T) {
	if status, body, err := get(serve(t), key); status != 200 || body != "at /process" || err != nil {
		t.Errorf("a sibling answers %d, %q, %v", status, body, err)
	}
}

func TestTheKeyIsNeeded(t *testing.T) {
	for name, wrong := range map[string][]byte{"another": bytes.Repeat([]byte{8}, 32), "a shorter": key[1:], "no": nil} {
		if status, body, err := get(serve(t), wrong); status != 403 || strings.Contains(body, "at /") || err != nil {
			t.Errorf("with %s key a sibling answers %d, %q, %v", name, status, body, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	if _, _, err := get("", key); !errors.Is(err, ErrNone) {
		t.Errorf("asking nobody gives %v", err)
	}
	if _, _, err := get("@mod_go-nobody", key); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("asking one that has gone gives %v", err)
	}
}

// TestAnotherUser: a process of another user is not answered, with the right key either.
func TestAnotherUser(t *testing.T) {
	const asked = "MODGO_TEST_SIBLING"
	if address := os.Getenv(asked); address != "" {
		_, body, err := get(address, key)
		fmt.Printf("answer %q, failed %t\n", body, err != nil)
		return
	}
	for _, c := range []struct {
		name string
		as   *syscall.Credential
		want string
	}{
		{"the same user", nil, `answer "at /process", failed false`},
		{"nobody", &syscall.Credential{Uid: 65534, Gid: 65534}, `answer "", failed true`},
	} {
		if c.as != nil && os.Geteuid() != 0 {
			t.Logf("%s: only root can become another user", c.name)
			continue
		}
		// The test's own file lies where another user may not reach it.
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command("/proc/self/fd/3", "-test.run=TestAnotherUser")
		command.ExtraFiles = []*os.File{self}
		command.Dir = "/"
		command.Env = append(os.Environ(), asked+"="+serve(t))
		command.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
		out, err := command.CombinedOutput()
		self.Close()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s gets %s (%v); want %s", c.name, out, err, c.want)
		}
	}
}

package serve

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// folder is a work folder of modgo serve --setup-only.
type folder struct{ dir string }

// setUp writes a work folder, and returns what modgo serve said.
func (f folder) setUp(t *testing.T, args ...string) string {
	t.Helper()
	cmd := command(t, filepath.Dir(f.dir), append([]string{"--setup-only", "--work-dir", f.dir}, args...)...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("modgo serve --setup-only: %v\n%s", err, output)
	}
	return string(output)
}

// apachectl runs the folder's script.
func (f folder) apachectl(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	text, err := exec.Command(filepath.Join(f.dir, "apachectl"), args...).CombinedOutput()
	return string(text), err
}

// must runs it and expects success.
func (f folder) must(t *testing.T, args ...string) string {
	t.Helper()
	output, err := f.apachectl(t, args...)
	if err != nil {
		t.Fatalf("apachectl %s: %v\n%s%s", strings.Join(args, " "), err, output, f.log())
	}
	return output
}

func (f folder) log() string {
	text, err := os.ReadFile(filepath.Join(f.dir, "error.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestSetUpOnly: the folder has all that a server needs; its apachectl starts it, changes it over to what was set up anew,
// with the user's own lines kept, and stops it.
func TestSetUpOnly(t *testing.T) {
	// A name that shells and httpd take apart if they can.
	f := folder{filepath.Join(publicTemp(t), "it's a $(folder)")}
	port := freePort(t)
	said := f.setUp(t, "--mpm", "event", "--processes", "1", "--port", port, "--https-port", "0", "./apps/hello")
	for _, want := range []string{"http://127.0.0.1:" + port + "/", "25 requests at once", f.dir + "/error.log, " + f.dir + "/access.log", "apachectl start"} {
		if !strings.Contains(said, want) {
			t.Errorf("modgo serve does not say %q:\n%s", want, said)
		}
	}
	if output := f.must(t, "configtest"); !strings.Contains(output, "Syntax OK") {
		t.Errorf("configtest: %s", output)
	}
	if output, err := f.apachectl(t, "status"); err == nil || !strings.Contains(output, "does not run") {
		t.Errorf("status before the start: %v %s", err, output)
	}

	f.must(t, "start")
	t.Cleanup(func() {
		if _, err := f.apachectl(t, "status"); err == nil {
			f.must(t, "stop")
		}
		if t.Failed() {
			t.Logf("the error log:\n%s", f.log())
		}
	})
	secure := regexp.MustCompile(`also at +(https://127\.0\.0\.1:\d+)/`).FindStringSubmatch(said)
	if secure == nil {
		t.Fatalf("no address of TLS:\n%s", said)
	}
	plain := "http://127.0.0.1:" + port
	await(t, func() bool { return answers(http.DefaultClient, plain, "The request method was GET") })
	if !answers(trusting(t, filepath.Join(f.dir, "certificate.pem"), false), secure[1], "The request method was GET") {
		t.Error("over TLS it does not answer")
	}
	if output := f.must(t, "status"); !strings.Contains(output, "httpd runs") {
		t.Errorf("status: %s", output)
	}

	// Lines of the user's own, then another build in the same folder while the server runs.
	include := filepath.Join(f.dir, "include.conf")
	if err := os.WriteFile(include, []byte("Redirect 410 /gone\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := f.setUp(t, "--mpm", "event", "--processes", "1", "--port", port, "./apps/environ"); !strings.Contains(said, "apachectl graceful") {
		t.Errorf("set up anew under a running server, modgo serve says\n%s", said)
	}
	f.must(t, "graceful")
	await(t, func() bool { return answers(http.DefaultClient, plain, "wsgi.version") })
	if status, _ := get(t, http.DefaultClient, plain+"/gone"); status != http.StatusGone {
		t.Errorf("/gone answers %d: include.conf is lost", status)
	}

	// A mistake stops graceful, not the server.
	if err := os.WriteFile(include, []byte("Nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := f.apachectl(t, "graceful"); err == nil || !strings.Contains(output, "Nonsense") {
		t.Errorf("graceful with a mistake: %v %s", err, output)
	}
	if !answers(http.DefaultClient, plain, "wsgi.version") {
		t.Error("after a refused graceful nothing answers")
	}
	if err := os.WriteFile(include, nil, 0o644); err != nil {
		t.Fatal(err)
	}

	f.must(t, "stop")
	if answers(http.DefaultClient, plain, "") {
		t.Error("after stop it answers")
	}
	f.must(t, "start") // the port is free at once
	f.must(t, "stop")
	if output, err := f.apachectl(t, "dance"); err == nil || !strings.Contains(output, "usage:") {
		t.Errorf("apachectl dance: %v %s", err, output)
	}
	if access, err := os.ReadFile(filepath.Join(f.dir, "access.log")); err != nil || !strings.Contains(string(access), "GET /gone") {
		t.Errorf("the access log: %v\n%s", err, access)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := strings.Cut(httpdtest.FreeAddress(t), ":")
	return port
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	if err := httpdtest.Poll(time.Minute, condition); err != nil {
		t.Fatal(err)
	}
}

package programs

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	httpbinModule = "github.com/mccutchen/go-httpbin/v2"
	// httpbinDifferences lists the tests of the suite that fail on Apache, each with the reason.
	httpbinDifferences = "../../docs/go-httpbin.md"
)

//go:embed testdata/httpbin_setup.go.txt
var httpbinSetup string

// httpbinCallables are the applications that the suite asks for, one for each set of options that it uses.
var httpbinCallables = []string{"Plain", "Prefixed", "Excluding", "Dangerous", "Limited", "Hostname", "Versioned"}

// startHTTPBin runs an httpd with an address for each of the applications: the suite chooses names of hosts itself. Env is
// what testdata/httpbin_setup.go.txt reads of it.
func startHTTPBin(t testing.TB, mpm string) (env []string) {
	cfg := httpdtest.Config{MPM: mpm, AllProtocols: true, Packages: []string{"./apps/httpbin"}, Threads: 32}
	for _, callable := range httpbinCallables {
		addr := httpdtest.FreeAddress(t)
		env = append(env, "APACHE_"+strings.ToUpper(callable)+"="+addr)
		cfg.Conf += "Listen " + addr + "\n"
		cfg.VirtualHosts = append(cfg.VirtualHosts, httpdconf.VirtualHost{
			Name: strings.ToLower(callable) + ".test", Listen: addr,
			Site: httpdconf.Site{Mounts: []httpdconf.Mount{{Path: "/", Package: appsPackage + "httpbin", Callable: callable}}},
		})
	}
	srv := httpdtest.Start(t, cfg)
	// Clients of the suite go away in the middle of a response, whose handler then stops.
	srv.Expect(`MODGO0012: .* bytes that its Content-Length promised`).Maybe()
	return env
}

// go-httpbin's own tests give on Apache what they give on net/http's server over the same protocol, except for those that
// are listed.
func TestHTTPBin(t *testing.T) {
	suite := copyHTTPBin(t)
	listed := readDifferences(t)
	protocols := []httpdtest.Protocol{httpdtest.HTTP1, httpdtest.H2C}
	own := make(map[httpdtest.Protocol]outcomes)
	for _, protocol := range protocols {
		own[protocol] = suite.run(t, "PROTOCOL="+string(protocol))
	}
	if len(own[httpdtest.HTTP1].failures()) > 0 {
		own[httpdtest.HTTP1] = suite.run(t, "PROTOCOL="+string(httpdtest.HTTP1)) // some of them measure, and the machine may be busy
	}
	// Over HTTP/2 some fail on any server: they look for chunks.
	if failed := own[httpdtest.HTTP1].failures(); len(failed) > 0 {
		t.Fatalf("these tests of go-httpbin fail on its own server:\n%s", strings.Join(failed, "\n"))
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		env := startHTTPBin(t, mpm)
		for _, protocol := range protocols {
			if !slices.Contains(httpdtest.Protocols(mpm), protocol) {
				continue
			}
			t.Run(string(protocol), func(t *testing.T) {
				env := append(env[:len(env):len(env)], "PROTOCOL="+string(protocol))
				there := suite.run(t, env...)
				if !slices.Equal(differences(own[protocol], there), slices.Sorted(slices.Values(listed[protocol]))) {
					there = suite.run(t, env...) // of those as well
				}
				compareSuites(t, own[protocol], there, listed[protocol])
			})
		}
	})
}

// differences are the tests that fail there and not on go-httpbin's own server, in the order of their names.
func differences(own, there outcomes) (names []string) {
	for _, name := range there.failures() {
		if result := own[name]; result == nil || result.action != "fail" {
			names = append(names, name)
		}
	}
	return names
}

// compareSuites wants exactly the listed tests to have another outcome there.
func compareSuites(t *testing.T, own, there outcomes, listed []string) {
	different := differences(own, there)
	for name, result := range own {
		switch other := there[name]; {
		case other == nil:
			t.Errorf("%s was not run", name)
		case result.action != other.action && (result.action != "pass" || other.action != "fail"):
			t.Errorf("%s: %s on its own server, %s on Apache", name, result.action, other.action)
		}
	}
	for _, name := range different {
		if !slices.Contains(listed, name) {
			t.Errorf("%s fails on Apache; %s does not list it:\n%s", name, httpbinDifferences, there[name].output)
		}
	}
	for _, name := range listed {
		if !slices.Contains(different, name) {
			t.Errorf("%s lists %s as one that fails; it passes, or there is none of this name", httpbinDifferences, name)
		}
	}
}

// readDifferences reads the table of tests that fail, by protocol: its first column names the test, its second the
// protocols.
func readDifferences(t testing.TB) map[httpdtest.Protocol][]string {
	t.Helper()
	text, err := os.ReadFile(httpbinDifferences)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[httpdtest.Protocol][]string)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(cells[1], " `Test") {
			continue
		}
		name := strings.Trim(cells[1], " `")
		for protocol := range strings.SplitSeq(cells[2], ",") {
			p := httpdtest.Protocol(strings.TrimSpace(protocol))
			if p != httpdtest.HTTP1 && p != httpdtest.H2C {
				t.Fatalf("%s: the protocol %q of %s is neither %s nor %s", httpbinDifferences, p, name, httpdtest.HTTP1, httpdtest.H2C)
			}
			listed[p] = append(listed[p], name)
		}
	}
	return listed
}

// A suite is a copy of go-httpbin with its tests, in a folder for temporary files.
type suite struct{ dir string }

// copyHTTPBin copies go-httpbin from the module cache and gives its tests another setupTestApp.
func copyHTTPBin(t testing.TB) suite {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("go-httpbin's tests cannot be prepared: %v", err)
		}
	}
	source, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", httpbinModule).Output()
	check(err)
	dir := t.TempDir()
	check(os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(source)))))
	handlers := filepath.Join(dir, "httpbin", "handlers_test.go")
	text, err := os.ReadFile(handlers)
	check(err)
	const declaration = "func setupTestApp("
	if n := bytes.Count(text, []byte(declaration)); n != 1 {
		t.Fatalf("%s holds %q %d times; the tests of this version cannot be pointed at another server", handlers, declaration, n)
	}
	check(os.Remove(handlers)) // the copy is as read-only as the module cache
	check(os.WriteFile(handlers, bytes.Replace(text, []byte(declaration), []byte("func setupOwnTestApp("), 1), 0o644))
	check(os.WriteFile(filepath.Join(dir, "httpbin", "apache_test.go"), []byte(httpbinSetup), 0o644))
	return suite{dir}
}

// An outcome is what became of one test.
type outcome struct {
	action string // "pass", "fail" or "skip"
	output string
}

// outcomes are those of a run, by the test's full name.
type outcomes map[string]*outcome

// run runs the tests, with further variables in their environment.
func (s suite) run(t testing.TB, env ...string) outcomes {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "./httpbin")
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), append(env, "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")...)
	output, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("go-httpbin's tests do not run: %v", err)
	}
	results := make(outcomes)
	for decoder := json.NewDecoder(bufio.NewReader(bytes.NewReader(output))); ; {
		var event struct{ Action, Test, Output string }
		if err := decoder.Decode(&event); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("go test -json: %v\n%s", err, output)
		}
		if event.Test == "" {
			continue
		}
		if results[event.Test] == nil {
			results[event.Test] = new(outcome)
		}
		switch event.Action {
		case "output":
			results[event.Test].output += event.Output
		case "pass", "fail", "skip":
			results[event.Test].action = event.Action
		}
	}
	if len(results) == 0 {
		t.Fatalf("go-httpbin's tests do not run: %v\n%s", err, output)
	}
	return results
}

// failures are the names of the tests that did not pass, in order, without those that only have such a subtest.
func (o outcomes) failures() []string {
	var failed []string
	for name, result := range o {
		if result.action != "pass" && result.action != "skip" {
			failed = append(failed, name)
		}
	}
	slices.Sort(failed)
	return slices.DeleteFunc(slices.Clone(failed), func(name string) bool {
		return slices.ContainsFunc(failed, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

// Package install tests modgo install, modgo uninstall and modgo new as their user sees them, with a real httpd. The
// configuration that is installed into lies in a folder of the test.
package install

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// machine is an httpd with folders of its own, which stand for those of a distribution.
type machine struct {
	dir     string // everything lies in it
	root    string // ServerRoot
	config  string // the main configuration file
	modules string
	binary  string
}

// The places that distributions have compiled into their servers: ServerRoot and the configuration in it, and lines that
// read a module's files.
var (
	debian = distribution{"etc/apache2", "apache2.conf", "IncludeOptional mods-enabled/*.load\nIncludeOptional mods-enabled/*.conf\n", []string{"mods-available", "mods-enabled"}}
	redhat = distribution{"etc/httpd", "conf/httpd.conf", "Include conf.modules.d/*.conf\nIncludeOptional conf.d/*.conf\n", []string{"conf.modules.d", "conf.d"}}
	byHand = distribution{"usr/local/apache2", "conf/httpd.conf", "", nil}
)

type distribution struct {
	root, config, includes string
	folders                []string
}

// newMachine sets up an httpd as a distribution does. It is this machine's program, told by a script where its
// configuration lies.
func newMachine(t *testing.T, d distribution) *machine {
	t.Helper()
	real, err := httpd.Find()
	if err != nil {
		t.Fatalf("%v; `make deps` installs what the tests need", err)
	}
	m := &machine{dir: t.TempDir()}
	// Ordinary users may look at a system's folders.
	if err := os.Chmod(filepath.Dir(m.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	m.root = filepath.Join(m.dir, d.root)
	m.config = filepath.Join(m.root, d.config)
	m.modules = filepath.Join(m.root, "modules")
	m.binary = filepath.Join(m.dir, "usr/sbin/server")
	for _, folder := range append(d.folders, "sites") {
		m.mkdir(t, filepath.Join(m.root, folder))
	}
	if d.root == redhat.root {
		link := m.modules
		m.modules = filepath.Join(m.dir, "usr/lib64/httpd/modules")
		if err := os.Symlink("../../usr/lib64/httpd/modules", link); err != nil {
			t.Fatal(err)
		}
		m.write(t, filepath.Join(m.root, "conf.modules.d/00-base.conf"), "# Include fails where there is nothing.\n")
	}
	m.mkdir(t, m.modules)
	// httpd is asked for its modules by the names of their files.
	files, err := filepath.Glob(filepath.Join(real.ModulesDir, "mod_*.so"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == "mod_go.so" {
			continue
		}
		if err := os.Symlink(file, filepath.Join(m.modules, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	server := httpdconf.Server{Root: m.root, Listen: []string{"127.0.0.1:8000"}, Site: httpdconf.Site{Conf: d.includes + "IncludeOptional sites/*.conf\n"}}
	account, err := httpdconf.ChildAccount()
	if err != nil {
		t.Fatal(err)
	}
	if account != nil {
		server.User, server.Group = account.User, account.Group
	}
	text, err := server.Render(real)
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, m.config, string(text))
	script := strings.NewReplacer("{binary}", real.Binary, "{root}", m.root, "{config}", d.config).Replace(`#!/bin/sh
case " $* " in
*" -V "*) {binary} "$@" | sed -e 's,HTTPD_ROOT=".*",HTTPD_ROOT="{root}",' -e 's,SERVER_CONFIG_FILE=".*",SERVER_CONFIG_FILE="{config}",' ;;
*" -f "*) exec {binary} "$@" ;;
*) exec {binary} -d {root} -f {root}/{config} "$@" ;;
esac
`)
	m.write(t, m.binary, script)
	if err := os.Chmod(m.binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) write(t *testing.T, path, content string) {
	t.Helper()
	m.mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// site adds lines to the server's configuration.
func (m *machine) site(t *testing.T, lines string) {
	t.Helper()
	m.write(t, filepath.Join(m.root, "sites/site.conf"), lines+"\n")
}

// mount is a site whose check constructs the example application hello in the installed object.
const mount = "GoAlias /hello github.com/mod-go/mod-go/apps/hello"

// hello is a mod_go.so with the example application hello.
func hello(t *testing.T) string {
	t.Helper()
	return httpdtest.Object(t, "./apps/hello")
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

// command is modgo, with this machine's httpd.
func (m *machine) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	modgo, err := buildModgo()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(modgo, args...)
	cmd.Env = append(os.Environ(), httpd.EnvBinary+"="+m.binary, httpd.EnvAPXS+"=")
	return cmd
}

// modgo runs modgo and returns what it printed.
func (m *machine) modgo(t *testing.T, args ...string) string {
	t.Helper()
	output, err := m.command(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("modgo %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// fails runs modgo, which has to fail with each of the texts and leave every file as it was, and returns what it printed.
func (m *machine) fails(t *testing.T, wanted []string, args ...string) string {
	t.Helper()
	before := m.files(t)
	output, err := m.command(t, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("modgo %s does not fail:\n%s", strings.Join(args, " "), output)
	}
	for _, want := range wanted {
		if !strings.Contains(string(output), want) {
			t.Errorf("modgo %s does not say %q, but\n%s", strings.Join(args, " "), want, output)
		}
	}
	m.same(t, before)
	return string(output)
}

// configTest has the server check its configuration.
func (m *machine) configTest(t *testing.T) {
	t.Helper()
	if output, err := exec.Command(m.binary, "-t").CombinedOutput(); err != nil {
		t.Errorf("the server refuses its configuration: %v\n%s", err, output)
	}
}

// A file is what the tests compare of one: a new inode is another file.
type file struct {
	mode   fs.FileMode
	inode  uint64
	target string
}

// files are all files and folders of the machine.
func (m *machine) files(t *testing.T) map[string]file {
	t.Helper()
	files := make(map[string]file)
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		f := file{mode: info.Mode(), inode: info.Sys().(*syscall.Stat_t).Ino}
		if info.Mode()&fs.ModeSymlink != 0 {
			if f.target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		files[path] = f
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// same fails the test where there are other files than before.
func (m *machine) same(t *testing.T, before map[string]file) {
	t.Helper()
	after := m.files(t)
	for path, f := range after {
		if old, ok := before[path]; !ok {
			t.Errorf("%s is new", path)
		} else if old != f {
			t.Errorf("%s was %+v, and is %+v", path, old, f)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("%s is gone", path)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

package install

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

func TestInstallAndUninstall(t *testing.T) {
	tests := map[string]struct {
		distribution distribution
		files        []string          // below ServerRoot
		links        map[string]string // as a2enmod makes them
	}{
		"Debian": {debian, []string{"mods-available/go.load", "mods-available/go.conf"},
			map[string]string{"mods-enabled/go.load": "../mods-available/go.load", "mods-enabled/go.conf": "../mods-available/go.conf"}},
		"Red Hat": {redhat, []string{"conf.modules.d/20-go.conf", "conf.d/go.conf"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, test.distribution)
			object := filepath.Join(m.modules, "mod_go.so")
			before := m.files(t)
			output := m.modgo(t, "install", hello(t))
			paths := []string{object}
			for _, path := range test.files {
				paths = append(paths, filepath.Join(m.root, path))
			}
			for _, path := range paths {
				info, err := os.Lstat(path)
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode() != 0o644 {
					t.Errorf("%s has the mode %v, want 0644", path, info.Mode())
				}
				if want := "written    " + path + "\n"; !strings.Contains(output, want) {
					t.Errorf("the output lacks %q:\n%s", want, output)
				}
			}
			for path, want := range test.links {
				if target, err := os.Readlink(filepath.Join(m.root, path)); err != nil || target != want {
					t.Errorf("%s is a link to %q (%v), want %q", path, target, err, want)
				}
			}
			if read(t, object) != read(t, hello(t)) {
				t.Error("another object was installed than the one that was given")
			}
			if want := "sudo " + m.binary + " -k graceful\n"; !strings.HasSuffix(output, want) {
				t.Errorf("the output does not end in %q:\n%s", want, output)
			}
			m.site(t, mount)
			m.configTest(t)

			installed := m.files(t)
			output = m.modgo(t, "install", hello(t))
			m.same(t, installed)
			if want := "unchanged  " + object + "\n"; !strings.Contains(output, want) {
				t.Errorf("the output of a second installation lacks %q:\n%s", want, output)
			}

			m.site(t, "")
			m.modgo(t, "uninstall")
			if err := os.Remove(filepath.Join(m.root, "sites/site.conf")); err != nil {
				t.Fatal(err)
			}
			m.same(t, before)
			if output := m.modgo(t, "uninstall"); !strings.HasPrefix(output, "There is nothing of mod_go in "+m.root) {
				t.Errorf("a second uninstallation says\n%s", output)
			}
		})
	}
}

// TestReplacesUnderANewInode: processes have the old file mapped.
func TestReplacesUnderANewInode(t *testing.T) {
	m := newMachine(t, debian)
	object := filepath.Join(m.modules, "mod_go.so")
	m.write(t, object, "an older object")
	if err := os.Chmod(object, 0o600); err != nil {
		t.Fatal(err)
	}
	before := m.files(t)[object]
	output := m.modgo(t, "install", hello(t))
	if m.files(t)[object].inode == before.inode {
		t.Error("the object was overwritten")
	}
	if want := "replaced   " + object + "\n"; !strings.Contains(output, want) {
		t.Errorf("the output lacks %q:\n%s", want, output)
	}
	if mode := m.files(t)[object].mode; mode != 0o644 {
		t.Errorf("the new object has the mode %v, want 0644", mode)
	}
	leftovers, err := filepath.Glob(filepath.Join(m.modules, ".*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("temporary files are left: %v %v", leftovers, err)
	}
}

// TestUnderARunningServer: its processes answer with what they have loaded, until a graceful restart.
func TestUnderARunningServer(t *testing.T) {
	m := newMachine(t, byHand)
	m.modgo(t, "install", hello(t))
	object := filepath.Join(m.modules, "mod_go.so")
	srv := httpdtest.Start(t, httpdtest.Config{Conf: "LoadModule go_module " + object + "\n" + mount + "\n"})
	answers := func(when, mapped string) {
		t.Helper()
		if got := srv.Get("/hello"); got.Text != "The request method was GET" {
			t.Errorf("%s GET /hello answers %s, %q", when, got.Status, got.Text)
		}
		err := httpdtest.Poll(time.Minute, func() bool {
			for _, pid := range srv.ChildPIDs() {
				// A child that has just ended has no maps.
				maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
				if !strings.Contains(string(maps), mapped+"\n") {
					return false
				}
			}
			return true
		})
		if err != nil {
			t.Errorf("%s the children do not run %s: %v", when, mapped, err)
		}
	}
	answers("at first", object)
	m.modgo(t, "install", httpdtest.Object(t, "./apps/hello", "./apps/environ"))
	answers("after an installation", object+" (deleted)")
	srv.Graceful()
	answers("after a graceful restart", object)
}

func TestByHand(t *testing.T) {
	m := newMachine(t, byHand)
	line := "LoadModule go_module " + filepath.Join(m.modules, "mod_go.so")
	if output := m.modgo(t, "install", hello(t)); !strings.Contains(output, "Add to "+m.config+":\n    "+line+"\n") {
		t.Errorf("the output does not say what to add:\n%s", output)
	}
	m.site(t, line+"\n"+mount)
	m.configTest(t)
	if output := m.modgo(t, "install", hello(t)); strings.Contains(output, "Add to") {
		t.Errorf("the output tells to add what is there:\n%s", output)
	}
	m.fails(t, []string{"does not work without mod_go", "Everything is as it was before\n", "Cannot load"}, "uninstall")
}

func TestChangedFilesAreKept(t *testing.T) {
	m := newMachine(t, debian)
	conf := filepath.Join(m.root, "mods-available/go.conf")
	shipped := read(t, "../../httpd-conf/go.conf")
	const changed = "GoSetEnv CHANGED yes\n"
	m.write(t, conf, changed)
	output := m.modgo(t, "install", hello(t))
	if read(t, conf) != changed || read(t, conf+".modgo-new") != shipped {
		t.Error("a file that was changed is not kept, with the new one beside it")
	}
	if want := "kept       " + conf + ": it was changed here; go.conf.modgo-new beside it"; !strings.Contains(output, want) {
		t.Errorf("the output lacks %q:\n%s", want, output)
	}
	output = m.modgo(t, "uninstall")
	if read(t, conf) != changed || !strings.Contains(output, "kept       "+conf) {
		t.Errorf("a file that was changed is not kept:\n%s", output)
	}
	if _, err := os.Stat(conf + ".modgo-new"); err == nil {
		t.Error("the file beside it is still there")
	}
}

// TestOlderFilesAreReplaced: what an older version has written, and nobody has changed, gives way.
func TestOlderFilesAreReplaced(t *testing.T) {
	m := newMachine(t, redhat)
	m.modgo(t, "install", hello(t))
	conf, record := filepath.Join(m.root, "conf.d/go.conf"), filepath.Join(m.modules, "mod_go.installed.json")
	const older = "# Settings of an older version.\n"
	const sum = "4d2a35d2f6d8d9a67fb0a2b6c9a4a4e2c0b1f7e4a5d0f2a3c4b5d6e7f8091a2b"
	m.write(t, conf, older)
	recorded := read(t, record)
	at := strings.Index(recorded, conf+`": "`) + len(conf+`": "`)
	m.write(t, record, recorded[:at]+digest(older)+recorded[at+len(sum):])
	output := m.modgo(t, "install", hello(t))
	if read(t, conf) != read(t, "../../httpd-conf/go.conf") || !strings.Contains(output, "replaced   "+conf) {
		t.Errorf("the file of an older version is still there:\n%s", output)
	}
}

func TestGoLoadOfAnotherObject(t *testing.T) {
	m := newMachine(t, debian)
	load := filepath.Join(m.root, "mods-available/go.load")
	m.write(t, load, "LoadModule go_module /opt/mod_go.so\n")
	m.fails(t, []string{load + " does not load " + filepath.Join(m.modules, "mod_go.so"), "correct its line"}, "install", hello(t))
	m.write(t, load, "# ours\nLoadModule go_module modules/mod_go.so\n")
	if output := m.modgo(t, "install", hello(t)); !strings.Contains(output, "kept       "+load) {
		t.Errorf("a go.load that loads the object is not kept:\n%s", output)
	}
}

// TestAnotherObjectIsLoaded: of two objects the server loads the first, and says no more than a warning.
func TestAnotherObjectIsLoaded(t *testing.T) {
	m := newMachine(t, debian)
	other := filepath.Join(t.TempDir(), "other.so")
	m.write(t, other, read(t, hello(t)))
	m.write(t, filepath.Join(m.root, "mods-enabled/early.load"), "LoadModule go_module "+other+"\n")
	if output := m.modgo(t, "install", hello(t)); !strings.Contains(output, "module go_module is already loaded, skipping") {
		t.Errorf("the server's warning is lost:\n%s", output)
	}
}

func TestBrokenConfigurationPutsEverythingBack(t *testing.T) {
	m := newMachine(t, debian)
	m.site(t, "GoAlias /shop example.org/shop")
	m.fails(t, []string{"does not work with what was installed", "Everything is as it was before, and broken then already", "example.org/shop", "site.conf"}, "install", hello(t))

	m.site(t, mount)
	m.modgo(t, "install", hello(t))
	object := filepath.Join(m.modules, "mod_go.so")
	m.write(t, filepath.Join(m.root, "mods-available/go.conf"), "GoNonsense\n")
	m.write(t, object, "an older object")
	m.fails(t, []string{"Invalid command 'GoNonsense'"}, "install", hello(t))
	if read(t, object) != "an older object" {
		t.Error("the object was not put back")
	}
}

func TestUninstallWhatIsInUse(t *testing.T) {
	m := newMachine(t, debian)
	m.modgo(t, "install", hello(t))
	m.site(t, mount)
	m.fails(t, []string{"does not work without mod_go", "site.conf", "Invalid command 'GoAlias'"}, "uninstall")
}

func TestUninstallKeepsAnObjectOfOthers(t *testing.T) {
	m := newMachine(t, debian)
	object := filepath.Join(m.modules, "mod_go.so")
	m.write(t, object, "put here by hand")
	before := m.files(t)
	if output := m.modgo(t, "uninstall"); !strings.Contains(output, "kept       "+object) {
		t.Errorf("the output does not say that it is kept:\n%s", output)
	}
	m.same(t, before)
}

func TestDryRun(t *testing.T) {
	m := newMachine(t, debian)
	before := m.files(t)
	output := m.modgo(t, "install", "--dry-run", hello(t))
	m.same(t, before)
	for _, want := range []string{"nothing is:\n", "written    " + filepath.Join(m.modules, "mod_go.so"), "linked     " + filepath.Join(m.root, "mods-enabled/go.load") + ": to ../mods-available/go.load\n"} {
		if !strings.Contains(output, want) {
			t.Errorf("the output lacks %q:\n%s", want, output)
		}
	}
	m.modgo(t, "install", hello(t))
	before = m.files(t)
	if output := m.modgo(t, "uninstall", "--dry-run"); !strings.Contains(output, "removed    "+filepath.Join(m.modules, "mod_go.so")) {
		t.Errorf("the output does not tell what would be removed:\n%s", output)
	}
	m.same(t, before)
}

// TestRoot installs into a folder that stands for /, as for a package, without a server that could check it.
func TestRoot(t *testing.T) {
	m := newMachine(t, debian)
	before := m.files(t)
	root := t.TempDir()
	if output := m.modgo(t, "install", "--root", root, hello(t)); strings.Contains(output, "sudo") {
		t.Errorf("the output speaks of a running server:\n%s", output)
	}
	m.same(t, before)
	object := filepath.Join(m.modules, "mod_go.so")
	if want := "LoadModule go_module " + object + "\n"; !strings.Contains(read(t, filepath.Join(root, m.root, "mods-enabled/go.load")), want) {
		t.Errorf("go.load lacks %q", want)
	}
	if _, err := os.Stat(filepath.Join(root, object)); err != nil {
		t.Error(err)
	}
	m.modgo(t, "uninstall", "--root", root)
	for _, dir := range []string{m.modules, filepath.Join(m.root, "mods-available"), filepath.Join(m.root, "mods-enabled")} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil || len(entries) > 0 {
			t.Errorf("left in %s: %v, %v", dir, entries, err)
		}
	}
}

// TestRootOfRedHat: the link that is the server's folder of modules belongs to the server's own package.
func TestRootOfRedHat(t *testing.T) {
	m := newMachine(t, redhat)
	root := t.TempDir()
	m.modgo(t, "install", "--root", root, hello(t))
	for _, path := range []string{filepath.Join(m.modules, "mod_go.so"), filepath.Join(m.root, "conf.modules.d/20-go.conf")} {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, m.root, "modules")); err == nil {
		t.Errorf("%s/modules was made", m.root)
	}
}

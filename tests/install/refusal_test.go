package install

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// moduleRecord is where the module record lies in the file of a shared object.
func moduleRecord(t *testing.T, path string) uint64 {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == "go_module" {
			section := file.Sections[s.Section]
			return s.Value - section.Addr + section.Offset
		}
	}
	t.Fatal("go_module is not exported")
	return 0
}

func TestObjectsThatTheServerCannotUse(t *testing.T) {
	object := hello(t)
	at := moduleRecord(t, object)
	tests := []struct {
		name   string
		spoil  func(content []byte) []byte
		wanted []string
	}{
		{"no object", func([]byte) []byte { return []byte("text") }, []string{"no ELF file", "build it with modgo build"}},
		{"another architecture", func(c []byte) []byte { c[18] = byte(elf.EM_SPARC); return c }, []string{"it is for EM_SPARC, and this machine is "}},
		{"another API", func(c []byte) []byte { c[at]++; return c }, []string{"was built for servers with the module API 20120212", "has 20120211", "build it again"}},
		{"another generation", func(c []byte) []byte { c[at+40]++; return c }, []string{"no module record of Apache 2.4"}},
		{"a function that the server lacks", func(c []byte) []byte {
			return []byte(strings.Replace(string(c), "\x00ap_hook_handler\x00", "\x00ap_hook_handleX\x00", 1))
		}, []string{"the server on this machine cannot use", "undefined symbol: ap_hook_handleX"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t, debian)
			spoiled := filepath.Join(t.TempDir(), "mod_go.so")
			m.write(t, spoiled, string(test.spoil([]byte(read(t, object)))))
			m.fails(t, test.wanted, "install", spoiled)
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	m := newMachine(t, debian)
	m.fails(t, []string{"there is no build/mod_go.so and no mod_go.so to install", "modgo build"}, "install")
	m.fails(t, []string{"nosuch.so", "cannot be read"}, "install", "nosuch.so")
	if err := os.Remove(m.config); err != nil {
		t.Fatal(err)
	}
	m.fails(t, []string{"there is no " + m.config, "apt-get install apache2"}, "install", hello(t))
	m.binary = "/nonexistent/httpd"
	m.fails(t, []string{"MODGO_HTTPD=/nonexistent/httpd"}, "install", hello(t))
}

// TestNotAsRoot runs modgo as an ordinary user, to whom nothing of the server belongs.
func TestNotAsRoot(t *testing.T) {
	m := newMachine(t, debian)
	// Copies, because the repository may lie in a folder that is closed to others.
	modgo, object := filepath.Join(m.dir, "modgo"), filepath.Join(m.dir, "built.so")
	cmd := m.command(t, "install", object)
	m.write(t, object, read(t, hello(t)))
	m.write(t, modgo, read(t, cmd.Path))
	if err := os.Chmod(modgo, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir = modgo, m.dir
	before := m.files(t)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	} else {
		for _, dir := range []string{m.modules, filepath.Join(m.root, "mods-available"), filepath.Join(m.root, "mods-enabled")} {
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(dir, 0o755) })
		}
		before = m.files(t)
	}
	output, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("modgo install does not fail:\n%s", output)
	}
	for _, want := range []string{"you may not write to " + m.modules, "run it as root,\n    sudo MODGO_HTTPD=" + m.binary + " " + modgo + " install " + object} {
		if !strings.Contains(string(output), want) {
			t.Errorf("modgo install does not say %q, but\n%s", want, output)
		}
	}
	m.same(t, before)
}

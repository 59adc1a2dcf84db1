package httpd_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
)

func TestFindTheInstalledServer(t *testing.T) {
	i := find(t)
	if !i.AtLeast(httpd.MinimumVersion) {
		t.Errorf("Version = %q, want %s or newer", i.Version, httpd.MinimumVersion)
	}
	if i.API.Major != 20120211 || i.API.Minor == 0 {
		t.Errorf("API = %s, want that of httpd 2.4, 20120211 with a minor number", i.API)
	}
	if i.Root == "" || !strings.HasPrefix(i.ConfigFile, i.Root+"/") {
		t.Errorf("Root = %q, ConfigFile = %q, want a file in it", i.Root, i.ConfigFile)
	}
	if _, static, ok := i.Module("mod_so"); !ok || !static {
		t.Errorf("Module(mod_so) = static %v, ok %v; a server that loads modules has it compiled in", static, ok)
	}
	if path, static, ok := i.Module("mod_mime"); !ok || !static && filepath.Base(path) != "mod_mime.so" {
		t.Errorf("Module(mod_mime) = %q, static %v, ok %v", path, static, ok)
	}
	if path, _, ok := i.Module("mod_nosuch"); ok || path != "" {
		t.Errorf("Module(mod_nosuch) = %q, ok %v", path, ok)
	}
	if mpms := i.MPMs(); !slices.Contains(mpms, "event") {
		t.Errorf("MPMs() = %v, want event among them", mpms)
	}
	if !i.HasHeaders() {
		t.Errorf("IncludeDir = %q, APRInclude = %q; install the development headers", i.IncludeDir, i.APRInclude)
	}
}

func TestFindWithoutPath(t *testing.T) {
	want := find(t)
	t.Setenv("PATH", "")
	got := find(t)
	if got.Binary != want.Binary || got.ModulesDir != want.ModulesDir {
		t.Errorf("with an empty PATH found %+v, want %+v", got, want)
	}
}

// server writes a program that answers as httpd does, under a prefix of its own, and returns the prefix.
func server(t *testing.T, compiledIn string) string {
	t.Helper()
	prefix := t.TempDir()
	program(t, filepath.Join(prefix, "bin/httpd"), fmt.Sprintf(`case "$1" in
-v) echo 'Server version: Apache/2.4.58 (Unix)' ;;
-V) echo ' -D HTTPD_ROOT="%s"' ;;
-l) printf 'Compiled in modules:\n  core.c\n  mod_so.c\n%s' ;;
esac`, prefix, compiledIn))
	file(t, filepath.Join(prefix, "modules/mod_mime.so"))
	file(t, filepath.Join(prefix, "modules/mod_mpm_worker.so"))
	return prefix
}

func TestFindUnderPrefix(t *testing.T) {
	prefix := server(t, "")
	t.Setenv(httpd.EnvBinary, filepath.Join(prefix, "bin/httpd"))
	i := find(t)
	if i.Version != "2.4.58" {
		t.Errorf("Version = %q", i.Version)
	}
	if want := filepath.Join(prefix, "modules"); i.ModulesDir != want {
		t.Errorf("ModulesDir = %q, want %q", i.ModulesDir, want)
	}
	if i.IncludeDir != "" {
		t.Errorf("IncludeDir = %q: headers of another installation", i.IncludeDir)
	}
	if mpms := i.MPMs(); !slices.Equal(mpms, []string{"worker"}) {
		t.Errorf("MPMs() = %v, want worker only", mpms)
	}

	file(t, filepath.Join(prefix, "include/httpd.h"))
	file(t, filepath.Join(prefix, "include/apr-1/apr.h"))
	i = find(t)
	if want := filepath.Join(prefix, "include"); i.IncludeDir != want {
		t.Errorf("IncludeDir = %q, want %q", i.IncludeDir, want)
	}
	if want := filepath.Join(prefix, "include/apr-1"); i.APRInclude != want {
		t.Errorf("APRInclude = %q, want %q", i.APRInclude, want)
	}
}

func TestFindByAPXS(t *testing.T) {
	prefix := server(t, "")
	file(t, filepath.Join(prefix, "headers/httpd.h"))
	file(t, filepath.Join(prefix, "elsewhere/mod_alias.so"))
	apxs := filepath.Join(prefix, "tools/apxs")
	program(t, apxs, strings.ReplaceAll(`case "$2" in
sbindir) echo PREFIX/bin ;;
progname) echo httpd ;;
libexecdir) echo PREFIX/elsewhere ;;
includedir) echo PREFIX/headers ;;
*) exit 1 ;;
esac`, "PREFIX", prefix))
	t.Setenv(httpd.EnvAPXS, apxs)
	i := find(t)
	if want := filepath.Join(prefix, "bin/httpd"); i.Binary != want {
		t.Errorf("Binary = %q, want %q", i.Binary, want)
	}
	if _, _, ok := i.Module("mod_alias"); !ok {
		t.Errorf("ModulesDir = %q, not the one that apxs names", i.ModulesDir)
	}
	if want := filepath.Join(prefix, "headers"); i.IncludeDir != want {
		t.Errorf("IncludeDir = %q, want %q", i.IncludeDir, want)
	}
}

func TestConfigTestAsksApachectl(t *testing.T) {
	prefix := server(t, "")
	t.Setenv(httpd.EnvBinary, filepath.Join(prefix, "bin/httpd"))
	i := find(t)
	if path, ok := i.Control(); ok {
		t.Errorf("Control() = %q, of another installation", path)
	}
	apachectl := filepath.Join(prefix, "bin/apachectl")
	program(t, apachectl, `[ "$1" = configtest ] || exit 2
echo 'Syntax error on line 3' >&2
exit 1`)
	_, err := i.ConfigTest(t.Context())
	if err == nil || !strings.Contains(err.Error(), apachectl+" configtest says (exit status 1):\nSyntax error on line 3") {
		t.Errorf("ConfigTest() = %v", err)
	}
	program(t, apachectl, "echo 'a warning'; echo 'Syntax OK' >&2")
	if warnings, err := i.ConfigTest(t.Context()); warnings != "a warning\n" || err != nil {
		t.Errorf("ConfigTest() = %q, %v", warnings, err)
	}
}

func TestCompiledInMPMIsTheOnlyOne(t *testing.T) {
	t.Setenv(httpd.EnvBinary, filepath.Join(server(t, `  prefork.c\n`), "bin/httpd"))
	if mpms := find(t).MPMs(); !slices.Equal(mpms, []string{"prefork"}) {
		t.Errorf("MPMs() = %v, want the compiled-in one only", mpms)
	}
}

func TestFindFails(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	program(t, other, "echo nginx/1.24")
	tests := []struct{ name, variable, value, want string }{
		{"no such binary", httpd.EnvBinary, "/nonexistent/httpd", "MODGO_HTTPD=/nonexistent/httpd"},
		{"no such apxs", httpd.EnvAPXS, "/nonexistent/apxs", "MODGO_APXS=/nonexistent/apxs"},
		{"another program", httpd.EnvBinary, other, `"nginx/1.24"`},
		{"apxs of no server", httpd.EnvAPXS, other, "set MODGO_HTTPD"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			i, err := httpd.Find()
			if err == nil {
				t.Fatalf("Find() = %+v, want an error", i)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not contain %q", err, test.want)
			}
		})
	}
}

func TestAtLeast(t *testing.T) {
	tests := []struct {
		have, want string
		ok         bool
	}{
		{"2.4.41", "2.4.41", true},
		{"2.4.71", "2.4.41", true},
		{"2.4.6", "2.4.41", false},
		{"2.2.99", "2.4.41", false},
		{"2.5.0", "2.4.41", true},
		{"3.0.0", "2.4.41", true},
	}
	for _, test := range tests {
		i := httpd.Installation{Version: test.have}
		if i.AtLeast(test.want) != test.ok {
			t.Errorf("%s.AtLeast(%s) = %v", test.have, test.want, !test.ok)
		}
	}
}

func find(t *testing.T) *httpd.Installation {
	t.Helper()
	i, err := httpd.Find()
	if errors.Is(err, httpd.ErrNotFound) {
		t.Fatalf("this test needs Apache: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func file(t *testing.T, path string) {
	t.Helper()
	write(t, path, "", 0o644)
}

func program(t *testing.T, path, script string) {
	t.Helper()
	write(t, path, "#!/bin/sh\n"+script+"\n", 0o755)
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

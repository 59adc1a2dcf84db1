package httpdtest

import (
	"os/exec"
	"testing"
)

// CompileModule compiles a module of httpd, of one C file, into the file path, which httpd's user can read.
func CompileModule(t testing.TB, source, path string) {
	t.Helper()
	installed := find(t)
	cc := exec.CommandContext(t.Context(), "gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-D_LARGEFILE64_SOURCE",
		"-I"+installed.IncludeDir, "-I"+installed.APRInclude, "-o", path, source)
	if text, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, text)
	}
	OpenWay(t, path)
}

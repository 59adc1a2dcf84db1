package builder_test

import (
	"archive/zip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuildInWorkspace(t *testing.T) {
	root := tree(t, `
-- go.work --
go 1.26.0

use (
	./site
	./other
)

replace github.com/mod-go/mod-go => ../repository
-- site/go.mod --
module example.com/site

go 1.26.0

require github.com/mod-go/mod-go v0.0.0
`, hello("site/hello"), `
-- other/go.mod --
module example.com/other

go 1.26.0
-- other/internal/app/app.go --
package app

import "net/http"

var application = http.NotFoundHandler()
`)
	if err := os.Symlink(repository(t), filepath.Join(filepath.Dir(root), "repository")); err != nil {
		t.Fatal(err)
	}

	r := in(t, root, "./site/hello", "./other/...")
	result := r.build(t)
	want := "example.com/other/internal/app: application\nexample.com/site/hello: application\n"
	if got := inside(t, result.Output); got != want {
		t.Errorf("the object holds\n%swant\n%s", got, want)
	}
}

func TestBuildFromVendor(t *testing.T) {
	dir := tree(t, goMod, hello("hello"))
	command(t, dir, "go", "mod", "vendor")
	r := in(t, dir, "./hello")
	r.build(t)
	if !strings.Contains(r.log.String(), "vendor has no github.com/mod-go/mod-go/apachebridge: building from the module cache instead") {
		t.Errorf("the log does not tell that the vendor directory is incomplete:\n%s", &r.log)
	}

	write(t, filepath.Join(dir, "hello/bridge.go"), "package hello\n\nimport _ \"github.com/mod-go/mod-go/apachebridge\"\n")
	command(t, dir, "go", "mod", "tidy")
	command(t, dir, "go", "mod", "vendor")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", filepath.Join(t.TempDir(), "empty"))
	r = in(t, dir, "./hello")
	r.build(t)
	if strings.Contains(r.log.String(), "module cache") {
		t.Errorf("a complete vendor directory is not used:\n%s", &r.log)
	}
}

// TestBuildFromModuleCache names a package of another module, whose files are read-only and closed to overlays.
func TestBuildFromModuleCache(t *testing.T) {
	proxy := t.TempDir()
	publish(t, proxy, "example.org/shop", "v1.2.3", map[string]string{
		"go.mod":       "module example.org/shop\n\ngo 1.26.0\n",
		"cart/cart.go": "package cart\n\nimport \"net/http\"\n\nvar application = http.NotFoundHandler()\n",
		"internal/admin/admin.go": "package admin\n\nimport \"net/http\"\n\n" +
			"func application() (http.Handler, error) { return http.NotFoundHandler(), nil }\n",
	})
	output, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	// What is in the real module cache is served from there.
	t.Setenv("GOPROXY", "file://"+proxy+",file://"+strings.TrimSpace(string(output))+"/cache/download")
	t.Setenv("GOMODCACHE", filepath.Join(t.TempDir(), "mod"))
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOFLAGS", "-modcacherw") // for the removal at the end
	dir := tree(t, goMod, hello("hello"))
	command(t, dir, "go", "get", "example.org/shop@v1.2.3")

	r := in(t, dir, "./hello", "example.org/shop/cart", "example.org/shop/internal/admin")
	result := r.build(t)
	want := "example.com/site/hello: application\nexample.org/shop/cart: application\nexample.org/shop/internal/admin: application\n"
	if got := inside(t, result.Output); got != want {
		t.Errorf("the object holds\n%swant\n%s", got, want)
	}
	if again := r.build(t); !again.Unchanged {
		t.Errorf("a build of the unchanged tree wrote its output anew")
	}
}

// publish puts a module into a directory that serves as a module proxy.
func publish(t *testing.T, proxy, path, version string, files map[string]string) {
	t.Helper()
	dir := filepath.Join(proxy, path, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "list"), version+"\n")
	write(t, filepath.Join(dir, version+".info"), fmt.Sprintf(`{"Version":%q}`, version))
	write(t, filepath.Join(dir, version+".mod"), files["go.mod"])
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	writer := zip.NewWriter(archive)
	for name, content := range files {
		file, err := writer.Create(path + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
}

package builder_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mod-go/mod-go/internal/builder"
)

// goMod is the go.mod of a user's module, which requires this repository.
const goMod = `
-- go.mod --
module example.com/site

go 1.26.0

require github.com/mod-go/mod-go v0.0.0

replace github.com/mod-go/mod-go => REPOSITORY
`

// hello is an application in the directory that is given.
func hello(dir string) string {
	return fmt.Sprintf(`
-- %s/hello.go --
package hello

import "github.com/mod-go/mod-go/modgo"

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text("hello")
}
`, dir)
}

// repository is the root of this repository.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree writes files in txtar form into a new directory and returns its path.
func tree(t *testing.T, parts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range txtar.Parse([]byte(strings.Join(parts, ""))).Files {
		content := bytes.ReplaceAll(file.Data, []byte("REPOSITORY"), []byte(repository(t)))
		path := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// contents are the files below a directory with what they hold.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// run is one build in a directory, with a cache and an output of its own.
type run struct {
	builder.Options
	log bytes.Buffer
}

func in(t *testing.T, dir string, patterns ...string) *run {
	t.Helper()
	r := &run{}
	r.Options = builder.Options{Dir: dir, Patterns: patterns, Output: filepath.Join(t.TempDir(), "mod_go.so"), Cache: t.TempDir(), Log: &r.log}
	return r
}

// build builds, and fails the test where that fails or anything is written into the user's tree.
func (r *run) build(t *testing.T) *builder.Result {
	t.Helper()
	before := contents(t, r.Dir)
	result, err := builder.Build(context.Background(), r.Options)
	if err != nil {
		t.Fatalf("%v\n%s", err, &r.log)
	}
	unchanged(t, before, contents(t, r.Dir))
	return result
}

// fails builds, and fails the test where that succeeds or the error lacks one of the texts.
func (r *run) fails(t *testing.T, wanted ...string) {
	t.Helper()
	before := contents(t, r.Dir)
	result, err := builder.Build(context.Background(), r.Options)
	if err == nil {
		t.Fatalf("built %+v, want an error with %q", result, wanted)
	}
	for _, want := range wanted {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	unchanged(t, before, contents(t, r.Dir))
	if _, err := os.Stat(r.Output); err == nil {
		t.Errorf("there is an output in spite of the error")
	}
}

func unchanged(t *testing.T, before, after map[string]string) {
	t.Helper()
	for path, content := range after {
		if old, ok := before[path]; !ok {
			t.Errorf("%s was written into the user's tree", path)
		} else if old != content {
			t.Errorf("%s was changed to\n%s", path, content)
		}
	}
	if len(after) < len(before) {
		t.Errorf("%d of the user's %d files are gone", len(before)-len(after), len(before))
	}
}

// inside lists what Inspect finds in a shared object, one line for each package.
func inside(t *testing.T, path string) string {
	t.Helper()
	object, err := builder.Inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	return lines(object.Packages)
}

func lines(list []builder.Package) string {
	var text strings.Builder
	for _, p := range list {
		fmt.Fprintln(&text, p)
	}
	return text.String()
}

// command runs a program in a directory.
func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
}

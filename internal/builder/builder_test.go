package builder_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mod-go/mod-go/internal/builder"
)

// site has an application of every form, in every kind of package.
var site = goMod + hello("hello") + `
-- forms/forms.go --
package forms

import (
	"net/http"

	"github.com/mod-go/mod-go/modgo"
)

type (
	wsgi        func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body
	function    func(http.ResponseWriter, *http.Request)
	constructor func() (http.Handler, error)
	handler     struct{ http.Handler }
)

var (
	namedWSGI        wsgi
	namedFunction    function = application
	namedConstructor constructor
	Embedded         = &handler{}
	HandlerFunc      = http.HandlerFunc(application)
	modgoRegistry    http.Handler = http.NotFoundHandler()
)

func application(w http.ResponseWriter, r *http.Request)      {}
func construct() (http.Handler, error)                        { return http.NotFoundHandler(), nil }
func generic[T any](w http.ResponseWriter, r *http.Request)   {}
func concrete() (*http.ServeMux, error)                       { return nil, nil }
func variadic(w http.ResponseWriter, rs ...*http.Request)     {}
func (handler) application(http.ResponseWriter, *http.Request) {}
-- upper/upper.go --
package upper

import "net/http"

type application struct{}

var Application http.Handler = http.NotFoundHandler()
-- deep/internal/a/internal/b/b.go --
package b

import "net/http"

var application = http.NotFoundHandler()
-- program/main.go --
// Program is an ordinary server, and an application as well.
package main

import "net/http"

func main() { http.ListenAndServe("127.0.0.1:0", http.HandlerFunc(application)) }
-- program/main_test.go --
package main
-- program/example_test.go --
package main_test
-- program/application.go --
/* The package clause is not at the beginning. */ package main

import "net/http"

func application(w http.ResponseWriter, r *http.Request) {}
-- native/native.go --
// Native is a program with C code that glibc would not unload.
package main

// int modgo_test_value(void);
import "C"

import (
	"fmt"
	"net/http"
)

func main() {}

func application(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, C.modgo_test_value()) }
-- native/native.c --
` + uniqueSymbol + `
extern int modgo_test_unique;
int modgo_test_value(void) { return modgo_test_unique; }
-- admin/admin.go --
package admin

import "net/http"

func panel(w http.ResponseWriter, r *http.Request) {}
-- library/library.go --
package library

const Answer = 42
`

const sitePackages = `example.com/site/admin: panel
example.com/site/deep/internal/a/internal/b: application
example.com/site/forms: application, Embedded, HandlerFunc, construct, modgoRegistry, namedConstructor, namedFunction, namedWSGI
example.com/site/hello: application
example.com/site/native: application
example.com/site/program: application
example.com/site/upper: Application
`

func TestBuild(t *testing.T) {
	r := in(t, tree(t, site), "./...")
	result := r.build(t)
	if got := inside(t, result.Output); got != sitePackages {
		t.Errorf("the object holds\n%swant\n%s", got, sitePackages)
	}
	if result.BuildID == "" || result.Size == 0 || result.Duration == 0 || result.Unchanged {
		t.Errorf("Result = %+v", result)
	}
	kinds := make(map[string]builder.Kind)
	for _, c := range result.Packages[2].Callables {
		kinds[c.Name] = c.Kind
	}
	for name, want := range map[string]builder.Kind{
		"application": builder.KindHandlerFunc, "Embedded": builder.KindHandler, "HandlerFunc": builder.KindHandler, "construct": builder.KindConstructor,
		"namedConstructor": builder.KindConstructor, "namedFunction": builder.KindHandlerFunc, "namedWSGI": builder.KindApplication,
	} {
		if kinds[name] != want {
			t.Errorf("%s is a %q, want %q", name, kinds[name], want)
		}
	}
	for _, want := range []string{
		"checking 8 packages\n",
		"example.com/site/admin has no application: it can be used with GoCallableObject only\n",
		"example.com/site/hello: application (modgo.Application)\n",
		"linked " + result.Output,
	} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &r.log)
		}
	}

	before := stat(t, result.Output)
	again := r.build(t)
	if !again.Unchanged || !os.SameFile(before, stat(t, again.Output)) {
		t.Errorf("a build of the unchanged tree wrote its output anew")
	}
	if again.BuildID != result.BuildID {
		t.Errorf("a build of the unchanged tree has the build ID %s, the first %s", again.BuildID, result.BuildID)
	}

	write(t, filepath.Join(r.Dir, "library/library.go"), "package library\n\nimport \"net/http\"\n\nfunc application(http.ResponseWriter, *http.Request) {}\n")
	changed := r.build(t)
	if changed.Unchanged || os.SameFile(before, stat(t, changed.Output)) {
		t.Errorf("a changed package did not give the output a new inode, which protects those who have the old one mapped")
	}
	if got := inside(t, changed.Output); !strings.Contains(got, "example.com/site/library: application\n") {
		t.Errorf("the object lacks the new application:\n%s", got)
	}
}

func TestBuildsAtTheSameTime(t *testing.T) {
	dir, cache := tree(t, goMod, hello("hello")), t.TempDir()
	var group sync.WaitGroup
	outputs := make([]string, 3)
	for i := range outputs {
		r := in(t, dir, "./hello")
		r.Cache, outputs[i] = cache, r.Output
		group.Go(func() {
			if _, err := builder.Build(context.Background(), r.Options); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	first, err := os.ReadFile(outputs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range outputs[1:] {
		if other, err := os.ReadFile(output); err != nil || !bytes.Equal(first, other) {
			t.Errorf("%s differs from %s, or is not there (%v)", output, outputs[0], err)
		}
	}
}

func TestBuildWithFlagsOfTheUser(t *testing.T) {
	t.Setenv("GOFLAGS", `-mod=mod '-ldflags=-s -w -extldflags=-Wl,--build-id=none'`)
	dir := tree(t, goMod, hello("hello"), `
-- hello/tagged.go --
//go:build special

package hello

import "net/http"

func special(w http.ResponseWriter, r *http.Request) {}
`)
	r := in(t, dir, "./hello")
	r.Cache = filepath.Join(r.Cache, "a directory with spaces")
	r.Tags = []string{"other", "special"}
	result := r.build(t)
	if got, want := inside(t, result.Output), "example.com/site/hello: application, special\n"; got != want {
		t.Errorf("the stripped object holds %q, want %q", got, want)
	}
	file, err := os.ReadFile(result.Output)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte(".debug_info")) || bytes.Contains(file, []byte(".note.gnu.build-id")) {
		t.Errorf("the -ldflags in GOFLAGS had no effect")
	}
}

func TestBuildIsInterrupted(t *testing.T) {
	r := in(t, tree(t, goMod, hello("hello")), "./hello")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := builder.Build(ctx, r.Options); !errors.Is(err, context.Canceled) {
		t.Errorf("Build with a cancelled context: %v", err)
	}
}

// announced is closed by a log when a text is written to it.
type announced struct {
	text string
	seen chan struct{}
	once sync.Once
}

func (a *announced) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(a.text)) {
		a.once.Do(func() { close(a.seen) })
	}
	return len(line), nil
}

func TestBuildIsInterruptedWhileItWaits(t *testing.T) {
	r := in(t, tree(t, goMod, hello("hello")), "./hello")
	r.build(t)
	locks, err := filepath.Glob(filepath.Join(r.Cache, "build", "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("locks in the cache: %v (%v), want one", locks, err)
	}
	other, err := os.Open(locks[0])
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	waits := &announced{text: "waiting for another build", seen: make(chan struct{})}
	r.Log = waits
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := builder.Build(ctx, r.Options)
		ended <- err
	}()
	select {
	case <-waits.seen:
	case err := <-ended:
		t.Fatalf("Build did not wait for the lock (%v)", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Build that was cancelled while it waited: %v", err)
	}
}

// TestCacheExpires sees to it that builds that are not repeated do not stay for ever.
func TestCacheExpires(t *testing.T) {
	r := in(t, tree(t, goMod, hello("hello")), "./hello")
	old := filepath.Join(r.Cache, "build", "old")
	recent := filepath.Join(r.Cache, "build", "recent")
	for dir, age := range map[string]time.Duration{old: 31 * 24 * time.Hour, recent: 24 * time.Hour} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, dir+".lock", "")
		if err := os.Chtimes(dir+".lock", time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	r.build(t)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a build of last month is still in the cache (%v)", err)
	}
	if _, err := os.Stat(recent); err != nil {
		t.Errorf("a build of yesterday is gone from the cache: %v", err)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

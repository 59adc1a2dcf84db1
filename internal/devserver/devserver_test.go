package devserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/devserver"
)

// constructed is the source of an application that answers with what it embeds, or with a package's text.
const constructed = `package app

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"net/http"
)

//go:embed templates
var templates embed.FS

var errNoDatabase = errors.New("the database is away")

func application() (http.Handler, error) {
	if %s {
		return nil, errNoDatabase
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := templates.Open("templates" + r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		io.Copy(w, content)
		fmt.Fprint(w, " and ready")
	}), nil
}
`

// TestChanges works on one application as a person would, mistakes included.
func TestChanges(t *testing.T) {
	t.Parallel()
	dir := tree(t, goMod, "-- app/app.go --\n", greeting("first"))
	app := filepath.Join(dir, "app/app.go")
	s := serve(t, dir, nil, "./app")
	s.await("/", 200, "first") // the first request waits for the first build

	save(t, app, greeting("saved by rename"))
	s.await("/", 200, "saved by rename")

	write(t, app, strings.Replace(greeting("x"), "fmt.Fprint(w", "fmt.Fprint(undefinedWriter", 1))
	s.await("/any/path", 500, "The build is broken", "app/app.go:9:13: undefined: undefinedWriter", "> ", `9 | 	fmt.Fprint(undefinedWriter, "x")`)
	_, header, html, err := s.get("/", "text/html,*/*;q=0.8")
	if err != nil || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || header.Get("Cache-Control") != "no-store" ||
		!containsAll(html, []string{"<h2>app/app.go:9:13</h2>", "undefined: undefinedWriter", `class="marked"`, "new EventSource("}) {
		t.Errorf("a browser gets %v, %v\n%s", err, header, html)
	}
	if terminal := s.log.String(); !strings.Contains(terminal, "\napp/app.go:9:13: undefined: undefinedWriter\n") {
		t.Errorf("the terminal does not show the compiler's line:\n%s", terminal)
	}

	next := s.events()
	if version := next("problem"); !strings.Contains(html, strconv.Quote(version)) {
		t.Errorf("the page is not of the version %s:\n%s", version, html)
	}
	write(t, app, greeting("mended"))
	for next("note") != "A file has changed; building…" {
	}
	if got := next("problem"); got != "none" {
		t.Errorf("when the application is back an open page gets the version %q", got)
	}
	s.await("/", 200, "mended")

	// What it needs appears later: a file to embed, and a package.
	write(t, app, fmt.Sprintf(constructed, "false"))
	s.await("/", 500, "app/app.go:11:12: pattern templates: no matching files found")
	write(t, filepath.Join(dir, "app/templates/page"), "a page")
	s.await("/page", 200, "a page and ready")
	write(t, filepath.Join(dir, "app/templates/page"), "another page")
	s.await("/page", 200, "another page and ready")
	write(t, filepath.Join(dir, "app/templates/deep/new"), "a new one")
	s.await("/deep/new", 200, "a new one and ready")

	write(t, app, strings.Replace(fmt.Sprintf(constructed, "fault.Is()"), `"io"`, "\"io\"\n\t\"example.com/site/fault\"", 1))
	s.await("/page", 500, "example.com/site/fault")
	fault := filepath.Join(dir, "fault/fault.go")
	write(t, fault, "package fault\n\nfunc Is() bool { return true }\n")
	s.await("/page", 500, "The application could not be constructed", "example.com/site/app.application returned an error: the database is away")
	write(t, fault, "package fault\n\nfunc Is() bool { panic(`of a dependency`) }\n")
	s.await("/page", 500, "The application could not be constructed", "example.com/site/app.application: its constructor panicked: of a dependency", "fault/fault.go:3\n", "> ")
	write(t, fault, "package fault\n\nvar m map[string]int\n\nfunc init() {\n\tm[``] = 1\n}\n\nfunc Is() bool { return false }\n")
	s.await("/page", 500, "The application has ended: exit status 2", "panic: assignment to entry in nil map", "fault/fault.go:6\n")
	write(t, fault, "package fault\n\nfunc Is() bool { return false }\n")
	s.await("/page", 200, "another page and ready")

	// The module itself.
	mod := filepath.Join(dir, "go.mod")
	whole, err := os.ReadFile(mod)
	if err != nil {
		t.Fatal(err)
	}
	write(t, mod, string(whole)+"\nnonsense\n")
	s.await("/page", 500, "go.mod:9", "nonsense")
	write(t, mod, string(whole))
	s.await("/page", 200, "another page and ready")

	// A whole directory, as when a branch is checked out.
	if err := os.Rename(filepath.Join(dir, "app"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	s.await("/page", 500, "there is no package ./app")
	write(t, app, greeting("in a new directory"))
	s.await("/", 200, "in a new directory")

	// What changes nothing replaces nothing.
	write(t, app, greeting("in a new directory")+"// A comment.\n")
	s.awaitLog("the program is the same as before, and goes on", 1)
}

// TestNoRequestFails has clients ask all the time, each on connections of its own.
func TestNoRequestFails(t *testing.T) {
	t.Parallel()
	dir := tree(t, goMod, "-- app/app.go --\n", greeting("build 0"))
	s := serve(t, dir, nil, "./app")
	s.await("/", 200, "build 0")

	done := make(chan struct{})
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if status, _, body, err := s.get("/", ""); err != nil || status != 200 || !strings.HasPrefix(body, "build ") {
					t.Errorf("a request during a restart: %d %q, %v", status, body, err)
					return
				}
			}
		})
	}
	for n := 1; n <= 3; n++ {
		text := fmt.Sprintf("build %d", n)
		write(t, filepath.Join(dir, "app/app.go"), greeting(text))
		s.await("/", 200, text)
	}
	close(done)
	clients.Wait()
}

const crashing = `
-- app/app.go --
package app

import (
	"fmt"
	"net/http"
	"os"
)

func application(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/crash" {
		go func() {
			panic("out of control")
		}()
		select {}
	}
	fmt.Fprintf(w, "process %d\n", os.Getpid())
}
`

// TestCrash has a program end by itself: the page tells why, and it is started again.
func TestCrash(t *testing.T) {
	t.Parallel()
	s := serve(t, tree(t, goMod, crashing), nil, "./app")
	first := s.await("/", 200, "process ")

	if _, _, _, err := s.get("/crash", ""); err == nil {
		t.Error("a request that crashes the process is answered")
	}
	s.await("/", 500, "The application has ended: exit status 2", "panic: out of control", "app/app.go:12\n", `>    12 | 			panic("out of control")`, "started again after 1s")
	if second := s.await("/", 200, "process "); second == first {
		t.Errorf("the same process goes on: %s", second)
	}
	_, _, _, _ = s.get("/crash", "")
	s.await("/", 500, "started again after 2s")
	s.await("/", 200, "process ")
}

// TestSlowStart has a constructor that waits for ever: a page tells so, and a signal where.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	dir := tree(t, goMod, "-- app/app.go --\npackage app\n\nimport \"net/http\"\n\nfunc application() (http.Handler, error) {\n\tselect {}\n}\n")
	s := serve(t, dir, func(o *devserver.Options) { o.SlowStart = 100 * time.Millisecond }, "./app")
	text := s.await("/", 500, "The application is still starting", "have not returned for 100ms")
	_, command, _ := strings.Cut(text, "kill -QUIT ")
	pid, err := strconv.Atoi(command[:strings.IndexByte(command, ' ')])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	s.await("/", 500, "The application has ended", "SIGQUIT: quit", "app/app.go:6\n")
	write(t, filepath.Join(dir, "app/app.go"), greeting("at last"))
	s.await("/", 200, "at last")
}

func TestKeepOld(t *testing.T) {
	t.Parallel()
	dir := tree(t, goMod, "-- app/app.go --\n", greeting("the old build"))
	s := serve(t, dir, func(o *devserver.Options) { o.KeepOld = true }, "./app")
	s.await("/", 200, "the old build")
	write(t, filepath.Join(dir, "app/app.go"), "package app\n\nfunc application(\n")
	s.awaitLog("the last good build goes on serving", 1)
	s.await("/", 200, "the old build")
	write(t, filepath.Join(dir, "app/app.go"), "package app\n\nimport \"net/http\"\n\nvar application http.Handler\n")
	s.awaitLog("the last good build goes on serving", 2)
	if terminal := s.log.String(); !strings.Contains(terminal, "The application could not be constructed\nexample.com/site/app.application is nil: ") {
		t.Errorf("the terminal does not tell why:\n%s", terminal)
	}
	s.await("/", 200, "the old build")
	write(t, filepath.Join(dir, "app/app.go"), greeting("the new build"))
	s.await("/", 200, "the new build")
}

// TestWorkspace serves packages of two modules: one named main, and one in an internal directory.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	dir := tree(t, `
-- go.work --
go 1.26.0

use (
	./site
	./other
)

replace github.com/mod-go/mod-go => REPOSITORY
-- site/go.mod --
module example.com/site

go 1.26.0

require github.com/mod-go/mod-go v0.0.0
-- site/shop/main.go --
package main

import (
	"example.com/other/text"

	"github.com/mod-go/mod-go/modgo"
)

func main() { panic("not called") }

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text(text.Of("shop") + " at " + env.Get("SCRIPT_NAME") + ":" + env.Get("PATH_INFO"))
}
-- other/go.mod --
module example.com/other

go 1.26.0
-- other/text/text.go --
package text

func Of(name string) string { return name + " in its first words" }
-- other/internal/blog/blog.go --
package blog

import (
	"fmt"
	"net/http"

	"example.com/other/text"
)

type blog struct{}

var application http.Handler = blog{}

func (blog) ServeHTTP(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text.Of("blog"), " at ", r.URL.Path) }
`)
	s := serve(t, dir, func(o *devserver.Options) { o.Base = "/base" }, "./site/shop", "./other/...")
	s.await("/base/shop/cart", 200, "shop in its first words at /base/shop:/cart")
	s.await("/base/blog/today", 200, "blog in its first words at ")
	s.await("/base/", 200, `<a href="/base/shop/">/base/shop</a> (example.com/site/shop)`, "(example.com/other/internal/blog)")
	s.await("/base/nosuch", 404, "No application is mounted here")

	write(t, filepath.Join(dir, "other/text/text.go"), "package text\n\nfunc Of(name string) string { return name + ` in other words` }\n")
	s.await("/base/blog/today", 200, "blog in other words at ")
	s.await("/base/shop", 200, "shop in other words at /base/shop:")

	write(t, filepath.Join(dir, "go.work"), "go 1.26.0\n\nuse ./site\n\nreplace github.com/mod-go/mod-go => REPOSITORY\n")
	s.await("/base/shop", 500, "The build is broken")
}

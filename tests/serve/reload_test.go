package serve

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// site is a module of a user's, in a folder of its own.
type site struct{ dir string }

func newSite(t *testing.T) site {
	t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s := site{t.TempDir()}
	s.write(t, "go.mod", "module example.com/site\n\ngo 1.26.0\n\nrequire github.com/mod-go/mod-go v0.0.0\n\nreplace github.com/mod-go/mod-go => "+repository+"\n")
	return s
}

func (s site) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// greeting is an application that answers with a text, and is constructed unless failure says why not.
func greeting(name, text, failure string) string {
	return fmt.Sprintf(`package %s

import (
	"errors"
	"fmt"
	"net/http"
)

var failure = %q

func application() (http.Handler, error) {
	if failure != "" {
		return nil, errors.New(failure)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, %q) }), nil
}
`, name, failure, text)
}

// answers tells whether a URL answers with status 200 and a text in its body.
func answers(client *http.Client, url, text string) bool {
	_, err := fetch(client, url, text)
	return err == nil
}

// fetch gets a URL, which has to answer with status 200 and a text in its body.
func fetch(client *http.Client, url, text string) (body string, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.Contains(string(content), text)) {
		err = fmt.Errorf("%s answers %s: %s", url, resp.Status, content)
	}
	return string(content), err
}

// startLoad starts clients that ask again and again, some on connections that they keep, some on new ones.
func startLoad(t *testing.T, url, text string) *httpdtest.Load {
	var senders []httpdtest.Sender
	for _, client := range []*http.Client{
		httpdtest.NewConnections(), httpdtest.KeptConnections(), httpdtest.NewConnections(), httpdtest.KeptConnections(),
	} {
		senders = append(senders, httpdtest.Sender{
			Client: client, URL: url, Every: 5 * time.Millisecond,
			Wants: func(answer string) bool { return strings.Contains(answer, text) },
		})
	}
	return httpdtest.StartLoad(t, senders...)
}

// leastLoad is how many requests there have to be, for a test to say anything.
const leastLoad = 100

const buildTime = time.Minute // on a busy machine

// TestReload works on an application under load, mistakes included: no request fails.
func TestReload(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		user, temp := newSite(t), publicTemp(t)
		user.write(t, "shop/shop.go", greeting("shop", "this is the first", ""))
		cmd := command(t, temp, "--reload", "--mpm", mpm, "--log-level", "warn", "./...")
		cmd.Dir = user.dir
		s := start(t, cmd)
		s.awaitReady(t)
		load := startLoad(t, s.url+"/", "this is the ")

		user.write(t, "shop/shop.go", greeting("shop", "this is the second", ""))
		s.await(t, "shop/shop.go changed: building", 10*time.Second)
		await(t, func() bool { return answers(http.DefaultClient, s.url, "the second") })
		s.await(t, "and serving", time.Minute)

		// What does not compile, and what cannot be constructed, does not replace what runs.
		user.write(t, "shop/shop.go", strings.Replace(greeting("shop", "this is the third", ""), "fmt.Fprint(w", "fmt.Fprint(undefinedWriter", 1))
		s.await(t, "shop/shop.go:15:84: undefined: undefinedWriter", buildTime)
		s.await(t, "the build before goes on serving", time.Minute)
		user.write(t, "shop/shop.go", greeting("shop", "this is the third", "the database is away"))
		s.await(t, "httpd refuses the new build", buildTime)
		s.await(t, "the database is away", time.Minute)
		if body, err := fetch(http.DefaultClient, s.url, "the second"); err != nil {
			t.Errorf("after two broken builds: %q, %v", body, err)
		}
		user.write(t, "shop/shop.go", greeting("shop", "this is the third", ""))
		await(t, func() bool { return answers(http.DefaultClient, s.url, "the third") })

		// A change overtakes the build that is under way.
		begun := s.output.count("building\n")
		user.write(t, "shop/shop.go", greeting("shop", "this is the fourth", ""))
		await(t, func() bool { return s.output.count("building\n") > begun })
		user.write(t, "shop/shop.go", greeting("shop", "this is the fifth", ""))
		await(t, func() bool { return answers(http.DefaultClient, s.url, "the fifth") })

		if answered := load.Stop(); answered < leastLoad {
			t.Errorf("only %d requests were answered", answered)
		}
		s.stop(t, syscall.SIGINT)
		if s.err != nil || !isEmpty(t, temp) {
			t.Errorf("after Ctrl-C it ended with %v, or left its work folder", s.err)
		}
		s.quiet(t)
	})
}

// TestReloadTakesInAnotherPackage: a wildcard takes in a package that is new, and / lists both.
func TestReloadTakesInAnotherPackage(t *testing.T) {
	user := newSite(t)
	user.write(t, "shop/shop.go", greeting("shop", "this is the shop", ""))
	cmd := command(t, publicTemp(t), "--reload", "--mpm", "event", "./...")
	cmd.Dir = user.dir
	s := start(t, cmd)
	s.awaitReady(t)
	user.write(t, "blog/blog.go", greeting("blog", "this is the blog", ""))
	user.write(t, "shop/shop.go", greeting("shop", "this is the other shop", "")) // which begins a build
	await(t, func() bool { return answers(http.DefaultClient, s.url+"/blog", "this is the blog") })
	if body, err := fetch(http.DefaultClient, s.url+"/", `href="/shop"`); err != nil {
		t.Errorf("%v\n%s", err, body)
	}
	s.await(t, s.url+"/blog  example.com/site/blog\n", 10*time.Second)
	s.stop(t, syscall.SIGINT)
	s.quiet(t)
}

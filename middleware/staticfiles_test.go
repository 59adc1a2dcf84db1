package middleware_test

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

//go:embed staticfiles*.go
var embedded embed.FS

func ExampleStaticFiles() {
	files := fstest.MapFS{"css/shop.css": {Data: []byte("body { margin: 0 }")}}
	shop := func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("the shop answers for " + env.Get("PATH_INFO"))
	}
	application := middleware.StaticFiles(files, middleware.StaticFilesOptions{CacheControl: "max-age=3600"})(shop)
	for _, path := range []string{"/css/shop.css", "/cart"} {
		response := httptest.NewRecorder()
		modgo.ToHandler(application).ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		fmt.Println(response.Header()["Content-Type"], response.Body)
	}
	// Output:
	// [text/css; charset=utf-8] body { margin: 0 }
	// [text/plain] the shop answers for /cart
}

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// once is a file system whose files can be read once, from the beginning to the end.
type once struct{ fs.FS }

func (o once) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func next(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("202 Accepted", text)
	return modgo.Text("next")
}

func TestStaticFilesFindsFiles(t *testing.T) {
	files := map[string]string{
		"index.html": "the top", "a.txt": "a text", "a b%.txt": "odd", "dir/index.html": "a directory", "dir/b.css": "b", "bare/c.js": "c",
		".env": "secret", "dir/.git/config": "secret", ".well-known/security.txt": "contact", "dir/.well-known/x": "secret", "noext": "<!doctype html>",
	}
	root := tree(t, files)
	if err := os.WriteFile(filepath.Join(filepath.Dir(root), "outside.txt"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(root), "outside.txt"), filepath.Join(root, "link.txt")); err != nil {
		t.Fatal(err)
	}
	opened, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	mapped := fstest.MapFS{}
	for name, content := range files {
		mapped[name] = &fstest.MapFile{Data: []byte(content)}
	}
	for name, fsys := range map[string]fs.FS{"os.Root": opened.FS(), "os.DirFS": os.DirFS(root), "without times": mapped, "that cannot seek": once{mapped}} {
		t.Run(name, func(t *testing.T) {
			v := middleware.StaticFilesOptions{}
			server := serveSite(t, "/static", checked(t, func(modgo.Application) modgo.Application { return middleware.FileServer(fsys, v) })(next))
			falling := serveSite(t, "", checked(t, middleware.StaticFiles(fsys, v))(next))
			for path, want := range map[string]string{
				"/":                             "the top",
				"/index.html":                   "the top",
				"/a.txt":                        "a text",
				"/a%20b%25.txt":                 "odd",
				"/./dir//b.css":                 "b",
				"/dir/":                         "a directory",
				"/dir/b.css":                    "b",
				"/bare/c.js":                    "c",
				"/.well-known/security.txt":     "contact",
				"/noext":                        "<!doctype html>",
				"/missing":                      "",
				"/bare":                         "", // no index, no listing
				"/bare/":                        "",
				"/a.txt/":                       "",
				"/a.txt/b":                      "",
				"/.env":                         "",
				"/dir/.git/config":              "",
				"/dir/.well-known/x":            "",
				"/.well-known":                  "",
				"/..%2foutside.txt":             "",
				"/%2e%2e/outside.txt":           "",
				"/dir/..%2f..%2foutside.txt":    "",
				"/..%5coutside.txt":             "",
				"/dir%5cb.css":                  "",
				"/a.txt%00":                     "",
				"/a.txt%00.html":                "",
				"/%ff":                          "",
				"/%2e%65nv":                     "",
				"/" + strings.Repeat("x", 1000): "",
			} {
				r := server.do(t, "GET", path)
				if got := r.Body; want != "" && (r.StatusCode != 200 || got != want) || want == "" && (r.StatusCode != 404 || got != "there is no such file\n") {
					t.Errorf("%s: %d %q; want %q", path, r.StatusCode, got, want)
				}
				r = falling.do(t, "GET", path)
				if got := r.Body; want != "" && (r.StatusCode != 200 || got != want) || want == "" && (r.StatusCode != 202 || got != "next") {
					t.Errorf("%s, falling through: %d %q; want %q", path, r.StatusCode, got, want)
				}
			}
			for path, want := range map[string]string{"/a.txt": "text/plain; charset=utf-8", "/dir/b.css": "text/css; charset=utf-8", "/noext": "text/html; charset=utf-8"} {
				if got := server.do(t, "GET", path).Header.Get("Content-Type"); got != want && name != "that cannot seek" {
					t.Errorf("%s is %q; want %q", path, got, want)
				}
			}
		})
	}
	t.Run("a link that leads out", func(t *testing.T) {
		s := serveSite(t, "", middleware.FileServer(opened.FS(), middleware.StaticFilesOptions{}))
		if r := s.do(t, "GET", "/link.txt"); r.StatusCode == 200 || strings.Contains(r.Body, "outside") {
			t.Errorf("os.Root: %d %q", r.StatusCode, r.Body)
		}
	})
	t.Run("dotfiles on demand", func(t *testing.T) {
		s := serveSite(t, "", middleware.FileServer(os.DirFS(root), middleware.StaticFilesOptions{Dotfiles: true, Index: "a.txt"}))
		if r := s.do(t, "GET", "/dir/.git/config"); r.Body != "secret" {
			t.Errorf("%d %q", r.StatusCode, r.Body)
		}
		if r := s.do(t, "GET", "/"); r.Body != "a text" {
			t.Errorf("another index: %d %q", r.StatusCode, r.Body)
		}
	})
}

func TestStaticFilesRedirectsToDirectories(t *testing.T) {
	fsys := fstest.MapFS{"index.html": {}, "a b/index.html": {}, "evil.example/index.html": {}}
	m := checked(t, middleware.StaticFiles(fsys, middleware.StaticFilesOptions{}))
	for _, test := range []struct{ mount, path, want string }{
		{"", "/a%20b", "/a%20b/"},
		{"", "/a%20b?x=1&y=%2F", "/a%20b/?x=1&y=%2F"},
		{"/shop", "/a%20b", "/shop/a%20b/"},
		{"/shop", "", "/shop/"},
		{"", "//evil.example", "/evil.example/"},
		{"", "/%2Fevil.example", "/evil.example/"},
	} {
		s := serveSite(t, test.mount, m(next))
		if r := s.do(t, "GET", test.path); r.StatusCode != 301 || r.Header.Get("Location") != test.want {
			t.Errorf("%s%s: %d %q; want %q", test.mount, test.path, r.StatusCode, r.Header.Get("Location"), test.want)
		}
	}
}

func TestStaticFilesReadsOnly(t *testing.T) {
	fsys := fstest.MapFS{"a.txt": {Data: []byte("a text")}}
	server := serveSite(t, "", checked(t, func(modgo.Application) modgo.Application {
		return middleware.FileServer(fsys, middleware.StaticFilesOptions{})
	})(next))
	falling := serveSite(t, "", checked(t, middleware.StaticFiles(fsys, middleware.StaticFilesOptions{}))(next))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get", "PROPFIND"} {
		if r := server.do(t, method, "/a.txt"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
		if r := falling.do(t, method, "/a.txt"); r.StatusCode != 202 {
			t.Errorf("%s: %d; want the next application's answer", method, r.StatusCode)
		}
	}
	get, head := server.do(t, "GET", "/a.txt"), server.do(t, "HEAD", "/a.txt")
	get.Header.Del("Date")
	head.Header.Del("Date")
	if a, b := fmt.Sprint(get.Header), fmt.Sprint(head.Header); a != b || head.Body != "" || get.ContentLength != 6 {
		t.Errorf("GET has %s, HEAD %s %q", a, b, head.Body)
	}
}

func TestStaticFilesAnswersConditionsAndRanges(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "0123456789"})
	modified := time.Date(2026, 3, 1, 9, 30, 0, 123, time.UTC)
	if err := os.Chtimes(filepath.Join(root, "a.txt"), modified, modified); err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{"on disk": os.DirFS(root), "without a time": fstest.MapFS{"a.txt": {Data: []byte("0123456789")}}} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, checked(t, middleware.StaticFiles(fsys, middleware.StaticFilesOptions{CacheControl: "no-cache"})), func(t *testing.T, m modgo.Middleware) {
				s := serveSite(t, "", m(next))
				first := s.do(t, "GET", "/a.txt")
				tag := first.Header.Get("Etag")
				if first.Body != "0123456789" || len(tag) < 3 || tag[0] != '"' || first.Header.Get("Cache-Control") != "no-cache" || first.Header.Get("Accept-Ranges") != "bytes" {
					t.Fatalf("%v %q", first.Header, first.Body)
				}
				if got := first.Header.Get("Last-Modified") != ""; got != (name == "on disk") {
					t.Errorf("Last-Modified is %q", first.Header.Get("Last-Modified"))
				}
				for _, test := range []struct {
					header string
					status int
					body   string
				}{
					{"If-None-Match: " + tag, 304, ""},
					{"If-None-Match: W/" + tag, 304, ""}, // as Gzip has made it
					{`If-None-Match: "other"`, 200, "0123456789"},
					{`If-Match: "other"`, 412, ""},
					{"Range: bytes=2-4", 206, "234"},
					{"Range: bytes=-2", 206, "89"},
					{"Range: bytes=20-", 416, "invalid range: failed to overlap\n"},
				} {
					if r := s.do(t, "GET", "/a.txt", test.header); r.StatusCode != test.status || r.Body != test.body {
						t.Errorf("%s: %d %q; want %d %q", test.header, r.StatusCode, r.Body, test.status, test.body)
					}
				}
				if r := s.do(t, "GET", "/a.txt", "Range: bytes=0-0,5-6"); r.StatusCode != 206 || !strings.Contains(r.Body, "56") || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/byteranges") {
					t.Errorf("two ranges: %d %v %q", r.StatusCode, r.Header, r.Body)
				}
			})
		})
	}
	t.Run("the ETag changes with the file", func(t *testing.T) {
		s := serveSite(t, "", middleware.FileServer(os.DirFS(root), middleware.StaticFilesOptions{}))
		tags := map[string]bool{}
		for i, change := range []func() error{
			func() error { return nil },
			func() error { return os.Chtimes(filepath.Join(root, "a.txt"), modified, modified.Add(1)) },
			func() error { return os.WriteFile(filepath.Join(root, "a.txt"), []byte("longer than it was"), 0o644) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if tags[s.do(t, "GET", "/a.txt").Header.Get("Etag")] = true; len(tags) != i+1 {
				t.Errorf("change %d left the ETag as it was", i)
			}
		}
	})
	t.Run("embedded", func(t *testing.T) {
		s := serveSite(t, "", middleware.FileServer(embedded, middleware.StaticFilesOptions{}))
		a, b := s.do(t, "GET", "/staticfiles.go"), s.do(t, "GET", "/staticfiles_send.go")
		if a.Header.Get("Etag") == "" || a.Header.Get("Etag") == b.Header.Get("Etag") {
			t.Errorf("the ETags are %q and %q", a.Header.Get("Etag"), b.Header.Get("Etag"))
		}
	})
}

func TestStaticFilesSendsPrecompressedFiles(t *testing.T) {
	const script = "let a = 1;"
	root := tree(t, map[string]string{"a.js": script, "a.js.gz": zipped(script), "b.js": script, "old.js": script, "old.js.gz": zipped("old"), "d.js": script, "d.js.gz/x": ""})
	now := time.Now()
	for name, age := range map[string]time.Duration{"a.js": 0, "a.js.gz": 0, "old.js": 0, "old.js.gz": time.Hour} {
		if err := os.Chtimes(filepath.Join(root, name), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	m := checked(t, modgo.Middleware(func(app modgo.Application) modgo.Application {
		return modgo.Chain(app, middleware.Gzip(middleware.GzipOptions{}), middleware.StaticFiles(os.DirFS(root), middleware.StaticFilesOptions{Precompressed: true}))
	}))
	s := serveSite(t, "", m(next))
	plain, packed := s.do(t, "GET", "/a.js"), s.do(t, "GET", "/a.js", "Accept-Encoding: gzip")
	if plain.Body != script || plain.Header.Get("Vary") != "Accept-Encoding" || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v %q", plain.Header, plain.Body)
	}
	if packed.unzipped(t) != script || packed.Header.Get("Vary") != "Accept-Encoding" || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Content-Type") != plain.Header.Get("Content-Type") {
		t.Errorf("%v %q", packed.Header, packed.Body)
	}
	if a, b := plain.Header.Get("Etag"), packed.Header.Get("Etag"); a == b || a == "" || strings.HasPrefix(b, "W/") {
		t.Errorf("the ETags are %s and %s", a, b)
	}
	if packed.ContentLength != int64(len(zipped(script))) {
		t.Errorf("the length is %d", packed.ContentLength)
	}
	if r := s.do(t, "GET", "/a.js", "Accept-Encoding: gzip", "If-None-Match: "+packed.Header.Get("Etag")); r.StatusCode != 304 {
		t.Errorf("%d", r.StatusCode)
	}
	for _, path := range []string{"/b.js", "/old.js", "/d.js"} {
		if r := s.do(t, "GET", path, "Accept-Encoding: gzip"); r.Body != script {
			t.Errorf("%s: %v %q; want the file itself", path, r.Header, r.Body)
		}
	}
}

// broken is a file system that has lost its disk.
type broken struct{ err error }

func (b broken) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: b.err}
}

func TestStaticFilesSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
	}{{errors.New("input/output error"), 500}, {fs.ErrPermission, 403}} {
		s := serveSite(t, "", middleware.StaticFiles(broken{test.err}, middleware.StaticFilesOptions{})(next))
		r := s.do(t, "GET", "/a.txt")
		if log := s.Errors.String(); r.StatusCode != test.status || !strings.Contains(log, "middleware.StaticFiles: open a.txt: "+test.err.Error()) || strings.Contains(r.Body, "a.txt") {
			t.Errorf("%d %q, logged %q", r.StatusCode, r.Body, log)
		}
	}
	for want, mistake := range map[string]func(){
		"FileServer: the file system is nil": func() { middleware.FileServer(nil, middleware.StaticFilesOptions{}) },
		`StaticFiles: the Index "a/b" is no`: func() { middleware.StaticFiles(embedded, middleware.StaticFilesOptions{Index: "a/b"}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("%s; want %s", got, want)
				}
			}()
			mistake()
		}()
	}
}

// counting counts how many of its files are open.
type counting struct {
	fs.FS
	opened, closed int
}

type countedFile struct {
	*os.File
	c *counting
}

func (f *countedFile) Close() error {
	f.c.closed++
	return f.File.Close()
}

func (c *counting) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	c.opened++
	return &countedFile{f.(*os.File), c}, nil
}

func TestStaticFilesClosesWhatItOpens(t *testing.T) {
	root := tree(t, map[string]string{"a.js": "0123456789", "a.js.gz": zipped("0123456789"), "dir/index.html": "x", "bare/x": ""})
	epoch := time.Unix(0, 0)
	if err := os.Chtimes(filepath.Join(root, "dir/index.html"), epoch, epoch); err != nil {
		t.Fatal(err)
	}
	for _, request := range [][]string{
		{"GET", "/a.js"}, {"HEAD", "/a.js"}, {"GET", "/a.js", "Accept-Encoding: gzip"}, {"GET", "/a.js", "Range: bytes=1-2"}, {"GET", "/a.js", "Range: bytes=1-2,4-5"},
		{"GET", "/a.js", "Range: bytes=99-"}, {"GET", "/a.js", "If-None-Match: *"}, {"GET", "/dir"}, {"GET", "/dir/"}, {"GET", "/bare"}, {"GET", "/a.js/"}, {"GET", "/none"},
	} {
		c := &counting{FS: os.DirFS(root)}
		t.Run(strings.Join(request, " "), func(t *testing.T) {
			serveSite(t, "", middleware.StaticFiles(c, middleware.StaticFilesOptions{Precompressed: true})(next)).do(t, request[0], request[1], request[2:]...)
		})
		if c.opened != c.closed || c.opened == 0 && request[1] != "/none" {
			t.Errorf("%q: %d files were opened, %d closed", request, c.opened, c.closed)
		}
	}
}

package middleware_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// named answers with its name and where it found itself.
func named(name string) modgo.Application {
	return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(name + " " + env.Get("SCRIPT_NAME") + "|" + env.Get("PATH_INFO"))
	}
}

func TestMount(t *testing.T) {
	some := map[string]modgo.Application{"/a": named("a"), "/a/b": named("ab"), "/long/er/one": named("long"), "/käse brot": named("käse")}
	rest := map[string]modgo.Application{"/": named("rest"), "/a": named("a")}
	for _, test := range []struct {
		mounts       map[string]modgo.Application
		script, path string
		want         string // "" for 404
	}{
		{some, "", "/a", "a /a|"},
		{some, "", "/a/", "a /a|/"},
		{some, "", "/a/c", "a /a|/c"},
		{some, "", "/ab", ""},
		{some, "", "/a/b", "ab /a/b|"},
		{some, "", "/a/b/c/d", "ab /a/b|/c/d"},
		{some, "", "/a/bc", "a /a|/bc"},
		{some, "", "/a//b", "a /a|//b"},
		{some, "", "/A", ""},
		{some, "", "/long/er", ""},
		{some, "", "/long/er/one/x", "long /long/er/one|/x"},
		{some, "", "/long/er/ones", ""},
		{some, "", "/käse brot/x", "käse /käse brot|/x"},
		{some, "", "/", ""},
		{some, "", "", ""},
		{some, "", "*", ""},
		{some, "/site", "/a/c", "a /site/a|/c"},
		{some, "/a", "/x", ""},
		{rest, "", "/", "rest |/"},
		{rest, "", "", "rest |"},
		{rest, "", "*", "rest |*"},
		{rest, "/site", "", "rest /site|"},
		{rest, "/site", "/b/c", "rest /site|/b/c"},
		{rest, "", "/a/b", "a /a|/b"},
		{rest, "", "/ab", "rest |/ab"},
		{rest, "", strings.Repeat("/", 10000), "rest |" + strings.Repeat("/", 10000)},
		{nil, "", "/a", ""},
	} {
		t.Run(test.script+"|"+test.path[:min(len(test.path), 20)], func(t *testing.T) {
			host := new(recorder)
			env := requestOf("GET", "/", "", "SCRIPT_NAME", test.script, "PATH_INFO", test.path)
			app := middleware.Mount(test.mounts)
			if test.path != "*" { // which is the test's own fault
				app = modgo.Chain(app, validate.Testing(t))
			}
			if raised, err := serve(host, env, app); err != nil || raised != nil {
				t.Fatal(err, raised)
			}
			if test.want == "" && (host.status() != 404 || host.body() != "Not Found\n" || env.Get("PATH_INFO") != test.path) {
				t.Errorf("%d %q; want 404", host.status(), host.body())
			}
			if test.want != "" && (host.status() != 200 || host.body() != test.want) {
				t.Errorf("%d %q; want %q", host.status(), host.body(), test.want)
			}
		})
	}
}

func TestMountNests(t *testing.T) {
	inner := middleware.Mount(map[string]modgo.Application{"/b": named("b")})
	host := new(recorder)
	app := middleware.Mount(map[string]modgo.Application{"/a": checked(t, func(app modgo.Application) modgo.Application { return app })(inner)})
	if raised, err := serve(host, requestOf("GET", "/a/b/c", ""), app); err != nil || raised != nil || host.body() != "b /a/b|/c" {
		t.Errorf("%v, %v: %q", err, raised, host.body())
	}
}

func TestMountHandler(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.URL.EscapedPath(), modgo.FromContext(r.Context()).Get("SCRIPT_NAME"))
	})
	s := serveSite(t, "", middleware.Mount(map[string]modgo.Application{"/a b": modgo.FromHandler(h)}))
	r := s.do(t, "GET", "/a%20b/c%2Fd")
	if r.Err != nil || r.StatusCode != 200 || r.Body != "/c/d /c%2Fd /a b" {
		t.Errorf("%v: %q", r.Err, r.Body)
	}
}

func TestMountRefuses(t *testing.T) {
	for at, problem := range map[string]string{
		"":       "begin",
		"a":      "begin",
		"/a/":    `ends with "/"`,
		"//":     `ends with "/"`,
		"/a//b":  `segment ""`,
		"/a/..":  `segment ".."`,
		"/./a":   `segment "."`,
		"/nil":   "nil",
		"a/b/c/": "begin",
	} {
		t.Run(at, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, problem) || !strings.Contains(text, fmt.Sprintf("%q", at)) {
					t.Errorf("panicked with %s; want the key, and %s", text, problem)
				}
			}()
			app := named("app")
			if at == "/nil" {
				app = nil
			}
			middleware.Mount(map[string]modgo.Application{at: app})
		})
	}
}

func ExampleMount() {
	hello := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("mounted at " + env.Get("SCRIPT_NAME") + ", asked for " + env.Get("PATH_INFO"))
	}
	application := middleware.Mount(map[string]modgo.Application{
		"/hello": hello,
		"/files": modgo.FromHandler(http.NotFoundHandler()),
	})
	show(application, requestOf("GET", "/hello/world", ""))
	// Output:
	// 200 mounted at /hello, asked for /world
}

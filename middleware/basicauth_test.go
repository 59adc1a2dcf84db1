package middleware_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
	"golang.org/x/crypto/bcrypt"
)

// basic is the value of the header Authorization.
func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

var annAndOthers = middleware.BasicAuthUsers(map[string]string{"ann": "secret", "bob": "", "käthe": "grün:blau"})

func TestBasicAuthIsTransparent(t *testing.T) {
	checkTransparent(t, middleware.BasicAuth("test", annAndOthers), func(method string) *modgo.Environ {
		return requestOf(method, "/", "", "HTTP_AUTHORIZATION", basic("ann:secret"))
	})
}

func TestBasicAuth(t *testing.T) {
	trust := []middleware.BasicAuthOption{middleware.BasicAuthTrustServer()}
	for _, test := range []struct {
		name      string
		method    string
		options   []middleware.BasicAuthOption
		variables []string
		user      string // "" for 401
		kind      string
		logged    bool
	}{
		{name: "right", variables: []string{"HTTP_AUTHORIZATION", basic("ann:secret")}, user: "ann", kind: "Basic"},
		{name: "scheme in another case", variables: []string{"HTTP_AUTHORIZATION", "bAsIc" + basic("ann:secret")[5:]}, user: "ann", kind: "Basic"},
		{name: "UTF-8, and a colon in the password", variables: []string{"HTTP_AUTHORIZATION", basic("käthe:grün:blau")}, user: "käthe", kind: "Basic"},
		{name: "an empty password that is right", variables: []string{"HTTP_AUTHORIZATION", basic("bob:")}, user: "bob", kind: "Basic"},
		{name: "none"},
		{name: "none, HEAD", method: "HEAD"},
		{name: "wrong password", variables: []string{"HTTP_AUTHORIZATION", basic("ann:Secret")}},
		{name: "a password with more behind", variables: []string{"HTTP_AUTHORIZATION", basic("ann:secret\x00")}},
		{name: "another's password", variables: []string{"HTTP_AUTHORIZATION", basic("ann:grün:blau")}},
		{name: "empty password", variables: []string{"HTTP_AUTHORIZATION", basic("ann:")}},
		{name: "unknown user", variables: []string{"HTTP_AUTHORIZATION", basic("eve:secret")}},
		{name: "no user", variables: []string{"HTTP_AUTHORIZATION", basic(":")}},
		{name: "no colon", variables: []string{"HTTP_AUTHORIZATION", basic("ann")}},
		{name: "another scheme", variables: []string{"HTTP_AUTHORIZATION", "Bearer" + basic("ann:secret")[5:]}},
		{name: "no base64", variables: []string{"HTTP_AUTHORIZATION", "Basic %%%"}},
		{name: "empty", variables: []string{"HTTP_AUTHORIZATION", ""}},
		{name: "a user with control characters", variables: []string{"HTTP_AUTHORIZATION", basic("ann\nroot:secret")}},

		{name: "the server's user, not asked for", variables: []string{"REMOTE_USER", "sso", "AUTH_TYPE", "openid", "HTTP_AUTHORIZATION", "Bearer x"}},
		{name: "the server's user, header hidden", variables: []string{"REMOTE_USER", "sso", "AUTH_TYPE", "Basic"}, logged: true},
		{name: "the server's user, and ours", variables: []string{"REMOTE_USER", "sso", "AUTH_TYPE", "Basic", "HTTP_AUTHORIZATION", basic("ann:secret")}, user: "ann", kind: "Basic"},
		{name: "the server's user, trusted", options: trust, variables: []string{"REMOTE_USER", "sso", "AUTH_TYPE", "openid"}, user: "sso", kind: "openid"},
		{name: "trusted, without one", options: trust},
		{name: "trusted, without one, ours", options: trust, variables: []string{"HTTP_AUTHORIZATION", basic("ann:secret")}, user: "ann", kind: "Basic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := new(recorder)
			method := test.method
			if method == "" {
				method = "GET"
			}
			env := requestOf(method, "/", "", test.variables...)
			called := false
			app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				called = true
				return starting("200 OK", modgo.Text(env.Get("REMOTE_USER")+" by "+env.Get("AUTH_TYPE")))(env, start)
			}
			m := middleware.BasicAuth(`the "inner" \ circle`, annAndOthers, test.options...)
			// The validator outside alone takes a control character in a variable for the server's fault, too.
			if raised, err := serve(host, env, checked(t, m)(app)); err != nil || raised != nil {
				t.Fatal(err, raised)
			}
			challenge, times := host.header("WWW-Authenticate")
			switch {
			case test.user != "" && (host.status() != 200 || host.body() != test.user+" by "+test.kind || times != 0):
				t.Errorf("%d %q; want %s by %s", host.status(), host.body(), test.user, test.kind)
			case test.user == "" && (host.status() != 401 || called || times != 1 || challenge != `Basic realm="the \"inner\" \\ circle", charset="UTF-8"`):
				t.Errorf("%d, called %v, challenge %q, %d times", host.status(), called, challenge, times)
			}
			if log := strings.Join(errorsOf(env), ""); test.logged != strings.Contains(log, "GoPassAuthorization On") || !test.logged && log != "" {
				t.Errorf("logged %q", log)
			}
		})
	}
}

func TestBasicAuthLogsHiddenHeaderOnce(t *testing.T) {
	app := middleware.BasicAuth("test", annAndOthers)(starting("204 No Content", nil))
	lines := 0
	for range 3 {
		env := requestOf("GET", "/", "", "REMOTE_USER", "sso")
		serve(new(recorder), env, app)
		lines += len(errorsOf(env))
	}
	if lines != 1 {
		t.Errorf("%d lines; want 1", lines)
	}
}

func TestBasicAuthRefuses(t *testing.T) {
	for name, construct := range map[string]func(){
		"realm": func() { middleware.BasicAuth("a\r\nX-Injected: yes", annAndOthers) },
		"check": func() { middleware.BasicAuth("a", nil) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "middleware.BasicAuth: the "+name) {
					t.Errorf("panicked with %q", text)
				}
			}()
			construct()
		}()
	}
}

func TestBasicAuthHandler(t *testing.T) {
	server := httptest.NewServer(middleware.BasicAuth("test", annAndOthers).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, modgo.FromContext(r.Context()).Get("REMOTE_USER"))
	})))
	defer server.Close()
	if r := fetch(t, "GET", server.URL, "", "Authorization: "+basic("ann:secret")); r.Err != nil || r.StatusCode != 200 || r.Body != "ann" {
		t.Errorf("%v: %q", r.Err, r.Body)
	}
	if r := fetch(t, "GET", server.URL, ""); r.Err != nil || r.StatusCode != 401 {
		t.Errorf("%v: %v; want 401", r.Err, r.StatusCode)
	}
}

func hashed(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return "$2y" + string(hash[3:]) // as htpasswd writes it
}

func TestBasicAuthHtpasswd(t *testing.T) {
	path := t.TempDir() + "/users"
	text := "# staff\n\nann:" + hashed(t, "secret") + "\r\nann:" + hashed(t, "later") + "\nbob:" + hashed(t, "") + " \n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check, err := middleware.BasicAuthHtpasswd(path)
	if err != nil {
		t.Fatal(err)
	}
	for credentials, want := range map[string]bool{"ann:secret": true, "ann:later": false, "bob:": true, "bob:x": false, "eve:": false, "eve:secret": false, ":": false, "# staff:": false} {
		user, password, _ := strings.Cut(credentials, ":")
		if got := check(nil, user, password); got != want {
			t.Errorf("%s: %v; want %v", credentials, got, want)
		}
	}
}

func TestBasicAuthHtpasswdErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"other hash": {"# x\nann:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n", `users:2: the password of "ann" is not hashed with bcrypt; set it with: htpasswd -B`},
		"plain text": {"ann:secret\n", "users:1: the password"},
		"no colon":   {"ann\n", "users:1: not of the form USER:HASH"},
		"no user":    {":hash\n", "users:1: not of the form USER:HASH"},
		"empty":      {"# nobody\n", "has no users; add one with: htpasswd -B"},
		"absent":     {"", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/users"
			if name != "absent" {
				if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := middleware.BasicAuthHtpasswd(path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want %q", err, test.want)
			}
		})
	}
}

func ExampleBasicAuth() {
	application := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("hello " + env.Get("REMOTE_USER"))
	}
	users := middleware.BasicAuthUsers(map[string]string{"ann": "secret"})
	protected := middleware.BasicAuth("back office", users)(application)
	env := requestOf("GET", "/", "")
	env.Set("HTTP_AUTHORIZATION", "Basic YW5uOnNlY3JldA==") // ann:secret
	show(protected, env)
	// Output:
	// 200 hello ann
}

package middleware_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

// key is a key of bytes that a test can tell apart.
func key(b byte) middleware.SessionKey {
	return middleware.SessionKey{Sign: []byte(strings.Repeat(string(rune(b)), 32))}
}

func keys(bytes string) (keys []middleware.SessionKey) {
	for i := range len(bytes) {
		keys = append(keys, key(bytes[i]))
	}
	return keys
}

func ExampleSession() {
	counter := func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		session := middleware.SessionFrom(env)
		var visits int
		if _, err := session.Get("visits", &visits); err != nil {
			return func(yield func([]byte, error) bool) { yield(nil, err) }
		}
		visits++
		if err := session.Set("visits", visits); err != nil {
			return func(yield func([]byte, error) bool) { yield(nil, err) }
		}
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(fmt.Sprint("visit ", visits))
	}
	secret := middleware.SessionKey{Sign: []byte("32 random bytes, from a file ...")}
	application := middleware.Session([]middleware.SessionKey{secret}, middleware.SessionOptions{})(counter)

	handler := modgo.ToHandler(application)
	var cookie *http.Cookie
	for range 3 {
		request := httptest.NewRequest("GET", "/", nil)
		if cookie != nil {
			request.AddCookie(cookie)
		}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		cookie = response.Result().Cookies()[0]
		fmt.Println(response.Body)
	}
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

// a step of an application that has a session.
type step func(s *middleware.SessionData) error

// run has the application take the step in a request with these cookies, and returns the response.
func run(t *testing.T, m modgo.Middleware, variables map[string]string, take step) (cookies []*http.Cookie, header http.Header) {
	t.Helper()
	env := environ.New(environ.Config{})
	env.Set("wsgi.url_scheme", "http")
	for name, value := range variables {
		env.Set(name, value)
	}
	response := &http.Response{Header: http.Header{}}
	app := m(func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		if err := take(middleware.SessionFrom(env)); err != nil {
			t.Error(err)
		}
		startResponse("200 OK", text)
		return modgo.Text("hello")
	})
	app(env, func(_ string, headers modgo.Headers, _ ...error) io.Writer {
		for _, h := range headers {
			response.Header.Add(h[0], h[1])
		}
		return io.Discard
	})
	if len(text) != 1 {
		t.Fatal("the application's own headers were changed")
	}
	return response.Cookies(), response.Header
}

// made is a cookie header with a session in which a is 1.
func made(t *testing.T, m modgo.Middleware) map[string]string {
	t.Helper()
	cookies, _ := run(t, m, nil, func(s *middleware.SessionData) error { return s.Set("a", 1) })
	if len(cookies) != 1 {
		t.Fatalf("%d cookies were set", len(cookies))
	}
	return map[string]string{"HTTP_COOKIE": cookies[0].Name + "=" + cookies[0].Value}
}

// empty fails where the session has a value.
func empty(s *middleware.SessionData) error {
	if names := s.Names(); len(names) > 0 {
		return fmt.Errorf("the session has %q", names)
	}
	return nil
}

// one fails where a is not 1.
func one(s *middleware.SessionData) error {
	var a int
	if found, err := s.Get("a", &a); err != nil || !found || a != 1 {
		return fmt.Errorf("a is %d, %v, %v; want 1", a, found, err)
	}
	return nil
}

func TestSessionRemembersValuesOfAnyType(t *testing.T) {
	type user struct {
		Name  string
		Since time.Time
		Roles []string
	}
	want := user{"Ada \x00\"; é", time.Date(2026, 3, 1, 9, 30, 0, 5, time.UTC), []string{"a", "b"}}
	for name, key := range map[string]middleware.SessionKey{
		"signed":    key('k'),
		"encrypted": {Sign: key('k').Sign, Encrypt: []byte("0123456789abcdef")},
	} {
		t.Run(name, func(t *testing.T) {
			m := middleware.Session([]middleware.SessionKey{key}, middleware.SessionOptions{})
			cookies, header := run(t, m, nil, func(s *middleware.SessionData) error {
				return errors.Join(s.Set("user", want), s.Set("n", int64(1)<<60), s.Set("gone", 1), s.Delete("gone"))
			})
			if len(cookies) != 1 || header.Get("Vary") != "Cookie" {
				t.Fatalf("%v", header)
			}
			payload, _ := base64.URLEncoding.DecodeString(cookies[0].Value)
			inner := strings.Split(string(payload), "|")[1]
			if text, _ := base64.URLEncoding.DecodeString(inner); strings.Contains(string(text), "Since") == (key.Encrypt != nil) {
				t.Errorf("the cookie holds %q", text)
			}
			run(t, m, map[string]string{"HTTP_COOKIE": "x=1; session=" + cookies[0].Value}, func(s *middleware.SessionData) error {
				var got user
				var n int64
				found, err := s.Get("user", &got)
				if _, err := s.Get("n", &n); err != nil || n != 1<<60 {
					t.Errorf("n is %d (%v)", n, err)
				}
				if !found || fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%v %v; want %v", found, got, want)
				}
				if got := fmt.Sprint(s.Names()); got != "[n user]" {
					t.Errorf("the names are %s", got)
				}
				if found, err := s.Get("gone", &n); found || err != nil {
					t.Errorf("what was deleted is there: %v, %v", found, err)
				}
				if _, err := s.Get("user", &n); err == nil || !strings.Contains(err.Error(), `"user"`) || !strings.Contains(err.Error(), "*int64") {
					t.Errorf("a user in a number: %v", err)
				}
				return err
			})
		})
	}
}

func TestSessionChangesThatCannotBeKept(t *testing.T) {
	m := middleware.Session(keys("k"), middleware.SessionOptions{})
	cookies, _ := run(t, m, nil, func(s *middleware.SessionData) error {
		if err := s.Set("a", 1); err != nil {
			return err
		}
		if err := s.Set("f", func() {}); err == nil || !strings.Contains(err.Error(), `"f"`) {
			t.Errorf("a function: %v", err)
		}
		err := s.Set("big", strings.Repeat("x", 3000))
		if err == nil || !strings.Contains(err.Error(), "4096") || !strings.Contains(err.Error(), "3016 bytes of JSON") || !strings.Contains(err.Error(), "database") {
			t.Errorf("a large value: %v", err)
		}
		return s.Set("big", strings.Repeat("x", 2200)) // what the documentation promises
	})
	if len(cookies) != 1 || len(cookies[0].Name+cookies[0].Value) > 4096 {
		t.Fatalf("%d cookies", len(cookies))
	}
	run(t, m, map[string]string{"HTTP_COOKIE": "session=" + cookies[0].Value}, one)

	var session *middleware.SessionData
	run(t, m, nil, func(s *middleware.SessionData) error { session = s; return s.Set("a", 1) })
	for name, err := range map[string]error{"Set": session.Set("a", 2), "Delete": session.Delete("a"), "Clear": session.Clear(), "Renew": session.Renew()} {
		if !errors.Is(err, middleware.ErrSessionSent) {
			t.Errorf("%s after startResponse: %v", name, err)
		}
	}
	if err := errors.Join(session.Set("a", 1), one(session)); err != nil {
		t.Errorf("no change after startResponse: %v", err)
	}
}

func TestSessionIsInAResponseThatReplacesAnother(t *testing.T) {
	s := serveSite(t, "", checked(t, middleware.Session(keys("k"), middleware.SessionOptions{}))(func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		if err := middleware.SessionFrom(env).Set("a", 1); err != nil {
			t.Error(err)
		}
		startResponse("200 OK", text)
		startResponse("503 Service Unavailable", text, errors.New("cause"))
		return modgo.Text("busy")
	}))
	if r := s.do(t, "GET", "/"); r.StatusCode != 503 || len(r.Cookies()) != 1 {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

func TestSessionOfAHandler(t *testing.T) {
	counter := modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := middleware.SessionFromContext(r.Context())
		n := 0
		_, err := session.Get("n", &n)
		if err = errors.Join(err, session.Set("n", n+1)); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, n)
	}))
	bothWays(t, checked(t, middleware.Session(keys("k"), middleware.SessionOptions{})), func(t *testing.T, m modgo.Middleware) {
		s := serveSite(t, "/shop", m(counter))
		cookie := ""
		for want := range 3 {
			r := s.do(t, "GET", "/", "Cookie: "+cookie)
			if r.Body != fmt.Sprint(want) || len(r.Cookies()) != 1 || r.Cookies()[0].Path != "/shop" {
				t.Fatalf("%q %v; want %d", r.Body, r.Header, want)
			}
			cookie = "session=" + r.Cookies()[0].Value
		}
	})
}

func TestSessionMistakesOfTheProgramAreSentences(t *testing.T) {
	long := strings.Repeat("x", 32)
	with := func(options middleware.SessionOptions) func() {
		return func() { middleware.Session(keys("k"), options) }
	}
	for want, mistake := range map[string]func(){
		"at least one": func() { middleware.Session(nil, middleware.SessionOptions{}) },
		"key 1: its Sign has 5 bytes": func() {
			middleware.Session([]middleware.SessionKey{{Sign: []byte("short")}}, middleware.SessionOptions{})
		},
		"key 2: its Sign has 0 bytes": func() { middleware.Session([]middleware.SessionKey{key('k'), {}}, middleware.SessionOptions{}) },
		"Encrypt has 5 bytes: it needs 16,": func() {
			middleware.Session([]middleware.SessionKey{{Sign: []byte(long), Encrypt: []byte("short")}}, middleware.SessionOptions{})
		},
		"invalid Cookie.Name":     with(middleware.SessionOptions{Name: "a b"}),
		"invalid Cookie.Domain":   with(middleware.SessionOptions{Domain: "a;b"}),
		"MaxAge is -1s":           with(middleware.SessionOptions{MaxAge: -time.Second}),
		"whole seconds":           with(middleware.SessionOptions{MaxAge: time.Millisecond}),
		"set Secure":              with(middleware.SessionOptions{SameSite: http.SameSiteNoneMode}),
		"wrap the application in": func() { middleware.SessionFrom(environ.New(environ.Config{})) },
		"has no session":          func() { middleware.SessionFromContext(t.Context()) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("%s; want something with %q", got, want)
				}
			}()
			mistake()
		})
	}
}

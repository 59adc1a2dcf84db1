package middleware_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/middleware"
)

func TestSessionCookieIsSetWhenTheSessionChanged(t *testing.T) {
	m := middleware.Session(keys("k"), middleware.SessionOptions{})
	old := made(t, m)
	for _, test := range []struct {
		name      string
		variables map[string]string
		take      step
		want      string // "" no cookie, "set" or "taken away"
		vary      string
	}{
		{"not looked at", old, func(*middleware.SessionData) error { return nil }, "", ""},
		{"looked at", old, one, "", "Cookie"},
		{"the same value", old, func(s *middleware.SessionData) error { return s.Set("a", 1) }, "", "Cookie"},
		{"another value", old, func(s *middleware.SessionData) error { return s.Set("a", 2) }, "set", "Cookie"},
		{"a value more", old, func(s *middleware.SessionData) error { return s.Set("b", nil) }, "set", "Cookie"},
		{"deleted", old, func(s *middleware.SessionData) error { return s.Delete("a") }, "taken away", "Cookie"},
		{"nothing deleted", old, func(s *middleware.SessionData) error { return s.Delete("b") }, "", "Cookie"},
		{"cleared", old, func(s *middleware.SessionData) error { return s.Clear() }, "taken away", "Cookie"},
		{"cleared and begun anew", old, func(s *middleware.SessionData) error { return errors.Join(s.Clear(), s.Set("b", 1)) }, "set", "Cookie"},
		{"renewed", old, func(s *middleware.SessionData) error { return s.Renew() }, "set", "Cookie"},
		{"nothing cleared", nil, func(s *middleware.SessionData) error { return s.Clear() }, "", "Cookie"},
		{"nothing renewed", nil, func(s *middleware.SessionData) error { return s.Renew() }, "", "Cookie"},
		{"set and deleted", nil, func(s *middleware.SessionData) error { return errors.Join(s.Set("b", 1), s.Delete("b")) }, "", "Cookie"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cookies, header := run(t, m, test.variables, test.take)
			got := ""
			switch {
			case len(cookies) == 1 && cookies[0].MaxAge < 0 && cookies[0].Value == "":
				got = "taken away"
			case len(cookies) > 0:
				got = "set"
			}
			if got != test.want || header.Get("Vary") != test.vary {
				t.Errorf("the cookie is %q, want %q; Vary is %q, want %q", got, test.want, header.Get("Vary"), test.vary)
			}
		})
	}
}

func TestSessionCookieAttributes(t *testing.T) {
	for _, test := range []struct {
		name      string
		options   middleware.SessionOptions
		variables map[string]string
		want      string
	}{
		{"at the top, http", middleware.SessionOptions{}, nil, "session=V; Path=/; HttpOnly; SameSite=Lax"},
		{"https", middleware.SessionOptions{}, map[string]string{"wsgi.url_scheme": "https"}, "session=V; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"mounted", middleware.SessionOptions{}, map[string]string{"SCRIPT_NAME": "/a b;c/\xe9"}, "session=V; Path=/a%20b%3Bc/%E9; HttpOnly; SameSite=Lax"},
		{"all options", middleware.SessionOptions{Name: "s", Path: "/x", Domain: "example.org", MaxAge: 90 * time.Second, SameSite: http.SameSiteStrictMode, Secure: true},
			map[string]string{"SCRIPT_NAME": "/shop"}, "s=V; Path=/x; Domain=example.org; Max-Age=90; HttpOnly; Secure; SameSite=Strict"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := middleware.Session(keys("k"), test.options)
			cookies, _ := run(t, m, test.variables, func(s *middleware.SessionData) error { return s.Set("a", 1) })
			if len(cookies) != 1 {
				t.Fatalf("%d cookies", len(cookies))
			}
			if got := strings.Replace(cookies[0].Raw, cookies[0].Value, "V", 1); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			// Only a cookie of the same name, path and domain takes it away.
			variables := map[string]string{"HTTP_COOKIE": cookies[0].Name + "=" + cookies[0].Value}
			for name, value := range test.variables {
				variables[name] = value
			}
			gone, _ := run(t, m, variables, func(s *middleware.SessionData) error { return s.Clear() })
			if len(gone) != 1 || gone[0].Path != cookies[0].Path || gone[0].Domain != cookies[0].Domain || gone[0].Name != cookies[0].Name || gone[0].MaxAge >= 0 {
				t.Errorf("the cookie is taken away with %v", gone)
			}
		})
	}
}

// cookieOf is a cookie as package securecookie makes it, of any age.
func cookieOf(key middleware.SessionKey, made time.Time, values string) string {
	text := fmt.Sprintf("session|%d|%s", made.Unix(), base64.URLEncoding.EncodeToString([]byte(values)))
	mac := hmac.New(sha256.New, key.Sign)
	mac.Write([]byte(text))
	return base64.URLEncoding.EncodeToString(append([]byte(strings.TrimPrefix(text, "session|")+"|"), mac.Sum(nil)...))
}

func TestSessionAcceptsItsOwnCookiesOnly(t *testing.T) {
	now := time.Now()
	good := cookieOf(key('k'), now, `{"a":1}`)
	forged := []byte(good)
	forged[len(forged)/2] ^= 1
	hour := middleware.SessionOptions{MaxAge: time.Hour}
	for _, test := range []struct {
		name, cookies string
		options       middleware.SessionOptions
		take          step
	}{
		{"its own", "session=" + good, hour, one},
		{"no cookie", "", hour, empty},
		{"another name", "sessions=" + good, hour, empty},
		{"changed", "session=" + string(forged), hour, empty},
		{"cut", "session=" + good[:len(good)-4], hour, empty},
		{"no value", "session=", hour, empty},
		{"garbage", "session=AAAA; =; ;; \x00\xff", hour, empty},
		{"of another key", "session=" + cookieOf(key('x'), now, `{"a":1}`), hour, empty},
		{"no JSON", "session=" + cookieOf(key('k'), now, `{"a":`), hour, empty},
		{"no object", "session=" + cookieOf(key('k'), now, `null`), hour, empty},
		{"almost expired", "session=" + cookieOf(key('k'), now.Add(-59*time.Minute), `{"a":1}`), hour, one},
		{"expired", "session=" + cookieOf(key('k'), now.Add(-61*time.Minute), `{"a":1}`), hour, empty},
		{"until the browser is closed", "session=" + cookieOf(key('k'), now.Add(-29*24*time.Hour), `{"a":1}`), middleware.SessionOptions{}, one},
		{"but not for ever", "session=" + cookieOf(key('k'), now.Add(-31*24*time.Hour), `{"a":1}`), middleware.SessionOptions{}, empty},
		{"a foreign one of the name before it", "session=foreign; session=" + good, hour, one},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := middleware.Session(keys("k"), test.options)
			run(t, m, map[string]string{"HTTP_COOKIE": test.cookies}, test.take)
			// It can be begun anew, and an unusable cookie taken away.
			run(t, m, map[string]string{"HTTP_COOKIE": test.cookies}, func(s *middleware.SessionData) error { return errors.Join(s.Set("a", 1), one(s)) })
		})
	}
}

func TestSessionKeysAreRotated(t *testing.T) {
	options := middleware.SessionOptions{}
	before, during, after := middleware.Session(keys("o"), options), middleware.Session(keys("no"), options), middleware.Session(keys("n"), options)
	old := made(t, before)
	run(t, during, old, one)
	run(t, after, old, empty)
	renewed, _ := run(t, during, old, func(s *middleware.SessionData) error { return s.Renew() })
	run(t, after, map[string]string{"HTTP_COOKIE": "session=" + renewed[0].Value}, one)
}

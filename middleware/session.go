package middleware

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/mod-go/mod-go/modgo"
)

// A SessionKey secures the cookies of sessions. Every process that answers for the application needs the same keys, also after
// a restart: they belong into a file that only the server's user may read, not into a variable that a process makes for
// itself. `openssl rand 32` makes one.
type SessionKey struct {
	Sign    []byte // at least 32 random bytes: nobody without them can make or change a session
	Encrypt []byte // 16, 24 or 32 random bytes: nobody without them can read one; nil leaves sessions readable
}

// SessionOptions are the settings of Session; the zero value suits most.
type SessionOptions struct {
	Name   string // of the cookie; "" means "session"
	Path   string // "" means the application's SCRIPT_NAME
	Domain string // "" means the host that was asked, without its subdomains

	// MaxAge is how long a session lives from its last change. 0 lets the browser forget it when it is closed; the
	// server accepts it for 30 days.
	MaxAge time.Duration

	SameSite http.SameSite // 0 means http.SameSiteLaxMode
	Secure   bool          // under http, too, for a server behind a proxy that speaks https; under https it always is
}

const (
	sessionLife   = 30 * 24 * time.Hour
	sessionCookie = 4096 // bytes of name and value that browsers keep (RFC 6265 section 6.1)
)

// Session keeps values for each client from request to request, in a cookie that it signs, and encrypts if a key says so.
// SessionFrom gives them to the application. The first key makes cookies, all of them are accepted: a new key is put
// before the old one, which is taken away when its cookies have expired.
//
// The cookie is HttpOnly, and set when the session has changed by the time startResponse is called. A cookie that is expired,
// or was not made with one of the keys, is none: the session is empty. A response to a request whose session was looked
// at has Vary: Cookie, so that no cache gives it to others.
//
// The client holds the values: an old cookie that somebody has kept brings the old values back. What must not come back, such
// as a balance, belongs into a database under an id of the session's.
//
// Session panics where there is no key, or one of the wrong length.
func Session(keys []SessionKey, options SessionOptions) modgo.Middleware {
	c := &sessionConfig{SessionOptions: options}
	if c.Name == "" {
		c.Name = "session"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if problem := c.problem(); problem != "" {
		panic("middleware.Session: " + problem)
	}
	if len(keys) == 0 {
		panic("middleware.Session: there is no key: give at least one")
	}
	for i, key := range keys {
		codec, err := c.codec(key)
		if err != nil {
			panic(fmt.Sprintf("middleware.Session: key %d: %v", i+1, err))
		}
		c.codecs = append(c.codecs, codec)
	}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			s := &SessionData{config: c, cookies: env.Get("HTTP_COOKIE"), path: c.path(env), secure: c.Secure || env.URLScheme() == "https"}
			env.SetContext(context.WithValue(env.Context(), sessionKey{}, s)) // which handlers and routers pass on
			return app(env, func(status string, headers modgo.Headers, cause ...error) io.Writer {
				w := startResponse(status, s.addTo(headers), cause...)
				s.started = true
				return w
			})
		}
	}
}

// sessionKey is the context key of SessionFromContext.
type sessionKey struct{}

// SessionFrom returns the session of the request. It panics where the application is not wrapped in Session.
func SessionFrom(env *modgo.Environ) *SessionData { return SessionFromContext(env.Context()) }

// SessionFromContext is SessionFrom for an http.Handler, with the context of its request.
func SessionFromContext(ctx context.Context) *SessionData {
	s, ok := ctx.Value(sessionKey{}).(*SessionData)
	if !ok {
		panic("middleware.SessionFrom: the request has no session: wrap the application in middleware.Session")
	}
	return s
}

// sessionConfig is what the sessions of one middleware have in common.
type sessionConfig struct {
	SessionOptions
	codecs []*securecookie.SecureCookie
}

func (c *sessionConfig) problem() string {
	switch {
	case (&http.Cookie{Name: c.Name, Path: c.Path, Domain: c.Domain}).Valid() != nil:
		return (&http.Cookie{Name: c.Name, Path: c.Path, Domain: c.Domain}).Valid().Error()
	case c.MaxAge < 0:
		return fmt.Sprintf("MaxAge is %v: give how long a session lives, or 0 until the browser is closed", c.MaxAge)
	case c.MaxAge > 0 && c.MaxAge < time.Second:
		return fmt.Sprintf("MaxAge is %v: cookies know whole seconds", c.MaxAge)
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		return "SameSite=None without Secure is refused by browsers: set Secure"
	}
	return ""
}

func (c *sessionConfig) codec(key SessionKey) (*securecookie.SecureCookie, error) {
	if len(key.Sign) < 32 {
		return nil, fmt.Errorf("its Sign has %d bytes: it needs 32 random ones at least", len(key.Sign))
	}
	switch len(key.Encrypt) {
	case 0:
		key.Encrypt = nil
	case 16, 24, 32:
	default:
		return nil, fmt.Errorf("its Encrypt has %d bytes: it needs 16, 24 or 32 random ones, or none", len(key.Encrypt))
	}
	life := c.MaxAge
	if life == 0 {
		life = sessionLife
	}
	return securecookie.New(key.Sign, key.Encrypt).
		SetSerializer(securecookie.NopEncoder{}).MaxAge(int(life / time.Second)).MaxLength(0), nil // change looks after the length
}

// path is where the cookie is sent to. Browsers compare it with the path as it stands in the URL.
func (c *sessionConfig) path(env *modgo.Environ) string {
	path := c.Path
	if path == "" {
		path = env.Get("SCRIPT_NAME")
	}
	if path == "" {
		path = "/"
	}
	return strings.ReplaceAll((&url.URL{Path: path}).EscapedPath(), ";", "%3B") // which would end the attribute
}

// decode returns the values of the first cookie that was made with one of the keys; nil where there is none. Found tells
// whether there is a cookie at all.
func (c *sessionConfig) decode(cookies string) (values []byte, found bool) {
	request := http.Request{Header: http.Header{"Cookie": {cookies}}}
	for _, cookie := range request.CookiesNamed(c.Name) {
		found = true
		for _, codec := range c.codecs {
			if codec.Decode(c.Name, cookie.Value, &values) == nil {
				return values, true
			}
		}
	}
	return nil, found
}

// cookie is the session's cookie; without values one that takes it away.
func (s *SessionData) cookie(value string) *http.Cookie {
	c := s.config
	cookie := &http.Cookie{Name: c.Name, Value: value, Path: s.path, Domain: c.Domain, HttpOnly: true, Secure: s.secure, SameSite: c.SameSite}
	switch {
	case value == "":
		cookie.MaxAge = -1 // "Max-Age=0"
	case c.MaxAge > 0:
		cookie.MaxAge = int(c.MaxAge / time.Second)
	}
	return cookie
}

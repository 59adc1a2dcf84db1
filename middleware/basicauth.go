package middleware

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// A BasicAuthCheck tells whether the password is the user's. It should take as long for a user who does not exist as for
// one with another password, or clients can find out who exists. BasicAuthUsers and BasicAuthHtpasswd make such checks.
type BasicAuthCheck func(env *modgo.Environ, user, password string) bool

// A BasicAuthOption changes what BasicAuth does.
type BasicAuthOption func(*basicAuthConfig)

type basicAuthConfig struct{ trustServer bool }

// BasicAuthTrustServer lets those in whom the server has authenticated, by whatever means: a request that has a
// REMOTE_USER is not asked again.
func BasicAuthTrustServer() BasicAuthOption {
	return func(c *basicAuthConfig) { c.trustServer = true }
}

// BasicAuth asks clients for a user and a password (RFC 7617) and lets those in for whom check returns true. The
// application finds the user in REMOTE_USER, and "Basic" in AUTH_TYPE. Others get status 401. Passwords travel as good as
// in plain text: use it over TLS.
//
// Apache passes the header Authorization on unless it authenticates the request itself (AuthType, Require) or
// "GoPassAuthorization Off" is set. Where it does, no client gets in: the error log says so at the first one, and the cure
// is "GoPassAuthorization On" or, if Apache's authentication is enough, BasicAuthTrustServer.
//
// BasicAuth panics with a realm that has control characters, and without a check.
func BasicAuth(realm string, check BasicAuthCheck, options ...BasicAuthOption) modgo.Middleware {
	if !httpfield.ValidValue(realm) {
		panic(fmt.Sprintf("middleware.BasicAuth: the realm %q has control characters, which no header may have", realm))
	}
	if check == nil {
		panic("middleware.BasicAuth: the check is nil; nobody could get in, or everybody")
	}
	var config basicAuthConfig
	for _, option := range options {
		option(&config)
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm)
	challenge := [2]string{"WWW-Authenticate", `Basic realm="` + quoted + `", charset="UTF-8"`}
	var hidden sync.Once
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			serverUser, known := env.Lookup("REMOTE_USER")
			if known && config.trustServer {
				return app(env, start)
			}
			header, sent := env.Lookup("HTTP_AUTHORIZATION")
			if user, password, ok := credentials(header); ok && check(env, user, password) {
				env.Set("REMOTE_USER", user)
				env.Set("AUTH_TYPE", "Basic")
				return app(env, start)
			}
			if known && !sent {
				hidden.Do(func() { logHidden(env, serverUser) })
			}
			return answer(start, "401 Unauthorized", "", challenge)
		}
	}
}

// logHidden logs that the server keeps the header from the application.
func logHidden(env *modgo.Environ, user string) {
	_, _ = fmt.Fprintf(env.Errors(), "middleware.BasicAuth lets nobody in: the server has authenticated %q itself, and then hides the header "+
		"Authorization from applications; set GoPassAuthorization On to have both ask, or use middleware.BasicAuthTrustServer to have the server "+
		"alone ask (logged once)\n", user)
}

// credentials reads the header Authorization. A user's name with control characters is none (RFC 7617 section 2).
func credentials(header string) (user, password string, ok bool) {
	r := http.Request{Header: http.Header{"Authorization": {header}}}
	user, password, ok = r.BasicAuth()
	for i := range len(user) {
		if user[i] < ' ' || user[i] == 0x7f {
			return "", "", false
		}
	}
	return user, password, ok
}

// BasicAuthUsers is a check for these users and their passwords. Each answer takes as long as comparing all of them, so
// that it tells nothing: it is meant for a few.
func BasicAuthUsers(passwords map[string]string) BasicAuthCheck {
	type digests struct{ user, password [sha256.Size]byte }
	users := make([]digests, 0, len(passwords))
	for user, password := range passwords {
		users = append(users, digests{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))})
	}
	return func(_ *modgo.Environ, user, password string) bool {
		given := digests{sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))}
		found := 0
		for i := range users {
			found |= subtle.ConstantTimeCompare(users[i].user[:], given.user[:]) &
				subtle.ConstantTimeCompare(users[i].password[:], given.password[:])
		}
		return found == 1
	}
}

// Package composed puts all of package middleware round a few small applications, in the order that its documentation gives,
// and shows what each of them did to a request.
//
//	curl -i http://127.0.0.1:8000/composed/
//	curl -i --compressed http://127.0.0.1:8000/composed/static/layers.txt
//	curl -i -u ada:lovelace http://127.0.0.1:8000/composed/members
//	curl -i http://127.0.0.1:8000/composed/panic
//	curl -i http://127.0.0.1:8000/composed/slow
//
// Sessions are signed with a key made of the environment variable COMPOSED_SESSION_SECRET, which the configuration sets with
//
//	GoSetEnv COMPOSED_SESSION_SECRET "a long text that nobody can guess"
//
// Without it the key is made of a text that stands in this file, so that anybody can make a session: enough for a counter.
package composed

import (
	"crypto/sha256"
	"embed"
	"os"
	"time"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

// application is a variable: the layers are put together once in each process, not for each request.
var application = compose(os.Getenv("COMPOSED_SESSION_SECRET"), 2*time.Second)

// static is the folder static, whose files so have the path /static/.
//
//go:embed static
var static embed.FS

// compose puts the layers together. Secret is what the session's key is made of, patience what a request may take.
func compose(secret string, patience time.Duration) modgo.Application {
	return modgo.Chain(
		pages(),

		// Outermost, so that everything below, and every line in a log, can name the request.
		middleware.RequestID(),

		// Outside whatever makes or changes responses, so that it tells what the client really got: the 500 of Recover, the
		// 503 of Timeout, the bytes that Gzip left. What is printed under Apache stands in the error log.
		middleware.AccessLog(os.Stdout, middleware.JSONLog),

		// Round everything that may panic; inside AccessLog, which then sees a 500 like any other.
		middleware.Recover(),

		// The time of all below counts. There is no stream here, which it would cut: then it would stand in pages, round
		// those that need it.
		middleware.Timeout(patience),

		// Outside all that make bodies: pages, files, and the page of BasicAuth.
		middleware.Gzip(middleware.GzipOptions{}),

		// Inside Gzip and Timeout, because it only adds a header; outside Mount, so that one session serves all mounts,
		// with the cookie's path where the whole application is mounted.
		middleware.Session([]middleware.SessionKey{sessionKey(secret)}, middleware.SessionOptions{Name: "composed"}),

		// Directly before what looks at the method.
		middleware.MethodOverride(),

		// Innermost: it answers for files, and leaves the rest to pages. After MethodOverride, so that it never takes a
		// form that says DELETE for something to read.
		middleware.StaticFiles(static, middleware.StaticFilesOptions{CacheControl: "public, max-age=60"}),
	)
}

// pages hands each request to the application that its path names.
func pages() modgo.Application {
	members := middleware.BasicAuthUsers(map[string]string{"ada": "lovelace"}) // the page tells it to everybody
	return middleware.Mount(map[string]modgo.Application{
		"/": home,

		// Only this mount asks who it is; round everything it would stand between Gzip and Session. The base of the page's
		// links is the whole application's, which Mount has moved.
		"/members": modgo.Chain(member, middleware.BasicAuth("composed", members)),

		"/panic": func(*modgo.Environ, modgo.StartResponse) modgo.Body {
			panic("this application panics, as its page says")
		},
		"/slow": slow,
	})
}

// sessionKey makes a key of a secret. Each child process makes the same one, so that each accepts the others' cookies.
func sessionKey(secret string) middleware.SessionKey {
	if secret == "" {
		secret = publicSecret
	}
	key := sha256.Sum256([]byte(secret))
	return middleware.SessionKey{Sign: key[:]}
}

// publicSecret serves where nobody has set one.
const publicSecret = "the secret of the example application composed, which is none"

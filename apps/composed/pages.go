package composed

import (
	_ "embed"
	"fmt"
	"os"
	"strings"

	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

//go:embed composed.html
var content string

//go:embed composed.js
var script string

var composedPage = page.New("Composed", content, script)

// view is what the page shows: for each layer what it did.
type view struct {
	RequestID      string
	AcceptEncoding string
	User           string // "" for who has not said
	Visits         int
	Method         string
	Overridden     string // the method of the request line, where MethodOverride put another in its place
	ScriptName     string
	PathInfo       string
	Process        int
}

// home shows the page, and forgets the session when it is asked to.
func home(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	if path := env.Get("PATH_INFO"); path != "" && path != "/" {
		startResponse("404 Not Found", modgo.Headers{{"Content-Type", "text/plain; charset=utf-8"}})
		return modgo.Text("There is no such page here.\n")
	}
	switch env.Get("REQUEST_METHOD") {
	case "GET", "HEAD":
		return show(env, startResponse, env.Get("SCRIPT_NAME"))
	case "DELETE":
		if err := middleware.SessionFrom(env).Clear(); err != nil {
			return failed(err)
		}
		startResponse("303 See Other", modgo.Headers{{"Location", page.Base(env.Get("SCRIPT_NAME"))}, {"Content-Type", "text/plain; charset=utf-8"}})
		return modgo.Text("Forgotten.\n")
	default:
		startResponse("405 Method Not Allowed", modgo.Headers{{"Content-Type", "text/plain; charset=utf-8"}, {"Allow", "GET, HEAD, DELETE"}})
		return modgo.Text("GET shows the page, DELETE forgets the session.\n")
	}
}

// member shows the page to somebody whom BasicAuth has let in.
func member(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	return show(env, startResponse, strings.TrimSuffix(env.Get("SCRIPT_NAME"), "/members"))
}

// show counts the visit and shows the page. Mount is where the whole application is mounted.
func show(env *modgo.Environ, startResponse modgo.StartResponse, mount string) modgo.Body {
	session := middleware.SessionFrom(env)
	var visits int
	if _, err := session.Get("visits", &visits); err != nil {
		return failed(err)
	}
	visits++
	if err := session.Set("visits", visits); err != nil {
		return failed(err)
	}
	document, err := composedPage.Render(page.Base(mount), view{
		RequestID:      env.Get(middleware.RequestIDVariable),
		AcceptEncoding: env.Get("HTTP_ACCEPT_ENCODING"),
		User:           env.Get("REMOTE_USER"),
		Visits:         visits,
		Method:         env.Get("REQUEST_METHOD"),
		Overridden:     env.Get(middleware.MethodOverrideVariable),
		ScriptName:     env.Get("SCRIPT_NAME"),
		PathInfo:       env.Get("PATH_INFO"),
		Process:        os.Getpid(),
	})
	if err != nil {
		return failed(err)
	}
	startResponse("200 OK", modgo.Headers{
		{"Content-Type", "text/html; charset=utf-8"},
		{"Content-Security-Policy", composedPage.Policy()},
		{"Cache-Control", "no-store"}, // it counts
	})
	return modgo.Bytes(document)
}

// slow works until Timeout has had enough of it.
func slow(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	<-env.Context().Done()
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain; charset=utf-8"}})
	return modgo.Text("This comes too late for anybody to read.\n")
}

// failed ends the response with 500, and an error in the log.
func failed(err error) modgo.Body {
	return func(yield func([]byte, error) bool) { yield(nil, fmt.Errorf("composed: %w", err)) }
}

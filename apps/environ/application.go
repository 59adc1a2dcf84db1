// Package environ shows what a WSGI-style application finds in its environment: every variable, sorted and grouped, as a
// page in a browser or as one JSON object.
//
//	curl http://127.0.0.1:8000/environ
//	curl -H 'Accept: application/json' 'http://127.0.0.1:8000/environ/some/path?a=1'
//
// It shows everything, what the server's configuration sets included, to whoever asks: it is for a test server.
package environ

import (
	_ "embed"
	"encoding/json"
	"os"
	"runtime"
	"strconv"

	"github.com/mod-go/mod-go/apps/internal/accept"
	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/modgo"
)

//go:embed environ.html
var content string

var environPage = page.New("Environment of this request", content, "")

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	status, contentType := "200 OK", "text/plain; charset=utf-8"
	var body []byte
	var err error
	switch accept.Choose(env.Get("HTTP_ACCEPT"), accept.HTML, accept.JSON) {
	case accept.HTML:
		contentType = "text/html; charset=utf-8"
		body, err = document(env)
	case accept.JSON:
		contentType = "application/json"
		body, err = object(env)
	default:
		status = "406 Not Acceptable"
		body = []byte("The environment is shown as text/html or as application/json, and the Accept header of this request allows neither.\n")
	}
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	startResponse(status, modgo.Headers{
		{"Content-Type", contentType},
		{"Content-Length", strconv.Itoa(len(body))},
		{"Content-Security-Policy", environPage.Policy()},
		{"Cache-Control", "no-store"}, // cookies and credentials are among the variables
		{"Vary", "Accept"},
	})
	return modgo.Bytes(body)
}

// document is the environment as HTML.
func document(env *modgo.Environ) ([]byte, error) {
	type variable struct {
		Name  []segment
		Value []segment
	}
	type group struct {
		Title     string
		Variables []variable
	}
	groups := make([]group, len(groupTitles))
	for _, name := range env.Names() {
		g := &groups[groupOf(name)]
		g.Variables = append(g.Variables, variable{segments(name), segments(env.Get(name))})
	}
	for i, title := range groupTitles {
		groups[i].Title = title
	}
	return environPage.Render(page.Base(env.Get("SCRIPT_NAME")), struct {
		Groups         []group
		Process        int
		Go             string
		Procs, Routine int
	}{groups, os.Getpid(), runtime.Version(), runtime.GOMAXPROCS(0), runtime.NumGoroutine()})
}

// object is the environment as one JSON object, its keys sorted. Bytes that are not UTF-8 stand as \xNN.
func object(env *modgo.Environ) ([]byte, error) {
	variables := make(map[string]string)
	for name, value := range env.All() {
		variables[escape(name)] = escape(value)
	}
	body, err := json.MarshalIndent(variables, "", "  ")
	return append(body, '\n'), err
}

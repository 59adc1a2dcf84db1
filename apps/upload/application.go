// Package upload reads request bodies of any size as they arrive, without gathering them, and answers what came: the size
// in bytes and the SHA-256 of each file.
//
//	curl -T photo.jpg http://127.0.0.1:8000/upload/
//	curl -F file=@photo.jpg -F file=@notes.txt http://127.0.0.1:8000/upload
//	head -c 1G /dev/zero | curl -T - -H 'Accept: application/json' http://127.0.0.1:8000/upload
//
// A PUT or POST body is one file, unless it is a multipart form, which holds any number of them. The answer is plain text
// in the form of sha256sum with the size behind it, JSON or a page, by Accept:
//
//	{"files": [{"name": "photo.jpg", "size": 48213, "sha256": "9f86d0..."}]}
//
// A body that ends early or is no well-formed form is answered with 400 and the reason.
package upload

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/apps/internal/accept"
	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/modgo"
)

//go:embed upload.html
var content string

var uploadPage = page.New("Upload", content, "")

// view is what the page shows.
type view struct {
	URL     string // of this application, as the client reached it
	Files   []file
	Problem string
}

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	switch env.Get("REQUEST_METHOD") {
	case "GET", "HEAD":
		return respond(env, startResponse, "200 OK", accept.HTML, nil, "")
	case "POST", "PUT":
	default:
		problem := "The method " + env.Get("REQUEST_METHOD") + " has no meaning here: GET shows the form, PUT and POST take a body."
		return respond(env, startResponse, "405 Method Not Allowed", accept.Text, nil, problem, [2]string{"Allow", "GET, HEAD, POST, PUT"})
	}
	mediaType := accept.Choose(env.Get("HTTP_ACCEPT"), accept.Text, accept.JSON, accept.HTML)
	files, err := receive(env)
	if err != nil {
		return respond(env, startResponse, "400 Bad Request", mediaType, nil, "This upload was refused: "+err.Error()+".")
	}
	return respond(env, startResponse, "200 OK", mediaType, files, "")
}

// respond answers with the files, or with the problem, in a media type; in plain text if that is "": a body that has
// been read is not refused for the form of its receipt.
func respond(env *modgo.Environ, startResponse modgo.StartResponse, status, mediaType string, files []file, problem string, more ...[2]string) modgo.Body {
	var body []byte
	var err error
	switch mediaType {
	case accept.HTML:
		mediaType = "text/html; charset=utf-8"
		base := page.Base(env.Get("SCRIPT_NAME"))
		body, err = uploadPage.Render(base, view{env.URLScheme() + "://" + host(env) + base, files, problem})
	case accept.JSON:
		body, err = json.MarshalIndent(struct {
			Files []file `json:"files,omitempty"`
			Error string `json:"error,omitempty"`
		}{files, problem}, "", "  ")
		body = append(body, '\n')
	default:
		mediaType = "text/plain; charset=utf-8"
		body = []byte(text(files, problem))
	}
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	startResponse(status, append(modgo.Headers{
		{"Content-Type", mediaType},
		{"Content-Length", strconv.Itoa(len(body))},
		{"Content-Security-Policy", uploadPage.Policy()},
		{"X-Content-Type-Options", "nosniff"}, // the names of the files are the client's
		{"Vary", "Accept"},
	}, more...))
	return modgo.Bytes(body)
}

func text(files []file, problem string) string {
	if problem != "" {
		return problem + "\n"
	}
	var lines strings.Builder
	for _, f := range files {
		// %q where the name could forge a line of its own.
		name := f.Name
		if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
			name = quoted
		}
		fmt.Fprintf(&lines, "%s  %s  %d bytes\n", f.SHA256, name, f.Size)
	}
	return lines.String()
}

// host is the authority that the client used, for the examples on the page.
func host(env *modgo.Environ) string {
	if host := env.Get("HTTP_HOST"); host != "" {
		return host
	}
	return env.Get("SERVER_NAME") + ":" + env.Get("SERVER_PORT") // HTTP/1.0
}

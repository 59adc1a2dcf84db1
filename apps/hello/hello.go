// Package hello is the smallest application: a function that is called for each request, starts the response and returns
// its body.
//
//	curl http://127.0.0.1:8000/hello
//	curl -X PROPFIND http://127.0.0.1:8000/hello
package hello

import (
	"strconv"

	"github.com/mod-go/mod-go/modgo"
)

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	body := "The request method was " + env.Get("REQUEST_METHOD")
	startResponse("200 OK", modgo.Headers{
		{"Content-Type", "text/plain"},
		{"Content-Length", strconv.Itoa(len(body))},
	})
	return modgo.Text(body)
}

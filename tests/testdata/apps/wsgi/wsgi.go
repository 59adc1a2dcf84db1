// Package wsgi is an application in the WSGI style whose behaviour the path selects.
package wsgi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

var text = [2]string{"Content-Type", "text/plain"}

func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	action, argument, _ := strings.Cut(strings.TrimPrefix(env.Get("PATH_INFO"), "/"), "/")
	switch action {
	case "environ":
		all := make(map[string]string)
		for name, value := range env.All() {
			all[name] = strconv.QuoteToASCII(value)
		}
		body, err := json.Marshal(all)
		if err != nil {
			panic(err)
		}
		startResponse("200 OK", modgo.Headers{{"Content-Type", "application/json"}})
		return modgo.Bytes(body)
	case "text":
		startResponse("200 OK", modgo.Headers{text, {"X-Seen", env.Get("REQUEST_METHOD")}})
		return modgo.Text("one block")
	case "pieces":
		startResponse("200 OK", modgo.Headers{text})
		return func(yield func([]byte, error) bool) {
			_ = yield([]byte("one"), nil) && yield(nil, nil) && yield([]byte(" two"), nil)
		}
	case "length":
		startResponse("200 OK", modgo.Headers{text, {"Content-Length", "9"}})
		return modgo.Text("nine byte")
	case "echo":
		startResponse("200 OK", modgo.Headers{text})
		return modgo.Reader(env.Input())
	case "status":
		startResponse(argument, modgo.Headers{text, {"X-Kept", "yes"}})
		return nil
	case "teapot":
		startResponse("418 Short And Stout", modgo.Headers{text, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}})
		return modgo.Text("tea")
	case "write":
		write := startResponse("200 OK", modgo.Headers{text})
		_, _ = io.WriteString(write, "written ")
		return modgo.Text("iterated")
	case "errors":
		fmt.Fprintf(env.Errors(), "first line\nsecond line: %s\npartial", "käse")
		startResponse("200 OK", modgo.Headers{text})
		return modgo.Text("logged")
	case "blocks":
		return blocks(env, startResponse)
	case "replace":
		startResponse("200 OK", modgo.Headers{text})
		startResponse("409 Conflict", modgo.Headers{text}, errors.New("replaced"))
		return modgo.Text("conflict")
	}
	startResponse("404 Not Found", modgo.Headers{text})
	return modgo.Text("no such action: " + action)
}

// blocks sends a block, waits for the request's body to bring a byte, sends another, and notes its clean-up.
func blocks(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	startResponse("200 OK", modgo.Headers{text})
	return func(yield func([]byte, error) bool) {
		defer fmt.Fprintln(env.Errors(), "body cleaned up")
		if !yield([]byte("first"), nil) {
			return
		}
		var b [1]byte
		if _, err := env.Input().Read(b[:]); err != nil {
			yield(nil, err)
			return
		}
		yield([]byte("second"), nil)
	}
}

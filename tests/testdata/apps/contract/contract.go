// Package contract is what the contract suite (tests/contract) has hosted: small applications that do what one clause of the
// application contract is about, and answer with, or log, what they saw of it. The path selects one of them.
package contract

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// Application hands the request to the application that the first segment of the path names.
func Application(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	name, _, _ := strings.Cut(strings.TrimPrefix(env.Get("PATH_INFO"), "/"), "/")
	app, ok := applications[name]
	if !ok {
		return answer(start, "404 Not Found", "no application "+name)
	}
	return app(env, start)
}

var applications = map[string]modgo.Application{
	"called":     called,
	"changed":    changed,
	"objects":    objects,
	"configured": configured,
	"testreader": testReader,
	"lines":      readLines,
	"rest":       readRest,
	"ends":       readPastEnd,
	"pieces":     readPieces,
	"errors":     writeErrors,
	"trailer":    trailer,
	"script":     script,
	"forgets":    forgets,
	"reuse":      reuse,
	"endings":    endings,
	"extensions": extensions,
	"file":       file,
}

var plain = [2]string{"Content-Type", "text/plain"}

// answer is a whole response.
func answer(start modgo.StartResponse, status, text string) modgo.Body {
	start(status, modgo.Headers{plain})
	return modgo.Text(text)
}

// query is the request's query, parsed.
func query(env *modgo.Environ) url.Values {
	values, err := url.ParseQuery(env.Get("QUERY_STRING"))
	if err != nil {
		panic(err)
	}
	return values
}

// note logs a line that carries the request's token, by which a check finds it.
func note(env *modgo.Environ, text string) {
	fmt.Fprintf(env.Errors(), "contract: %s %s\n", query(env).Get("token"), text)
}

// noteEnd notes when the request is over.
func noteEnd(env *modgo.Environ) {
	token := query(env).Get("token") // afterwards the environ has no variables
	context.AfterFunc(env.Context(), func() { fmt.Fprintf(env.Errors(), "contract: %s end\n", token) })
}

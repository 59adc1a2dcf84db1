package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// Environ answers with all variables of the request, whatever its path, as a JSON object of name and base64 of the value,
// which need not be UTF-8. The header X-Method is for HEAD, whose answer has no body.
func Environ(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	variables := make(map[string][]byte)
	for name, value := range env.All() {
		variables[name] = []byte(value)
	}
	text, err := json.Marshal(variables)
	if err != nil {
		panic(err)
	}
	start("200 OK", modgo.Headers{{"Content-Type", "application/json"}, {"X-Method", env.Get("REQUEST_METHOD")}})
	return modgo.Bytes(text)
}

// called notes each call (C1).
func called(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	note(env, "called")
	noteEnd(env)
	return answer(start, "200 OK", fmt.Sprintf("env: %t, start: %t", env != nil, start != nil))
}

type changedKey struct{}

// changed changes everything of its environ, and answers with what it saw before and after (C2).
func changed(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	state := func() string {
		_, added := env.Lookup("CONTRACT_ADDED")
		_, named := env.Lookup("SERVER_NAME")
		return fmt.Sprintf("%s added:%t named:%t value:%v", env.Get("REQUEST_METHOD"), added, named, env.Value(changedKey{}))
	}
	before := state()
	env.Set("REQUEST_METHOD", "CHANGED")
	env.Set("CONTRACT_ADDED", "yes")
	env.Delete("SERVER_NAME")
	env.SetValue(changedKey{}, "kept")
	env.SetInput(strings.NewReader(""))
	env.SetErrors(io.Discard)
	return answer(start, "200 OK", before+"; "+state())
}

// objects answers with the parts of the environ that are no variables (C14).
func objects(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	return answer(start, "200 OK", fmt.Sprintf("input: %t, errors: %t, scheme: %s, multithread: %t, multiprocess: %t, run once: %t",
		env.Input() != nil, env.Errors() != nil, env.URLScheme(), env.Multithread(), env.Multiprocess(), env.RunOnce()))
}

// configured is Environ behind a middleware that sets a variable: what a server without a configuration of its own has
// instead of SetEnv (C18).
func configured(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	set := func(next modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			env.Set("CONTRACT_SET", "by the middleware")
			return next(env, start)
		}
	}
	return modgo.Chain(Environ, set)(env, start)
}

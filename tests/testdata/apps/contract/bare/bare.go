// Package bare serves the broken applications of middleware/validate/brokenapps without the validator.
package bare

import (
	"os"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/middleware/validate/brokenapps"
	"github.com/mod-go/mod-go/modgo"
)

var broken = func() map[string]modgo.Application {
	apps := make(map[string]modgo.Application)
	for _, app := range brokenapps.All() {
		apps[app.Name] = app.Application
	}
	return apps
}()

// Application hands the request to the broken application that the path names. Without a name it answers with the number of
// its process.
func Application(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	if app, ok := broken[strings.TrimPrefix(env.Get("PATH_INFO"), "/")]; ok {
		return app(env, start)
	}
	start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text(strconv.Itoa(os.Getpid()))
}

package middleware

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// Mount is an application that hands each request to one of several, by its path. The keys are where they are mounted:
// "/blog" takes the path /blog and all below /blog/, but not /blogger. The longest that fits wins. What is mounted at "/"
// gets the rest; without it the rest is answered with 404.
//
// The application sees the part of the path that chose it at the end of SCRIPT_NAME, and the rest in PATH_INFO, as if the
// server had mounted it there: for /blog/2024 that is /blog and /2024, for /blog itself PATH_INFO is empty. Nothing else
// of the request is changed, and nothing is put back: a middleware round Mount that wants to know the path reads it before.
//
// A http.Handler is mounted with modgo.FromHandler, and sees the path as behind http.StripPrefix. Mounts may be nested.
// Mount panics where a key is no such path or an application is nil.
func Mount(mounts map[string]modgo.Application) modgo.Application {
	applications := make(map[string]modgo.Application, len(mounts))
	longest := 0
	for _, at := range slices.Sorted(maps.Keys(mounts)) {
		if problem := mountProblem(at); problem != "" {
			panic(fmt.Sprintf("middleware.Mount: %q %s", at, problem))
		}
		if mounts[at] == nil {
			panic(fmt.Sprintf("middleware.Mount: the application at %q is nil", at))
		}
		prefix := strings.TrimSuffix(at, "/") // "/" is the empty prefix: V4 forbids a SCRIPT_NAME of "/"
		applications[prefix] = mounts[at]
		longest = max(longest, len(prefix))
	}
	return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		path := env.Get("PATH_INFO")
		prefix, app := longestMount(applications, path, longest)
		if app == nil {
			return answer(start, "404 Not Found", "")
		}
		if prefix != "" {
			env.Set("SCRIPT_NAME", env.Get("SCRIPT_NAME")+prefix)
			env.Set("PATH_INFO", path[len(prefix):])
		}
		return app(env, start)
	}
}

// mountProblem says what is wrong with a key of Mount, "" if nothing is.
func mountProblem(at string) string {
	switch {
	case at == "/":
		return ""
	case !strings.HasPrefix(at, "/"):
		return `does not begin with "/"`
	case strings.HasSuffix(at, "/"):
		return `ends with "/"; without it, it takes all below, too`
	}
	for segment := range strings.SplitSeq(at[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Sprintf("has the segment %q, which no path has that the server has cleaned", segment)
		}
	}
	return ""
}

// longestMount finds the longest prefix of path, in whole segments, that has an application. None is longer than longest,
// which bounds what a path of nothing but slashes costs.
func longestMount(applications map[string]modgo.Application, path string, longest int) (string, modgo.Application) {
	prefix := path
	if len(path) > longest {
		prefix = path[:max(0, strings.LastIndexByte(path[:longest+1], '/'))]
	}
	for prefix != "" {
		if app := applications[prefix]; app != nil {
			return prefix, app
		}
		prefix = prefix[:max(0, strings.LastIndexByte(prefix, '/'))]
	}
	return "", applications[""]
}

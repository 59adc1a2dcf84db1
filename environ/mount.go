package environ

import (
	"net/http"
	"net/url"
	"strings"
)

// place is where a request's path divides into what selected the application and what is left for it.
type place struct {
	scriptName, pathInfo string
	// taken is the length of what in front of the request's URL.Path belongs to scriptName: 0 where a router has
	// stripped it already.
	taken int
}

func (s *requestSource) place() place {
	path := s.url().Path
	if s.server.Base != nil {
		script, ok1 := s.server.Base.Lookup("SCRIPT_NAME")
		info, ok2 := s.server.Base.Lookup("PATH_INFO")
		if ok1 || ok2 {
			return placeBehind(script, info, path)
		}
	}
	return placeUnder(s.server.Mount, path)
}

// placeUnder divides the path of a request that came straight from the client.
func placeUnder(mount, path string) place {
	rest, under := CutMount(path, mount)
	taken := len(path) - len(rest)
	if !under || taken == 0 { // elsewhere, or at the top of the site
		return place{pathInfo: rooted(path)}
	}
	return place{scriptName: path[:taken], pathInfo: rest, taken: taken}
}

// CutMount returns what follows mount in path, both decoded, and whether path is that of the mount or below it, in whole
// segments: "/sub" has "/sub" (rest "") and "/sub/x" (rest "/x"), but not "/subway". Slashes at the end of mount do not
// matter. "" and "/" are the top of the site, which has every path, that of "OPTIONS *" too. Where path is not under the
// mount, rest is path.
func CutMount(path, mount string) (rest string, under bool) {
	rest, under = strings.CutPrefix(path, strings.TrimRight(mount, "/"))
	if under && len(rest) < len(path) && rest != "" && rest[0] != '/' {
		return path, false
	}
	return rest, under
}

// placeBehind divides the path of a request that another environment has divided into script and info before.
func placeBehind(script, info, path string) place {
	switch {
	case path == info, path == "/" && info == "": // ToRequest gives "/" to a handler for an empty PATH_INFO
		return place{scriptName: script, pathInfo: info}
	case script != "" && len(path) == len(script)+len(info) && strings.HasPrefix(path, script) && strings.HasSuffix(path, info):
		return place{scriptName: script, pathInfo: info, taken: len(script)} // net/http/cgi leaves the path whole
	}
	if decoded, err := url.PathUnescape(info); err == nil && decoded == path { // AllowEncodedSlashes NoDecode leaves %2F there
		return place{scriptName: script, pathInfo: info}
	}
	if end, ok := strippedPrefix(info, path); ok {
		// The slash that it may end in would be doubled in front of PATH_INFO, and SCRIPT_NAME is never "/" alone.
		return place{scriptName: script + strings.TrimRight(info[:end], "/"), pathInfo: info[end:]}
	}
	return place{scriptName: script, pathInfo: rooted(path)} // rewritten
}

// strippedPrefix returns where in before the segment begins that after begins with, if after is what is left of before
// when a prefix of whole segments is gone. http.StripPrefix may have taken the slash that follows the prefix with it.
func strippedPrefix(before, after string) (end int, ok bool) {
	if !strings.HasSuffix(before, after) {
		return 0, false
	}
	end = len(before) - len(after)
	if end < len(before) && before[end] == '/' {
		return end, true
	}
	if end > 0 && before[end-1] == '/' {
		return end - 1, true
	}
	return end, end == len(before)
}

// rooted is a path as PATH_INFO has it at the top of a site: it begins with a slash. "*" is the target of a request for the
// server as a whole (RFC 9112 section 3.2.4), which has no path.
func rooted(path string) string {
	switch {
	case path == "" || path == "*":
		return "/"
	case path[0] != '/':
		return "/" + path
	}
	return path
}

// Request is the request itself, or one whose path is behind the mount.
func (s *requestSource) Request() *http.Request {
	taken := s.place().taken
	if taken == 0 {
		return s.request
	}
	u := *s.request.URL
	setPath(&u, u.EscapedPath(), u.Path, u.Path[taken:])
	shareTrailer(s.request)
	r := s.request.WithContext(s.request.Context())
	r.URL, r.RequestURI = &u, s.target()
	return r
}

// setPath makes u the URL of a handler for PATH_INFO info. Target and path are as in URLPath.
func setPath(u *url.URL, target, path, info string) {
	u.Opaque = ""
	if info == "" {
		u.Path, u.RawPath = "/", "" // the mount itself: a handler's routes begin with a slash
		return
	}
	u.Path, u.RawPath = URLPath(target, path, info)
}

package environ_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

func TestMount(t *testing.T) {
	for _, test := range []struct {
		name         string
		mount, path  string
		script, info string
		handlersPath string // URL.Path of ToRequest's request
	}{
		{"top of the site", "", "/", "", "/", "/"},
		{"top of the site, spelled /", "/", "/x", "", "/x", "/x"},
		{"no path", "", "", "", "/", ""},
		{"the mount itself", "/sub", "/sub", "/sub", "", "/"},
		{"the mount's slash", "/sub", "/sub/", "/sub", "/", "/"},
		{"below", "/sub", "/sub/x", "/sub", "/x", "/x"},
		{"mount with a slash at its end", "/sub/", "/sub/x", "/sub", "/x", "/x"},
		{"two segments", "/a/b", "/a/b/c", "/a/b", "/c", "/c"},
		{"double slash behind it", "/sub", "/sub//x", "/sub", "//x", "//x"},
		{"another path", "/sub", "/other", "", "/other", "/other"},
		{"another path that begins alike", "/sub", "/subway", "", "/subway", "/subway"},
		{"path without a slash", "", "x", "", "/x", "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{URL: &url.URL{Path: test.path}}
			e := environ.FromRequest(r, environ.Server{Mount: test.mount})
			if script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"); script != test.script || info != test.info {
				t.Errorf("SCRIPT_NAME %q, PATH_INFO %q; want %q, %q", script, info, test.script, test.info)
			}
			if got := environ.ToRequest(e).URL.Path; got != test.handlersPath {
				t.Errorf("a handler sees the path %q; want %q", got, test.handlersPath)
			}
			if r.URL.Path != test.path {
				t.Errorf("the request's own path has become %q", r.URL.Path)
			}
		})
	}
}

func TestCutMount(t *testing.T) {
	for _, test := range []struct {
		path, mount string
		rest        string
		under       bool
	}{
		{"/", "", "/", true}, {"/x", "/", "/x", true}, {"/x", "//", "/x", true}, {"", "", "", true}, {"*", "", "*", true}, {"x", "", "x", true},
		{"/sub", "/sub", "", true}, {"/sub/", "/sub", "/", true}, {"/sub/x", "/sub", "/x", true}, {"/sub//x", "/sub", "//x", true},
		{"/sub", "/sub/", "", true}, {"/sub/x", "/sub//", "/x", true}, {"/a/b/c", "/a/b", "/c", true}, {"/sub/sub", "/sub", "/sub", true},
		{"/subway", "/sub", "/subway", false}, {"/other", "/sub", "/other", false}, {"/", "/sub", "/", false}, {"", "/sub", "", false},
		{"*", "/sub", "*", false}, {"/a", "/a/b", "/a", false}, {"/x/sub", "/sub", "/x/sub", false}, {"/SUB", "/sub", "/SUB", false},
	} {
		if rest, under := environ.CutMount(test.path, test.mount); rest != test.rest || under != test.under {
			t.Errorf("path %q, mount %q: %q, %v; want %q, %v", test.path, test.mount, rest, under, test.rest, test.under)
		}
	}
}

// TestMountKeepsTheClientsEscaping: a handler behind a mount sees the rest of the path as the client escaped it.
func TestMountKeepsTheClientsEscaping(t *testing.T) {
	r := httptest.NewRequest("GET", "/s%75b/a%2Fb/%e9?q", nil)
	u := environ.ToRequest(environ.FromRequest(r, environ.Server{Mount: "/sub"})).URL
	if u.Path != "/a/b/\xe9" || u.EscapedPath() != "/a%2Fb/%e9" || u.RawQuery != "q" {
		t.Errorf("a handler sees %q, escaped %q, query %q", u.Path, u.EscapedPath(), u.RawQuery)
	}
}

// TestStrippedPrefix: SCRIPT_NAME grows by what a router between an environment and the application takes off the path.
func TestStrippedPrefix(t *testing.T) {
	for _, test := range []struct {
		name                   string
		baseScript, baseInfo   string
		path                   string
		wantScript, wantInfo   string
		pathOfHandler          string
		leaveOutScript, noInfo bool
	}{
		{name: "nothing stripped", baseScript: "/app", baseInfo: "/x", path: "/x", wantScript: "/app", wantInfo: "/x", pathOfHandler: "/x"},
		{name: "the mount itself", baseScript: "/app", baseInfo: "", path: "/", wantScript: "/app", wantInfo: "", pathOfHandler: "/"},
		{name: "one segment", baseScript: "/app", baseInfo: "/api/x", path: "/x", wantScript: "/app/api", wantInfo: "/x", pathOfHandler: "/x"},
		{name: "at the top of the site", baseScript: "", baseInfo: "/api/x", path: "/x", wantScript: "/api", wantInfo: "/x", pathOfHandler: "/x"},
		{name: "all of it", baseScript: "/app", baseInfo: "/api", path: "", wantScript: "/app/api", wantInfo: "", pathOfHandler: ""},
		{name: "all but the slash", baseScript: "/app", baseInfo: "/api/", path: "/", wantScript: "/app/api", wantInfo: "/", pathOfHandler: "/"},
		{name: "StripPrefix with a slash at its end", baseScript: "/app", baseInfo: "/api/x", path: "x", wantScript: "/app/api", wantInfo: "/x", pathOfHandler: "x"},
		{name: "that, and all of it", baseScript: "/app", baseInfo: "/api/", path: "", wantScript: "/app/api", wantInfo: "/", pathOfHandler: ""},
		{name: "repeated segments", baseScript: "/a", baseInfo: "/a/a", path: "/a", wantScript: "/a/a", wantInfo: "/a", pathOfHandler: "/a"},
		{name: "merged slashes at the top", baseScript: "", baseInfo: "//x", path: "/x", wantScript: "", wantInfo: "/x", pathOfHandler: "/x"},
		{name: "in the middle of a segment", baseScript: "/app", baseInfo: "/apix", path: "x", wantScript: "/app", wantInfo: "/x", pathOfHandler: "x"},
		{name: "rewritten", baseScript: "/app", baseInfo: "/old", path: "/new/x", wantScript: "/app", wantInfo: "/new/x", pathOfHandler: "/new/x"},
		{name: "the whole path, as net/http/cgi has it", baseScript: "/app", baseInfo: "/x", path: "/app/x", wantScript: "/app", wantInfo: "/x", pathOfHandler: "/x"},
		{name: "the whole path, nothing behind it", baseScript: "/app", baseInfo: "", path: "/app", wantScript: "/app", wantInfo: "", pathOfHandler: "/"},
		{name: "slashes that the base keeps encoded", baseScript: "/app", baseInfo: "/a%2Fb", path: "/a/b", wantScript: "/app", wantInfo: "/a%2Fb", pathOfHandler: "/a/b"},
		{name: "a base that has no SCRIPT_NAME", baseInfo: "/a/x", path: "/x", wantScript: "/a", wantInfo: "/x", pathOfHandler: "/x", leaveOutScript: true},
		{name: "a base that has neither", path: "/mount/x", wantScript: "/mount", wantInfo: "/x", pathOfHandler: "/x", leaveOutScript: true, noInfo: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := environ.Variables{"SCRIPT_NAME": test.baseScript, "PATH_INFO": test.baseInfo}
			if test.leaveOutScript {
				delete(base, "SCRIPT_NAME")
			}
			if test.noInfo {
				delete(base, "PATH_INFO")
			}
			e := environ.FromRequest(&http.Request{URL: &url.URL{Path: test.path}}, environ.Server{Base: base, Mount: "/mount"})
			if script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"); script != test.wantScript || info != test.wantInfo {
				t.Errorf("SCRIPT_NAME %q, PATH_INFO %q; want %q, %q", script, info, test.wantScript, test.wantInfo)
			}
			if got := environ.ToRequest(e).URL.Path; got != test.pathOfHandler {
				t.Errorf("a handler sees the path %q; want %q", got, test.pathOfHandler)
			}
		})
	}
}

// FuzzMount: whatever a path, a mount or a router makes of it, SCRIPT_NAME and PATH_INFO keep to their form (V3, V4).
func FuzzMount(f *testing.F) {
	for _, seed := range [][4]string{
		{"/sub", "", "", "/sub/x"}, {"/", "/app", "/api/x", "/x"}, {"", "/app", "/api/", ""}, {"", "", "//x", "/x"}, {"", "/a", "/a/a", "/a/a/a"},
		{"//", "/app", "", "/"}, {"/s/", "/app", "/x", "*"}, {"", "/a/b", "/c//d", "d"}, {"/\xe9", "", "/\xe9/%", "/%"}, {"", "/a", "/a", "/a/a"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, mount, script, info, path string) {
		if mount != "" && mount[0] != '/' || script != "" && script[0] != '/' || info != "" && info[0] != '/' || strings.HasSuffix(script, "/") {
			return // the server's own, and well-formed
		}
		for _, server := range []environ.Server{{Mount: mount}, {Base: environ.Variables{"SCRIPT_NAME": script, "PATH_INFO": info}}} {
			e := environ.FromRequest(&http.Request{URL: &url.URL{Path: path}}, server)
			gotScript, gotInfo := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
			if gotScript != "" && gotScript[0] != '/' || strings.HasSuffix(gotScript, "/") || gotInfo != "" && gotInfo[0] != '/' {
				t.Errorf("%+v, path %q: SCRIPT_NAME %q, PATH_INFO %q", server, path, gotScript, gotInfo)
			}
			if server.Base == nil && gotScript+gotInfo != path && gotScript+gotInfo != "/"+path && path != "*" {
				t.Errorf("mount %q, path %q: SCRIPT_NAME %q, PATH_INFO %q", mount, path, gotScript, gotInfo)
			}
			if server.Base != nil && !strings.HasPrefix(gotScript, script) {
				t.Errorf("%+v, path %q: SCRIPT_NAME %q", server, path, gotScript)
			}
			// A handler sees the path of PATH_INFO, but for what was no path before.
			if r := environ.ToRequest(e); r.URL.Path != gotInfo && r.URL.Path != path && !(gotInfo == "" && r.URL.Path == "/") {
				t.Errorf("%+v, path %q: a handler sees %q; PATH_INFO is %q", server, path, r.URL.Path, gotInfo)
			}
		}
	})
}

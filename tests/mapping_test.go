package tests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	probeApp    = appsPath + "probe"
	wsgiApp     = appsPath + "wsgi"
	respondApp  = appsPath + "respond"
	settingsApp = appsPath + "settings"
)

// section is a section that makes a handler of an application.
func section(name, application string) string {
	kind, _, _ := strings.Cut(name, " ")
	return "<" + name + ">\n\tSetHandler go-application\n\tGoApplication " + application + "\n</" + kind + ">\n"
}

// mappingHosts are virtual hosts, each with one way to map URLs to applications. All have the same document root.
var mappingHosts = []struct{ name, conf string }{
	{"root", "GoAlias / " + probeApp},
	{"sub", "GoAlias /app " + probeApp},
	{"slash", "GoAlias /app/ " + probeApp},
	{"match", "GoAliasMatch ^/[a-z]+/shop " + probeApp + "\nGoAliasMatch [.]do$ " + probeApp},
	{"location", section("Location /loc", probeApp) + section("Location /sloc/", probeApp)},
	{"locationmatch", section("LocationMatch ^/m/[a-z]+", probeApp+" mount=/m") + section("LocationMatch ^/split/", probeApp)},
	{"directory", section("Directory ${DIR}/www/dir", probeApp) + "Alias /aliased ${DIR}/www/dir"},
	{"files", section("Files page.app", probeApp) + "DirectoryIndex page.app"},
	{"htaccess", "<Directory ${DIR}/www>\nAllowOverride FileInfo\n</Directory>"},
	{"forbidden", "<Directory ${DIR}/www>\nAllowOverride AuthConfig\n</Directory>"},
	{"encoded-on", "AllowEncodedSlashes On\nGoAlias / " + probeApp},
	{"encoded-nodecode", "AllowEncodedSlashes NoDecode\nGoAlias / " + probeApp},
	{"unmerged", "MergeSlashes Off\nGoAlias / " + probeApp + "\nGoAlias /app " + probeApp},
	{"rewrite", "RewriteEngine On\nRewriteRule ^/pretty/(.*)$ /app/$1 [PT]\nRewriteRule ^/by-handler/ - [H=go-application]\n" +
		"GoAlias /app " + probeApp + "\nGoApplication " + probeApp},
	{"noinfo", "GoAlias /app " + probeApp + "\n<Location /app>\nAcceptPathInfo Off\n</Location>"},
}

// mapped is what an application has to be told of a URL.
type mapped struct {
	host, target string
	script, info string
	path, raw    string // r.URL's Path and RawPath
}

var mappings = []mapped{
	{"root", "/", "", "/", "/", ""},
	{"root", "/a/b", "", "/a/b", "/a/b", ""},
	{"root", "/a/", "", "/a/", "/a/", ""},
	{"root", "/a%20b", "", "/a b", "/a b", ""},
	{"root", "/a+b", "", "/a+b", "/a+b", ""},
	{"root", "/%41", "", "/A", "/A", "/%41"},
	{"root", "/%e9", "", "/\xe9", "/\xe9", "/%e9"},
	{"root", "/%E9", "", "/\xe9", "/\xe9", ""},
	{"root", "/caf\xe9", "", "/caf\xe9", "/caf\xe9", ""},
	{"root", "/k%C3%A4se", "", "/käse", "/käse", ""},
	{"root", "/a;b=c/d;e", "", "/a;b=c/d;e", "/a;b=c/d;e", ""},
	{"root", "/a%3Bb", "", "/a;b", "/a;b", "/a%3Bb"},
	{"root", "/a%3Fb?c", "", "/a?b", "/a?b", ""},
	{"root", "/100%25", "", "/100%", "/100%", ""},
	{"root", "/a%2520b", "", "/a%20b", "/a%20b", ""},
	{"root", "/a%0Ab", "", "/a\nb", "/a\nb", ""},
	{"root", "//a///b", "", "/a/b", "/a/b", ""},
	{"root", "/a/./b/../c", "", "/a/c", "/a/c", ""},
	{"root", "/a/%2e%2e/b", "", "/b", "/b", ""},
	{"root", "/a/b/..", "", "/a/", "/a/", ""},
	{"root", "http://root/a%20b", "", "/a b", "/a b", ""},

	{"sub", "/app", "/app", "", "/", ""},
	{"sub", "/app/", "/app", "/", "/", ""},
	{"sub", "/app/x/y", "/app", "/x/y", "/x/y", ""},
	{"sub", "/app//x", "/app", "/x", "/x", ""},
	{"sub", "//app/x", "/app", "/x", "/x", ""},
	{"sub", "/other/../app/x", "/app", "/x", "/x", ""},
	{"sub", "/%61pp/x", "/app", "/x", "/x", ""},
	{"sub", "/%61pp/%78", "/app", "/x", "/x", "/%78"},
	{"sub", "/app/app/x", "/app", "/app/x", "/app/x", ""},
	{"sub", "/app/%e9", "/app", "/\xe9", "/\xe9", "/%e9"},

	{"slash", "/app/", "/app", "/", "/", ""},
	{"slash", "/app/x", "/app", "/x", "/x", ""},

	{"match", "/de/shop", "/de/shop", "", "/", ""},
	{"match", "/de/shop/x", "/de/shop", "/x", "/x", ""},
	{"match", "/en/shop/%78", "/en/shop", "/x", "/x", "/%78"},
	{"match", "/de/shopping", "", "/de/shopping", "/de/shopping", ""}, // the expression ends inside a segment
	{"match", "/x/y.do", "", "/x/y.do", "/x/y.do", ""},                // the expression does not begin at the root

	{"location", "/loc", "/loc", "", "/", ""},
	{"location", "/loc/x", "/loc", "/x", "/x", ""},
	{"location", "/loc/x%20y", "/loc", "/x y", "/x y", ""},
	{"location", "/sloc/x", "/sloc", "/x", "/x", ""},
	{"locationmatch", "/m/abc/x", "/m", "/abc/x", "/abc/x", ""},
	{"locationmatch", "/split/abc/x", "/split", "/abc/x", "/abc/x", ""}, // as httpd finds files: none of the first segment's name

	{"directory", "/dir/", "/dir", "/", "/", ""},
	{"directory", "/dir/x/y", "/dir", "/x/y", "/x/y", ""},
	{"directory", "/dir/file.txt", "/dir", "/file.txt", "/file.txt", ""},
	{"directory", "/dir/file.txt/more", "/dir", "/file.txt/more", "/file.txt/more", ""},
	{"directory", "/dir/below/x", "/dir", "/below/x", "/below/x", ""},
	{"directory", "/aliased/x", "/aliased", "/x", "/x", ""},

	{"files", "/page.app", "/page.app", "", "/", ""},
	{"files", "/page.app/x", "/page.app", "/x", "/x", ""},
	{"files", "/", "/page.app", "", "/", ""}, // DirectoryIndex

	{"htaccess", "/ht/", "/ht", "/", "/", ""},
	{"htaccess", "/ht/x", "/ht", "/x", "/x", ""},
	{"htaccess", "/front/x", "/front", "/x", "/x", ""},
	{"htaccess", "/front/", "/front", "/", "/", ""},

	{"encoded-on", "/a%2Fb/c", "", "/a/b/c", "/a/b/c", "/a%2Fb/c"},
	{"encoded-on", "/a%2fb", "", "/a/b", "/a/b", "/a%2fb"},
	{"encoded-on", "/a%2F..%2Fadmin", "", "/admin", "/admin", ""}, // what httpd checked access for
	{"encoded-nodecode", "/a%2Fb/c", "", "/a%2Fb/c", "/a/b/c", "/a%2Fb/c"},
	{"encoded-nodecode", "/a%2Fb/%41", "", "/a%2Fb/A", "/a/b/A", "/a%2Fb/%41"},

	{"unmerged", "/a//b", "", "/a//b", "/a//b", ""},
	{"unmerged", "//a", "", "/a", "/a", ""}, // httpd drops slashes at the beginning whatever MergeSlashes says

	{"rewrite", "/pretty/x", "/app", "/x", "/x", ""},
	{"rewrite", "/by-handler/x", "", "/by-handler/x", "/by-handler/x", ""},

	{"noinfo", "/app", "/app", "", "/", ""},
}

// unmapped are URLs that no application gets.
var unmapped = []struct {
	host, target string
	status       int
}{
	{"root", "/a%2Fb", 404}, // AllowEncodedSlashes Off
	{"root", "/../x", 400},
	{"sub", "/apple", 404},
	{"sub", "/other", 404},
	{"slash", "/app", 404},
	{"slash", "/apple", 404},
	{"match", "/DE/shop", 404},
	{"location", "/location", 404},
	{"location", "/sloc", 404},
	{"directory", "/dir", 301}, // mod_dir adds the slash
	{"directory", "/other", 404},
	{"noinfo", "/app/x", 404},
}

func mappingConfig(mpm string) httpdtest.Config {
	cfg := httpdtest.Config{
		MPM: mpm, Packages: testPackages, Modules: []string{"mod_rewrite"},
		Files: map[string]string{
			"www/dir/file.txt":     "a file",
			"www/dir/below/x":      "a file",
			"www/page.app":         "not the application",
			"www/ht/.htaccess":     "SetHandler go-application\nGoApplication " + probeApp + "\n",
			"www/front/.htaccess":  "GoApplication " + probeApp + "\nRewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ - [H=go-application]\n",
			"www/front/style.css":  "body {}",
			"www/absent/.htaccess": "SetHandler go-application\nGoApplication example.org/absent\n",
			"www/alias/.htaccess":  "GoAlias / " + probeApp + "\n",
		},
	}
	for _, host := range mappingHosts {
		cfg.VirtualHosts = append(cfg.VirtualHosts, httpdconf.VirtualHost{
			Name: host.name, Site: httpdconf.Site{DocumentRoot: "www", Conf: host.conf},
		})
	}
	return cfg
}

// TestMapping: which application answers a URL, and how its path is split.
func TestMapping(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, mappingConfig(mpm))
		for _, m := range mappings {
			t.Run(m.host+" "+m.target, func(t *testing.T) { m.check(t, srv.In(t)) })
		}
		srv.Expect(`AH10244: invalid URI path \(/\.\./x\)`).Times(1)
		for _, u := range unmapped {
			if resp := getRaw(t, srv, u.host, u.target); resp.StatusCode != u.status {
				t.Errorf("http://%s%s answers %s; want %d\n%s", u.host, u.target, resp.Status, u.status, resp.Text)
			}
		}
		t.Run("htaccess", func(t *testing.T) { testHtaccess(t, srv.In(t)) })
	})
}

func (m mapped) check(t *testing.T, srv *httpdtest.Server) {
	t.Helper()
	report := probed(t, getRaw(t, srv, m.host, m.target))
	checkVariables(t, report.Environ, map[string]string{"SCRIPT_NAME": m.script, "PATH_INFO": m.info, "REQUEST_URI": m.target})
	if path := unquote(t, report.Path); path != m.path || report.RawPath != m.raw {
		t.Errorf("r.URL is %q, raw %q; want %q, raw %q", path, report.RawPath, m.path, m.raw)
	}
	if report.RequestURI != m.target && strings.ToValidUTF8(m.target, "") == m.target {
		t.Errorf("r.RequestURI is %q; want %q", report.RequestURI, m.target)
	}
}

// testHtaccess: a directory's own file may map applications where AllowOverride FileInfo lets it, and no further.
func testHtaccess(t *testing.T, srv *httpdtest.Server) {
	if resp := getRaw(t, srv, "htaccess", "/front/style.css"); resp.StatusCode != 200 || resp.Text != "body {}" {
		t.Errorf("a file beside the front controller answers %s: %q", resp.Status, resp.Text)
	}
	if resp := getRaw(t, srv, "root", "/ht/x"); resp.StatusCode == 200 {
		checkVariables(t, probed(t, resp).Environ, map[string]string{"SCRIPT_NAME": ""})
	} else {
		t.Errorf("under GoAlias, where no directory is looked at, /ht/x answers %s", resp.Status)
	}
	for _, c := range []struct{ host, target, log string }{
		{"forbidden", "/ht/x", `www/ht/\.htaccess: SetHandler not allowed here`},
		{"htaccess", "/absent/x", `www/absent/\.htaccess: GoApplication: the package example\.org/absent was not compiled into this mod_go\.so; it holds .*probe`},
		{"htaccess", "/alias/x", `www/alias/\.htaccess: GoAlias not allowed here`},
	} {
		srv.Expect(c.log).Times(1)
		if resp := getRaw(t, srv, c.host, c.target); resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("http://%s%s answers %s; want 500", c.host, c.target, resp.Status)
		}
	}
}

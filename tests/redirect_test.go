package tests

import (
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/probe"
)

const redirectConf = `
GoAlias /app ` + probeApp + `
GoAlias /respond ` + respondApp + `
GoAlias /wsgi ` + wsgiApp + `
ErrorDocument 404 /app/notfound?e=1
ErrorDocument 503 /app/unavailable
ErrorDocument 410 /wsgi/text
ErrorDocument 403 /respond/bytes/20000
ErrorDocument 501 /respond/status/500
SetEnv COLOUR blue
GoAlias /overridden ` + respondApp + `
<LocationMatch ^/(overridden|respond/bytes)>
	GoErrorOverride On
</LocationMatch>
<Directory ${DIR}/www>
	AllowOverride FileInfo
	Options +Includes
	AddType text/html .shtml
	AddOutputFilter INCLUDES .shtml
</Directory>
<Location /respond/include>
	Options +Includes
	SetOutputFilter INCLUDES
</Location>
`

// TestRedirectsAndSubrequests: applications are reached in the ways in which httpd asks for one URL while it serves another.
func TestRedirectsAndSubrequests(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, DocumentRoot: "www",
			Modules: []string{"mod_rewrite", "mod_env", "mod_include", "mod_filter"},
			Files: map[string]string{
				"www/rewritten/.htaccess": "RewriteEngine On\nRewriteRule ^old/(.*)$ /app/$1 [L,E=SEEN:yes]\n",
				"www/page.shtml":          `before[<!--#include virtual="/app/part?x=1" -->]after`,
				"www/pages.shtml":         `<!--#include virtual="/respond/bytes/5" -->,<!--#include virtual="/respond/bytes/20000" -->`,
			},
			Conf: redirectConf,
		})
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server){
			"error documents": testErrorDocumentApplication, "internal redirects": testInternalRedirect, "includes": testIncludes,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t)) })
		}
	})
}

func testErrorDocumentApplication(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		name, method, target string
		status               int
		variables            map[string]string
	}{
		{"of httpd", "GET", "/missing?q=1", 404, map[string]string{
			"SCRIPT_NAME": "/app", "PATH_INFO": "/notfound", "QUERY_STRING": "e=1", "REQUEST_URI": "/missing?q=1", "REQUEST_METHOD": "GET",
			"REDIRECT_STATUS": "404", "REDIRECT_URL": "/missing", "REDIRECT_QUERY_STRING": "q=1", "REDIRECT_COLOUR": "blue", "COLOUR": "blue",
		}},
		{"without a query", "GET", "/missing", 404, map[string]string{"REDIRECT_STATUS": "404", "REDIRECT_QUERY_STRING": absent}},
		{"of a POST", "POST", "/missing", 404, map[string]string{"REQUEST_METHOD": "GET", "REDIRECT_REQUEST_METHOD": "POST", "REDIRECT_STATUS": "404"}},
		{"of an application", "GET", "/respond/status/503", 503, map[string]string{
			"PATH_INFO": "/unavailable", "QUERY_STRING": "", "REDIRECT_STATUS": "503", "REDIRECT_URL": "/respond/status/503", "REQUEST_URI": "/respond/status/503",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := srv.Send(c.method, c.target, nil)
			if resp.StatusCode != c.status {
				t.Errorf("the status is %s; want %d", resp.Status, c.status)
			}
			report := decode[probe.Report](t, resp)
			checkVariables(t, report.Environ, c.variables)
			if want := "?e=1"; c.status == 404 && (unquote(t, report.Path) != "/notfound" || "?"+report.RawQuery != want || report.RequestURI != c.target) {
				t.Errorf("a handler sees %s?%s, RequestURI %s", report.Path, report.RawQuery, report.RequestURI)
			}
		})
	}
	t.Run("of any length, to any method", func(t *testing.T) {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if resp := srv.Send(method, "/respond/status/403", strings.NewReader("hello")); resp.StatusCode != 403 || len(resp.Text) != 20000 {
				t.Errorf("%s: the answer is %s with %d bytes; want 403 with the document's 20000", method, resp.Status, len(resp.Text))
			}
		}
		c := converse(t, srv)
		defer c.Close()
		c.send("HEAD /respond/status/403 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if resp := c.head("HEAD"); resp.StatusCode != 403 {
			t.Errorf("HEAD: the answer is %s", resp.Status)
		}
		c.ends()
	})
	t.Run("in the place of the application's own, and not overridden in turn", func(t *testing.T) {
		if resp := srv.Get("/overridden/status/403?body=own"); resp.StatusCode != 403 || len(resp.Text) != 20000 {
			t.Errorf("the answer is %s with %d bytes; want 403 with the document's 20000", resp.Status, len(resp.Text))
		}
	})
	t.Run("by a WSGI application, whose status counts", func(t *testing.T) {
		if resp := srv.Get("/respond/status/410"); resp.Status != "200 OK" || resp.Text != "one block" {
			t.Errorf("the answer is %s: %q", resp.Status, resp.Text)
		}
	})
	t.Run("that fails too", func(t *testing.T) {
		resp := srv.Get("/respond/status/501")
		if resp.StatusCode != 501 || !strings.Contains(resp.Text, "Additionally, a 501 Not Implemented") {
			t.Errorf("the answer is %s: %s", resp.Status, resp.Text)
		}
	})
}

func testInternalRedirect(t *testing.T, srv *httpdtest.Server) {
	report := probed(t, srv.Send("POST", "/rewritten/old/x%20y?q", strings.NewReader("hello")))
	checkVariables(t, report.Environ, map[string]string{
		"SCRIPT_NAME": "/app", "PATH_INFO": "/x y", "QUERY_STRING": "q", "REQUEST_URI": "/rewritten/old/x%20y?q", "REQUEST_METHOD": "POST",
		"CONTENT_LENGTH": "5", "REDIRECT_STATUS": "200", "REDIRECT_URL": "/rewritten/old/x y", "REDIRECT_SEEN": "yes",
	})
	if report.BodyLength != 5 || unquote(t, report.Path) != "/x y" || report.RequestURI != "/rewritten/old/x%20y?q" {
		t.Errorf("a handler sees %s, RequestURI %s and %d bytes", report.Path, report.RequestURI, report.BodyLength)
	}
}

// testIncludes: an application's answer stands in a page, and in another application's answer, while that one is at work.
func testIncludes(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		name, target, begin, end string
		variables                map[string]string
	}{
		{"in a static page", "/page.shtml", "before[", "]after", map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "/part", "QUERY_STRING": "x=1"}},
		{"in an application", "/respond/include?virtual=/app/inner", "before[", "]after", map[string]string{"SCRIPT_NAME": "/app", "PATH_INFO": "/inner", "QUERY_STRING": ""}},
		{"two deep", "/respond/include?virtual=/respond/include%3Fvirtual=/app/inmost", "before[before[", "]after]after", map[string]string{"PATH_INFO": "/inmost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := srv.Get(c.target)
			inner, begins := strings.CutPrefix(resp.Text, c.begin)
			inner, ends := strings.CutSuffix(inner, c.end)
			if resp.StatusCode != 200 || !begins || !ends {
				t.Fatalf("the page is %s: %s", resp.Status, resp.Text)
			}
			resp.Text = inner
			report := probed(t, resp)
			checkVariables(t, report.Environ, c.variables)
			checkVariables(t, report.Environ, map[string]string{"REQUEST_METHOD": "GET"})
		})
	}
	t.Run("several in a page", func(t *testing.T) {
		if got := srv.Get("/pages.shtml").Text; len(got) != 20006 || !strings.HasPrefix(got, "abcde,abcde") {
			t.Errorf("the page has %d bytes and begins with %.20q", len(got), got)
		}
	})
}

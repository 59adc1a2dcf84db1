package tests

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// precedenceHosts are virtual hosts in which more than one directive speaks for a URL.
var precedenceHosts = []struct{ name, conf string }{
	{"stock", "GoAlias / " + probeApp + "\nAlias /static ${DIR}/www/static\nRedirect 302 /old http://stock/new\n" +
		"<Location /status>\nSetHandler server-status\n</Location>\n<Location /off>\nSetHandler none\n</Location>"},
	{"order", "GoAlias /x " + probeApp + "\nGoAlias /x/y " + wsgiApp + "\nGoAlias /z/y " + wsgiApp + "\nGoAlias /z " + probeApp},
	{"own", "GoAlias /both " + probeApp},
	{"sections", "GoAlias /s " + probeApp + "\n" + section("Location /s/handler", wsgiApp) +
		"<Location /s/plain>\nGoApplication " + wsgiApp + "\n</Location>\n" +
		section("Location /nested", probeApp) + section("Location /nested/inner", wsgiApp)},
	{"default", "GoApplication " + wsgiApp + "\nGoAlias /s " + probeApp + "\n<Location /by-handler>\nSetHandler go-application\n</Location>"},
	{"callable", "GoAlias /alias " + settingsApp + " callable=admin\n" +
		section("Location /option", settingsApp+" callable=admin") +
		section("Location /directive", settingsApp) + "<Location /directive>\nGoCallableObject admin\n</Location>\n" +
		"GoAlias /aliased " + settingsApp + "\n<Location /aliased/admin>\nGoCallableObject admin\n</Location>\n" +
		section("Location /both", settingsApp+" callable=Application") + "<Location /both>\nGoCallableObject admin\n</Location>\n" +
		section("Location /nobody", probeApp) + "<Location /nobody>\nGoCallableObject admin\n</Location>"},
	{"unnamed", "<Location /unnamed>\nSetHandler go-application\n</Location>"},
	{"trace", "GoAlias / " + probeApp},
	{"notrace", "TraceEnable Off\nGoAlias / " + probeApp},
	{"access", "GoAlias /app " + probeApp + "\n<Location /app/secret>\nRequire all denied\n</Location>\n" +
		"<Location /app/private>\nAuthType Basic\nAuthName tests\nAuthUserFile ${DIR}/users\nRequire valid-user\n</Location>"},
	{"access-encoded", "AllowEncodedSlashes On\nGoAlias / " + probeApp + "\n<Location /app/secret>\nRequire all denied\n</Location>"},
}

// precedence says which application answers, by its package, or with what text.
var precedence = []struct{ host, target, app, text string }{
	{"stock", "/x", probeApp, ""},
	{"stock", "/static/file.txt", "", "a static file"},
	{"order", "/x/y", probeApp, ""}, // the first that matches
	{"order", "/z/y", wsgiApp, ""},
	{"order", "/z", probeApp, ""},
	{"own", "/both", probeApp, ""}, // the virtual host's own before the main server's
	{"own", "/main", wsgiApp, ""},
	{"order", "/main", wsgiApp, ""},
	{"sections", "/s", probeApp, ""},
	{"sections", "/s/handler", wsgiApp, ""},
	{"sections", "/s/plain", wsgiApp, ""},
	{"sections", "/nested", probeApp, ""},
	{"sections", "/nested/inner", wsgiApp, ""},
	{"default", "/s", probeApp, ""}, // an alias before the server's default
	{"default", "/by-handler", wsgiApp, ""},
	{"callable", "/alias", "", "admin"},
	{"callable", "/option", "", "admin"},
	{"callable", "/directive", "", "admin"},
	{"callable", "/aliased/admin", "", "admin"},
	{"callable", "/aliased", settingsApp, ""},
	{"callable", "/both", settingsApp, ""}, // callable= before GoCallableObject
}

// startPrecedence runs all of precedenceHosts.
func startPrecedence(t *testing.T, mpm string) *httpdtest.Server {
	t.Helper()
	sum := sha1.Sum([]byte("open sesame"))
	cfg := httpdtest.Config{
		MPM: mpm, Packages: testPackages,
		Modules: []string{"mod_status", "mod_authn_core", "mod_auth_basic", "mod_authn_file", "mod_authz_user"},
		Files: map[string]string{
			"www/static/file.txt": "a static file",
			"users":               "ali:{SHA}" + base64.StdEncoding.EncodeToString(sum[:]) + "\n",
		},
		Conf: "GoAlias /both " + wsgiApp + "\nGoAlias /main " + wsgiApp + "\n",
	}
	for _, host := range precedenceHosts {
		cfg.VirtualHosts = append(cfg.VirtualHosts, httpdconf.VirtualHost{
			Name: host.name, Site: httpdconf.Site{DocumentRoot: "www", Conf: host.conf},
		})
	}
	return httpdtest.Start(t, cfg)
}

// TestPrecedence: where several directives speak for a URL, the one that httpd's users expect wins.
func TestPrecedence(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startPrecedence(t, mpm)
		for _, c := range precedence {
			resp := getRaw(t, srv, c.host, c.target)
			switch app := answeredBy(t, resp); {
			case c.text != "" && resp.Text != c.text:
				t.Errorf("http://%s%s answers %s: %q; want %q", c.host, c.target, resp.Status, resp.Text, c.text)
			case app != c.app:
				t.Errorf("http://%s%s is answered by %q; want %q", c.host, c.target, app, c.app)
			}
		}
		t.Run("other handlers", func(t *testing.T) { testOtherHandlers(t, srv.In(t)) })
		t.Run("no application", func(t *testing.T) { testNoApplication(t, srv.In(t)) })
		t.Run("TRACE", func(t *testing.T) { testTrace(t, srv.In(t)) })
		t.Run("access", func(t *testing.T) { testAccess(t, srv.In(t)) })
	})
}

// answeredBy tells an application by the form of its answer, "" where it was none of these.
func answeredBy(t *testing.T, resp *httpdtest.Response) string {
	t.Helper()
	switch {
	case strings.HasPrefix(resp.Text, `{"Method"`):
		return probeApp
	case strings.HasPrefix(resp.Text, "no such action"):
		return wsgiApp
	case strings.HasPrefix(resp.Text, `{"PID"`):
		return settingsApp
	}
	return ""
}

func testOtherHandlers(t *testing.T, srv *httpdtest.Server) {
	if resp := getRaw(t, srv, "stock", "/status?auto"); resp.StatusCode != 200 || !strings.Contains(resp.Text, "BusyWorkers") {
		t.Errorf("SetHandler server-status under GoAlias answers %s:\n%s", resp.Status, resp.Text)
	}
	if resp := getRaw(t, srv, "stock", "/old/x"); resp.StatusCode != 302 || resp.Header.Get("Location") != "http://stock/new/x" {
		t.Errorf("Redirect under GoAlias answers %s to %q", resp.Status, resp.Header.Get("Location"))
	}
}

// testNoApplication: a handler without an application says what is missing.
func testNoApplication(t *testing.T, srv *httpdtest.Server) {
	srv.Expect(`\[go:error\].*MODGO0010: SetHandler go-application applies to /unnamed, but no application does: add 'GoApplication PACKAGE' .* This mod_go\.so holds .*` + probeApp).Times(1)
	if resp := getRaw(t, srv, "unnamed", "/unnamed"); resp.StatusCode != 500 {
		t.Errorf("SetHandler without GoApplication answers %s; want 500", resp.Status)
	}
	srv.Expect(`\[go:error\].*MODGO0013: the package ` + probeApp + `, which .*httpd\.conf:\d+ maps here, has no application named admin; it has application\. Set GoCallableObject, or the option callable=`).Times(1)
	if resp := getRaw(t, srv, "callable", "/nobody"); resp.StatusCode != 500 {
		t.Errorf("GoCallableObject of a name that the package lacks answers %s; want 500", resp.Status)
	}
}

// testTrace: TRACE is httpd's own.
func testTrace(t *testing.T, srv *httpdtest.Server) {
	request := "TRACE /x HTTP/1.1\r\nHost: trace\r\nConnection: close\r\n\r\n"
	resp := exchange(t, srv, request)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "message/http" || !strings.HasPrefix(resp.Text, "TRACE /x HTTP/1.1\r\n") {
		t.Errorf("TRACE answers %s, %s: %q; want the request itself", resp.Status, resp.Header.Get("Content-Type"), resp.Text)
	}
	if resp := exchange(t, srv, strings.Replace(request, "Host: trace", "Host: notrace", 1)); resp.StatusCode != 405 {
		t.Errorf("TRACE under TraceEnable Off answers %s; want 405", resp.Status)
	}
}

// testAccess: what httpd's configuration forbids does not reach an application, however the URL is written.
func testAccess(t *testing.T, srv *httpdtest.Server) {
	denied := []struct{ host, target string }{
		{"access", "/app/secret"}, {"access", "/app/secret/x"}, {"access", "/app/%73ecret"}, {"access", "//app//secret"},
		{"access", "/app/x/../secret"}, {"access", "/app/./secret/"}, {"access", "/app/%2e/secret"}, {"access", "/%61pp/secret"},
		{"access-encoded", "/app/secret"}, {"access-encoded", "/app%2Fsecret"}, {"access-encoded", "/x%2F..%2Fapp%2Fsecret"}, {"access-encoded", "/app%2F%2Fsecret"},
	}
	srv.Expect(`AH01630: client denied by server configuration: `).Times(len(denied))
	for _, c := range denied {
		if resp := getRaw(t, srv, c.host, c.target); resp.StatusCode != 403 {
			t.Errorf("http://%s%s answers %s; want 403\n%s", c.host, c.target, resp.Status, resp.Text)
		}
	}
	if resp := getRaw(t, srv, "access", "/app/secretary"); resp.StatusCode != 200 {
		t.Errorf("/app/secretary, which is another path, answers %s", resp.Status)
	}

	if resp := getRaw(t, srv, "access", "/app/private"); resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != `Basic realm="tests"` {
		t.Errorf("without a password the answer is %s, %v", resp.Status, resp.Header)
	}
	srv.Expect(`AH01617: user ali: authentication failure for "/app/private": Password Mismatch`).Times(1)
	credentials := func(password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ali:"+password))
	}
	if resp := getRaw(t, srv, "access", "/app/private", credentials("wrong")); resp.StatusCode != 401 {
		t.Errorf("with a wrong password the answer is %s", resp.Status)
	}
	report := probed(t, getRaw(t, srv, "access", "/app/private", credentials("open sesame")))
	checkVariables(t, report.Environ, map[string]string{"REMOTE_USER": "ali", "AUTH_TYPE": "Basic", "HTTP_AUTHORIZATION": absent})
}

package tests

import (
	"io"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestOptions: an application needs no Options, neither ExecCGI nor any other, however its URLs are mapped.
func TestOptions(t *testing.T) {
	const app = appsPath + "intake"
	ways := "GoAlias /alias " + app + " callable=Application\nGoAliasMatch ^/match/[a-z]+ " + app + " callable=Application\n" +
		section("Location /location", app+" callable=Application") + section("Directory ${DIR}/www/directory", app+" callable=Application") +
		section("Files page.app", app+" callable=Application") + "<Directory ${DIR}/www/htaccess>\nAllowOverride FileInfo\n</Directory>\n"
	cfg := httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/intake"}, DocumentRoot: "www",
		Files: map[string]string{
			"www/page.app": "", "www/directory/.keep": "",
			"www/htaccess/.htaccess": "SetHandler go-application\nGoApplication " + app + " callable=Application\n",
		},
		Conf: ways,
	}
	options := map[string]string{"none": "None", "minus": "-ExecCGI", "all": "All", "cgi": "ExecCGI"}
	for name, value := range options {
		conf := "<Directory ${DIR}/www>\nOptions " + value + "\n</Directory>\n<Location />\nOptions " + value + "\n</Location>\n"
		cfg.VirtualHosts = append(cfg.VirtualHosts, httpdconf.VirtualHost{Name: name, Site: httpdconf.Site{DocumentRoot: "www", Conf: conf}})
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := cfg
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		for host := range options {
			for _, path := range []string{"/alias/x", "/match/any/x", "/location/x", "/directory/x", "/page.app/x", "/htaccess/x"} {
				for method, body := range map[string]io.Reader{"GET": nil, "POST": strings.NewReader("a body")} {
					want := "0 bytes, whole"
					if body != nil {
						want = "6 bytes, whole"
					}
					if resp := srv.Send(method, "http://"+host+path, body); resp.StatusCode != 200 || resp.Text != want {
						t.Errorf("Options %s, %s %s: %s, %q", options[host], method, path, resp.Status, resp.Text)
					}
				}
			}
		}
	})
}

package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// The applications that the files of httpd-conf mount.
var confPackages = []string{"./apps/hello", "./apps/environ", "./apps/guestbook"}

// confFile returns a file of httpd-conf with the user's places replaced by those of the test. Each of them has to be there.
func confFile(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "httpd-conf", name))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(conf, replacements[i]) {
			t.Fatalf("%s does not hold %q", name, replacements[i])
		}
		conf = strings.ReplaceAll(conf, replacements[i], replacements[i+1])
	}
	return conf
}

// environOf asks the example application environ for its variables.
func environOf(t *testing.T, srv *httpdtest.Server, url string) map[string]any {
	t.Helper()
	resp := srv.Get(url, "Accept", "application/json")
	var environ map[string]any
	if err := json.Unmarshal([]byte(resp.Text), &environ); err != nil {
		t.Fatalf("GET %s answers %s, no environ: %v\n%s", url, resp.Status, err, resp.Text)
	}
	return environ
}

func TestEveryFileOfHTTPDConfIsTested(t *testing.T) {
	tested := []string{"apparmor.profile", "go.conf", "go.load", "mpm_event.conf", "mpm_prefork.conf", "mpm_worker.conf", "sites.conf", "static-files-first.conf"}
	entries, err := os.ReadDir(filepath.Join("..", "httpd-conf"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".go" {
			names = append(names, entry.Name())
		}
	}
	if !slices.Equal(names, tested) {
		t.Errorf("httpd-conf holds %q; there are tests of %q", names, tested)
	}
}

func TestGoLoadAndGoConf(t *testing.T) {
	object := httpdtest.Object(t, confPackages...)
	srv := httpdtest.Start(t, httpdtest.Config{
		Conf: confFile(t, "go.load", "/usr/lib/apache2/modules/mod_go.so", object) + confFile(t, "go.conf") +
			"GoAlias /hello github.com/mod-go/mod-go/apps/hello\n",
	})
	srv.Expect(`\[go:info\]`).Maybe()
	if got := srv.Get("/hello"); got.StatusCode != 200 || got.Text != "The request method was GET" {
		t.Errorf("GET /hello answers %s: %q", got.Status, got.Text)
	}
}

func TestSites(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: confPackages,
		Files:    map[string]string{"www/index.html": "the index", "www/static/style.css": "body {}", "log/made": ""},
		Conf: `LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined` + "\n" +
			`GoSetEnv GUESTBOOK_DB "${DIR}/guestbook.db"` + "\n" +
			confFile(t, "sites.conf", "*:80", "*", "/srv/www", "${DIR}/www", "/var/log/apache2", "${DIR}/log"),
	})
	for _, test := range []struct{ url, contentType, want string }{
		{"http://hello.example.org/", "text/plain", "The request method was GET"},
		{"http://hello.example.org/any/path", "text/plain", "The request method was GET"},
		{"http://www.example.org/", "text/html", "the index"},
		{"http://www.example.org/environ", "text/html", "SCRIPT_NAME"},
		{"http://www.example.org/guestbook/", "text/html", "<form"},
		{"http://www.example.org/guestbook/static/style.css", "text/css", "body {}"},
	} {
		got := srv.Get(test.url)
		if got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), test.contentType) || !strings.Contains(got.Text, test.want) {
			t.Errorf("GET %s answers %s, %s:\n%s\nwant 200, %s with %q", test.url, got.Status, got.Header.Get("Content-Type"), got.Text, test.contentType, test.want)
		}
	}
	if got := srv.Get("http://www.example.org/absent"); got.StatusCode != 404 {
		t.Errorf("a file that is not there answers %s", got.Status)
	}
}

func TestStaticFilesFirst(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: confPackages,
		Modules:  []string{"mod_rewrite"},
		Files:    map[string]string{"www/style.css": "body {}", "www/docs/page.html": "a page", "www/indexed/index.html": "the index"},
		Conf:     confFile(t, "static-files-first.conf", "*:80", "*", "/srv/www", "${DIR}/www"),
	})
	for _, host := range []string{"http://files-first.example.org", "http://rewrite.example.org"} {
		for path, want := range map[string]string{"/style.css": "body {}", "/docs/page.html": "a page"} {
			if got := srv.Get(host + path); got.StatusCode != 200 || got.Text != want {
				t.Errorf("GET %s%s answers %s: %q; want the file", host, path, got.Status, got.Text)
			}
		}
		for _, path := range []string{"/", "/absent", "/absent/below", "/docs/absent", "/docs/"} {
			environ := environOf(t, srv, host+path)
			if environ["SCRIPT_NAME"] != "" || environ["PATH_INFO"] != path {
				t.Errorf("GET %s%s: SCRIPT_NAME is %q, PATH_INFO %q; want none and the path", host, path, environ["SCRIPT_NAME"], environ["PATH_INFO"])
			}
		}
	}
	if got := srv.Get("http://files-first.example.org/indexed/"); got.Text != "the index" {
		t.Errorf("a folder's index answers %s: %q", got.Status, got.Text)
	}
	if environ := environOf(t, srv, "http://rewrite.example.org/indexed/"); environ["PATH_INFO"] != "/indexed/" {
		t.Errorf("with mod_rewrite PATH_INFO of a folder with an index is %q", environ["PATH_INFO"])
	}
}

func TestMPMFiles(t *testing.T) {
	children := map[string]int{"event": 2, "worker": 2, "prefork": 8}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: confPackages,
			Conf: confFile(t, "mpm_"+mpm+".conf") + "GoAlias /hello github.com/mod-go/mod-go/apps/hello\n",
		})
		srv.AwaitChildren(children[mpm])
		if got := srv.Get("/hello"); got.StatusCode != 200 {
			t.Errorf("GET /hello answers %s", got.Status)
		}
	})
}

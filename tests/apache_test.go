package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/modgo"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/services"
)

const servicesApp = appsPath + "services"

// bigFile does not fit into any buffer on the way.
var bigFile = strings.Repeat("0123456789abcde\n", 3<<20/16)

// servicesConf mounts the application services as a handler and in the WSGI style. Files may be sent from a folder, but
// not for the path /app/rootless.
const servicesConf = `
AddType text/plain .txt
AddType application/pdf .pdf
GoSetting colour blue
GoSetting place server
GoSetting downloads ${DIR}/files
GoAlias /app ` + servicesApp + `
GoAlias /wsgi ` + servicesApp + ` callable=wsgi
GoAlias /download ` + servicesApp + ` callable=download
GoAlias /probe ` + probeApp + `
GoAlias /other ` + wsgiApp + `
<LocationMatch ^/(app|wsgi|download)(?!/rootless)>
	GoSendFileRoot ${DIR}/nothing-here ${DIR}/files
</LocationMatch>
<Location /app/section>
	GoSetting colour red
	GoSetting section "two words"
</Location>
<Location /app/tracked>
	CookieTracking On
</Location>
<Location /app/debug>
	LogLevel go:debug
</Location>
<Location /app/limited>
	LimitRequestBody 1000
</Location>
<Location /lost/url>
	ErrorDocument 404 /app/choose?do=redirect=/page.txt
</Location>
<Location /lost/file>
	ErrorDocument 404 /app/choose?do=send=${DIR}/files/data.txt
</Location>
<Directory ${DIR}/www/forbidden>
	Require all denied
</Directory>
<Directory ${DIR}/www/mapped>
	GoApplication ` + servicesApp + `
	SetHandler go-application
	GoSendFileRoot ${DIR}/files
</Directory>
CustomLog ${DIR}/told.log "%{told}n|%{told}e|%U"
`

func servicesConfig() httpdtest.Config {
	return httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/services", "./tests/testdata/apps/probe", "./tests/testdata/apps/wsgi"},
		Modules:  []string{"mod_usertrack"}, DocumentRoot: "www",
		Files: map[string]string{
			"www/page.txt": "a page\n", "www/folder/inner.txt": "inner", "www/forbidden/page.txt": "forbidden",
			"www/mapped/choose": "", "www/mapped/report.pdf/choose": "",
			"files/data.txt": "some data\n", "files/report.pdf": "%PDF", "files/none": "no extension", "files/big.txt": bigFile,
			"files/unreadable.txt": "unreadable", "files/folder/inner.txt": "inner",
			"files-elsewhere/data.txt": "outside", "outside/data.txt": "outside", "nothing-here/none.txt": "",
		},
		Conf: servicesConf,
	}
}

// prepareServices makes the files that a Config cannot describe.
func prepareServices(srv *httpdtest.Server, t *testing.T) {
	t.Helper()
	for _, err := range []error{
		os.Symlink(srv.Path("outside/data.txt"), srv.Path("files/leads-out.txt")),
		os.Symlink(srv.Path("outside"), srv.Path("files/folder-out")),
		os.Symlink("folder/inner.txt", srv.Path("files/leads-in.txt")),
		os.Symlink("loop", srv.Path("files/loop")),
		syscall.Mkfifo(srv.Path("files/fifo"), 0o666),
		os.Chmod(srv.Path("files/unreadable.txt"), 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestApacheFromHandler: what an application asks of httpd by package apache, over all protocols.
func TestApacheFromHandler(t *testing.T) {
	httpdtest.Hosts(t, servicesConfig(), func(srv *httpdtest.Server) {
		prepareServices(srv, t)
		srv.Expect(`AH01630: client denied by server configuration: .*/www/forbidden/page.txt`)
		srv.Expect(`AH10244: invalid URI path \(/\.\./page.txt\)`)
		srv.Expect(`AH00124: Request exceeded the limit of 10 internal redirects`)
		srv.Expect(`MODGO0011: .* panicked: after it was asked for`)
		srv.ExpectViolation("a body and no Content-Type") // which is dropped
		srv.ExpectViolation("has not called startResponse")
		srv.Expect(`AH0158[78]|AH0159[01]`).Maybe() // LimitRequestBody
	}, func(t *testing.T, srv *httpdtest.Server) {
		for name, test := range map[string]func(t *testing.T, srv *httpdtest.Server){
			"notes": testNotes, "variables": testSetVariable, "settings": testSettingsOfSections, "tls": testTLSVariables,
			"lookup": testLookup, "redirect": testRedirect, "redirect of a form": testRedirectOfForm,
			"redirect to itself": testRedirectToItself, "redirect of a HEAD": testRedirectOfHead, "late": testAnswerTooLate,
			"what counts": testWhatCounts, "error documents": testAnswerOfErrorDocument, "bodies over the limit": testBodyOverLimit,
			"files": testSendFile, "files refused": testSendFileRefused, "parts of files": testSendFileConditions,
			"big file": testSendBigFile, "file for a form": testSendFileForForm, "download": testDownload,
			"many at once": testServicesAtOnce, "later": testServicesLater, "hijack": testServicesHijacked,
		} {
			t.Run(name, func(t *testing.T) { test(t, srv.In(t)) })
		}
	})
}

// ask has the application answer questions. Parameters are names and values in turn.
func ask(t *testing.T, srv *httpdtest.Server, target string, parameters ...string) services.Report {
	t.Helper()
	resp := srv.Get(target + "?" + query(parameters...))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", target, resp.Status, resp.Text)
	}
	return decode[services.Report](t, resp)
}

func query(parameters ...string) string {
	values := make(url.Values)
	for i := 0; i+1 < len(parameters); i += 2 {
		values.Add(parameters[i], parameters[i+1])
	}
	return values.Encode()
}

// styles are the handler and the application in the WSGI style.
var styles = []string{"/app", "/wsgi"}

// awaitTold waits for a line of the access log of what applications have told httpd.
func awaitTold(t *testing.T, srv *httpdtest.Server, want string) {
	t.Helper()
	var content []byte
	if err := httpdtest.Poll(20*time.Second, func() bool {
		var err error
		if content, err = os.ReadFile(srv.Path("told.log")); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(strings.Split(string(content), "\n"), want)
	}); err != nil {
		t.Errorf("the access log has no line %q:\n%s", want, content)
	}
}

// testNotes: an application reads the note that mod_usertrack leaves, and a log format shows one of the application's.
func testNotes(t *testing.T, srv *httpdtest.Server) {
	if report := ask(t, srv, "/app/tracked", "note", "cookie", "note", "missing"); report.Notes["cookie"] == "" || len(report.Notes) != 1 {
		t.Errorf("the notes are %q; want mod_usertrack's cookie", report.Notes)
	}
	for _, style := range styles {
		id := runID()
		report := ask(t, srv, style+"/notes", "setnote", "told=first", "setnote", "told="+id+" käse", "setnote", "short=be\x00tter", "note", "TOLD", "note", "short")
		if report.Notes["TOLD"] != id+" käse" || report.Notes["short"] != "be" || report.Error != "" {
			t.Errorf("the notes are %q (%s)", report.Notes, report.Error)
		}
		awaitTold(t, srv, id+` k\xc3\xa4se|-|`+style+"/notes")
	}
}

func testSetVariable(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		id := runID()
		if report := ask(t, srv, style+"/variables", "setvariable", "told="+id); report.Error != "" {
			t.Error(report.Error)
		}
		awaitTold(t, srv, "-|"+id+"|"+style+"/variables")
	}
}

func testSettingsOfSections(t *testing.T, srv *httpdtest.Server) {
	names := []string{"setting", "colour", "setting", "PLACE", "setting", "section", "setting", "missing", "setting", ""}
	for target, want := range map[string]map[string]string{
		"/app/x":         {"colour": "blue", "PLACE": "server"},
		"/wsgi/x":        {"colour": "blue", "PLACE": "server"},
		"/app/section/x": {"colour": "red", "PLACE": "server", "section": "two words"},
	} {
		report := ask(t, srv, target, names...)
		if fmt.Sprint(report.Settings) != fmt.Sprint(want) {
			t.Errorf("%s: the settings are %v; want %v", target, report.Settings, want)
		}
		if len(report.All) != len(want)+1 || report.All["place"] != "server" || report.All["colour"] != want["colour"] {
			t.Errorf("%s: all settings are %v; want %v, and downloads", target, report.All, want)
		}
	}
}

// testTLSVariables: SSLOptions does not put them among the request's variables.
func testTLSVariables(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		report := ask(t, srv, style+"/tls", "tls", "SSL_PROTOCOL", "tls", "SSL_CIPHER", "tls", "SSL_CLIENT_S_DN", "tls", "NO_SUCH_VARIABLE", "tls", "")
		if !srv.Protocol().Secure() {
			if len(report.TLS) != 0 {
				t.Errorf("without TLS its variables are %q", report.TLS)
			}
			continue
		}
		if len(report.TLS) != 2 || report.TLS["SSL_PROTOCOL"] != "TLSv1.3" || !strings.HasPrefix(report.TLS["SSL_CIPHER"], "TLS_") {
			t.Errorf("the variables of TLS are %q; want protocol and cipher, and no client's certificate", report.TLS)
		}
	}
}

func testLookup(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct {
		url  string
		want apache.Lookup
	}{
		{"/page.txt", apache.Lookup{Status: 200, Filename: srv.Path("www/page.txt"), ContentType: "text/plain", Exists: true, Size: 7}},
		{"/page.txt?a=b", apache.Lookup{Status: 200, Filename: srv.Path("www/page.txt"), ContentType: "text/plain", Exists: true, Size: 7}},
		{"/page.txt/more", apache.Lookup{Status: 200, Filename: srv.Path("www/page.txt"), PathInfo: "/more", ContentType: "text/plain", Exists: true, Size: 7}},
		{"/%70age.txt", apache.Lookup{Status: 200, Filename: srv.Path("www/page.txt"), ContentType: "text/plain", Exists: true, Size: 7}},
		{"/missing.txt", apache.Lookup{Status: 200, Filename: srv.Path("www/missing.txt"), ContentType: "text/plain"}},
		{"/forbidden/page.txt", apache.Lookup{Status: 403, Filename: srv.Path("www/forbidden/page.txt"), Exists: true, Size: 9}},
		{"/probe/x?y=1", apache.Lookup{Status: 200, Handler: "go-application", Filename: "go:" + probeApp}},
		{"/folder/../page.txt", apache.Lookup{Status: 200, Filename: srv.Path("www/page.txt"), ContentType: "text/plain", Exists: true, Size: 7}},
		{"/../page.txt", apache.Lookup{Status: 400}},
	} {
		for _, style := range styles {
			report := ask(t, srv, style+"/lookup", "lookup", c.url)
			got := report.Lookup
			if got.Exists != !got.Modified.IsZero() || got.Exists && time.Since(got.Modified) > time.Hour {
				t.Errorf("%s: exists %t, modified %v", c.url, got.Exists, got.Modified)
			}
			got.Modified = time.Time{}
			if got != c.want || report.Error != "" {
				t.Errorf("%s leads to %+v (%s); want %+v", c.url, got, report.Error, c.want)
			}
		}
	}
	for _, target := range []string{"", "page.txt", "http://localhost/page.txt", "/page.txt\x00"} {
		if report := ask(t, srv, "/app/lookup", "lookup", target); !strings.Contains(report.Error, "is no URL of this server") || report.Over {
			t.Errorf("%q leads to %+v (%s); want an error", target, report.Lookup, report.Error)
		}
	}
}

// TestApacheElsewhere: outside Apache there is no httpd to ask.
func TestApacheElsewhere(t *testing.T) {
	if apache.FromContext(context.Background()) != nil {
		t.Error("a context of nothing has an httpd")
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%t", apache.FromContext(r.Context()) == nil)
	}
	application := func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(fmt.Sprint(apache.FromEnviron(env) == nil && apache.FromContext(env.Context()) == nil))
	}
	for name, handler := range map[string]http.Handler{"net/http": http.HandlerFunc(answer), "modgo": modgo.ToHandler(application)} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Body.String() != "true" {
			t.Errorf("%s: there is an httpd: %s", name, w.Body)
		}
	}
}

// TestApacheExample: docs/apache.md shows a file that the tests use.
func TestApacheExample(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("testdata", "apps", "services", "download.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, function, found := strings.Cut(string(source), "// download answers")
	content, err := os.ReadFile("../docs/apache.md")
	if err != nil {
		t.Fatal(err)
	}
	if !found || !strings.Contains(string(content), "```go\n// download answers"+function+"```\n") {
		t.Error("docs/apache.md does not have the function of download.go as it is")
	}
}

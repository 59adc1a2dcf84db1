package tests

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/internal/memory"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/settings"
)

// defaultProcs is GOMAXPROCS for the 16 threads that a child of these tests has.
var defaultProcs = runtime.NumCPU() + 16

// defaultGC is GOGC in each of so many children (docs/directives.md, GoGC).
func defaultGC(children int) int {
	garbage := min(64<<20, max(4<<20, memory.Limit()/32/uint64(children)))
	return int(100 * garbage / (4 << 20))
}

// settingsCases are configurations of the process with what the Go runtime and the application see of them.
var settingsCases = []struct {
	name        string
	conf        string
	environ     []string // of httpd itself
	maxProcs    int
	memoryLimit int64 // bytes; 0 for none
	gc          int
	env         map[string]string
}{
	{"defaults", "", nil, defaultProcs, 0, defaultGC(1), nil},
	{"GoMaxProcs", "GoMaxProcs 3", nil, 3, 0, defaultGC(1), nil},
	{"GoMaxProcs, the last counts", "GoMaxProcs 3\nGoMaxProcs 5", nil, 5, 0, defaultGC(1), nil},
	{"GoMemoryLimit in bytes", "GoMemoryLimit 536870912", nil, defaultProcs, 512 << 20, defaultGC(1), nil},
	{"GoMemoryLimit in K", "GoMemoryLimit 307200K", nil, defaultProcs, 300 << 20, defaultGC(1), nil},
	{"GoMemoryLimit in M", "GoMemoryLimit 300m", nil, defaultProcs, 300 << 20, defaultGC(1), nil},
	{"GoMemoryLimit in G", "GoMemoryLimit 2G", nil, defaultProcs, 2 << 30, defaultGC(1), nil},
	{"GoMemoryLimit with a hard limit, which is not Go's", "GoMemoryLimit 300M 2G", nil, defaultProcs, 300 << 20, defaultGC(1), nil},
	{"GoMemoryLimit in T", "GoMemoryLimit 1T", nil, defaultProcs, 1 << 40, defaultGC(1), nil},
	{"GoGC", "GoGC 50", nil, defaultProcs, 0, 50, nil},
	{"GoGC off", "GoGC Off", nil, defaultProcs, 0, -1, nil},
	{"httpd's own environment", "", []string{"GOMAXPROCS=2", "GOMEMLIMIT=400MiB", "GOGC=70", "TEST_INHERITED=yes"}, 2, 400 << 20, 70, map[string]string{"TEST_INHERITED": "yes"}},
	{"directives before httpd's environment", "GoMaxProcs 3\nGoMemoryLimit 300M\nGoGC 50\nGoSetEnv TEST_INHERITED no",
		[]string{"GOMAXPROCS=2", "GOMEMLIMIT=400MiB", "GOGC=70", "TEST_INHERITED=yes"}, 3, 300 << 20, 50, map[string]string{"TEST_INHERITED": "no"}},
	{"GoSetEnv", "GoSetEnv TEST_ONE first\nGoSetEnv TEST_ONE second\nGoSetEnv TEST_TEXT \"a  b=c \\\"d\\\" käse\"", nil, defaultProcs, 0, defaultGC(1),
		map[string]string{"TEST_ONE": "second", "TEST_TEXT": `a  b=c "d" käse`, "TEST_INHERITED": absent}},
	{"GoSetEnv of Go's own variables", "GoSetEnv GOMAXPROCS 4\nGoSetEnv GOGC 60", nil, 4, 0, 60, nil},
	{"GoSetEnv before init functions", "GoSetEnv MODGO_TEST_VARIABLE early", nil, defaultProcs, 0, defaultGC(1), map[string]string{"MODGO_TEST_VARIABLE": "early", "at init": "early"}},
}

// TestSettings: the directives of the process reach the Go runtime and the application.
func TestSettings(t *testing.T) {
	query := "/?env=TEST_ONE&env=TEST_TEXT&env=TEST_INHERITED"
	for _, c := range settingsCases {
		t.Run(c.name, func(t *testing.T) {
			srv := httpdtest.Start(t, httpdtest.Config{
				Packages: testPackages, Conf: "GoAlias / " + settingsApp + "\n" + c.conf, Environ: c.environ,
			})
			report := decode[settings.Report](t, srv.Get(query))
			if report.MaxProcs != c.maxProcs || report.MemoryLimit != c.memoryLimit || report.GC != c.gc || !report.Alive {
				t.Errorf("GOMAXPROCS is %d, the memory limit %d, GC %d; want %d, %d and %d", report.MaxProcs, report.MemoryLimit, report.GC, c.maxProcs, c.memoryLimit, c.gc)
			}
			for name, want := range c.env {
				value, set := report.Env[name]
				if set != (want != absent) || set && value != want {
					t.Errorf("os.Getenv(%q) is %q (set: %t); want %q", name, value, set, want)
				}
			}
		})
	}
}

// TestCollector: without a GoGC, garbage is collected the more eagerly the more memory is alive.
func TestCollector(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{Packages: testPackages, Processes: 1, Conf: "GoAlias / " + settingsApp})
	for _, step := range []struct{ megabytes, percent int }{{8, defaultGC(1) / 2}, {64, 100}, {0, defaultGC(1)}} {
		path := "/?live=" + strconv.Itoa(step.megabytes) // each request collects garbage, after which the percentage follows
		var report settings.Report
		if err := httpdtest.Poll(10*time.Second, func() bool {
			report = decode[settings.Report](t, srv.Get(path))
			return report.GC*10 > step.percent*7 && report.GC*10 <= step.percent*11
		}); err != nil {
			t.Errorf("with %d MB alive the collector's percentage is %d; want about %d: %v", step.megabytes, report.GC, step.percent, err)
		}
	}
}

// TestGarbageIsShared: the more children there are, the less garbage may gather in each.
func TestGarbageIsShared(t *testing.T) {
	const children = 1000
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "prefork", Packages: testPackages,
		Conf: fmt.Sprintf("GoAlias / %s\nServerLimit %d\nMaxRequestWorkers %[2]d", settingsApp, children),
	})
	if report := decode[settings.Report](t, srv.Get("/")); report.GC != defaultGC(children) {
		t.Errorf("with up to %d children the collector's percentage is %d; want %d", children, report.GC, defaultGC(children))
	}
}

// TestSettingsUnderEveryMPM: all of them together, in every child, and again after a restart with others.
func TestSettingsUnderEveryMPM(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := httpdtest.Config{MPM: mpm, Packages: testPackages}
		conf := func(procs int) string {
			return "GoAlias / " + settingsApp + "\nGoMemoryLimit 300M\nGoGC 50\nGoMaxProcs " + strconv.Itoa(procs)
		}
		check := func(srv *httpdtest.Server, procs int, value string) {
			t.Helper()
			report := decode[settings.Report](t, srv.Get("/"))
			if report.MaxProcs != procs || report.MemoryLimit != 300<<20 || report.GC != 50 || report.Env["MODGO_TEST_VARIABLE"] != value || report.Env["at init"] != value {
				t.Errorf("the application sees %+v; want %d processors and the variable %q", report, procs, value)
			}
			if len(report.Args) == 0 || !strings.HasSuffix(report.Args[0], "apache2") && !strings.HasSuffix(report.Args[0], "httpd") {
				t.Errorf("os.Args is %q; want httpd's", report.Args)
			}
		}
		cfg.Conf, cfg.Env = conf(3), []httpdconf.Variable{{Name: "MODGO_TEST_VARIABLE", Value: "one"}}
		srv := httpdtest.Start(t, cfg)
		check(srv, 3, "one")
		cfg.Conf, cfg.Env = conf(6), []httpdconf.Variable{{Name: "MODGO_TEST_VARIABLE", Value: "two"}}
		srv.Reconfigure(cfg)
		srv.Restart()
		check(srv, 6, "two")
	})
}

// TestVariablesOfTheConfiguration: what httpd's own directives set reaches the environ, and wins over no variable of the request.
func TestVariablesOfTheConfiguration(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, Modules: []string{"mod_env", "mod_setenvif", "mod_rewrite"},
			Environ: []string{"TEST_PASSED=from httpd", "TEST_KEPT=from httpd"},
			Conf: "GoAlias /probe " + probeApp + `
SetEnv TEST_SET "a value"
SetEnv TEST_EMPTY
SetEnv TEST_UNSET "a value"
UnsetEnv TEST_UNSET
PassEnv TEST_PASSED
SetEnvIf X-Colour (.+) TEST_COLOUR=$1
SetEnvIf Remote_Addr ^127[.] TEST_LOCAL
RewriteEngine On
RewriteRule ^/probe/(.*)$ - [E=TEST_REWRITTEN:$1]
SetEnv REQUEST_METHOD FORGED
SetEnv PATH_INFO /forged
SetEnv HTTP_HOST forged
SetEnv path_info /forged
SetEnv http_host forged
SetEnv HTTP_X_ABSENT given
<Location /probe/here>
	SetEnv TEST_SET "another value"
</Location>
`})
		report := probed(t, srv.Get("/probe/x?lookup=PATH_INFO&lookup=HTTP_HOST&lookup=TEST_SET&lookup=test_set", "X-Colour", "blue", "Host", "example.org"))
		checkVariables(t, report.Environ, map[string]string{
			"TEST_SET": "a value", "TEST_EMPTY": "", "TEST_UNSET": absent, "TEST_PASSED": "from httpd", "TEST_KEPT": absent,
			"TEST_COLOUR": "blue", "TEST_LOCAL": "1", "TEST_REWRITTEN": "x",
			"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "HTTP_HOST": "example.org", "HTTP_X_ABSENT": "given",
		})
		checkVariables(t, report.Looked, map[string]string{"PATH_INFO": "/x", "HTTP_HOST": "example.org", "TEST_SET": "a value", "test_set": absent})
		checkVariables(t, probed(t, srv.Get("/probe/here")).Environ, map[string]string{"TEST_SET": "another value", "TEST_COLOUR": absent})
	})
}

// authorizationCases are places with what the application there sees of the client's credentials.
var authorizationCases = []struct {
	path, conf string
	passed     bool
}{
	{"/default", "", true},
	{"/off", "GoPassAuthorization Off", false},
	{"/on", "GoPassAuthorization On", true},
	{"/auth", "Require valid-user", false},
	{"/auth-on", "Require valid-user\nGoPassAuthorization On", true},
	{"/auth-off", "Require valid-user\nGoPassAuthorization Off", false},
	{"/auth-cgi", "Require valid-user\nCGIPassAuth On", true},
	{"/auth-both", "Require valid-user\nCGIPassAuth On\nGoPassAuthorization Off", false},
	{"/open", "AuthType Basic\nAuthName tests\nRequire all granted", true}, // nobody is authenticated here
}

// TestPassAuthorization: an application sees the client's credentials unless httpd has made use of them, or it is said otherwise.
func TestPassAuthorization(t *testing.T) {
	const credentials = "Basic YWxpOnNlY3JldA==" // ali:secret
	conf := "GoAlias / " + probeApp + "\n"
	for _, c := range authorizationCases {
		if strings.HasPrefix(c.path, "/auth") {
			c.conf = "AuthType Basic\nAuthName tests\nAuthUserFile ${DIR}/users\n" + c.conf
		}
		conf += "<Location " + c.path + ">\n" + c.conf + "\n</Location>\n"
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, Conf: conf, Files: map[string]string{"users": "ali:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"},
			Modules: []string{"mod_authn_core", "mod_auth_basic", "mod_authn_file", "mod_authz_user"},
		})
		for _, c := range authorizationCases {
			resp := srv.Get(c.path, "Authorization", credentials, "Proxy-Authorization", "Basic eDp5")
			if resp.StatusCode != 200 {
				t.Errorf("%s answers %s", c.path, resp.Status)
				continue
			}
			report := probed(t, resp)
			want := map[string]string{"HTTP_AUTHORIZATION": absent, "HTTP_PROXY_AUTHORIZATION": absent}
			if c.passed {
				want = map[string]string{"HTTP_AUTHORIZATION": credentials, "HTTP_PROXY_AUTHORIZATION": "Basic eDp5"}
			}
			t.Run(c.path, func(t *testing.T) { checkVariables(t, report.Environ, want) })
			if passed := report.Header.Get("Authorization") != ""; passed != c.passed || passed != (report.Header.Get("Proxy-Authorization") != "") {
				t.Errorf("%s: a handler sees Authorization %q; want it passed: %t", c.path, report.Header.Get("Authorization"), c.passed)
			}
		}
	})
}

// mistakes are configurations that configtest refuses. The line that it names begins with directive, "" for conf itself.
var mistakes = []struct{ conf, directive, want string }{
	{"GoMaxProcs 0", "", "GoMaxProcs: '0' is not a number from 1 to 1024"},
	{"GoMaxProcs -1", "", "GoMaxProcs: '-1' is not a number from 1 to 1024"},
	{"GoMaxProcs 1025", "", "GoMaxProcs: '1025' is not a number from 1 to 1024"},
	{"GoMaxProcs four", "", "GoMaxProcs: 'four' is not a number from 1 to 1024"},
	{"GoMaxProcs 4x", "", "GoMaxProcs: '4x' is not a number from 1 to 1024"},
	{"GoMaxProcs 99999999999999999999", "", "is not a number from 1 to 1024"},
	{"GoMaxProcs", "", "GoMaxProcs takes one argument"},
	{"GoMaxProcs 1 2", "", "GoMaxProcs takes one argument"},
	{"GoMemoryLimit 0", "", "GoMemoryLimit: '0' is not a size: a number with K, M, G or T, for example 512M"},
	{"GoMemoryLimit -5M", "", "GoMemoryLimit: '-5M' is not a size"},
	{"GoMemoryLimit 512MB", "", "GoMemoryLimit: '512MB' is not a size"},
	{"GoMemoryLimit 512X", "", "GoMemoryLimit: '512X' is not a size"},
	{"GoMemoryLimit M", "", "GoMemoryLimit: 'M' is not a size"},
	{"GoMemoryLimit 1.5G", "", "GoMemoryLimit: '1.5G' is not a size"},
	{"GoMemoryLimit 9999999999T", "", "GoMemoryLimit: '9999999999T' is not a size"},
	{"GoMemoryLimit 512M 1GB", "", "GoMemoryLimit: '1GB' is not a size: a number with K, M, G or T, for example 512M"},
	{"GoMemoryLimit 512M 9999999999T", "", "GoMemoryLimit: '9999999999T' is not a size"},
	{"GoMemoryLimit 512M 300M", "", "GoMemoryLimit: the hard limit, '300M', is not larger than the soft one, '512M'; the soft one comes first, for example GoMemoryLimit 512M 1G"},
	{"GoMemoryLimit 1G 1024M", "", "GoMemoryLimit: the hard limit, '1024M', is not larger than the soft one, '1G'"},
	{"GoMemoryLimit 1G 2G 3G", "", "GoMemoryLimit takes 1-2 arguments"},
	{"GoMemoryLimit 99999999999999999999", "", "GoMemoryLimit: '99999999999999999999' is not a size"},
	{"GoGC 0", "", "GoGC: '0' is neither off nor a percentage from 1 to 100000"},
	{"GoGC -1", "", "GoGC: '-1' is neither off nor a percentage from 1 to 100000"},
	{"GoGC 100001", "", "GoGC: '100001' is neither off nor a percentage from 1 to 100000"},
	{"GoGC 50%", "", "GoGC: '50%' is neither off nor a percentage from 1 to 100000"},
	{"GoGC never", "", "GoGC: 'never' is neither off nor a percentage from 1 to 100000"},
	{"GoStartTimeout 0", "", "GoStartTimeout: '0' is not a time: a number with ms, s or min, for example 60s"},
	{"GoStartTimeout -5s", "", "GoStartTimeout: '-5s' is not a time"},
	{"GoStartTimeout soon", "", "GoStartTimeout: 'soon' is not a time"},
	{"GoStartTimeout 5parsec", "", "GoStartTimeout: '5parsec' is not a time"},
	{"GoShutdownTimeout -1s", "", "GoShutdownTimeout: '-1s' is not a time: a number with ms, s or min, for example 60s"},
	{"GoShutdownTimeout soon", "", "GoShutdownTimeout: 'soon' is not a time"},
	{"GoShutdownTimeout 5parsec", "", "GoShutdownTimeout: '5parsec' is not a time"},
	{"GoShutdownTimeout", "", "GoShutdownTimeout takes one argument"},
	{"GoKeepAliveWait 0", "", "GoKeepAliveWait: '0' is neither off nor a time from 1ms to 100ms"},
	{"GoKeepAliveWait 101ms", "", "GoKeepAliveWait: '101ms' is neither off nor a time from 1ms to 100ms"},
	{"GoKeepAliveWait 1s", "", "GoKeepAliveWait: '1s' is neither off nor a time from 1ms to 100ms"},
	{"GoKeepAliveWait on", "", "GoKeepAliveWait: 'on' is neither off nor a time from 1ms to 100ms"},
	{"GoKeepAliveWait", "", "GoKeepAliveWait takes one argument"},
	{"GoSetting colour", "", "GoSetting takes two arguments, name and value"},
	{"GoSetting", "", "GoSetting takes two arguments"},
	{"GoSetting colour light blue", "", "GoSetting takes two arguments"},
	{"GoSendFileRoot", "", "GoSendFileRoot requires at least one argument"},
	{"GoSendFileRoot www", "", "GoSendFileRoot: 'www' is no absolute path of a folder"},
	{"GoSendFileRoot /nonexistent/files", "", "GoSendFileRoot: there is no folder /nonexistent/files; make it, or name another"},
	{"GoSendFileRoot / /nonexistent/files", "", "GoSendFileRoot: there is no folder /nonexistent/files"},
	{"GoSendFileRoot /etc/passwd", "", "GoSendFileRoot: there is no folder /etc/passwd"},
	{"GoSetEnv A=B C", "", "GoSetEnv: 'A=B' cannot be the name of an environment variable"},
	{"GoSetEnv NAME", "", "GoSetEnv takes two arguments"},
	{"GoAlias", "", "GoAlias: takes a URL path and a package: GoAlias /shop example.org/site/shop"},
	{"GoAlias /x", "", "GoAlias: takes a URL path and a package"},
	{"GoAlias shop " + probeApp, "", "GoAlias: the URL path 'shop' does not begin with a slash"},
	{"GoAlias \"\" " + probeApp, "", "GoAlias: the URL path '' does not begin with a slash"},
	{"GoAlias / \"\"", "", "GoAlias: takes a URL path and a package"},
	{"GoAlias / " + probeApp + " colour=blue", "", "GoAlias: unknown option 'colour=blue'; allowed is callable=NAME"},
	{"GoAlias / " + probeApp + " callable=", "", "GoAlias: unknown option 'callable='; allowed is callable=NAME"},
	{"GoAlias / " + probeApp + " mount=/x", "", "GoAlias: unknown option 'mount=/x'; allowed is callable=NAME"},
	{"GoAlias / " + probeApp + " callable=nobody", "", "has no application named nobody; it has application"},
	{"GoAlias / example.org/absent", "", "the package example.org/absent was not compiled into this mod_go.so; it holds"},
	{"GoAliasMatch ^/(x " + probeApp, "", "GoAliasMatch: the regular expression '^/(x' could not be compiled"},
	{"GoAliasMatch ^/x", "", "GoAliasMatch: takes a regular expression and a package"},
	{"GoAliasMatch ^/x example.org/absent", "", "GoAliasMatch: the package example.org/absent was not compiled into this mod_go.so"},
	{"<Location /x>\nGoApplication\n</Location>", "GoApplication", "GoApplication: takes a package"},
	{"<Location /x>\nGoApplication " + probeApp + " mount=x\n</Location>", "GoApplication", "GoApplication: unknown option 'mount=x'; allowed are callable=NAME and mount=/url-path"},
	{"<Location /x>\nGoApplication " + probeApp + " other\n</Location>", "GoApplication", "GoApplication: unknown option 'other'; allowed are callable=NAME and mount=/url-path"},
	{"<Location /x>\nGoApplication example.org/absent\n</Location>", "GoApplication", "GoApplication: the package example.org/absent was not compiled"},
	{"<Directory /x>\nGoCallableObject nobody\n</Directory>", "GoCallableObject", "no package in this mod_go.so has an application named nobody"},
	{"GoPassAuthorization Maybe", "", "GoPassAuthorization must be On or Off"},
	{"GoErrorOverride 1", "", "GoErrorOverride must be On or Off"},
	// where they may not stand
	{"<Location /x>\nGoAlias /y " + probeApp + "\n</Location>", "GoAlias", "GoAlias not allowed in <Location> context"},
	{"<Directory /x>\nGoAliasMatch ^/y " + probeApp + "\n</Directory>", "GoAliasMatch", "GoAliasMatch not allowed in <Directory> context"},
	{"<VirtualHost *>\nGoMaxProcs 2\n</VirtualHost>", "GoMaxProcs", "GoMaxProcs cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoMemoryLimit 1G\n</VirtualHost>", "GoMemoryLimit", "GoMemoryLimit cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoGC 50\n</VirtualHost>", "GoGC", "GoGC cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoSetEnv A b\n</VirtualHost>", "GoSetEnv", "GoSetEnv cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoStartTimeout 5s\n</VirtualHost>", "GoStartTimeout", "GoStartTimeout cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoShutdownTimeout 5s\n</VirtualHost>", "GoShutdownTimeout", "GoShutdownTimeout cannot occur within <VirtualHost> section"},
	{"<VirtualHost *>\nGoKeepAliveWait 5ms\n</VirtualHost>", "GoKeepAliveWait", "GoKeepAliveWait cannot occur within <VirtualHost> section"},
	{"<Location /x>\nGoSetEnv A b\n</Location>", "GoSetEnv", "GoSetEnv not allowed in <Location> context"},
}

var mistakePlace = regexp.MustCompile(`AH00526: Syntax error on line (\d+) of ([^:\n]+):\n(.*)`)

// TestMistakes: a wrong directive fails configtest with its file and line, and a message that says what is allowed.
func TestMistakes(t *testing.T) {
	object := httpdtest.Object(t, testPackages...)
	for _, c := range mistakes {
		t.Run(strings.ReplaceAll(c.conf, appsPath, ""), func(t *testing.T) {
			output, ok := httpdtest.ConfigTest(t, httpdtest.Config{Object: object, Conf: c.conf})
			place := mistakePlace.FindStringSubmatch(output)
			if ok || place == nil {
				t.Fatalf("configtest accepts it, or names no place (ok: %t):\n%s", ok, output)
			}
			if !strings.Contains(place[3], c.want) {
				t.Errorf("configtest says %q; want %q", place[3], c.want)
			}
			conf, err := os.ReadFile(place[2])
			if err != nil {
				t.Fatal(err)
			}
			line, err := strconv.Atoi(place[1])
			lines := strings.Split(string(conf), "\n")
			directive := c.directive
			if directive == "" {
				directive = c.conf
			}
			if err != nil || line < 1 || line > len(lines) || !strings.HasPrefix(strings.TrimSpace(lines[line-1]), directive) {
				t.Errorf("configtest names line %s of %s; want that of %q", place[1], place[2], directive)
			}
		})
	}
}

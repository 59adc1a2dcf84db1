package tests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestApacheSettings: GoSetting of virtual hosts, folders and .htaccess files, each winning over what surrounds it.
func TestApacheSettings(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := httpdtest.Config{
			MPM: mpm, Packages: servicesConfig().Packages, DocumentRoot: "www",
			Files: map[string]string{
				"www/plain/x": "", "www/own/x": "", "www/own/.htaccess": "GoSetting colour black\nGoSetting colour white\nGoSetting access yes\n",
			},
			Conf: "GoSetting colour blue\nGoSetting place server\nGoApplication " + servicesApp + "\n" +
				"<Directory ${DIR}/www>\nAllowOverride FileInfo\nSetHandler go-application\nGoSetting folder yes\n</Directory>",
			VirtualHosts: []httpdconf.VirtualHost{
				{Name: "plain"}, {Name: "own", Site: httpdconf.Site{DocumentRoot: "www", Conf: "GoSetting place host"}},
			},
		}
		cfg.VirtualHosts[0].DocumentRoot = "www"
		srv := httpdtest.Start(t, cfg)
		for target, want := range map[string]map[string]string{
			"http://plain/plain/x": {"colour": "blue", "place": "server", "folder": "yes"},
			"http://own/plain/x":   {"colour": "blue", "place": "host", "folder": "yes"},
			"http://own/own/x":     {"colour": "white", "place": "host", "folder": "yes", "access": "yes"},
			"http://plain/own/x":   {"colour": "white", "place": "server", "folder": "yes", "access": "yes"},
		} {
			if got := ask(t, srv, target).All; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: the settings are %v; want %v", target, got, want)
			}
		}
	})
}

// TestApacheLog: an application's lines have their level, go to the virtual host's log, and LogLevel rules in each place.
func TestApacheLog(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := servicesConfig()
		cfg.MPM, cfg.LogLevel = mpm, "warn"
		cfg.VirtualHosts = []httpdconf.VirtualHost{
			{Name: "plain"}, {Name: "verbose", ErrorLog: "verbose.log", Site: httpdconf.Site{Conf: "LogLevel go:trace8"}},
			{Name: "quiet", Site: httpdconf.Site{Conf: "LogLevel go:error"}},
		}
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`\] spoken `)
		levels := []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8"}
		for _, c := range []struct {
			target, file string
			least        apache.Level
		}{
			{"http://plain/app/x", "error.log", apache.Warning}, {"http://plain/wsgi/x", "error.log", apache.Warning},
			{"http://quiet/app/x", "error.log", apache.Error},
			{"http://plain/app/debug/x", "error.log", apache.Debug}, {"http://verbose/app/x", "verbose.log", apache.Trace8},
		} {
			id := runID()
			parameters := []string{"log", "-3=spoken " + id + " below", "log", "99=spoken " + id + " above"}
			for level, name := range levels {
				parameters = append(parameters, "log", fmt.Sprintf("%d=spoken %s %s\nspoken %s two\n", level, id, name, id))
			}
			report := ask(t, srv, c.target, parameters...)
			if report.Error != "" {
				t.Error(report.Error)
			}
			var want []string
			for level, name := range levels {
				logged := apache.Level(level) <= c.least || name == "notice" // which httpd logs always
				if report.Enabled[level] != logged {
					t.Errorf("%s: LogEnabled(%s) is %t", c.target, name, report.Enabled[level])
				}
				if logged {
					want = append(want, name+" "+name, name+" two")
				}
			}
			want = append([]string{"emerg below"}, want...)
			if c.least == apache.Trace8 {
				want = slices.Insert(want, 1, "trace8 above")
			}
			var got []string
			for _, line := range linesOf(srv, "spoken "+id) {
				got = append(got, line.Level+strings.TrimPrefix(line.Message, "spoken "+id))
				if line.File != c.file || line.Module != "go" || line.Client == "" || line.ID == "" {
					t.Errorf("%s: %+v; want a line of a request, in %s", c.target, line, c.file)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: logged is\n%q\nwant\n%q", c.target, got, want)
			}
		}
	})
}

// TestSendFileRootVanishes: a folder that is gone when httpd re-reads its configuration does not end the server, as an error
// of the directive would. There is just no file in it to send.
func TestSendFileRootVanishes(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := servicesConfig()
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		target := "/app" + sending(srv.Path("files/data.txt"))
		checkAnswer(t, "before", srv.Get(target), 200, "some data\n")
		for _, folder := range []string{"files", "nothing-here"} {
			if err := os.RemoveAll(srv.Path(folder)); err != nil {
				t.Fatal(err)
			}
		}
		if output, ok := srv.ConfigTest(); ok || !strings.Contains(output, "GoSendFileRoot: there is no folder") {
			t.Errorf("configtest accepts it (%t):\n%s", ok, output)
		}
		srv.Graceful()
		if resp := srv.Get(target); resp.StatusCode != 404 || !strings.Contains(resp.Text, "there is no file") {
			t.Errorf("%s: %s", resp.Status, resp.Text)
		}
		if report := ask(t, srv, "/app/x"); report.All["colour"] != "blue" {
			t.Errorf("the settings are %v", report.All)
		}
	})
}

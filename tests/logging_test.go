package tests

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const speakApp = appsPath + "speak"

// logged is a line of the error log, without what differs from run to run.
type logged struct{ level, message string }

// loggingCases are what the application says in each way, and the lines that come of it.
var loggingCases = []struct {
	way, text string
	own       bool // the lines belong to the request: they have its client and id
	want      []logged
}{
	{"log", "log: one\nlog: two", true, []logged{{"notice", "log: one"}, {"notice", "log: two"}}},
	{"slog", "slog: one", true, []logged{{"info", "slog: one"}}},
	{"slog/levels", "slog level", true, []logged{
		{"trace1", "slog level DEBUG-4"}, {"debug", "slog level DEBUG"}, {"info", "slog level INFO"}, {"warn", "slog level WARN"}, {"error", "slog level ERROR"},
	}},
	{"slog/attributes", "slog attributes", true, []logged{{"info", `slog attributes outer=1 group.inner="two words"`}}},
	{"logrus", "logrus: one\nlogrus: two", true, []logged{{"info", "logrus: one"}, {"info", "logrus: two"}}},
	{"logrus/levels", "logrus level", true, []logged{
		{"trace1", "logrus level trace"}, {"debug", "logrus level debug"}, {"info", "logrus level info"},
		{"warn", "logrus level warning"}, {"error", "logrus level error"}, {"crit", "logrus level fatal"},
	}},
	{"logrus/fields", "logrus fields", true, []logged{{"info", "logrus fields alpha=two words zeta=1"}}},
	{"stdout", "stdout: one\nstdout: two", false, []logged{{"notice", "stdout: one"}, {"notice", "stdout: two"}}},
	{"stderr", "stderr: one\nstderr: two", false, []logged{{"notice", "stderr: one"}, {"notice", "stderr: two"}}},
	{"errors", "errors: one\nerrors: two", true, []logged{{"error", "errors: one"}, {"error", "errors: two"}}},
	{"log", "log: käse 漢 \u202e", true, []logged{{"notice", "log: käse 漢 \u202e"}}},
	{"stdout", "stdout: käse 漢", false, []logged{{"notice", "stdout: käse 漢"}}},
	{"errors", "errors: käse 漢", true, []logged{{"error", "errors: käse 漢"}}},
	{"log", "log: 100% of \\ and \"quotes\" %s", true, []logged{{"notice", "log: 100% of \\ and \"quotes\" %s"}}},
	{"log", "log: tab\there, \x1b[31mred", true, []logged{{"notice", "log: tab\there, \x1b[31mred"}}},
	{"log", "log: before\n\nlog: after", true, []logged{{"notice", "log: before"}, {"notice", "log: after"}}},
}

// TestLogging: what an application logs and prints arrives in httpd's error log, line by line, at the level that it has.
func TestLogging(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, LogLevel: "notice go:trace8", Conf: "GoAlias / " + speakApp,
		})
		srv.Expect(`\] (slog|logrus) level |\] errors: `)
		for _, c := range loggingCases {
			t.Run(c.way+" "+c.text, func(t *testing.T) {
				srv := srv.In(t)
				prefix := c.text[:strings.IndexAny(c.text, ": ")]
				before := len(linesOf(srv, prefix))
				say(srv, "/"+c.way, c.text)
				lines := awaitLines(srv, prefix, before+len(c.want))[before:]
				for i, line := range lines {
					if got := (logged{line.Level, line.Unescaped()}); i >= len(c.want) || got != c.want[i] {
						t.Errorf("line %d is %s %q; want %q", i, got.level, got.message, c.want)
					}
					if line.Module != "go" || c.own != (line.Client != "") || c.own != (line.ID != "") {
						t.Errorf("line %d is of module %s, client %q, id %q; want go, and a request: %t", i, line.Module, line.Client, line.ID, c.own)
					}
				}
			})
		}
	})
}

// say has the application speak.
func say(srv *httpdtest.Server, target, text string, more ...string) *httpdtest.Response {
	query := url.Values{"text": {text}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return srv.Get(target + "?" + query.Encode())
}

// linesOf are the lines of the error log whose message begins with a text.
func linesOf(srv *httpdtest.Server, prefix string) []httpdtest.Line {
	return slices.DeleteFunc(srv.Log(), func(l httpdtest.Line) bool { return !strings.HasPrefix(l.Message, prefix) })
}

// awaitLines waits for n such lines, since what is printed is logged by a thread of its own, and returns all there are.
func awaitLines(srv *httpdtest.Server, prefix string, n int) []httpdtest.Line {
	srv.AwaitLogs(`\[error [^]]*\] `+prefix, n)
	return linesOf(srv, prefix)
}

// TestLogLevel: LogLevel decides what is logged, of the server, of a virtual host and of a place.
func TestLogLevel(t *testing.T) {
	// What each way says of its levels, most urgent first.
	levels := []string{"crit", "error", "warn", "notice", "info", "debug", "trace1"}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		conf := "GoAlias / " + speakApp + "\n"
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, LogLevel: "info",
			Conf: conf + "<Location /logrus/levels>\n<If \"%{QUERY_STRING} =~ /quiet/\">\nLogLevel error\n</If>\n</Location>\n" +
				"<Location /slog/levels>\n<If \"%{QUERY_STRING} =~ /quiet/\">\nLogLevel error\n</If>\n</Location>",
			VirtualHosts: []httpdconf.VirtualHost{
				{Name: "default", Site: httpdconf.Site{}},
				{Name: "verbose", Site: httpdconf.Site{Conf: "LogLevel go:trace8"}},
				{Name: "silent", Site: httpdconf.Site{Conf: "LogLevel go:emerg"}},
				{Name: "errors", Site: httpdconf.Site{Conf: "LogLevel go:error"}},
			},
		})
		srv.Expect(`\] (slog|logrus) level `).Maybe()
		for _, c := range []struct{ host, text, least string }{
			{"default", " normal ", "info"}, {"verbose", " verbose ", "trace1"}, {"errors", " errors ", "error"}, {"default", " quiet ", "error"}, {"silent", " silent ", ""},
		} {
			for way, all := range map[string]string{"slog": "error warn info debug trace1", "logrus": "crit error warn info debug trace1"} {
				say(srv, "http://"+c.host+"/"+way+"/levels", way+" level"+c.text)
				var want []string
				for _, level := range strings.Fields(all) {
					if slices.Index(levels, level) <= slices.Index(levels, c.least) {
						want = append(want, level)
					}
				}
				var got []string // a request's own thread has logged all before it answers
				for _, line := range linesOf(srv, way+" level"+c.text) {
					got = append(got, line.Level)
				}
				slices.Reverse(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s of %s,%sis logged at %q; want %q", way, c.host, c.text, got, want)
				}
			}
		}
	})
}

// TestOwnErrorLog: a virtual host's ErrorLog gets what its requests log; what no request can be told of goes to the server's.
func TestOwnErrorLog(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: testPackages, LogLevel: "info", Conf: "GoAlias / " + speakApp,
			VirtualHosts: []httpdconf.VirtualHost{{Name: "shared"}, {Name: "own", ErrorLog: "own.log"}},
		})
		srv.Expect(`\] errors from `)
		for _, c := range []struct{ host, way, goroutine, file string }{
			{"own", "log", "", "own.log"}, {"own", "slog", "", "own.log"}, {"own", "logrus", "", "own.log"}, {"own", "errors", "", "own.log"},
			{"shared", "log", "", "error.log"}, {"shared", "errors", "", "error.log"},
			{"own", "log", "yes", "error.log"}, {"own", "stdout", "", "error.log"}, {"own", "stderr", "", "error.log"},
			{"own", "errors", "yes", "own.log"}, // the environ knows whose it is
		} {
			text := fmt.Sprintf("%s from %s%s", c.way, c.host, c.goroutine)
			more := []string{}
			if c.goroutine != "" {
				more = []string{"goroutine", c.goroutine}
			}
			say(srv, "http://"+c.host+"/"+c.way, text, more...)
			srv.AwaitLog(`\[error [^]]*\] ` + text + "$")
			lines := slices.DeleteFunc(linesOf(srv, text), func(l httpdtest.Line) bool { return l.Message != text })
			if len(lines) != 1 || lines[0].File != c.file {
				t.Errorf("%s on %s (goroutine: %q) is logged %+v; want once, in %s", c.way, c.host, c.goroutine, lines, c.file)
			}
		}
	})
}

// visible is what is logged of text: httpd cannot log a NUL, so that is spelled out.
func visible(text string) string { return strings.ReplaceAll(text, "\x00", `\x00`) }

// TestNothingIsLost: neither long lines nor odd bytes nor the last words of a child are cut.
func TestNothingIsLost(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{MPM: mpm, Packages: testPackages, LogLevel: "info", Conf: "GoAlias / " + speakApp})
		srv.Expect(`\[go:error\]`).Maybe()
		for _, way := range []string{"log", "slog", "logrus", "errors", "stdout", "stderr"} {
			for _, c := range []struct {
				name, unit string
				n          int
			}{{"long", "0123456789", 3000}, {"long and escaped", "käse", 4000}, {"zero", "before\x00after", 1}} {
				t.Run(way+" "+c.name, func(t *testing.T) {
					srv := srv.In(t)
					begin := len(srv.Log())
					say(srv, "/"+way, c.unit, "repeat", strconv.Itoa(c.n))
					say(srv, "/"+way, "end of "+way+" "+c.name)
					srv.AwaitLog("end of " + way + " " + c.name + "$")
					if got, want := saidSince(srv, begin, "end of "), visible(strings.Repeat(c.unit, c.n)); got != want {
						t.Errorf("of %d bytes %d are logged, from %.20q to %.20q", len(want), len(got), got, got[max(0, len(got)-20):])
					}
				})
			}
		}
		t.Run("binary", func(t *testing.T) {
			srv := srv.In(t)
			begin := len(srv.Log())
			say(srv, "/binary", "")
			say(srv, "/stdout", "end of binary")
			srv.AwaitLog("end of binary$")
			var unit []byte
			for b := range 256 {
				if b != '\n' && b != '\r' {
					unit = append(unit, byte(b))
				}
			}
			if got, want := saidSince(srv, begin, "end of "), visible(strings.Repeat(string(unit), 40)); got != want {
				t.Errorf("of %d bytes %d are logged, beginning with %.300q", len(want), len(got), got)
			}
		})
	})
}

// saidSince joins the messages of the application that follow the first n lines of the log, without its mark of the end.
func saidSince(srv *httpdtest.Server, n int, end string) string {
	var said strings.Builder
	for _, line := range srv.Log()[n:] {
		if line.Module == "go" && !strings.HasPrefix(line.Message, end) {
			said.WriteString(line.Unescaped())
		}
	}
	return said.String()
}

// TestLastWords: what a child prints just before it ends as it should is logged, a last line without its end too.
func TestLastWords(t *testing.T) {
	ends := map[string]func(srv *httpdtest.Server){
		"graceful restart": (*httpdtest.Server).Graceful, "restart": (*httpdtest.Server).Restart, "graceful stop": (*httpdtest.Server).GracefulStop, "stop": (*httpdtest.Server).Stop,
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for name, end := range ends {
			t.Run(name, func(t *testing.T) {
				srv := httpdtest.Start(t, httpdtest.Config{MPM: mpm, Packages: testPackages, Conf: "GoAlias / " + speakApp})
				srv.Client().CloseIdleConnections()
				say(srv, "/print", "a word\n", "repeat", "3000")
				say(srv, "/print", "the last word")
				srv.Client().CloseIdleConnections()
				end(srv)
				srv.Stop()
				if n := len(linesOf(srv, "a word")); n != 3000 {
					t.Errorf("%d lines of 3000 are logged", n)
				}
				if n := len(linesOf(srv, "the last word")); n != 1 {
					t.Errorf("the last line, which has no end, is logged %d times; want once", n)
				}
			})
		}
	})
}

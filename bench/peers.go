package bench

import "slices"

// Peer is one way to serve the site, in an httpd of its own.
type Peer struct {
	Key   string // in file names and CSV
	Title string // in tables

	Modules  []string // of httpd
	Go       bool     // mod_go hosts it
	C        bool     // it is the module in testdata/mod_cbench.c
	Conf     string   // a template over confData
	Backend  []string // a program of cmd that runs beside httpd, and "tcp" or "unix", what it listens on
	Program  string   // a program of cmd that httpd itself runs
	Bare     bool     // the backend is the server: there is no httpd
	Dies     bool     // processes end while it serves: its CPU time is a control group's
	Expected string   // an expression for lines of httpd's log that may come
	Varies   bool     // whether a response is chunked depends on time
	TLS      bool     // it is measured over TLS and HTTP/2 too

	Workloads []Workload
}

// confData is what a Conf may use.
type confData struct {
	Processes, Threads int
	Address            string // of the backend: host and port, or the path of its socket
	Program            string // path
	TestData           string // path of the folder
	Mounts             []string
}

var (
	everything = []Workload{Hello, Headers, JSON, MemorySmall, MemoryLarge, FileSmall, FileLarge, Upload, Flushes}
	// Without what httpd's Lua has no library for, what mod_lua cannot read piece by piece, and what each of its threads would
	// keep a copy of.
	lua = without(everything, JSON, Upload, MemoryLarge)
	// Perl's JSON is not made for speed.
	perl = without(everything, JSON)
	// The cost of a process hides everything else.
	cgi = []Workload{Hello, Headers}
)

// without returns workloads less some.
func without(of []Workload, less ...Workload) []Workload {
	return slices.DeleteFunc(slices.Clone(of), func(w Workload) bool {
		return slices.ContainsFunc(less, func(l Workload) bool { return l.Name == w.Name })
	})
}

// serves tells whether a peer has a workload.
func (p *Peer) serves(w Workload) bool {
	return slices.ContainsFunc(p.Workloads, func(o Workload) bool { return o.Name == w.Name })
}

// allGranted is where a handler that no path of the file system stands behind is set, for every peer that has one: httpd
// then does the same for each before the handler.
const (
	allGranted = "<Location />\nRequire all granted\n"
	closed     = "\n</Location>\n"
	appsPath   = "github.com/mod-go/mod-go/bench/apps/"

	keepAliveWaitOff = "GoKeepAliveWait off\n"
)

func goPeer(key, title, app, conf string) *Peer {
	return &Peer{
		Key: key, Title: title, Go: true, TLS: true, Workloads: everything,
		Conf: conf + allGranted + "SetHandler go-application\nGoApplication " + appsPath + app + closed,
	}
}

// What modules log when a load generator closes its connections at the end of a round, with requests under way. That they
// may not log anything else is no loss: a peer that fails is found by its responses.
const (
	proxyGone = `\[proxy(_http|_fcgi)?:error\]`
	wsgiGone  = `\[wsgi:error\]`
	perlGone  = `\[perl:error\]`
	fcgidGone = `\[fcgid:warn\]`
)

// The peers.
var (
	C = &Peer{
		Key: "c", Title: "a C handler (the limit)", C: true, TLS: true, Workloads: everything,
		Conf: allGranted + "SetHandler c-bench" + closed,
	}
	Application = goPeer("application", "mod_go, WSGI style", "application", "")
	Handler     = goPeer("handler", "mod_go, http.Handler", "handler", "")
	Router      = goPeer("chi", "mod_go, http.Handler through chi", "router", "")
	// Without what the module saves httpd between two requests: what is left is the cost of the bridge.
	ApplicationAlone = goPeer("application-alone", "mod_go, WSGI style, GoKeepAliveWait off", "application", keepAliveWaitOff)
	HandlerAlone     = goPeer("handler-alone", "mod_go, http.Handler, GoKeepAliveWait off", "handler", keepAliveWaitOff)
	Static           = &Peer{
		Key: "static", Title: "Apache's own files", TLS: true, Workloads: []Workload{Hello, FileSmall, FileLarge},
		Conf: "Alias /hello ${FILES}/hello\nAlias /file ${FILES}\n<Directory ${FILES}>\nRequire all granted\nForceType text/plain\n</Directory>",
	}
	// Python's own end is left out: children that destroy their interpreters may hang until httpd kills them.
	WSGIEmbedded = &Peer{
		Key: "wsgi-embedded", Title: "mod_wsgi, embedded", Modules: []string{"mod_wsgi"}, Expected: wsgiGone, TLS: true, Workloads: everything,
		Conf: "WSGIDestroyInterpreter Off\nWSGIScriptAlias / {{.TestData}}/bench.wsgi\n<Directory {{.TestData}}>\nRequire all granted\n</Directory>",
	}
	WSGIDaemon = &Peer{
		Key: "wsgi-daemon", Title: "mod_wsgi, daemon", Modules: []string{"mod_wsgi"}, Expected: wsgiGone, Workloads: everything,
		Conf: "WSGISocketPrefix ${DIR}/wsgi\nWSGIRestrictEmbedded On\nWSGIDestroyInterpreter Off\nWSGIDaemonProcess bench processes={{.Processes}} threads={{.Threads}} shutdown-timeout=1\nWSGIProcessGroup bench\nWSGIApplicationGroup %{GLOBAL}\n" +
			"WSGIScriptAlias / {{.TestData}}/bench.wsgi\n<Directory {{.TestData}}>\nRequire all granted\n</Directory>",
	}
	Lua = &Peer{
		Key: "lua", Title: "mod_lua", Modules: []string{"mod_lua"}, Workloads: lua,
		Conf: "LuaScope thread\nLuaCodeCache forever\nLuaMapHandler ^/ {{.TestData}}/bench.lua handle\n" + allGranted + closed,
	}
	Perl = &Peer{
		Key: "perl", Title: "mod_perl", Modules: []string{"mod_perl"}, Expected: perlGone, Workloads: perl,
		Conf: "PerlPassEnv BENCH_FILES\nPerlSwitches -I{{.TestData}}\nPerlModule Bench\n" + allGranted + "SetHandler modperl\nPerlResponseHandler Bench" + closed,
	}
	ProxyTCP = &Peer{
		Key: "proxy-tcp", Title: "mod_proxy_http to Go over TCP", Modules: []string{"mod_proxy", "mod_proxy_http"}, Workloads: everything,
		Backend: []string{"nethttp", "tcp"}, Conf: "ProxyPass / http://{{.Address}}/", Expected: proxyGone,
	}
	ProxyUnix = &Peer{
		Key: "proxy-unix", Title: "mod_proxy_http to Go over a Unix socket", Modules: []string{"mod_proxy", "mod_proxy_http"}, TLS: true, Workloads: everything,
		Backend: []string{"nethttp", "unix"}, Conf: "ProxyPass / unix:{{.Address}}|http://localhost/", Expected: proxyGone,
	}
	ProxyFCGI = &Peer{
		Key: "proxy-fcgi", Title: "mod_proxy_fcgi to Go", Modules: []string{"mod_proxy", "mod_proxy_fcgi"}, Workloads: everything,
		Backend: []string{"fastcgi", "unix"}, Conf: "ProxyPass / unix:{{.Address}}|fcgi://localhost/", Expected: proxyGone,
	}
	FCGID = &Peer{
		Key: "fcgid", Title: "mod_fcgid with a Go program", Modules: []string{"mod_fcgid"}, Expected: fcgidGone, Workloads: without(everything, Flushes),
		Program: "fastcgi",
		Conf: `FcgidIPCDir ${DIR}/fcgid.sock
FcgidProcessTableFile ${DIR}/fcgid.table
FcgidInitialEnv BENCH_FILES ${FILES}
FcgidMaxRequestLen 20000000
FcgidMaxRequestsPerProcess 0
FcgidProcessLifeTime 0
FcgidIdleTimeout 0
FcgidMaxProcesses 64
FcgidMaxProcessesPerClass 64
FcgidSpawnScoreUpLimit 1000
ScriptAliasMatch ^(/.*)$ {{.Program}}$1
<Location />
SetHandler fcgid-script
Options +ExecCGI
Require all granted
</Location>`,
	}
	CGID = &Peer{
		Key: "cgid", Title: "mod_cgid with a Go program", Modules: []string{"mod_env", "mod_cgid"}, Workloads: cgi,
		Program: "cgi", Dies: true, Varies: true,
		Conf: "PassEnv BENCH_FILES\nScriptSock ${DIR}/cgid.sock\nScriptAliasMatch ^(/.*)$ {{.Program}}$1\n<Location />\nOptions +ExecCGI\nRequire all granted\n</Location>",
	}
	NetHTTP = &Peer{
		Key: "nethttp", Title: "net/http's own server, without Apache", Bare: true, Workloads: everything,
		Backend: []string{"nethttp", "tcp"},
	}
	// Many is the handler under so many mounts, each an application of its own.
	Many = &Peer{
		Key: "many", Title: "mod_go, many applications", Go: true, Workloads: []Workload{Hello},
		Conf: "{{range .Mounts}}GoAlias /{{.}} " + appsPath + "many callable={{.}}\n{{end}}",
	}
)

// peers are those of the tables.
var peers = []*Peer{C, Application, Handler, HandlerAlone, Router, WSGIEmbedded, WSGIDaemon, Lua, Perl, ProxyTCP, ProxyUnix, ProxyFCGI, FCGID, CGID, Static, NetHTTP}

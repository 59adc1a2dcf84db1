package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

func TestMountPaths(t *testing.T) {
	tests := []struct {
		name     string
		packages []string
		want     map[string]string // import path to URL path
	}{
		{"one", []string{"example.org/hello"}, map[string]string{"example.org/hello": "/"}},
		{"two", []string{"example.org/a", "example.org/b"}, map[string]string{"example.org/a": "/a", "example.org/b": "/b"}},
		{"versions are no names", []string{"example.org/a/v2", "example.org/b"}, map[string]string{"example.org/a/v2": "/a", "example.org/b": "/b"}},
		{"a clash", []string{"example.org/a/app", "example.org/b/app", "example.org/c"},
			map[string]string{"example.org/a/app": "/a/app", "example.org/b/app": "/b/app", "example.org/c": "/c"}},
		{"a deep clash", []string{"example.org/x/a/app", "example.org/y/a/app"},
			map[string]string{"example.org/x/a/app": "/x/a/app", "example.org/y/a/app": "/y/a/app"}},
		{"one within the other", []string{"app", "example.org/app"}, map[string]string{"app": "/app", "example.org/app": "/example.org/app"}},
		{"versions of one", []string{"example.org/a", "example.org/a/v2"},
			map[string]string{"example.org/a": "/example.org/a", "example.org/a/v2": "/example.org/a/v2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var packages []builder.Package
			for _, path := range tt.packages {
				packages = append(packages, builder.Package{Path: path, Callables: []builder.Callable{{Name: "application"}}})
			}
			mounts, err := mountPackages(packages)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range mounts {
				if m.Path != tt.want[m.Package] {
					t.Errorf("%s is mounted at %s, want %s", m.Package, m.Path, tt.want[m.Package])
				}
			}
			if len(mounts) != len(tt.want) {
				t.Errorf("%d mounts, want %d", len(mounts), len(tt.want))
			}
		})
	}
}

func TestMountsOfNothing(t *testing.T) {
	if _, err := mountPackages(nil); err == nil || !strings.Contains(err.Error(), "has an application") {
		t.Errorf("the error is %v", err)
	}
}

func TestMountNamesTheOnlyCallable(t *testing.T) {
	mounts, err := mountPackages([]builder.Package{{Path: "example.org/a", Callables: []builder.Callable{{Name: "Admin"}}}})
	if err != nil || mounts[0].Callable != "Admin" {
		t.Errorf("the mounts are %+v, %v; want the callable Admin", mounts, err)
	}
}

func TestSynopsis(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"with the package's name": {"// Package blog keeps a diary. More.\npackage blog\n", "keeps a diary."},
		"without":                 {"// A diary. More.\npackage blog\n", "A diary."},
		"undocumented":            {"package blog\n", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "blog.go"), []byte(test.source), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := synopsis(dir); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestIndexEscapesAndLinks(t *testing.T) {
	s := &serveSite{workDir: t.TempDir()}
	if err := os.Mkdir(s.path(htdocsName), 0o755); err != nil {
		t.Fatal(err)
	}
	err := s.writeIndex([]mount{{Path: "/a", Package: "example.org/a", Synopsis: "1 < 2 & more."}, {Path: "/x/b", Package: "example.org/x/b"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(s.path(htdocsName), "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`href="/a"`, `<strong>a</strong>`, `1 &lt; 2 &amp; more.`, `href="/x/b"`, `<strong>x/b</strong>`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %s:\n%s", want, text)
		}
	}
}

func TestATakenPortIsNamedWithItsCure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for flag, options := range map[string]serveOptions{
		"--port":       {host: "127.0.0.1", port: port},
		"--https-port": {host: "127.0.0.1", plainToo: true, httpsPort: port},
	} {
		_, err = (&serveSite{options: options}).chooseEndpoints()
		if err == nil || !strings.Contains(err.Error(), "port "+strconv.Itoa(port)) || !strings.Contains(err.Error(), "another port with "+flag) {
			t.Errorf("%s: the error is %v", flag, err)
		}
	}
}

// Somebody takes the port of TLS after it was found free: httpd itself says so, here in its own words.
func TestAPortTakenDuringTheBuildIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := &serveSite{options: serveOptions{host: "127.0.0.1", logLevel: "warn"}, workDir: t.TempDir()}
	if s.httpd, err = httpd.Find(); err != nil {
		t.Fatal(err)
	}
	s.endpoints = []endpoint{{addr: "127.0.0.1:1", flag: "--port"}, {addr: taken.Addr().String(), flag: "--https-port"}}
	server := s.baseServer()
	server.Root, server.GoModule, server.Listen = s.workDir, "", []string{taken.Addr().String()}
	conf, err := server.WriteFile(s.httpd)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := exec.Command(s.httpd.Binary, "-DFOREGROUND", "-f", conf).CombinedOutput()
	if err == nil {
		t.Fatalf("httpd listens twice on one port:\n%s", messages)
	}
	if err := s.ending(err, false, string(messages)); !strings.Contains(err.Error(), "is taken by another program") || !strings.Contains(err.Error(), "--https-port") {
		t.Errorf("the error is %v, of\n%s", err, messages)
	}
}

func TestEndpoints(t *testing.T) {
	for name, test := range map[string]struct {
		options serveOptions
		want    []bool // which of them are secure
	}{
		"plain":            {serveOptions{}, []bool{false}},
		"TLS":              {serveOptions{https: true}, []bool{true}},
		"given":            {serveOptions{tlsCert: "cert.pem"}, []bool{true}},
		"both":             {serveOptions{plainToo: true}, []bool{false, true}},
		"both, said twice": {serveOptions{https: true, plainToo: true}, []bool{false, true}},
	} {
		test.options.host = "127.0.0.1"
		endpoints, err := (&serveSite{options: test.options}).chooseEndpoints()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var secure []bool
		for _, e := range endpoints {
			secure = append(secure, e.secure)
		}
		if !slices.Equal(secure, test.want) {
			t.Errorf("%s: the endpoints are %+v", name, endpoints)
		}
	}
}

func TestPortsWhereNoneIsGiven(t *testing.T) {
	for line, want := range map[string]int{
		"": 8000, "--https": 8443, "--tls-cert=c.pem": 8443, "--https --port=443": 443, "--https-port=8443": 8000, "--https --https-port=8443": 8000,
	} {
		command := newServeCommand()
		if err := command.ParseFlags(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		port, err := command.Flags().GetInt("port")
		if err != nil {
			t.Fatal(err)
		}
		options := serveOptions{port: port, https: command.Flags().Changed("https")}
		if command.Flags().Changed("tls-cert") {
			options.tlsCert = "c.pem"
		}
		if options.settle(command.Flags().Changed); options.port != want {
			t.Errorf("modgo serve %s: --port is %d, want %d", line, options.port, want)
		}
	}
}

// docs/serve.md names no flag that does not exist.
func TestDocumentedFlagsExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{"help", "cacert"} // cobra's and curl's
	named := regexp.MustCompile(`--([a-z][a-z0-9-]*)`).FindAllStringSubmatch(string(text), -1)
	for _, match := range named {
		if newServeCommand().Flags().Lookup(match[1]) == nil && !slices.Contains(foreign, match[1]) {
			t.Errorf("docs/serve.md names --%s, which modgo serve does not have", match[1])
		}
	}
	if len(named) == 0 {
		t.Error("docs/serve.md names no flag")
	}
}

func TestEveryAddressIsNamed(t *testing.T) {
	bases := endpoint{addr: "0.0.0.0:8443", secure: true}.bases()
	if bases[0] != "https://localhost:8443" {
		t.Errorf("the first is %s", bases[0])
	}
	for _, ip := range machineIPs("0.0.0.0") {
		if want := "https://" + ip.String() + ":8443"; !slices.Contains(bases, want) {
			t.Errorf("%v lack %s", bases, want)
		}
	}
	if bases := (endpoint{addr: "[::1]:80"}).bases(); len(bases) != 1 || bases[0] != "http://[::1]:80" {
		t.Errorf("one address has %v", bases)
	}
}

func TestWrongFlagsFailBeforeTheBuild(t *testing.T) {
	good := serveOptions{host: "127.0.0.1", logLevel: "warn"}
	tests := []struct {
		name  string
		spoil func(*serveOptions)
		want  string
	}{
		{"log level", func(o *serveOptions) { o.logLevel = "warn\nInclude /etc/passwd" }, "--log-level"},
		{"variable without value", func(o *serveOptions) { o.setenv = []string{"NAME"} }, "NAME=VALUE"},
		{"variable's name", func(o *serveOptions) { o.setenv = []string{"A B=1"} }, `"A B" cannot be the name`},
		{"document root", func(o *serveOptions) { o.documentRoot = "/no/such/folder" }, "/no/such/folder is no folder"},
		{"MPM", func(o *serveOptions) { o.mpm = "motorz" }, `"motorz" is not there`},
		{"threads under prefork", func(o *serveOptions) { o.mpm, o.threads = "prefork", 4 }, "one thread each"},
		{"nowhere to set up", func(o *serveOptions) { o.setupOnly = true }, "name it with --work-dir"},
		{"set up and reload", func(o *serveOptions) { o.setupOnly, o.reload, o.workDir = true, true, "x" }, "give one of them"},
		{"HTTP/2 under prefork", func(o *serveOptions) { o.http2, o.mpm = true, "prefork" }, "give --mpm event"},
		{"one port twice", func(o *serveOptions) { o.plainToo, o.port, o.httpsPort = true, 8443, 8443 }, "give two different ones"},
		{"address", func(o *serveOptions) { o.host = "192.0.2.1" }, "no address 192.0.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options := good
			tt.spoil(&options)
			if _, err := newServeSite(options); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v; it should say %q", err, tt.want)
			}
		})
	}
}

func TestAFolderThatChildrenCannotEnterIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "htdocs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Some user and group that own nothing of it.
	s := &serveSite{account: &httpdconf.Account{User: "stranger", UID: 64000, GID: 64000}}
	if err := s.checkReadable(dir); err == nil || !strings.Contains(err.Error(), "stranger, who may not enter "+dir) {
		t.Errorf("the error is %v", err)
	}
	if err := (&serveSite{}).checkReadable(dir); err != nil {
		t.Errorf("where child processes run as the same user: %v", err)
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "localhost:80", "[::]:80": "localhost:80", "[::1]:80": "[::1]:80", "example.org:80": "example.org:80",
	} {
		if got := reachable(addr); got != want {
			t.Errorf("reachable(%s) is %s, want %s", addr, got, want)
		}
	}
}

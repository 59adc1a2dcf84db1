package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// What httpd writes to the terminal: short lines, without the fields that have no value.
const (
	serveErrorLogFormat  = `[%{cu}t] [%m:%l] [pid %P] [client\ %a] [request\ %L] %E: %M`
	serveAccessLogFormat = `%{%H:%M:%S}t %h "%r" %>s %B bytes %D us`
)

// The defaults: two processes, so that an application that keeps its state in memory is found out.
const (
	serveProcesses        = 2
	servePreforkProcesses = 8
)

// baseServer is the configuration as far as it does not depend on the packages. Its folder is set later.
func (s *serveSite) baseServer() httpdconf.Server {
	server := httpdconf.Server{
		Root: os.TempDir(), Listen: []string{s.addr},
		MPM: s.options.mpm, Processes: s.options.processes, Threads: s.options.threads,
		Modules:         []string{"mod_dir"},
		OptionalModules: []string{"mod_authz_host", "mod_mime", "mod_alias", "mod_env", "mod_setenvif", "mod_headers"},
		GoModule:        "/mod_go.so", Env: s.env,
		LogLevel: s.options.logLevel,
		// Pipes to this process, which passes on what comes through them.
		ErrorLog: "/dev/stderr", ErrorLogFormat: serveErrorLogFormat,
		AccessLog: "/dev/stdout", AccessLogFormat: serveAccessLogFormat,
	}
	if s.account != nil {
		server.User, server.Group = s.account.User, s.account.Group
	}
	if mpms := s.httpd.MPMs(); server.MPM == "" && len(mpms) > 0 {
		server.MPM = mpms[0]
	}
	if server.Processes == 0 {
		server.Processes = serveProcesses
		if server.MPM == "prefork" {
			server.Processes = servePreforkProcesses
		}
	}
	return server
}

// configure writes the configuration and what it refers to, and returns its path.
func (s *serveSite) configure(mounts []mount) (path string, err error) {
	server := &s.server
	server.Root, server.GoModule = s.workDir, s.path("mod_go.so")
	server.DocumentRoot = s.options.documentRoot
	if server.DocumentRoot == "" && len(mounts) > 1 {
		if server.DocumentRoot, err = s.writeIndex(mounts); err != nil {
			return "", err
		}
	}
	for _, m := range mounts {
		server.Mounts = append(server.Mounts, httpdconf.Mount{
			Path: m.Path, Package: m.Package, Callable: m.Callable,
			FilesFirst: m.Path == "/" && server.DocumentRoot != "",
		})
	}
	// The application whose path is longer has to be asked first, whatever the order of the paths.
	sortLongestFirst(server.Mounts)
	path, err = server.WriteFile(s.httpd)
	if err != nil {
		return "", fmt.Errorf("the configuration cannot be written: %w", err)
	}
	return path, nil
}

//go:embed serve_index.html
var indexText string

var indexTemplate = template.Must(template.New("index").Parse(indexText))

// writeIndex writes the page that lists the applications and returns its folder.
func (s *serveSite) writeIndex(mounts []mount) (dir string, err error) {
	dir = filepath.Join(s.workDir, "htdocs")
	var page bytes.Buffer
	if err := indexTemplate.Execute(&page, mounts); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "index.html"), page.Bytes(), 0o644)
}

// announce tells where the applications are.
func (s *serveSite) announce(out io.Writer, mounts []mount) {
	base := "http://" + reachable(s.addr)
	of := fmt.Sprintf("%d processes", s.server.Processes)
	if s.server.MPM != "prefork" {
		threads := s.server.Threads
		if threads == 0 {
			threads = httpdconf.DefaultThreads
		}
		of = fmt.Sprintf("%d processes of %d threads", s.server.Processes, threads)
	}
	fmt.Fprintf(out, "\nApache/%s (%s, %s) serves\n", s.httpd.Version, s.server.MPM, of)
	width := 0
	for _, m := range mounts {
		width = max(width, len(m.Path))
	}
	if len(mounts) > 1 {
		what := "the list of the applications"
		if s.options.documentRoot != "" {
			what = s.options.documentRoot
		}
		fmt.Fprintf(out, "  %s%-*s  %s\n", base, width, "/", what)
	}
	for _, m := range mounts {
		fmt.Fprintf(out, "  %s%-*s  %s\n", base, width, m.Path, m.Package)
	}
	fmt.Fprint(out, "Ctrl-C stops it.\n\n")
}

// reachable is an address that a browser on this machine can open.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

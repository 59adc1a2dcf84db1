package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
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
		Root: os.TempDir(),
		MPM:  s.mpm(), Processes: s.options.processes, Threads: s.options.threads,
		Modules:         []string{"mod_dir"},
		OptionalModules: []string{"mod_authz_host", "mod_mime", "mod_alias", "mod_env", "mod_setenvif", "mod_headers"},
		GoModule:        "/" + objectName, Env: s.env,
		LogLevel: s.options.logLevel, HTTP2: s.options.http2,
		// Pipes to this process, which passes on what comes through them.
		ErrorLog: "/dev/stderr", ErrorLogFormat: serveErrorLogFormat,
		AccessLog: "/dev/stdout", AccessLogFormat: serveAccessLogFormat,
	}
	if s.account != nil {
		server.User, server.Group = s.account.User, s.account.Group
	}
	for _, e := range s.endpoints {
		server.Listen = append(server.Listen, e.addr)
	}
	if s.options.setupOnly {
		// Nobody reads what a server in the background prints.
		server.ErrorLog, server.ErrorLogFormat = "/"+errorLogName, ""
		server.AccessLog, server.AccessLogFormat = "/"+accessLogName, ""
	}
	if s.options.reload {
		// The end of a restart is a notice of the MPM.
		server.LogLevel += " mpm_" + server.MPM + ":notice"
	}
	if server.Processes == 0 {
		server.Processes = serveProcesses
		if server.MPM == "prefork" {
			server.Processes = servePreforkProcesses
		}
	}
	return server
}

// The names of the logs of a server that runs in the background.
const (
	errorLogName  = "error.log"
	accessLogName = "access.log"
)

// configuration is the whole configuration, for the packages that are mounted.
func (s *serveSite) configuration(mounts []mount) httpdconf.Server {
	server := s.server
	server.Root, server.GoModule = s.workDir, s.path(objectName)
	if s.options.workDir != "" {
		server.Include = s.path(includeName)
	}
	if s.options.setupOnly {
		server.ErrorLog, server.AccessLog = s.path(errorLogName), s.path(accessLogName)
	}
	if s.tls != nil {
		server.TLS = &httpdconf.TLS{Certificate: s.tls.certPath, Key: s.tls.keyPath}
		for _, e := range s.endpoints {
			if e.secure {
				server.TLS.Listen = append(server.TLS.Listen, e.addr)
			}
		}
		server.Name = s.tls.serverName()
	}
	server.DocumentRoot = s.options.documentRoot
	if s.needsIndex(mounts) {
		server.DocumentRoot = s.path(htdocsName)
	}
	for _, m := range mounts {
		server.Mounts = append(server.Mounts, httpdconf.Mount{
			Path: m.Path, Package: m.Package, Callable: m.Callable,
			FilesFirst: m.Path == "/" && server.DocumentRoot != "",
		})
	}
	// The application whose path is longer has to be asked first, whatever the order of the paths.
	sortLongestFirst(server.Mounts)
	if s.options.status {
		server.Conf = statusConf
	}
	return server
}

// Where --status shows what goes on.
const (
	statusPath = "/go-status"
	pprofPath  = "/go-pprof"
)

// statusConf are the lines of --status. An <If> wins over the one by which an application at / comes after files.
const statusConf = `<Location "` + statusPath + `">
	Require local
	<If "true">
		SetHandler go-status
	</If>
</Location>
<Location "` + pprofPath + `">
	Require local
	<If "true">
		SetHandler go-pprof
	</If>
</Location>
`

// write writes a configuration and what it refers to, and returns its path.
func (s *serveSite) write(server httpdconf.Server, mounts []mount) (path string, err error) {
	if s.needsIndex(mounts) {
		if err := s.writeIndex(mounts); err != nil {
			return "", fmt.Errorf("the list of the applications cannot be written: %w", err)
		}
	}
	path, err = server.WriteFile(s.httpd)
	if err != nil {
		return "", fmt.Errorf("the configuration cannot be written: %w", err)
	}
	return path, nil
}

// needsIndex tells whether / lists the applications.
func (s *serveSite) needsIndex(mounts []mount) bool {
	return s.options.documentRoot == "" && len(mounts) > 1
}

// htdocsName is the name of the list's folder in the work folder.
const htdocsName = "htdocs"

//go:embed serve_index.html
var indexText string

var indexTemplate = template.Must(template.New("index").Parse(indexText))

// writeIndex writes the page that lists the applications.
func (s *serveSite) writeIndex(mounts []mount) error {
	var page bytes.Buffer
	if err := indexTemplate.Execute(&page, mounts); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.path(htdocsName), "index.html"), page.Bytes(), 0o644)
}

// Package httpdconf writes complete configurations of the Apache HTTP Server: one that runs applications from a folder of
// its own, with or without root, beside whatever server the machine has.
package httpdconf

// Installation is what a configuration depends on in the httpd that it is written for; *httpd.Installation is one.
type Installation interface {
	// Module tells where the module lies, for example "mod_alias": in a shared object at path, or compiled in.
	Module(name string) (path string, static, ok bool)
	// MPMs returns the multi-processing modules there are, best first, of "event", "worker" and "prefork".
	MPMs() []string
}

// Server is one httpd with its own folder. The zero value of a field leaves the matter to httpd unless stated otherwise.
type Server struct {
	Root   string   // absolute path of an existing folder: ServerRoot, place of the pid file and run-time files
	Listen []string // addresses, for example "127.0.0.1:8000" or "[::1]:8000"; at least one
	Name   string   // ServerName; the first Listen address by default
	User   string   // whom child processes run as, needed where httpd is started as root
	Group  string

	MPM                    string // "event", "worker" or "prefork"; the best there is by default
	Processes              int    // child processes, a fixed number; 1 by default
	Threads                int    // threads of each process that serve connections; 25 by default, always 1 under prefork
	MaxConnectionsPerChild int    // connections after which a process is replaced; 0 is never

	Modules         []string   // to be loaded, in this order, for example "mod_alias"; one that is missing is an error
	OptionalModules []string   // to be loaded where they exist
	Define          []Variable // the configuration's own variables: Conf may use ${Name}
	GoModule        string     // absolute path of mod_go.so; empty for an httpd without it
	Env             []Variable

	LogLevel        string // arguments of LogLevel, for example "warn go:debug"
	ErrorLog        string // absolute path; error.log in Root by default
	ErrorLogFormat  string
	AccessLog       string // absolute path; empty for none
	AccessLogFormat string // "common" by default

	TLS   *TLS // nil for plain HTTP only
	HTTP2 bool // HTTP/2 as well: h2 over TLS, h2c without; not under prefork

	Site         // what is served where no virtual host matches
	VirtualHosts []VirtualHost

	Include string // absolute path of a file with further lines, which comes last; it has to exist
}

// TLS is how a server answers on those of its addresses that speak TLS.
type TLS struct {
	Listen           []string // some of Server.Listen, or all
	Certificate, Key string   // absolute paths, PEM
}

// Site is what a server or a virtual host serves.
type Site struct {
	DocumentRoot string // absolute path
	Mounts       []Mount
	Conf         string // further lines, as httpd reads them, at the end
}

// VirtualHost is a name-based virtual host; the first one of an address also answers for unknown names.
type VirtualHost struct {
	Listen   string // its address; any that the server listens on by default
	Name     string // ServerName
	Aliases  []string
	ErrorLog string // absolute path; that of the server by default
	Site
}

// Mount is an application under an URL path.
type Mount struct {
	Path     string // for example "/" or "/blog"
	Package  string // import path
	Callable string // the value to call; by default the package's application

	// FilesFirst lets files that exist in the site's DocumentRoot win over the application. It needs a DocumentRoot and
	// the path "/".
	FilesFirst bool
}

// Variable is an environment variable that applications see.
type Variable struct{ Name, Value string }

// DefaultThreads is the number of threads of a process of a threaded MPM where none is given.
const DefaultThreads = 25

// SecureOnly tells whether every address speaks TLS.
func (s *Server) SecureOnly() bool {
	return s.TLS != nil && len(s.TLS.Listen) == len(s.Listen)
}

// capacity is how many connections are served at the same time.
func (s *Server) capacity() int { return s.Processes * s.Threads }

// serverLimit leaves room in the scoreboard for processes of the generations before, which finish their requests after
// a graceful restart: without it a busy server cannot start the new ones.
func (s *Server) serverLimit() int {
	if s.MPM == "prefork" {
		return s.Processes
	}
	return s.Processes*4 + 4
}

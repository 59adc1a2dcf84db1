package httpdconf

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// check fills in the defaults and returns everything that is wrong, joined.
func (s *Server) check(inst Installation) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if len(s.Listen) == 0 {
		problem("no address to listen on: give at least one, for example 127.0.0.1:8000")
	} else if s.Name == "" {
		s.Name = s.Listen[0]
	}
	available := inst.MPMs()
	switch {
	case len(available) == 0:
		problem("this httpd has none of the MPMs event, worker and prefork: install its complete package (Debian, Ubuntu: apache2-bin; RHEL, Fedora: httpd-core)")
	case s.MPM == "":
		s.MPM = available[0]
	case !slices.Contains(available, s.MPM):
		problem("the MPM %q is not there: this httpd has %s", s.MPM, strings.Join(available, ", "))
	}
	if s.Processes == 0 {
		s.Processes = 1
	}
	if s.Threads == 0 {
		s.Threads = DefaultThreads
		if s.MPM == "prefork" {
			s.Threads = 1
		}
	}
	if s.MPM == "prefork" && s.Threads > 1 {
		problem("%d threads under prefork: its processes have one thread each, so raise the number of processes instead", s.Threads)
	}
	if s.Processes < 0 || s.Threads < 0 || s.MaxConnectionsPerChild < 0 {
		problem("%d processes of %d threads and %d connections: none of these numbers may be negative", s.Processes, s.Threads, s.MaxConnectionsPerChild)
	}

	absolute := func(what, path string) {
		if path != "" && !filepath.IsAbs(path) {
			problem("%s %q is no absolute path", what, path)
		}
	}
	if s.Root == "" {
		problem("no root folder is given")
	}
	absolute("root folder", s.Root)
	absolute("Go module", s.GoModule)
	absolute("error log", s.ErrorLog)
	absolute("access log", s.AccessLog)
	absolute("file to include", s.Include)
	if t := s.TLS; t != nil {
		absolute("certificate", t.Certificate)
		absolute("key", t.Key)
		if t.Certificate == "" || t.Key == "" || len(t.Listen) == 0 {
			problem("TLS needs a certificate, its key and an address to listen on")
		}
		for _, addr := range t.Listen {
			if !slices.Contains(s.Listen, addr) {
				problem("TLS is wanted at %s, where the server does not listen", addr)
			}
		}
	}
	if s.HTTP2 && s.MPM == "prefork" {
		problem("HTTP/2 under prefork: mod_http2 needs the threads of event or worker, so choose one of these or do without HTTP/2")
	}
	if (s.User == "") != (s.Group == "") {
		problem("user %q and group %q: give both or neither", s.User, s.Group)
	}
	for _, v := range slices.Concat(s.Env, s.Define) {
		if !namePattern.MatchString(v.Name) {
			problem("%q cannot be the name of a variable: use letters, digits and _, no digit first", v.Name)
		}
	}
	if s.GoModule == "" && len(s.Env) > 0 {
		problem("environment variables are set by mod_go, which is not loaded here")
	}

	site := func(where string, site *Site) {
		absolute(where+": document root", site.DocumentRoot)
		for _, m := range site.Mounts {
			switch {
			case s.GoModule == "":
				problem("%s: %s is mounted at %s, but mod_go is not loaded here", where, m.Package, m.Path)
			case !strings.HasPrefix(m.Path, "/"):
				problem("%s: %s is mounted at %q: an URL path begins with /", where, m.Package, m.Path)
			case m.Package == "":
				problem("%s: nothing is mounted at %s: name the package", where, m.Path)
			case m.FilesFirst && (m.Path != "/" || site.DocumentRoot == ""):
				problem("%s: files come before %s only where there is a document root and the application is mounted at /", where, m.Package)
			}
		}
	}
	site("server", &s.Site)
	for i := range s.VirtualHosts {
		h := &s.VirtualHosts[i]
		where := "virtual host " + h.Name
		if h.Name == "" {
			problem("virtual host %d has no name", i+1)
		}
		if h.Listen == "" {
			h.Listen = "*"
		}
		absolute(where+": error log", h.ErrorLog)
		site(where, &h.Site)
	}
	return errors.Join(problems...)
}

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// load is one LoadModule line.
type load struct{ Identifier, Path string }

// loads returns what LoadModule has to load; what is compiled in needs no line.
func (s *Server) loads(inst Installation) ([]load, error) {
	var (
		lines   []load
		missing []string
	)
	seen := map[string]bool{}
	add := func(name string, optional bool) {
		if seen[name] {
			return
		}
		seen[name] = true
		path, static, ok := inst.Module(name)
		switch {
		case !ok && !optional:
			missing = append(missing, name)
		case ok && !static:
			lines = append(lines, load{strings.TrimPrefix(name, "mod_") + "_module", path})
		}
	}
	add("mod_mpm_"+s.MPM, false)
	// mod_unixd gives up root and mod_authz_core holds Require: no server does without. mod_log_config writes access logs.
	for _, name := range []string{"mod_unixd", "mod_authz_core", "mod_log_config"} {
		add(name, false)
	}
	for _, site := range s.sites() {
		if len(site.Mounts) > 0 && site.DocumentRoot != "" {
			add("mod_dir", false)
		}
	}
	if s.TLS != nil {
		add("mod_socache_shmcb", true)
		add("mod_ssl", false)
	}
	if s.HTTP2 {
		add("mod_http2", false)
	}
	for _, name := range s.Modules {
		add(name, false)
	}
	for _, name := range s.OptionalModules {
		add(name, true)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("this httpd has no %s: install the package that brings it, or do without", strings.Join(missing, ", no "))
	}
	return lines, nil
}

func (s *Server) sites() []*Site {
	sites := []*Site{&s.Site}
	for i := range s.VirtualHosts {
		sites = append(sites, &s.VirtualHosts[i].Site)
	}
	return sites
}

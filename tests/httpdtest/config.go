package httpdtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// Config is what a test says about its httpd. The zero value is a server of one process without mod_go.
//
// Conf, and that of the virtual hosts, may use ${DIR}, the server's folder.
type Config struct {
	MPM      string   // "event", "worker" or "prefork"; the best there is by default
	Packages []string // what mod_go.so is built from, see Object
	Object   string   // path of a mod_go.so that exists already, instead of Packages

	Modules      []string // modules of httpd beyond the least it needs, for example "mod_rewrite"
	DocumentRoot string   // a folder; relative to the server's folder
	Files        map[string]string
	Mounts       []httpdconf.Mount
	VirtualHosts []httpdconf.VirtualHost // DocumentRoot and ErrorLog may be relative to the server's folder
	Env          []httpdconf.Variable    // GoSetEnv
	Conf         string                  // further lines of the main server

	// AllProtocols has the main server answer over TLS too, on another port, and HTTP/2 on both unless the MPM is
	// prefork, which mod_http2 does not run under: see Server.Over.
	AllProtocols bool
	TLSConf      string // further lines of the TLS virtual host that AllProtocols makes

	Unprivileged           bool     // httpd is started by an ordinary user, as it is anyway where the test does not run as root
	Processes              int      // 1 by default
	Threads                int      // 16 by default; under prefork so many processes for each of Processes, 4 by default
	MaxConnectionsPerChild int      // 0 is no limit
	LogLevel               string   // "notice" by default
	NoAccessLog            bool     // for measurements: requests are not logged
	Environ                []string // further environment variables of httpd itself, NAME=value
}

// RoomForOldChildren lets the worker MPM start a new child while an old one still has connections after a restart. The old
// one's place is free only if its idle threads happened to end after its listener had said that it ends.
const RoomForOldChildren = "MaxRequestWorkers 64\n"

// The names within a server's folder.
const (
	objectName    = "mod_go.so"
	errorLogName  = "error.log"
	accessLogName = "access.log"
)

// defaultThreads suffices for a client with a few connections at once, and leaves some idle: when none is, the event MPM
// closes connections that are kept alive. defaultChildren is the same for prefork, where each costs a process.
const (
	defaultThreads  = 16
	defaultChildren = 4
)

// modules are those that a configuration can hardly do without.
var modules = []string{"mod_alias", "mod_dir", "mod_mime", "mod_authz_host"}

// server turns the test's words into a complete configuration. SecureAddr is that of AllProtocols.
func (c Config) server(dir, addr, secureAddr string, account *httpdconf.Account) httpdconf.Server {
	processes, threads := max(c.Processes, 1), c.Threads
	if threads == 0 && c.MPM == "prefork" {
		threads = defaultChildren
	} else if threads == 0 {
		threads = defaultThreads
	}
	if c.MPM == "prefork" {
		processes, threads = processes*threads, 1
	}
	level := c.LogLevel
	if level == "" {
		level = "notice"
	}
	// Start and the restarts wait for a notice of the MPM.
	if c.MPM != "" {
		level += " mpm_" + c.MPM + ":notice"
	}
	inside := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	s := httpdconf.Server{
		Root: dir, Listen: []string{addr}, MPM: c.MPM, Name: "localhost",
		Processes: processes, Threads: threads, MaxConnectionsPerChild: c.MaxConnectionsPerChild,
		Modules: append(append([]string(nil), modules...), c.Modules...), Env: c.Env,
		LogLevel: level, ErrorLog: filepath.Join(dir, errorLogName), ErrorLogFormat: errorLogFormat,
		AccessLog: filepath.Join(dir, accessLogName),
		Site:      httpdconf.Site{DocumentRoot: inside(c.DocumentRoot), Mounts: c.Mounts, Conf: c.Conf},
		Define:    []httpdconf.Variable{{Name: "DIR", Value: dir}},
	}
	if c.NoAccessLog {
		s.AccessLog = ""
	}
	if account != nil {
		s.User, s.Group = account.User, account.Group
	}
	if c.hasModule() {
		s.GoModule = filepath.Join(dir, objectName)
	}
	for _, h := range c.VirtualHosts {
		h.DocumentRoot, h.ErrorLog = inside(h.DocumentRoot), inside(h.ErrorLog)
		s.VirtualHosts = append(s.VirtualHosts, h)
	}
	if c.AllProtocols {
		c.addProtocols(&s, secureAddr)
	}
	return s
}

// secureConf is the TLS virtual host that inherits all else from the main server.
const secureConf = `
SSLEngine on
SSLCertificateFile ${DIR}/` + certificateName + `
SSLCertificateKeyFile ${DIR}/` + keyName + `
`

// addProtocols makes the main server answer over TLS and HTTP/2.
func (c Config) addProtocols(s *httpdconf.Server, secureAddr string) {
	s.Modules = append(s.Modules, "mod_socache_shmcb", "mod_ssl")
	lines := "SSLSessionCache shmcb:${DIR}/sessions(512000)\n" // without one, httpd warns
	if slices.Contains(Protocols(c.MPM), H2) {
		s.Modules = append(s.Modules, "mod_http2")
		lines += "Protocols h2 h2c http/1.1\n"
	}
	s.Conf = lines + s.Conf
	s.Listen = append(s.Listen, secureAddr)
	s.VirtualHosts = append(s.VirtualHosts, httpdconf.VirtualHost{
		Name: s.Name, Listen: secureAddr, Site: httpdconf.Site{Conf: secureConf + c.TLSConf},
	})
}

func (c Config) hasModule() bool { return c.Object != "" || len(c.Packages) > 0 }

// folder makes a server's folder: its files, the object under a name that can later point to another one, and rights for
// the user that child processes run as.
func (c Config) folder(t testing.TB, account *httpdconf.Account) string {
	t.Helper()
	// Not t.TempDir, which is named after the test: valgrind and AddressSanitizer take options from the name.
	dir, err := os.MkdirTemp("", "httpdtest-")
	if err != nil {
		t.Fatalf("httpdtest: cannot make the server's folder: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("httpdtest: the server's folder stays behind: %v", err)
		}
	})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("httpdtest: cannot prepare the server's folder: %v", err)
		}
	}
	folders := []string{c.DocumentRoot}
	for _, h := range c.VirtualHosts {
		folders = append(folders, h.DocumentRoot)
	}
	for _, folder := range folders {
		if folder != "" && !filepath.IsAbs(folder) {
			check(os.MkdirAll(filepath.Join(dir, folder), 0o755))
		}
	}
	files := maps.Clone(c.Files)
	if c.AllProtocols {
		if files == nil {
			files = make(map[string]string)
		}
		cert, key := Certificate(t)
		files[certificateName], files[keyName] = string(cert), string(key)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(content), 0o644))
	}
	if c.hasModule() {
		object := c.Object
		if object == "" {
			object = Object(t, c.Packages...)
		}
		if c.Unprivileged { // who may not pass to the repository
			content, err := os.ReadFile(object)
			check(err)
			check(os.WriteFile(filepath.Join(dir, objectName), content, 0o755))
		} else {
			check(os.Symlink(object, filepath.Join(dir, objectName)))
		}
	}
	if account != nil {
		check(os.Chown(dir, account.UID, account.GID))
		check(openWay(dir))
	}
	return dir
}

// OpenWay lets httpd's children, which run as another user when the test runs as root, pass to a file that the test has
// made below the folder for temporary files.
func OpenWay(t testing.TB, path string) {
	t.Helper()
	if err := openWay(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
}

// openWay lets every user pass to a folder below the one for temporary files. t.TempDir makes its own for its user only.
func openWay(dir string) error {
	for ; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode()&0o011 == 0o011 {
			continue
		}
		if err := os.Chmod(dir, info.Mode().Perm()|0o055); err != nil {
			return err
		}
	}
	return nil
}

package httpdtest

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

// Server is a running httpd. Its methods fail the test that they are called for.
type Server struct {
	t testing.TB
	*instance
	protocol Protocol
}

// instance is what all views of a Server share.
type instance struct {
	httpd   *httpd.Installation
	account *httpdconf.Account // of the child processes; nil where the test does not run as root
	// unprivileged tells that account is the parent's as well.
	unprivileged bool
	dir          string
	addr         string
	mpm          string
	allProtocols bool           // Config.AllProtocols
	secureAddr   string         // where it listens for TLS, "" without allProtocols
	roots        *x509.CertPool // the server's own certificate
	environ      []string       // Config.Environ
	process      *process
	logs         *errorLogs
	expected     expectations
	clients      map[Protocol]*http.Client
	ending       int // number of lines in the log when the children were first told to end; 0 before
}

// The time that httpd may take on an ordinary machine. Its first start reads large libraries from the disk.
const (
	startLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
	waitLimit  = 20 * time.Second
)

// startAttempts is how often another port is tried, should somebody else take the free one first.
const startAttempts = 5

// Start runs an httpd until the test ends. It returns when the server accepts connections.
func Start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := prepare(t, cfg)
	// The log is judged last, when httpd has stopped. It is stopped even where starting it fails the test.
	t.Cleanup(s.judge)
	s.launch(cfg)
	return s
}

// launch runs httpd until it serves.
func (s *Server) launch(cfg Config) {
	s.t.Helper()
	for attempt := 1; ; attempt++ {
		s.configure(cfg)
		s.run()
		err := s.awaitStart()
		if err == nil {
			return
		}
		if attempt == startAttempts || !s.portWasTaken() {
			s.t.Fatalf("httpd does not start: %v\n%s", err, s.logText())
		}
		s.process = nil
		if err := os.Truncate(s.Path(errorLogName), 0); err != nil {
			s.t.Fatal(err)
		}
		s.chooseAddresses(s.t)
	}
}

// chooseAddresses takes ports that are free at the moment.
func (in *instance) chooseAddresses(t testing.TB) {
	t.Helper()
	in.addr = FreeAddress(t)
	if in.allProtocols {
		in.secureAddr = FreeAddress(t)
	}
}

// StartFailure runs an httpd that cannot start: one that passes configtest, or not, and ends by itself. It returns what
// httpd said. The test fails if the server starts.
func StartFailure(t testing.TB, cfg Config) (output string) {
	t.Helper()
	s := prepare(t, cfg)
	s.configure(cfg)
	s.run()
	defer s.process.kill()
	select {
	case <-s.process.exited:
	case <-time.After(Limit(startLimit)):
		t.Fatalf("httpd runs; it should have failed to start\n%s", s.logText())
	}
	if s.process.err == nil {
		t.Errorf("httpd ended with status 0; it should have failed to start\n%s", s.logText())
	}
	return s.logText()
}

// ConfigTest runs `httpd -t` on a configuration. Ok tells whether httpd accepts it.
func ConfigTest(t testing.TB, cfg Config) (output string, ok bool) {
	t.Helper()
	s := prepare(t, cfg)
	s.configure(cfg)
	return s.ConfigTest()
}

// prepare makes everything of a server but its process and its configuration.
func prepare(t testing.TB, cfg Config) *Server {
	t.Helper()
	account, err := httpdconf.ChildAccount()
	if err != nil {
		t.Fatalf("httpdtest: %v", err)
	}
	in := &instance{
		httpd: find(t), account: account, unprivileged: cfg.Unprivileged, dir: cfg.folder(t, account), environ: cfg.Environ,
		mpm: cfg.MPM, allProtocols: cfg.AllProtocols,
	}
	if in.mpm == "" {
		in.mpm = in.httpd.MPMs()[0]
	}
	in.chooseAddresses(t)
	s := &Server{t, in, HTTP1}
	if in.allProtocols {
		cert, err := os.ReadFile(s.Path(certificateName))
		if err != nil {
			t.Fatal(err)
		}
		in.roots = x509.NewCertPool()
		if !in.roots.AppendCertsFromPEM(cert) {
			t.Fatalf("httpdtest: %s holds no certificate", certificateName)
		}
	}
	in.clients = in.newClients()
	return s
}

// configure writes the configuration.
func (s *Server) configure(cfg Config) {
	s.t.Helper()
	if cfg.MPM == "" {
		cfg.MPM = s.httpd.MPMs()[0]
	}
	s.mpm, s.allProtocols = cfg.MPM, cfg.AllProtocols
	account := s.account
	if s.unprivileged {
		account = nil // httpd cannot change to another
	}
	conf := cfg.server(s.dir, s.addr, s.secureAddr, account)
	path, err := conf.WriteFile(s.httpd)
	if err != nil {
		s.t.Fatalf("httpdtest: the configuration is wrong: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.logs == nil {
		s.logs = new(errorLogs)
	}
	s.logs.follow(errorLogsOf(string(text), s.dir))
}

// Reconfigure writes the configuration anew, on the same address; Graceful and Restart make httpd read it. Files and the
// object stay as they are.
func (s *Server) Reconfigure(cfg Config) {
	s.t.Helper()
	s.configure(cfg)
}

// ReplaceObject puts another mod_go.so in the place of the one that httpd loads when it restarts.
func (s *Server) ReplaceObject(path string) {
	s.t.Helper()
	next := s.Path(objectName + ".next")
	if err := os.Symlink(path, next); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, s.Path(objectName)); err != nil {
		s.t.Fatal(err)
	}
}

// In returns the same server for a subtest, which then fails in its place.
func (s *Server) In(t testing.TB) *Server { return &Server{t, s.instance, s.protocol} }

// Dir is the server's folder.
func (s *Server) Dir() string { return s.dir }

// Path is a file in the server's folder.
func (s *Server) Path(name string) string { return filepath.Join(s.dir, name) }

// Addr is where the server listens for the protocol, host and port.
func (s *Server) Addr() string { return s.addrOf(s.protocol) }

func (in *instance) addrOf(protocol Protocol) string {
	if protocol.Secure() {
		return in.secureAddr
	}
	return in.addr
}

// URL is the address of a path, which begins with a slash.
func (s *Server) URL(path string) string {
	if s.protocol.Secure() {
		return "https://" + s.Addr() + path
	}
	return "http://" + s.Addr() + path
}

// Expect declares lines of the error log that match a regular expression: at least one unless the result is told
// otherwise. The test fails for lines at warn or above, with a MODGO number or past the log that are not declared, and
// for declared lines that do not come.
func (s *Server) Expect(pattern string) *Expectation { return s.expected.add(pattern, false) }

// ExpectViolation is Expect for what the validator finds in an application that breaks the contract on purpose, where it is
// wrapped round every application (EnvValidate).
func (s *Server) ExpectViolation(pattern string) {
	if os.Getenv(EnvValidate) != "" {
		s.Expect("broken by the application: .*" + pattern)
	}
}

// ExpectRaw declares that a process writes past the log, as Go does when it dies: every such line is allowed, provided
// that one of them matches.
func (s *Server) ExpectRaw(pattern string) *Expectation { return s.expected.add(pattern, true) }

// Log returns the error log so far: that of the server, then those of the virtual hosts that have their own.
func (s *Server) Log() []Line {
	s.t.Helper()
	lines, err := s.logs.read(false)
	if err != nil {
		s.t.Fatalf("httpdtest: cannot read the error log: %v", err)
	}
	return lines
}

// AwaitLog waits for a line of the error log that matches a regular expression, from the start on, and returns it.
func (s *Server) AwaitLog(pattern string) Line {
	s.t.Helper()
	return s.AwaitLogs(pattern, 1)[0]
}

// AwaitLogs waits until n lines match, and returns all that do.
func (s *Server) AwaitLogs(pattern string, n int) []Line {
	s.t.Helper()
	expression := regexp.MustCompile(pattern)
	var found []Line
	s.await(fmt.Sprintf("%d lines of the error log that match %q", n, pattern), func() bool {
		found = found[:0]
		for _, line := range s.Log() {
			if expression.MatchString(line.Text) {
				found = append(found, line)
			}
		}
		return len(found) >= n
	})
	return found
}

// await waits for a condition and fails the test if it does not come about, or cannot because httpd has ended.
func (s *Server) await(what string, condition func() bool) {
	s.t.Helper()
	if err := s.process.await(waitLimit, condition); err != nil {
		s.t.Fatalf("waiting for %s: %v", what, err)
	}
}

func (s *Server) logText() string {
	var text strings.Builder
	for _, file := range s.logs.files {
		content, err := os.ReadFile(file.path)
		if err != nil && !os.IsNotExist(err) {
			content = []byte(err.Error())
		}
		fmt.Fprintf(&text, "--- %s ---\n%s", filepath.Base(file.path), content)
	}
	return text.String()
}

// portWasTaken tells whether httpd failed because another process listens on its port.
func (s *Server) portWasTaken() bool { return strings.Contains(s.logText(), "AH00072") }

// givenAddresses are those that FreeAddress has returned.
var givenAddresses sync.Map

// FreeAddress is an address of 127.0.0.1 with a port on which nobody listens yet, each time another one: who has got it may not
// listen there yet.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("httpdtest: no free port: %v", err)
		}
		addr := l.Addr().String()
		l.Close()
		if _, given := givenAddresses.LoadOrStore(addr, true); !given {
			return addr
		}
	}
}

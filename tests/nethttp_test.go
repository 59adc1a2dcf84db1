package tests

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/nethttp"
)

// nethttpConfig is an httpd with the application nethttp at /.
func nethttpConfig(conf string) httpdtest.Config {
	return httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/nethttp"},
		Conf:     "GoAlias / " + appsPath + "nethttp\nGoSetEnv OUTCOMES ${DIR}/outcomes\n" + conf,
	}
}

// site is the application nethttp on Apache or on net/http's own server, over one protocol.
type site interface {
	URL(path string) string
	Addr() string
	Client() *http.Client
	Dial(t testing.TB) net.Conn
	Path(name string) string // of a file in the server's folder
	Protocol() httpdtest.Protocol
}

// ownServer is net/http's.
type ownServer struct {
	*httptest.Server
	protocol httpdtest.Protocol
	dir      string
}

var (
	_ site = (*httpdtest.Server)(nil)
	_ site = (*ownServer)(nil)
)

// startOwn runs net/http's server over a protocol until the end of the test. A secure one verifies the certificates of
// clients that have some as config says, which may be nil.
func startOwn(t *testing.T, protocol httpdtest.Protocol, config *tls.Config) *ownServer {
	t.Helper()
	s := &ownServer{protocol: protocol, dir: t.TempDir()}
	s.Server = httptest.NewUnstartedServer(nethttp.New(filepath.Join(s.dir, "outcomes")))
	s.TLS, s.EnableHTTP2 = config, protocol == httpdtest.H2
	if protocol.Secure() {
		s.StartTLS()
	} else {
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		s.Config.Protocols = &protocols
		s.Start()
	}
	t.Cleanup(s.Close)
	transport := s.Server.Client().Transport.(*http.Transport)
	transport.DisableCompression = true
	if protocol == httpdtest.H2C {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		transport.Protocols = &protocols
	}
	return s
}

func (s *ownServer) URL(path string) string       { return s.Server.URL + path }
func (s *ownServer) Addr() string                 { return s.Listener.Addr().String() }
func (s *ownServer) Path(name string) string      { return filepath.Join(s.dir, name) }
func (s *ownServer) Protocol() httpdtest.Protocol { return s.protocol }

func (s *ownServer) Client() *http.Client {
	client := *s.Server.Client()
	client.Timeout = httpdtest.Limit(time.Minute)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

func (s *ownServer) Dial(t testing.TB) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	if s.protocol.Secure() {
		config := s.Server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName, config.NextProtos = "127.0.0.1", []string{"http/1.1"}
		conn, err = tls.Dial("tcp", s.Addr(), config)
	} else {
		conn, err = net.Dial("tcp", s.Addr())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(httpdtest.Limit(time.Minute))); err != nil {
		t.Fatal(err)
	}
	return conn
}

// onBoth runs a test on Apache and on net/http's own server, over the same protocol: what it checks holds for both.
func onBoth(t *testing.T, srv *httpdtest.Server, test func(t *testing.T, at site)) {
	t.Helper()
	t.Run("apache", func(t *testing.T) { test(t, srv.In(t)) })
	t.Run("net-http", func(t *testing.T) { test(t, startOwn(t, srv.Protocol(), nil)) })
}

// connectionOf begins a conversation by hand, over HTTP/1.1.
func connectionOf(t *testing.T, at site) *conversation {
	t.Helper()
	conn := at.Dial(t)
	return &conversation{conn, t, bufio.NewReader(conn)}
}

var runs atomic.Int64

// runID is the name of one run of a script.
func runID() string { return "run" + strconv.FormatInt(runs.Add(1), 10) }

// outcome waits for what a run of a script has seen.
func outcome(t *testing.T, at site, id string) []string {
	t.Helper()
	lines, err := findOutcome(at, id)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// findOutcome is outcome for any goroutine.
func findOutcome(at site, id string) (lines []string, err error) {
	content, err := awaitFile(at, id)
	if err == nil {
		err = json.Unmarshal(content, &lines)
	}
	return lines, err
}

// awaitFile waits for a file of the application's.
func awaitFile(at site, name string) (content []byte, err error) {
	path := at.Path(filepath.Join("outcomes", name))
	if late := httpdtest.Poll(10*time.Second, func() bool {
		content, err = os.ReadFile(path)
		return !errors.Is(err, fs.ErrNotExist)
	}); late != nil {
		return nil, fmt.Errorf("the application has not made the file %s: %w", path, late)
	}
	return content, err
}

// awaitSignal waits for an event of a run.
func awaitSignal(t *testing.T, at site, id, event string) {
	t.Helper()
	if _, err := awaitFile(at, id+"."+event); err != nil {
		t.Fatal(err)
	}
}

// release tells a run to go on. It may be called on any goroutine.
func release(t *testing.T, at site, id string) {
	t.Helper()
	resp, err := at.Client().Get(at.URL("/release/" + id))
	if err != nil {
		t.Error(err)
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/release: %s", resp.Status)
	}
}

// checkOutcome compares what a run has seen, line by line.
func checkOutcome(t *testing.T, at site, id string, want ...string) {
	t.Helper()
	got := outcome(t, at, id)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("the handler saw\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// took takes the line that tells how long something took out of an outcome.
func took(t *testing.T, lines []string) (rest []string, d time.Duration) {
	t.Helper()
	for _, line := range lines {
		if after, ok := strings.CutPrefix(line, "took "); ok {
			n, err := strconv.ParseInt(after, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			d = time.Duration(n)
			continue
		}
		rest = append(rest, line)
	}
	return rest, d
}

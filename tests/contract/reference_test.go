package contract

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/modgo"
	"github.com/mod-go/mod-go/tests/httpdtest"
	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

// reference is the reference server: one of them for each mount, in this process.
type reference struct {
	sites    map[mount]site
	messages messages
}

func startReference(t testing.TB) host {
	ref := &reference{sites: make(map[mount]site)}
	t.Cleanup(func() { // last, when the servers have ended
		checkOnce(t, ref.log(t))
		ref.messages.judge(t)
	})
	certificate, err := tls.X509KeyPair(httpdtest.Certificate(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		mount mount
		path  string
		app   modgo.Application
		tls   *tls.Config
		log   string
	}{
		{atApp, "/app", apps.Application, nil, "error.log"},
		{atSub, "/environ", apps.Environ, nil, "error.log"},
		{atRoot, "", apps.Environ, nil, "error.log"},
		{atSecure, "/environ", apps.Environ, &tls.Config{Certificates: []tls.Certificate{certificate}}, "error.log"},
		{atOther, "/app", apps.Application, nil, "other.log"},
	} {
		server := modgo.NewServer("127.0.0.1:0", m.app)
		server.Mount, server.TLSConfig, server.ErrorLog = m.path, m.tls, ref.messages.of(m.log)
		serve(t, server)
		ref.sites[m.mount] = site{addr: server.Addr().String(), name: "localhost", path: m.path, secure: m.tls != nil}
	}
	return ref
}

// serve runs a reference server until the end of the test.
func serve(t testing.TB, server *modgo.Server) {
	t.Helper()
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeForever() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), httpdtest.Limit(waitLimit))
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("the reference server does not end: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the reference server ended with %v", err)
		}
	})
}

func (ref *reference) site(m mount) site { return ref.sites[m] }

func (ref *reference) log(testing.TB) []logLine { return ref.messages.all() }

func (ref *reference) expect(_ testing.TB, pattern string) { ref.messages.expect(pattern) }

func (ref *reference) processes(testing.TB) []int { return []int{os.Getpid()} }

func (ref *reference) facts() facts { return facts{multithread: true} }

// messages are what the servers wrote to their ErrorLogs, one each time that Write was called.
type messages struct {
	mu       sync.Mutex
	lines    []logLine
	expected []*regexp.Regexp
}

// logWriter is the ErrorLog of one name.
type logWriter struct {
	to   *messages
	name string
}

func (m *messages) of(name string) logWriter { return logWriter{m, name} }

func (w logWriter) Write(p []byte) (int, error) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	w.to.lines = append(w.to.lines, logLine{w.name, string(bytes.TrimSuffix(p, []byte("\n")))})
	return len(p), nil
}

func (m *messages) all() []logLine {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]logLine(nil), m.lines...)
}

func (m *messages) expect(pattern string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expected = append(m.expected, regexp.MustCompile(pattern))
}

// judge fails the test for messages that no check declared.
func (m *messages) judge(t testing.TB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.lines {
		allowed := strings.HasPrefix(line.message, "contract: ")
		for _, expression := range m.expected {
			allowed = allowed || expression.MatchString(line.message)
		}
		if !allowed {
			t.Errorf("the reference server logged what no check declared: %s: %s", line.file, line.message)
		}
	}
}

// oneRequest starts a reference server that answers one request at a time, when it is told to (HandleRequest).
func oneRequest(t testing.TB, app modgo.Application) (server *modgo.Server, log *messages) {
	t.Helper()
	log = new(messages)
	server = modgo.NewServer("127.0.0.1:0", app)
	server.ErrorLog = log.of("error.log")
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return server, log
}

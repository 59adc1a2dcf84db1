package serve

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// trusting is a client that trusts a certificate and nobody else, and speaks HTTP/2 where that is wanted, or else HTTP/1.1.
func trusting(t *testing.T, certPath string, http2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	if certPath != "" {
		cert, err := os.ReadFile(certPath)
		if err != nil {
			t.Fatal(err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(cert) {
			t.Fatalf("%s holds no certificate", certPath)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// certificatePath is the certificate that the banner names.
func (s *serving) certificatePath(t *testing.T) string {
	t.Helper()
	match := regexp.MustCompile(`certificate +(\S+), good until`).FindStringSubmatch(s.output.String())
	if match == nil {
		t.Fatal("the banner names no certificate")
	}
	return match[1]
}

// quiet fails for warnings in httpd's log.
func (s *serving) quiet(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(s.output.String()) {
		if regexp.MustCompile(`\[\w*:(warn|error|crit|alert|emerg)\]`).MatchString(line) {
			t.Errorf("httpd logged %s", line)
		}
	}
}

// TestServeWithTLS: a certificate of its own, HTTP/2, and nothing else on the port.
func TestServeWithTLS(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		args := []string{"--mpm", mpm, "--https", "./apps/environ"}
		http2 := mpm != "prefork"
		if http2 {
			args = append(args, "--http2")
		}
		s := serve(t, publicTemp(t), args...)
		s.awaitReady(t)
		if !strings.HasPrefix(s.url, "https://") {
			t.Errorf("the banner begins with %s", s.url)
		}
		protocol := "HTTP/1.1"
		if http2 {
			protocol = "HTTP/2.0"
		}
		cert := s.certificatePath(t)
		status, body := get(t, trusting(t, cert, http2), s.url+"/")
		if status != 200 || !strings.Contains(body, protocol) || !strings.Contains(body, "wsgi.url_scheme") {
			t.Errorf("it answers %d, not over %s:\n%s", status, protocol, body)
		}
		_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "https://"), ":")
		if status, _ := get(t, trusting(t, cert, false), "https://localhost:"+port+"/"); status != 200 {
			t.Errorf("by its name it answers %d", status)
		}
		if status, _ := get(t, trusting(t, "", false), "http://127.0.0.1:"+port+"/"); status != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered with %d", status)
		}
		s.stop(t, syscall.SIGINT)
		s.quiet(t)
	})
}

// TestServeBothPlainAndWithTLS has a certificate that the user gives.
func TestServeBothPlainAndWithTLS(t *testing.T) {
	temp := publicTemp(t)
	certPEM, keyPEM := httpdtest.Certificate(t)
	cert, key := filepath.Join(temp, "site.pem"), filepath.Join(temp, "site.key")
	for path, content := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, temp, "--mpm", "event", "--https-port", "0", "--http2", "--tls-cert", cert, "--tls-key", key, "./apps/hello")
	s.awaitReady(t)
	if got := s.certificatePath(t); got != cert {
		t.Errorf("the banner names %s", got)
	}
	match := regexp.MustCompile(`also at +(https://127\.0\.0\.1:\d+)/`).FindStringSubmatch(s.output.String())
	if match == nil {
		t.Fatal("the banner does not name the address of TLS")
	}
	for _, http2 := range []bool{false, true} {
		client := trusting(t, cert, http2)
		for _, url := range []string{s.url, match[1]} {
			if status, body := get(t, client, url+"/any"); status != 200 || body != "The request method was GET" {
				t.Errorf("%s, HTTP/2 %v: %d %q", url, http2, status, body)
			}
		}
	}
	if !strings.HasPrefix(s.url, "http://") || !strings.Contains(s.output.String(), `"GET /any HTTP/2.0" 200`) {
		t.Error("nothing came by HTTP/2")
	}
	s.stop(t, syscall.SIGTERM)
	s.quiet(t)
}

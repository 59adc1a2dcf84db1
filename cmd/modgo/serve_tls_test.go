package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pemFiles writes a certificate of some age and its key, and returns their paths.
func pemFiles(t *testing.T, dir string, made time.Time) (cert, key string) {
	t.Helper()
	certPEM, keyPEM, err := selfSigned([]string{"localhost"}, made)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, content := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestSelfSignedCertificateIsGoodForItsHosts(t *testing.T) {
	hosts := []string{"localhost", "127.0.0.1", "::1", "shop.example.org"}
	certPEM, _, err := selfSigned(hosts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(certPEM)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, host := range hosts {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if covers(leaf, []string{"localhost", "elsewhere.example.org"}) || !covers(leaf, hosts) {
		t.Error("covers tells otherwise")
	}
	if leaf.IsCA {
		t.Error("it could sign others")
	}
}

func TestBadCertificatesAreNamedWithTheirCure(t *testing.T) {
	good, goodKey := pemFiles(t, t.TempDir(), time.Now())
	old, oldKey := pemFiles(t, t.TempDir(), time.Now().Add(-2*certificateLife))
	early, earlyKey := pemFiles(t, t.TempDir(), time.Now().Add(certificateLife))
	text := filepath.Join(t.TempDir(), "text")
	locked := filepath.Join(t.TempDir(), "locked.pem")
	for path, content := range map[string]string{text: "nonsense", locked: "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ name, cert, key, want string }{
		{"no certificate", "/no/such.pem", goodKey, "--tls-cert /no/such.pem is not there"},
		{"no key", good, "/no/such.pem", "--tls-key /no/such.pem is not there"},
		{"only a certificate", good, "", "without --tls-key"},
		{"only a key", "", goodKey, "without --tls-cert"},
		{"a folder", t.TempDir(), goodKey, "cannot be read"},
		{"text for a certificate", text, goodKey, "holds no certificate in PEM form"},
		{"text for a key", good, text, "holds no key in PEM form"},
		{"passphrase", good, locked, "openssl pkey"},
		{"another's key", good, oldKey, "does not belong to --tls-cert"},
		{"expired", old, oldKey, "has expired on"},
		{"not yet", early, earlyKey, "is good only from"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := givenCertificate(tt.cert, tt.key, time.Now()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v; it should say %q", err, tt.want)
			}
		})
	}
	if c, err := givenCertificate(good, goodKey, time.Now()); err != nil || c.serverName() != "localhost" {
		t.Errorf("a good one: %+v, %v", c, err)
	}
}

func TestCertificateIsUsedAgainWhileItIsGood(t *testing.T) {
	dir := t.TempDir()
	prepare := func(host string) *x509.Certificate {
		t.Helper()
		s := &serveSite{workDir: dir, options: serveOptions{host: host, https: true}}
		if err := s.prepareTLS(); err != nil {
			t.Fatal(err)
		}
		return s.tls.leaf
	}
	first := prepare("127.0.0.1")
	if info, err := os.Stat(filepath.Join(dir, keyName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is %v, %v", info, err)
	}
	if !prepare("127.0.0.1").Equal(first) {
		t.Error("the second start has another")
	}
	if other := prepare("shop.example.org"); other.Equal(first) || !covers(other, []string{"shop.example.org"}) {
		t.Error("for another host it is the same")
	}
}

package httpdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// The names of the TLS virtual host's certificate and key within a server's folder, both PEM.
const (
	certificateName = "certificate.pem"
	keyName         = "key.pem"
)

// certificateHosts are the names that the certificate is good for: those of virtual hosts in tests end with .test.
var certificateHosts = []string{"localhost", "*.test"}

// Certificate makes a certificate for localhost, 127.0.0.1 and names that end with .test, which signs itself, and its key,
// both as PEM. It is good for a day.
func Certificate(t testing.TB) (cert, key []byte) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("httpdtest: cannot make a certificate: %v", err)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: certificateHosts,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	check(err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// TLSConfig is a client's configuration that trusts the server, and nobody else. It is the caller's to change. The server
// needs Config.AllProtocols.
func (s *Server) TLSConfig() *tls.Config {
	s.t.Helper()
	if !s.allProtocols {
		s.t.Fatal("httpdtest: this httpd has no TLS: it needs Config.AllProtocols")
	}
	return &tls.Config{RootCAs: s.roots}
}

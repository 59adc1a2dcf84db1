package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The names of the certificate that modgo serve makes, and of its key, in the work folder.
const (
	certificateName = "certificate.pem"
	keyName         = "key.pem"
)

const (
	certificateLife = 365 * 24 * time.Hour
	// certificateRest is how long a certificate from an earlier start must still be good for to be used again.
	certificateRest = 7 * 24 * time.Hour
)

// certificate is what the server shows to its clients.
type certificate struct {
	certPath, keyPath string // absolute
	leaf              *x509.Certificate
	selfSigned        bool // made by modgo serve
}

// serverName is a name that the certificate is good for, which httpd compares with ServerName.
func (c *certificate) serverName() string {
	for _, name := range append(c.leaf.DNSNames, c.leaf.Subject.CommonName) {
		if name != "" {
			return strings.Replace(name, "*", "www", 1)
		}
	}
	return "localhost"
}

// givenCertificate checks the files of --tls-cert and --tls-key as httpd would, with the cure for what is wrong.
func givenCertificate(certPath, keyPath string, now time.Time) (*certificate, error) {
	switch {
	case certPath == "":
		return nil, errors.New("--tls-key is given without --tls-cert: name the certificate that belongs to the key")
	case keyPath == "":
		return nil, errors.New("--tls-cert is given without --tls-key: name the file of the certificate's key (both may be one file)")
	}
	certPEM, err := readPEM("--tls-cert", certPath)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readPEM("--tls-key", keyPath)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(certPEM, []byte("-----BEGIN CERTIFICATE-----")) {
		return nil, fmt.Errorf("--tls-cert %s holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----: convert it with openssl x509 -inform DER -in %s -out cert.pem", certPath, certPath)
	}
	if encrypted(keyPEM) {
		return nil, fmt.Errorf("--tls-key %s is protected by a passphrase, for which httpd would stop and ask: write it without one, with openssl pkey -in %s -out key.pem", keyPath, keyPath)
	}
	if !bytes.Contains(keyPEM, []byte("PRIVATE KEY-----")) {
		return nil, fmt.Errorf("--tls-key %s holds no key in PEM form, which begins with -----BEGIN PRIVATE KEY-----: name the certificate's key", keyPath)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("--tls-key %s does not belong to --tls-cert %s, or one of them is damaged (%w): give the key that the certificate was made with, and the server's own certificate first in its file", keyPath, certPath, err)
	}
	leaf := pair.Leaf
	const day = "2006-01-02 15:04 MST"
	if now.After(leaf.NotAfter) {
		return nil, fmt.Errorf("--tls-cert %s has expired on %s: renew it, or leave out --tls-cert and --tls-key for one that signs itself", certPath, leaf.NotAfter.Format(day))
	}
	if now.Before(leaf.NotBefore) {
		return nil, fmt.Errorf("--tls-cert %s is good only from %s on: set this machine's clock, or give another", certPath, leaf.NotBefore.Format(day))
	}
	c := &certificate{leaf: leaf}
	if c.certPath, err = filepath.Abs(certPath); err != nil {
		return nil, err
	}
	c.keyPath, err = filepath.Abs(keyPath)
	return c, err
}

func readPEM(flag, path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s %s is not there: name a file in PEM form, or leave out --tls-cert and --tls-key for a certificate that signs itself", flag, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s %s may not be read by this user: let it with chmod or setfacl, or run modgo serve as a user who may", flag, path)
	case err != nil:
		return nil, fmt.Errorf("%s %s cannot be read: %w", flag, path, err)
	}
	return content, nil
}

// encrypted tells whether a key in PEM form asks for a passphrase, in the form of today or that of old.
func encrypted(key []byte) bool {
	return bytes.Contains(key, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----")) || bytes.Contains(key, []byte("Proc-Type: 4,ENCRYPTED"))
}

// prepareTLS has a certificate where TLS is wanted and none was given: that of an earlier start in the same folder while it
// is good, so that a browser need not be told twice to accept it, else a new one.
func (s *serveSite) prepareTLS() error {
	if !s.options.secure() || s.tls != nil {
		return nil
	}
	hosts := s.certificateHosts()
	c := &certificate{certPath: s.path(certificateName), keyPath: s.path(keyName), selfSigned: true}
	if earlier, err := givenCertificate(c.certPath, c.keyPath, time.Now().Add(certificateRest)); err == nil && covers(earlier.leaf, hosts) {
		c.leaf, s.tls = earlier.leaf, c
		return nil
	}
	cert, key, err := selfSigned(hosts, time.Now())
	if err != nil {
		return fmt.Errorf("no certificate can be made: %w", err)
	}
	// A key that is there keeps its mode; the new one must be nobody else's from the start.
	if err := os.Remove(c.keyPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := errors.Join(os.WriteFile(c.keyPath, key, 0o600), os.WriteFile(c.certPath, cert, 0o644)); err != nil {
		return fmt.Errorf("the certificate cannot be written: %w", err)
	}
	block, _ := pem.Decode(cert)
	c.leaf, err = x509.ParseCertificate(block.Bytes)
	s.tls = c
	return err
}

// certificateHosts are the names and addresses that clients may use for this server.
func (s *serveSite) certificateHosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	host := s.options.host
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return append(hosts, host)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	for _, ip := range machineIPs(host) {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// covers tells whether a certificate is good for all of the hosts.
func covers(leaf *x509.Certificate, hosts []string) bool {
	for _, host := range hosts {
		if leaf.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

// selfSigned makes a certificate for the hosts, names or addresses, that signs itself, and its key, both as PEM. It is no
// authority: nothing that it signs is trusted by those who accept it.
func selfSigned(hosts []string, now time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "localhost", Organization: []string{"modgo serve"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

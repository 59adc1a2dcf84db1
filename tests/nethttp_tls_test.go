package tests

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/nethttp"
)

// issuer makes certificates.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// issue makes a certificate; an issuer without one of its own signs what it issues by the certificate's own key.
func (i issuer) issue(t *testing.T, name string, authority bool) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: authority,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if authority {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		template.DNSNames, template.ExtKeyUsage = []string{"client.test"}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	parent, signer := i.certificate, i.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{certificate, key}
}

// TestNetHTTPTLS: r.TLS tells of the TLS connection what the client knows of it.
func TestNetHTTPTLS(t *testing.T) {
	root := issuer{}.issue(t, "root", true)
	between := root.issue(t, "between", true)
	direct, indirect := root.issue(t, "direct", false), between.issue(t, "indirect", false)
	cfg := nethttpConfig("")
	cfg.Files = map[string]string{"clients.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.certificate.Raw}))}
	cfg.TLSConf = "SSLVerifyClient optional\nSSLVerifyDepth 5\nSSLCACertificateFile ${DIR}/clients.pem"
	trusted := x509.NewCertPool()
	trusted.AddCert(root.certificate)

	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) {
		if !srv.Protocol().Secure() {
			return // that r.TLS is nil there, TestNetHTTPRequest knows
		}
		own := startOwn(t, srv.Protocol(), &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: trusted})
		for _, test := range []struct {
			name   string
			config *tls.Config
			peers  []string // certificates, each with its issuer
			chain  []string // verified
		}{
			{name: "TLS 1.3", config: &tls.Config{MinVersion: tls.VersionTLS13}},
			{name: "TLS 1.2", config: &tls.Config{MaxVersion: tls.VersionTLS12}},
			{name: "server name", config: &tls.Config{ServerName: "localhost"}},
			{name: "resumed", config: &tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)}},
			{
				name: "client certificate", config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{direct.certificate.Raw}, PrivateKey: direct.key}}},
				peers: []string{"direct by root"}, chain: []string{"direct", "root"},
			},
			{
				name: "client certificate, TLS 1.2", peers: []string{"direct by root"}, chain: []string{"direct", "root"},
				config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{direct.certificate.Raw}, PrivateKey: direct.key}}, MaxVersion: tls.VersionTLS12},
			},
			{
				name: "client certificate with another between", peers: []string{"indirect by between", "between by root"}, chain: []string{"indirect", "between", "root"},
				config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{indirect.certificate.Raw, between.certificate.Raw}, PrivateKey: indirect.key}}},
			},
		} {
			t.Run(test.name, func(t *testing.T) {
				for _, at := range []site{srv, own} {
					for range 2 { // the second resumes the first's session, if there is one
						seen, known := tlsReport(t, at, test.config)
						want := nethttp.TLS{
							HandshakeComplete: true, DidResume: known.DidResume, Version: tls.VersionName(known.Version), CipherSuite: tls.CipherSuiteName(known.CipherSuite),
							ServerName: test.config.ServerName, PeerCertificates: test.peers,
						}
						if at.Protocol().HTTP2() || at == site(own) && known.NegotiatedProtocol != "" {
							want.Protocol = known.NegotiatedProtocol
						}
						if test.chain != nil {
							chain := test.chain
							if at == site(srv) {
								chain = slices.Clip(chain)[:len(chain)-1] // without the authority, which mod_ssl does not tell
							}
							want.VerifiedChains, want.FirstIsLeaf, want.DNSNamesThere = [][]string{chain}, true, true
						}
						if !reflect.DeepEqual(seen, &want) {
							t.Errorf("%s: TLS is %+v; want %+v", at.Addr(), seen, want)
						}
					}
				}
			})
		}
	})
}

// tlsReport makes a request on a connection of its own, and returns what the handler and the client know of that.
func tlsReport(t *testing.T, at site, config *tls.Config) (*nethttp.TLS, *tls.ConnectionState) {
	t.Helper()
	client := *at.Client()
	transport := client.Transport.(*http.Transport).Clone()
	config = config.Clone()
	config.RootCAs, config.NextProtos = transport.TLSClientConfig.RootCAs, transport.TLSClientConfig.NextProtos
	config.InsecureSkipVerify = config.ServerName != "" // net/http's own server has no certificate for that name
	transport.TLSClientConfig = config
	client.Transport = transport
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.URL("/report"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if config.ServerName != "" {
		req.Host = config.ServerName
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.TLS == nil {
		t.Fatalf("%s without TLS, or without a body: %v", resp.Status, err)
	}
	seen := decode[nethttp.Report](t, &httpdtest.Response{Response: resp, Text: string(text)})
	if seen.TLS == nil {
		t.Fatalf("r.TLS is nil; the client has %+v", resp.TLS)
	}
	return seen.TLS, resp.TLS
}

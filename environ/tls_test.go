package environ_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/mod-go/mod-go/environ"
)

// issue makes a certificate; parent nil means one that signs itself.
func issue(t *testing.T, template *x509.Certificate, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	signer, above := any(key), template
	if parent != nil {
		signer, above = parent.PrivateKey, parent.Leaf
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: must(x509.ParseCertificate(der))}
	if parent != nil {
		certificate.Certificate = append(certificate.Certificate, parent.Certificate...)
	}
	return certificate
}

func authority(t *testing.T) tls.Certificate {
	return issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA", Country: []string{"AT"}}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, nil)
}

func client(t *testing.T, ca *tls.Certificate) tls.Certificate {
	text := func(tag int, value string) asn1.RawValue { return asn1.RawValue{Tag: tag, Bytes: []byte(value)} }
	attribute := func(id asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: id, Value: value}
	}
	subject := must(asn1.Marshal(pkix.RDNSequence{
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 6}, "AT")},
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 10}, "Käse, \"GmbH\"")},
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 11}, "#one")},
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 11}, " two ")},
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 12}, text(asn1.TagT61String, "Dr\xe9")), attribute(asn1.ObjectIdentifier{2, 5, 4, 42}, text(asn1.TagBMPString, "\x00\xc4\x00d\x00a"))},
		{attribute(asn1.ObjectIdentifier{1, 2, 3, 4}, "x")},
		{attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, text(asn1.TagIA5String, "ada@example.org"))},
		{attribute(asn1.ObjectIdentifier{2, 5, 4, 3}, "Ada\x01=<L>")},
	}))
	return issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(0xABC), RawSubject: subject, DNSNames: []string{"a.example", "b.example"}, EmailAddresses: []string{"ada@example.org"},
		NotBefore: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Now().Add(50 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca)
}

// overTLS makes one request and returns its variables.
func overTLS(t *testing.T, server, client *tls.Config) map[string]string {
	t.Helper()
	results := make(chan map[string]string, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		results <- variablesOf(t, environ.FromRequest(r, environ.Server{}))
	}))
	s.TLS = server
	s.StartTLS()
	defer s.Close()
	transport := s.Client().Transport.(*http.Transport)
	client.RootCAs = transport.TLSClientConfig.RootCAs
	client.ServerName = "example.com" // of httptest's certificate
	transport.TLSClientConfig = client
	response, err := s.Client().Get(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return <-results
}

func TestTLSVariables(t *testing.T) {
	got := overTLS(t, &tls.Config{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}})
	for name, want := range map[string]string{
		"HTTPS": "on", "REQUEST_SCHEME": "https", "wsgi.url_scheme": "https", "SSL_PROTOCOL": "TLSv1.2", "SSL_CIPHER": "ECDHE-RSA-AES256-GCM-SHA384",
		"SSL_CIPHER_USEKEYSIZE": "256", "SSL_CIPHER_ALGKEYSIZE": "256", "SSL_TLS_SNI": "example.com", "SSL_CLIENT_VERIFY": "NONE", "SSL_SESSION_RESUMED": "Initial",
	} {
		if got[name] != want {
			t.Errorf("%s is %q; want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"SSL_CLIENT_S_DN", "SSL_CLIENT_CERT"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s is %q; want none without a certificate", name, value)
		}
	}
}

func TestClientCertificateVariables(t *testing.T) {
	ca := authority(t)
	certificate := client(t, &ca)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	for verify, config := range map[string]*tls.Config{
		"SUCCESS":  {ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots},
		"GENEROUS": {ClientAuth: tls.RequireAnyClientCert},
	} {
		got := overTLS(t, config, &tls.Config{Certificates: []tls.Certificate{certificate}})
		block := func(der []byte) string {
			return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		want := map[string]string{ // the names are what "openssl x509 -nameopt RFC2253,-esc_msb" prints of this certificate
			"SSL_PROTOCOL": "TLSv1.3", "SSL_CLIENT_VERIFY": verify, "SSL_CLIENT_M_VERSION": "3", "SSL_CLIENT_M_SERIAL": "0ABC",
			"SSL_CLIENT_V_START": "Jan  2 03:04:05 2020 GMT", "SSL_CLIENT_V_END": certificate.Leaf.NotAfter.Format("Jan _2 15:04:05 2006") + " GMT",
			"SSL_CLIENT_V_REMAIN": "2",
			"SSL_CLIENT_S_DN":     `CN=Ada\01=\<L\>,emailAddress=ada@example.org,1.2.3.4=#130178,GN=Äda+title=Dré,OU=\ two\ ,OU=\#one,O=Käse\, \"GmbH\",C=AT`,
			"SSL_CLIENT_I_DN":     "CN=Test CA,C=AT",
			"SSL_CLIENT_S_DN_C":   "AT", "SSL_CLIENT_S_DN_O": `Käse, "GmbH"`, "SSL_CLIENT_S_DN_OU": "#one", "SSL_CLIENT_S_DN_OU_1": " two ",
			"SSL_CLIENT_S_DN_T": "Dré", "SSL_CLIENT_S_DN_G": "Äda", "SSL_CLIENT_S_DN_Email": "ada@example.org", "SSL_CLIENT_S_DN_CN": `Ada\01=<L>`,
			"SSL_CLIENT_I_DN_CN": "Test CA", "SSL_CLIENT_I_DN_C": "AT",
			"SSL_CLIENT_SAN_DNS_0": "a.example", "SSL_CLIENT_SAN_DNS_1": "b.example", "SSL_CLIENT_SAN_Email_0": "ada@example.org",
			"SSL_CLIENT_CERT": block(certificate.Certificate[0]), "SSL_CLIENT_CERT_CHAIN_0": block(ca.Certificate[0]),
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %q; want %q", name, got[name], value)
			}
		}
		for name := range got {
			if _, ok := want[name]; !ok && len(name) > 11 && name[:11] == "SSL_CLIENT_" {
				t.Errorf("%s is %q; want none", name, got[name])
			}
		}
	}
}

// TestClientVariablesThatAreNot: an attribute that the certificate lacks has no variable.
func TestClientVariablesThatAreNot(t *testing.T) {
	ca := authority(t)
	r := &http.Request{TLS: &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{ca.Leaf}}}
	e := environ.FromRequest(r, environ.Server{})
	for _, name := range []string{"SSL_CLIENT_S_DN_O", "SSL_CLIENT_S_DN_CN_1", "SSL_CLIENT_SAN_DNS_0", "SSL_CLIENT_CERT_CHAIN_0", "SSL_CLIENT_"} {
		if value, ok := e.Lookup(name); ok {
			t.Errorf("%s is %q; want none", name, value)
		}
	}
}

// TestTLSUnderApache: r.TLS of a request under Apache says no more than that there is TLS.
func TestTLSUnderApache(t *testing.T) {
	r := &http.Request{TLS: &tls.ConnectionState{HandshakeComplete: true}}
	got := environ.FromRequest(r, environ.Server{}).Names()
	if !slices.Contains(got, "HTTPS") {
		t.Error("HTTPS is missing")
	}
	for _, name := range got {
		if name[:3] == "SSL" {
			t.Errorf("%s is there, about which nothing is known", name)
		}
	}
}

// TestEveryCipherHasItsName: crypto/tls may learn of new ones.
func TestEveryCipherHasItsName(t *testing.T) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		r := &http.Request{TLS: &tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: suite.ID}}
		e := environ.FromRequest(r, environ.Server{})
		for _, name := range []string{"SSL_CIPHER", "SSL_CIPHER_USEKEYSIZE", "SSL_CIPHER_ALGKEYSIZE"} {
			if value, ok := e.Lookup(name); !ok || value == "0" {
				t.Errorf("%s of %s is %q, %v", name, suite.Name, value, ok)
			}
		}
		if back := environ.ToRequest(environ.New(environ.Config{Source: environ.Variables{"HTTPS": "on", "SSL_CIPHER": e.Get("SSL_CIPHER")}})); back.TLS.CipherSuite != suite.ID {
			t.Errorf("%s comes back as %s", suite.Name, tls.CipherSuiteName(back.TLS.CipherSuite))
		}
	}
}

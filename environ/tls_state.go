package environ

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strconv"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// sslVersions and sslSuites are sslProtocols and sslCiphers by the names.
var (
	sslVersions = make(map[string]uint16, len(sslProtocols))
	sslSuites   = make(map[string]uint16, len(sslCiphers))
)

func init() {
	for version, name := range sslProtocols {
		sslVersions[name] = version
	}
	for suite, cipher := range sslCiphers {
		sslSuites[cipher.name] = suite
	}
}

// TLSState is the state of a TLS connection of which get tells mod_ssl's variables: SSL_PROTOCOL, SSL_CIPHER, SSL_TLS_SNI,
// SSL_SESSION_RESUMED, SSL_CLIENT_VERIFY, and the certificates of the client in PEM, SSL_CLIENT_CERT and
// SSL_CLIENT_CERT_CHAIN_0 and on. What get returns "" for stays zero, and so does what crypto/tls has no number for. Of a
// verified certificate VerifiedChains has one chain: what the client sent, without the authority that the server added.
func TLSState(get func(name string) string) *tls.ConnectionState {
	state := &tls.ConnectionState{
		HandshakeComplete: true,
		Version:           sslVersions[get("SSL_PROTOCOL")],
		CipherSuite:       sslSuites[get("SSL_CIPHER")],
		ServerName:        get("SSL_TLS_SNI"),
		DidResume:         get("SSL_SESSION_RESUMED") == "Resumed",
	}
	verified := get("SSL_CLIENT_VERIFY")
	if verified == "" || verified == "NONE" {
		return state
	}
	state.PeerCertificates = clientCertificates(get)
	if verified == "SUCCESS" && state.PeerCertificates != nil {
		state.VerifiedChains = [][]*x509.Certificate{state.PeerCertificates}
	}
	return state
}

// clientCertificates are the client's own, and those that it sent with it. mod_ssl counts the own one among the chain, or
// does not, depending on how it was verified.
func clientCertificates(get func(name string) string) (certificates []*x509.Certificate) {
	own := parseCertificate(get("SSL_CLIENT_CERT"))
	if own == nil {
		return nil
	}
	certificates = append(certificates, own)
	for i := 0; ; i++ {
		next := parseCertificate(get("SSL_CLIENT_CERT_CHAIN_" + strconv.Itoa(i)))
		if next == nil {
			return certificates
		}
		if !next.Equal(own) {
			certificates = append(certificates, next)
		}
	}
}

// parseCertificate returns nil for what is no certificate.
func parseCertificate(text string) *x509.Certificate {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return certificate
}

// tlsState is r.TLS of a request that is made of variables alone: nil without TLS, else as much as mod_ssl says.
func tlsState(e *Environ) *tls.ConnectionState {
	switch scheme, ok := e.Lookup(VarURLScheme); {
	case scheme == "https":
	case ok:
		return nil
	case !httpfield.EqualFold(e.Get("HTTPS"), "on") && e.Get("HTTPS") != "1": // CGI of servers that know no wsgi.url_scheme
		return nil
	}
	return TLSState(e.Get)
}

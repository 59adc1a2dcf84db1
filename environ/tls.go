package environ

import (
	"crypto/tls"
	"strconv"
)

// sslProtocols are OpenSSL's names of the versions of TLS, which mod_ssl uses.
var sslProtocols = map[uint16]string{
	tls.VersionTLS10: "TLSv1",
	tls.VersionTLS11: "TLSv1.1",
	tls.VersionTLS12: "TLSv1.2",
	tls.VersionTLS13: "TLSv1.3",
}

// sslCipherSuite is a cipher suite as OpenSSL tells of it, the lengths of its key in bits.
type sslCipherSuite struct {
	name   string
	used   int // strength
	length int
}

// sslCiphers are the cipher suites that crypto/tls knows.
var sslCiphers = map[uint16]sslCipherSuite{
	tls.TLS_AES_128_GCM_SHA256:       {"TLS_AES_128_GCM_SHA256", 128, 128},
	tls.TLS_AES_256_GCM_SHA384:       {"TLS_AES_256_GCM_SHA384", 256, 256},
	tls.TLS_CHACHA20_POLY1305_SHA256: {"TLS_CHACHA20_POLY1305_SHA256", 256, 256},

	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       {"ECDHE-ECDSA-AES128-GCM-SHA256", 128, 128},
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       {"ECDHE-ECDSA-AES256-GCM-SHA384", 256, 256},
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: {"ECDHE-ECDSA-CHACHA20-POLY1305", 256, 256},
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         {"ECDHE-RSA-AES128-GCM-SHA256", 128, 128},
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         {"ECDHE-RSA-AES256-GCM-SHA384", 256, 256},
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   {"ECDHE-RSA-CHACHA20-POLY1305", 256, 256},

	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:    {"ECDHE-ECDSA-AES128-SHA", 128, 128},
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:    {"ECDHE-ECDSA-AES256-SHA", 256, 256},
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: {"ECDHE-ECDSA-AES128-SHA256", 128, 128},
	tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:        {"ECDHE-ECDSA-RC4-SHA", 128, 128},
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:      {"ECDHE-RSA-AES128-SHA", 128, 128},
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:      {"ECDHE-RSA-AES256-SHA", 256, 256},
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:   {"ECDHE-RSA-AES128-SHA256", 128, 128},
	tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:     {"ECDHE-RSA-DES-CBC3-SHA", 112, 168},
	tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA:          {"ECDHE-RSA-RC4-SHA", 128, 128},

	tls.TLS_RSA_WITH_AES_128_GCM_SHA256: {"AES128-GCM-SHA256", 128, 128},
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384: {"AES256-GCM-SHA384", 256, 256},
	tls.TLS_RSA_WITH_AES_128_CBC_SHA:    {"AES128-SHA", 128, 128},
	tls.TLS_RSA_WITH_AES_256_CBC_SHA:    {"AES256-SHA", 256, 256},
	tls.TLS_RSA_WITH_AES_128_CBC_SHA256: {"AES128-SHA256", 128, 128},
	tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:   {"DES-CBC3-SHA", 112, 168},
	tls.TLS_RSA_WITH_RC4_128_SHA:        {"RC4-SHA", 128, 128},
}

// handshake is the state of the request's TLS connection. It is nil without TLS, and where all that is known is that
// there is TLS.
func (s *requestSource) handshake() *tls.ConnectionState {
	if state := s.request.TLS; state != nil && state.Version != 0 {
		return state
	}
	return nil
}

func sslServerName(s *requestSource) (string, bool) {
	if state := s.request.TLS; state != nil {
		return present(state.ServerName)
	}
	return "", false
}

func sslProtocol(s *requestSource) (string, bool) {
	if state := s.handshake(); state != nil {
		return present(sslProtocols[state.Version])
	}
	return "", false
}

func (s *requestSource) cipher() sslCipherSuite {
	if state := s.handshake(); state != nil {
		return sslCiphers[state.CipherSuite]
	}
	return sslCipherSuite{}
}

func sslCipher(s *requestSource) (string, bool) { return present(s.cipher().name) }

func sslCipherUseKeySize(s *requestSource) (string, bool) {
	cipher := s.cipher()
	return strconv.Itoa(cipher.used), cipher.name != ""
}

func sslCipherAlgKeySize(s *requestSource) (string, bool) {
	cipher := s.cipher()
	return strconv.Itoa(cipher.length), cipher.name != ""
}

func sslSessionResumed(s *requestSource) (string, bool) {
	switch state := s.handshake(); {
	case state == nil:
		return "", false
	case state.DidResume:
		return "Resumed", true
	}
	return "Initial", true
}

// sslClientVerify is GENEROUS, as with "SSLVerifyClient optional_no_ca", for a certificate that nobody has verified.
func sslClientVerify(s *requestSource) (string, bool) {
	switch state := s.handshake(); {
	case state == nil:
		return "", false
	case len(state.PeerCertificates) == 0:
		return "NONE", true
	case len(state.VerifiedChains) == 0:
		return "GENEROUS", true
	}
	return "SUCCESS", true
}

package environ

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"iter"
	"math/big"
	"strconv"
	"time"
)

// clientPrefix begins the variables that tell of the client's certificate.
const clientPrefix = "SSL_CLIENT_"

// clientVariable looks one of clientVariables up. Only its own value is made.
func clientVariable(state *tls.ConnectionState, name string) (string, bool) {
	for candidate, value := range clientVariables(state) {
		if candidate == name {
			return value(), true
		}
	}
	return "", false
}

// clientVariables are those that mod_ssl makes of the certificate of the client, with StdEnvVars and ExportCertData. There
// are none without a certificate.
func clientVariables(state *tls.ConnectionState) iter.Seq2[string, func() string] {
	return func(yield func(string, func() string) bool) {
		if state == nil || len(state.PeerCertificates) == 0 {
			return
		}
		certificate := state.PeerCertificates[0]
		subject, issuer := distinguishedName(certificate.RawSubject), distinguishedName(certificate.RawIssuer)
		for _, variable := range []struct {
			name  string
			value func() string
		}{
			{"M_VERSION", func() string { return strconv.Itoa(certificate.Version) }},
			{"M_SERIAL", func() string { return sslSerial(certificate.SerialNumber) }},
			{"V_START", func() string { return sslTime(certificate.NotBefore) }},
			{"V_END", func() string { return sslTime(certificate.NotAfter) }},
			{"V_REMAIN", func() string { return sslDaysLeft(certificate.NotAfter) }},
			{"S_DN", subject.String},
			{"I_DN", issuer.String},
			{"CERT", func() string { return pemOf(certificate) }},
		} {
			if !yield(clientPrefix+variable.name, variable.value) {
				return
			}
		}
		for name, value := range subject.components("S_DN_") {
			if !yield(clientPrefix+name, func() string { return value }) {
				return
			}
		}
		for name, value := range issuer.components("I_DN_") {
			if !yield(clientPrefix+name, func() string { return value }) {
				return
			}
		}
		for i, name := range certificate.DNSNames {
			if !yield(clientPrefix+"SAN_DNS_"+strconv.Itoa(i), func() string { return name }) {
				return
			}
		}
		for i, address := range certificate.EmailAddresses {
			if !yield(clientPrefix+"SAN_Email_"+strconv.Itoa(i), func() string { return address }) {
				return
			}
		}
		for i, above := range state.PeerCertificates[1:] {
			if !yield(clientPrefix+"CERT_CHAIN_"+strconv.Itoa(i), func() string { return pemOf(above) }) {
				return
			}
		}
	}
}

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// sslSerial is whole bytes in hexadecimal.
func sslSerial(serial *big.Int) string {
	sign := ""
	if serial == nil {
		return "00"
	}
	if serial.Sign() < 0 {
		sign = "-"
	}
	digits := fmt.Sprintf("%X", new(big.Int).Abs(serial))
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	return sign + digits
}

// sslTime is as in "Nov  2 15:04:05 2026 GMT".
func sslTime(t time.Time) string { return t.UTC().Format("Jan _2 15:04:05 2006") + " GMT" }

// sslDaysLeft is the number of whole days that the certificate is still valid, 0 after its end.
func sslDaysLeft(end time.Time) string {
	return strconv.Itoa(max(0, int(time.Until(end)/(24*time.Hour))))
}

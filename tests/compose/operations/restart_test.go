package operations

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestGracefulRestart: apachectl graceful in the container, again and again, while clients of HTTP/1.1 and HTTP/2 send
// without a pause: every request is answered.
func TestGracefulRestart(t *testing.T) {
	const restarts, between = 5, 200
	apache := container(t, "apache")
	awaitHealthy(t, apache)
	checkLogs(t, apache)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(docker(t, "exec", apache, "cat", "/etc/ssl/mod_go/certificate.pem"))) {
		t.Fatal("the container holds no certificate in PEM form")
	}
	address := published(t, apache, "443")
	client := func(http2, keep bool) *http.Client {
		var protocols http.Protocols
		protocols.SetHTTP1(!http2)
		protocols.SetHTTP2(http2)
		return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			},
			TLSClientConfig:   &tls.Config{RootCAs: roots},
			Protocols:         &protocols,
			DisableKeepAlives: !keep,
		}}
	}
	l := startLoad(t, "https://hello.example.org/", client(false, true), client(false, true), client(false, false), client(true, true))
	l.Await(between)
	for range restarts {
		docker(t, "exec", apache, "apachectl", "graceful")
		l.Await(between)
	}
	l.Stop()
}

// Package compose tests the web sites of docker-compose.yml from outside. It runs in the service tests of that file, and
// knows what a client knows: the names of the sites, and the certificate to trust. What takes orders from outside, such as
// stopping a container, is in package operations.
package compose

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

const (
	hello = "hello.example.org"
	www   = "www.example.org"

	// requestLimit is how long a request may take.
	requestLimit = 30 * time.Second
)

// roots holds the certificate of the sites, and none other.
var roots *x509.CertPool

func TestMain(m *testing.M) {
	if err := readCertificate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func readCertificate() error {
	const variable = "MODGO_COMPOSE_CERTIFICATE"
	path := os.Getenv(variable)
	if path == "" {
		return fmt.Errorf("these tests need the containers of docker-compose.yml, which set %s: run make test-compose", variable)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the certificate that %s names cannot be read: %w; the service apache makes it when it starts", variable, err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return fmt.Errorf("%s, which %s names, holds no certificate in PEM form", path, variable)
	}
	return nil
}

// newClient makes a client that speaks HTTP/2 by TLS, or HTTP/1.1 only. It trusts the certificate of the sites alone.
func newClient(http2 bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Client{
		Timeout:   requestLimit,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: &protocols},
	}
}

// overBoth runs a test over HTTP/1.1 and over HTTP/2.
func overBoth(t *testing.T, test func(t *testing.T, client *http.Client)) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			client := newClient(protocol == "HTTP/2.0")
			defer client.CloseIdleConnections()
			test(t, client)
		})
	}
}

// send makes a request, with header names and values in turn, and reads the response.
func send(t *testing.T, client *http.Client, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: the body of the response: %v", method, url, err)
	}
	return response, string(content)
}

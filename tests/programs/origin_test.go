package programs

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// An origin is a server that requests can be sent to: httpd, or net/http's own server with the same application.
type origin struct {
	client *http.Client
	base   string // URL without a path
	// dial opens a connection for HTTP/1.1 or HTTP/2, as the client's are, that is closed at the end of the test.
	dial func(t testing.TB) net.Conn
}

// apache is httpd over the protocol that it is seen over.
func apache(srv *httpdtest.Server) origin { return origin{srv.Client(), srv.URL(""), srv.Dial} }

// dialLimit is how long a connection of a test may be used.
const dialLimit = time.Minute

// ownServer serves an application by net/http over a protocol, until the test ends.
func ownServer(t *testing.T, application http.Handler, protocol httpdtest.Protocol) origin {
	t.Helper()
	server := reference(t, application, protocol)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport := client.Transport.(*http.Transport)
	transport.DisableCompression = true
	dial := func(t testing.TB) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if protocol.Secure() {
			cfg := transport.TLSClientConfig.Clone()
			cfg.ServerName, cfg.NextProtos = "example.com", []string{"http/1.1"} // the name that httptest's certificate has
			conn = tls.Client(conn, cfg)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(httpdtest.Limit(dialLimit))); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	return origin{client, server.URL, dial}
}

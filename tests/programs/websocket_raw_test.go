package programs

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// open connects to the server, by TLS where its clients use that.
func (s socketServer) open(t *testing.T) net.Conn {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(s.base, "wss:") {
		config := s.tls.Clone()
		config.ServerName = "localhost"
		conn = tls.Client(conn, config)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(httpdtest.Limit(30 * time.Second))); err != nil {
		t.Fatal(err)
	}
	return conn
}

func path(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // a test's own constant
	}
	return u.RequestURI()
}

// upgradeRequest is the handshake of a WebSocket; more are further header lines.
func upgradeRequest(address, more string) string {
	return "GET " + path(address) + " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n" + more + "\r\n"
}

// exchangeUpgrade sends a handshake, and returns the answer, whose body has been read.
func exchangeUpgrade(t *testing.T, conn net.Conn, address, more string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(conn, upgradeRequest(address, more)); err != nil {
		t.Fatal(err)
	}
	return readResponse(t, conn)
}

// readResponse reads a response and not a byte more.
func readResponse(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}

// oneByte reads byte by byte, so that a bufio.Reader on it takes no more than it is asked for.
type oneByte struct{ io.Reader }

// Read reads one byte at the most.
func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// testOrigin: a page of another site may not connect; the connection is still good for a request after it.
func testOrigin(t *testing.T, s socketServer) {
	conn := s.open(t)
	for range 2 {
		response := exchangeUpgrade(t, conn, s.base+"/echo", "Origin: https://evil.example\r\n")
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("a page of another site is answered %s", response.Status)
		}
	}
	if response := exchangeUpgrade(t, conn, s.base+"/echo", ""); response.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("after a refusal the same connection is answered %s", response.Status)
	}
}

func testNoUpgrade(t *testing.T, s socketServer) {
	conn := s.open(t)
	fmt.Fprintf(conn, "GET %s/echo HTTP/1.1\r\nHost: localhost\r\n\r\n", path(s.base))
	response := readResponse(t, conn)
	if response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a request that is no handshake is answered %s", response.Status)
	}
}

// testEagerClient: frames that arrive with the handshake's last bytes have been read by the server already when the
// application takes the connection over, which must be given them. Gorilla's package ends such connections.
func testEagerClient(t *testing.T, s socketServer) {
	conn := s.open(t)
	frame := []byte{0x81, 0x85, 0, 0, 0, 0, 'e', 'a', 'g', 'e', 'r'} // a text, masked by zeros
	if _, err := conn.Write(append([]byte(upgradeRequest(s.base+"/echo", "")), frame...)); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(s.base, "/gorillasocket") {
		if answer, err := io.ReadAll(conn); len(answer) > 0 {
			t.Errorf("the client is answered %q (%v)", answer, err)
		}
		return
	}
	if response := readResponse(t, conn); response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake is answered %s", response.Status)
	}
	echo := make([]byte, 7)
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "\x81\x05eager" {
		t.Errorf("the echo is %q (%v)", echo, err)
	}
}

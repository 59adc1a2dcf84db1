package httpdtest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// clientLimit is how long one request may take.
const clientLimit = 60 * time.Second

// Response is a response whose body has been read.
type Response struct {
	*http.Response
	Text string // the body
}

// Client is an HTTP client of this server, over the protocol that it is seen over: whatever the host of a URL, so that
// virtual hosts have theirs, it connects to the server's address. It follows no redirects and leaves compressed bodies
// alone.
func (s *Server) Client() *http.Client { return s.clients[s.protocol] }

// newClients makes the clients of all protocols, which connect when they are used.
func (in *instance) newClients() map[Protocol]*http.Client {
	clients := make(map[Protocol]*http.Client)
	for _, p := range []Protocol{HTTP1, TLS, H2, H2C} {
		clients[p] = in.newClient(p)
	}
	return clients
}

func (in *instance) newClient(protocol Protocol) *http.Client {
	dialer := net.Dialer{Timeout: Limit(waitLimit)}
	var protocols http.Protocols
	protocols.SetHTTP1(!protocol.HTTP2())
	protocols.SetHTTP2(protocol == H2)
	protocols.SetUnencryptedHTTP2(protocol == H2C)
	return &http.Client{
		Timeout: Limit(clientLimit),
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, in.addrOf(protocol))
			},
			TLSClientConfig:    &tls.Config{RootCAs: in.roots},
			Protocols:          &protocols,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Get fetches a path, or an URL whose host is a virtual host's name. The scheme of an URL becomes that of the protocol.
// Headers are given as names and values in turn.
func (s *Server) Get(target string, headers ...string) *Response {
	s.t.Helper()
	return s.Send(http.MethodGet, target, nil, headers...)
}

// Send makes a request with any method and body and reads the response.
func (s *Server) Send(method, target string, body io.Reader, headers ...string) *Response {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.URL(target)
	} else if s.protocol.Secure() && strings.HasPrefix(target, "http:") {
		target = "https:" + strings.TrimPrefix(target, "http:")
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if strings.EqualFold(headers[i], "Host") {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: the response's body: %v", method, target, err)
	}
	return &Response{resp, string(text)}
}

// Raw sends bytes on a connection of its own and returns all that comes back until the server closes it. A request that
// lets the server keep the connection alive takes until the server's KeepAliveTimeout.
func (s *Server) Raw(t testing.TB, request string) []byte {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	// The server may answer and close before it has read everything: what it answered counts.
	_, writeErr := io.WriteString(conn, request)
	answer, err := io.ReadAll(conn)
	if len(answer) == 0 && (err != nil || writeErr != nil) {
		t.Fatalf("the raw exchange: write: %v, read: %v", writeErr, err)
	}
	return answer
}

// Dial opens a connection to the server, with TLS where the protocol has it, and with a deadline. It is closed at the end of
// the test.
func (s *Server) Dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := s.dial()
	if err == nil && s.protocol.Secure() {
		conn, err = s.handshake(t, conn)
	}
	if err != nil {
		t.Fatalf("cannot connect to httpd: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(Limit(clientLimit))); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (s *Server) dial() (net.Conn, error) {
	return net.DialTimeout("tcp", s.Addr(), Limit(waitLimit))
}

// handshake begins TLS on a connection, which it closes when it fails.
func (s *Server) handshake(t testing.TB, conn net.Conn) (net.Conn, error) {
	cfg := s.TLSConfig()
	cfg.ServerName, cfg.NextProtos = "127.0.0.1", []string{"http/1.1"} // an address, which is not sent as a name that Host has to match
	if s.protocol.HTTP2() {
		cfg.NextProtos = []string{"h2"}
	}
	secure := tls.Client(conn, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), Limit(waitLimit))
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

package httpdtest

import (
	"crypto/tls"
	"strings"
	"testing"
)

func TestEveryProtocol(t *testing.T) {
	versions := map[Protocol]string{HTTP1: "HTTP/1.1", TLS: "HTTP/1.1", H2: "HTTP/2.0", H2C: "HTTP/2.0"}
	seen := make(map[string]bool)
	Hosts(t, files, nil, func(t *testing.T, srv *Server) {
		seen[srv.MPM()+"/"+string(srv.Protocol())] = true
		got := srv.Get("/")
		if got.StatusCode != 200 || got.Text != "hello\n" || got.Proto != versions[srv.Protocol()] {
			t.Errorf("GET / answers %s over %s: %q", got.Status, got.Proto, got.Text)
		}
		if (got.TLS != nil) != srv.Protocol().Secure() {
			t.Errorf("the client's TLS state is %v", got.TLS)
		}
		if got := srv.Get("http://other.test/"); got.StatusCode != 200 {
			t.Errorf("another host's name is answered %s", got.Status)
		}
	})
	for _, mpm := range MPMs() {
		for _, protocol := range Protocols(mpm) {
			if host := mpm + "/" + string(protocol); !seen[host] {
				t.Errorf("%s was not run", host)
			}
		}
	}
}

func TestConnectionsOfEveryProtocol(t *testing.T) {
	cfg := files
	cfg.AllProtocols = true
	srv := Start(t, cfg)
	for protocol, want := range map[Protocol]string{HTTP1: "", TLS: "http/1.1", H2: "h2", H2C: ""} {
		conn := srv.Over(protocol).Dial(t)
		secure, ok := conn.(*tls.Conn)
		if ok != protocol.Secure() {
			t.Errorf("%s: the connection is a %T", protocol, conn)
		} else if ok && secure.ConnectionState().NegotiatedProtocol != want {
			t.Errorf("%s: the server chose %q", protocol, secure.ConnectionState().NegotiatedProtocol)
		}
	}
	if got := string(srv.Over(TLS).Raw(t, "GET / HTTP/1.0\r\n\r\n")); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("the raw answer is %q", got)
	}
}

func TestAProtocolThatTheServerLacksFailsTheTest(t *testing.T) {
	for _, cfg := range []Config{{}, {MPM: "prefork", AllProtocols: true}} {
		r := record(t, func(t testing.TB) { Start(t, cfg).Over(H2) })
		r.wants(t, "does not speak h2")
	}
}

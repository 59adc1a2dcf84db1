package httpdtest

import (
	"slices"
	"testing"
)

// Protocol is how a client talks to a server.
type Protocol string

// The protocols. Every server has HTTP1; the others are those of a server with Config.AllProtocols.
const (
	HTTP1 Protocol = "http1" // HTTP/1.1 without TLS
	TLS   Protocol = "tls"   // HTTP/1.1 over TLS
	H2    Protocol = "h2"    // HTTP/2 over TLS
	H2C   Protocol = "h2c"   // HTTP/2 without TLS, with prior knowledge
)

// Protocols are those that an httpd of an MPM can have: mod_http2 does not run under prefork.
func Protocols(mpm string) []Protocol {
	if mpm == "prefork" {
		return []Protocol{HTTP1, TLS}
	}
	return []Protocol{HTTP1, TLS, H2, H2C}
}

// Secure tells whether the protocol is over TLS.
func (p Protocol) Secure() bool { return p == TLS || p == H2 }

// HTTP2 tells whether the protocol is HTTP/2.
func (p Protocol) HTTP2() bool { return p == H2 || p == H2C }

// Hosts runs test against an httpd of every MPM over every protocol that it has, as subtests such as event/h2. Each MPM
// has one httpd, which is that of cfg with AllProtocols; the test gets it over the protocol, see Server.Over, and must not
// leave it changed. Lines of the log that every MPM's httpd may have are declared by prepare, which may be nil.
func Hosts(t *testing.T, cfg Config, prepare func(srv *Server), test func(t *testing.T, srv *Server)) {
	t.Helper()
	Matrix(t, func(t *testing.T, mpm string) {
		cfg := cfg
		cfg.MPM, cfg.AllProtocols = mpm, true
		srv := Start(t, cfg)
		if prepare != nil {
			prepare(srv)
		}
		for _, protocol := range Protocols(mpm) {
			t.Run(string(protocol), func(t *testing.T) { test(t, srv.In(t).Over(protocol)) })
		}
	})
}

// Over returns the same server as it is seen over a protocol: Client, Get, Send, Addr, URL, Dial and Raw use it. The server
// needs Config.AllProtocols, unless the protocol is HTTP1.
func (s *Server) Over(protocol Protocol) *Server {
	s.t.Helper()
	if protocol != HTTP1 && (!s.allProtocols || !slices.Contains(Protocols(s.mpm), protocol)) {
		s.t.Fatalf("httpdtest: this httpd does not speak %s: it needs Config.AllProtocols, and HTTP/2 another MPM than prefork", protocol)
	}
	return &Server{s.t, s.instance, protocol}
}

// Protocol is what the server is seen over: HTTP1 unless it comes from Over.
func (s *Server) Protocol() Protocol { return s.protocol }

// MPM is the name of the server's MPM.
func (s *Server) MPM() string { return s.mpm }

package programs

import (
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// overTakenConnections runs test against an httpd of its own, of every MPM and by ws and wss.
func overTakenConnections(t *testing.T, timeout string, test func(t *testing.T, srv *httpdtest.Server)) {
	t.Helper()
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for _, protocol := range []httpdtest.Protocol{httpdtest.HTTP1, httpdtest.TLS} {
			t.Run(string(protocol), func(t *testing.T) {
				cfg := socketConfig
				cfg.MPM, cfg.AllProtocols = mpm, true
				if protocol.Secure() || mpm == "prefork" {
					cfg.Threads = 16 // under prefork as many processes: while a connection is open its process is one of them
				}
				cfg.Conf += "GoShutdownTimeout " + timeout + "\n"
				if mpm == "worker" {
					cfg.Conf += httpdtest.RoomForOldChildren
				}
				srv := httpdtest.Start(t, cfg).Over(protocol)
				if mpm == "prefork" {
					srv.Expect(`AH00161: server reached MaxRequestWorkers`).Maybe() // old and new processes together
				}
				test(t, srv)
			})
		}
	})
}

// openInBothWays opens a WebSocket whose handler goes on, and one whose handler has returned, of each application.
func openInBothWays(t *testing.T, srv *httpdtest.Server) (open []*websocket.Conn) {
	t.Helper()
	for _, path := range socketPaths {
		for _, way := range []string{"/echo", "/background"} {
			conn := apacheSockets(srv, path).connect(t, way, nil)
			echoed(t, conn, websocket.TextMessage, []byte("hello"))
			open = append(open, conn)
		}
	}
	return open
}

// TestWebSocketsOutliveARestart: a graceful restart lets WebSockets be, whose child goes on until the last of them has
// closed.
func TestWebSocketsOutliveARestart(t *testing.T) {
	overTakenConnections(t, "10min", func(t *testing.T, srv *httpdtest.Server) {
		before := srv.ChildPIDs()
		open := openInBothWays(t, srv)
		srv.Graceful()
		for _, conn := range open {
			echoed(t, conn, websocket.BinaryMessage, message(100_000))
		}
		openInBothWays(t, srv) // by the new children
		for _, conn := range open {
			echoed(t, conn, websocket.TextMessage, []byte("still here"))
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
		awaitEnd(t, srv, before)
	})
}

// awaitEnd waits until none of the processes is a child any more.
func awaitEnd(t *testing.T, srv *httpdtest.Server, pids []int) {
	t.Helper()
	err := httpdtest.Poll(20*time.Second, func() bool {
		return !slices.ContainsFunc(srv.ChildPIDs(), func(pid int) bool { return slices.Contains(pids, pid) })
	})
	if err != nil {
		t.Fatalf("of the old children %v are left: %v: %v", pids, srv.ChildPIDs(), err)
	}
}

// TestShutdownTimeoutEndsWebSockets: a child that is to end waits for its WebSockets as long as GoShutdownTimeout says, and
// not for ever.
func TestShutdownTimeoutEndsWebSockets(t *testing.T) {
	const timeout = 2 * time.Second
	overTakenConnections(t, timeout.String(), func(t *testing.T, srv *httpdtest.Server) {
		srv.Expect("MODGO0027: .* taken over").Maybe() // not where the connections are of httpd's filters
		before := srv.ChildPIDs()
		open := openInBothWays(t, srv)
		begin := time.Now()
		srv.Graceful()
		for _, conn := range open {
			echoed(t, conn, websocket.TextMessage, []byte("still here"))
		}
		for _, conn := range open {
			if _, got, err := conn.ReadMessage(); err == nil {
				t.Errorf("%q comes, want the end of the connection", got)
			}
		}
		if took := time.Since(begin); took < timeout/2 {
			t.Errorf("the WebSockets were ended after %v, want %v", took, timeout)
		}
		awaitEnd(t, srv, before)
		openInBothWays(t, srv)
	})
}

// TestStopEndsWebSockets: an httpd that is stopped ends at once, WebSockets or not.
func TestStopEndsWebSockets(t *testing.T) {
	overTakenConnections(t, "10min", func(t *testing.T, srv *httpdtest.Server) {
		srv.Expect("MODGO0027: .* taken over").Maybe() // its children may be gone before they count
		open := openInBothWays(t, srv)
		srv.Stop() // fails the test where httpd has to be killed
		for _, conn := range open {
			if _, got, err := conn.ReadMessage(); err == nil {
				t.Errorf("%q comes, want the end of the connection", got)
			}
		}
	})
}

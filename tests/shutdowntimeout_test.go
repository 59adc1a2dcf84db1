package tests

import (
	"io"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestShutdownTimeout: a child that ends gracefully waits for the connections that applications have taken over as long as
// GoShutdownTimeout says, cuts them and says how many; then the contexts of requests end that are still being served.
func TestShutdownTimeout(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for timeout, least := range map[string]time.Duration{"1500ms": 1500 * time.Millisecond, "0": 0} {
			t.Run(timeout, func(t *testing.T) {
				cfg := servicesConfig()
				cfg.MPM, cfg.Conf = mpm, cfg.Conf+"GoShutdownTimeout "+timeout+"\n"
				if mpm == "worker" {
					cfg.Conf += httpdtest.RoomForOldChildren
				}
				srv := httpdtest.Start(t, cfg)
				// Under prefork each has a child of its own.
				srv.Expect(`MODGO\d{4}: [12] connections that applications have taken over, such as WebSockets, are cut`)
				var kept []io.Reader
				for range 2 {
					c := converse(t, srv)
					c.send("GET /app/keep HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
					c.expect(c.reader, "kept")
					kept = append(kept, c.reader)
				}
				request := converse(t, srv)
				request.send("GET /app/wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				waiting := request.head("GET")
				request.expect(waiting.Body, "waiting ")
				begin := time.Now()
				srv.Graceful()
				request.expect(waiting.Body, "ended")
				after := time.Since(begin)
				for _, conn := range kept {
					if got, err := io.ReadAll(conn); len(got) > 0 {
						t.Errorf("%q (%v) comes; want the end of the connection", got, err)
					}
				}
				if took := time.Since(begin); after < least || took < least || took > httpdtest.Limit(least+10*time.Second) {
					t.Errorf("the request's context ended after %v, the connections after %v; want %v", after, took, least)
				}
				if rest, err := io.ReadAll(waiting.Body); len(rest) > 0 || err != nil {
					t.Errorf("after its last words the answer has %q (%v)", rest, err)
				}
				request.ends()
			})
		}
	})
}

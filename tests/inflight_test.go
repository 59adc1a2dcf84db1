package tests

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestMoreThreadsThanSlots: a thread for which the table of requests in flight has no room, as mod_http2 may have more than
// the table expects, serves all the same, and so does a handler that runs apart from it.
func TestMoreThreadsThanSlots(t *testing.T) {
	const connections, streams = 10, 5 // mod_http2 serves six of a connection at once
	const all = connections * streams  // more than the table has room for
	for _, mpm := range []string{"event", "worker"} {
		t.Run(mpm, func(t *testing.T) {
			cfg := overtimeConfig("H2MinWorkers "+strconv.Itoa(all+1), "H2MaxWorkers "+strconv.Itoa(all+1))
			cfg.MPM, cfg.AllProtocols, cfg.Threads = mpm, true, connections+4
			srv := httpdtest.Start(t, cfg)
			var waiting sync.WaitGroup
			defer waiting.Wait()
			defer letGo(t, srv, "stream")
			h2c := srv.Over(httpdtest.H2C)
			for range connections {
				transport := h2c.Client().Transport.(*http.Transport).Clone()
				defer transport.CloseIdleConnections()
				for range streams {
					waiting.Go(func() {
						client := http.Client{Transport: transport}
						resp, err := client.Get(h2c.URL("/app/block/stream"))
						if err != nil {
							t.Error(err)
							return
						}
						resp.Body.Close()
						if resp.StatusCode != 200 {
							t.Errorf("a stream has status %d", resp.StatusCode)
						}
					})
				}
			}
			// Not over HTTP/1.1, whose threads would get places while there are some.
			await(t, "all streams to be served", func() bool { return h2c.Get("/app/blocked").Text == strconv.Itoa(all) })

			c := converse(t, srv)
			c.send("GET /app/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
			if resp := c.head("GET"); resp.StatusCode != 101 {
				t.Errorf("an upgrade has status %d", resp.StatusCode)
			}
			c.expect(c.reader, "limited: false, ended: false\n")
			c.send("hello\n")
			c.expect(c.reader, "false hello\n")
			c.Close()
		})
	}
}

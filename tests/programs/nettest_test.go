package programs

import (
	"io"
	"testing"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestConn runs nettest.TestConn inside httpd, on connections that were taken over.
func TestConn(t *testing.T) {
	cfg := httpdtest.Config{
		Packages: []string{"./apps/nettest"},
		Mounts:   []httpdconf.Mount{{Path: "/", Package: "github.com/mod-go/mod-go/tests/programs/apps/nettest"}},
		Threads:  32,
	}
	prepare := func(srv *httpdtest.Server) {
		srv.Expect(`--- PASS|=== |^PASS|^ok`).Maybe()
	}
	httpdtest.Hosts(t, cfg, prepare, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() || srv.MPM() == "prefork" {
			return // HTTP/2 has no connection to take; under prefork the two ends are in two processes
		}
		response, err := srv.Client().Get(srv.URL("/run"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "PASS" {
			t.Errorf("%s, %v: %s", response.Status, err, body)
		}
	})
}

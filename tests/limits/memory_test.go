package limits

import (
	"fmt"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// idleCost is how many bytes of resident memory a child that hosts hello alone may cost beyond a child without the module.
const idleCost = 12 << 20

// TestIdleMemory measures an idle child without the module, with hello, and with all example applications.
func TestIdleMemory(t *testing.T) {
	idle := func(cfg httpdtest.Config) int64 {
		cfg.MPM = "event"
		srv := httpdtest.Start(t, cfg)
		return srv.RSS(srv.ChildPIDs()[0])
	}
	without := idle(httpdtest.Config{})
	hello := idle(httpdtest.Config{
		Packages: []string{"./apps/hello"}, Conf: "GoAlias / github.com/mod-go/mod-go/apps/hello",
	}) - without
	all := idle(httpdtest.Config{Packages: []string{"./apps/..."}, Conf: `
		GoAlias /hello github.com/mod-go/mod-go/apps/hello
		GoAlias /environ github.com/mod-go/mod-go/apps/environ
		GoAlias /upload github.com/mod-go/mod-go/apps/upload
		GoAlias /stream github.com/mod-go/mod-go/apps/stream
		GoAlias /guestbook github.com/mod-go/mod-go/apps/guestbook
		GoAlias /router github.com/mod-go/mod-go/apps/router
		GoSetEnv GUESTBOOK_DB ${DIR}/guestbook.db`}) - without
	record(t, "an idle child without the module", megabytes(without), "-")
	record(t, "the same with hello: more", megabytes(hello), "12 MB")
	record(t, "the same with all of apps/: more", megabytes(all), "-")
	if hello > idleCost {
		t.Errorf("hello costs %d bytes in each child", hello)
	}
}

// busyCost is by how many bytes a child may grow under load while next to nothing of its memory is alive: the garbage that may
// gather (docs/directives.md, GoGC), and what threads and connections take.
const busyCost = (64 + 32) << 20

// TestBusyMemory measures children that serve one request after the other.
func TestBusyMemory(t *testing.T) {
	const requests = 200_000
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Processes: 2, Threads: 2 * connections, Packages: []string{"./tests/testdata/apps/hellohandler"},
		Conf: "GoAlias / " + appsPath + "hellohandler\nMaxKeepAliveRequests 0\n",
	})
	idle := make(map[int]int64)
	for _, child := range srv.ChildPIDs() {
		idle[child] = srv.RSS(child)
	}
	drive(t, srv, "/", requests)
	var most int64
	for child, before := range idle {
		most = max(most, srv.RSS(child)-before)
	}
	record(t, fmt.Sprintf("the larger of 2 children after %d requests of hello by an http.Handler: more than idle", requests), megabytes(most), megabytes(busyCost))
	if most > busyCost {
		t.Errorf("a child has grown by %d bytes", most)
	}
}

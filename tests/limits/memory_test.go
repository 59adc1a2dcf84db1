package limits

import (
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

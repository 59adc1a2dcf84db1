package tests

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

func lifecycleConfig(mpm, fails string) httpdtest.Config {
	cfg := httpdtest.Config{
		MPM: mpm, Packages: []string{"./tests/testdata/apps/lifecycle"},
		Conf: "GoAlias / " + appsPath + "lifecycle\nGoShutdownTimeout 30s\n",
		Env:  []httpdconf.Variable{{Name: "LIFE_FAILS", Value: fails}},
	}
	if mpm == "worker" {
		cfg.Conf += httpdtest.RoomForOldChildren
	}
	return cfg
}

// startLife starts a server. The process that checks its configuration constructs the application too, and nothing else.
func startLife(t *testing.T, cfg httpdtest.Config) *httpdtest.Server {
	t.Helper()
	srv := httpdtest.Start(t, cfg)
	srv.ExpectRaw(`^\d{4}/\S+ \S+ life: constructed$`).Times(1)
	return srv
}

// lifeOf is what the functions of a process logged, in order.
func lifeOf(srv *httpdtest.Server, pid int) (life []string) {
	for _, line := range srv.Log() {
		if text, ok := strings.CutPrefix(line.Message, "life: "); ok && line.PID == pid {
			life = append(life, text)
		}
	}
	return life
}

// TestLifecycle: the functions of the life of a process run once in each child, in order; not in the process that checks the
// configuration, and those of the end when the last request is over.
func TestLifecycle(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := startLife(t, lifecycleConfig(mpm, "nowhere"))
		request := converse(t, srv)
		request.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n1")
		begun := []string{"constructed", "start first", "start second"}
		child := srv.AwaitLog(`life: request after 2 functions`).PID
		srv.Graceful()
		if mpm != "prefork" { // which tells a child that ends when its request is over
			srv.AwaitLog(`life: reload second`)
		}
		request.send("2")
		if head := request.head("POST"); head.StatusCode != 200 {
			t.Errorf("the request that was running is answered with %s", head.Status)
		}
		var life []string
		if err := httpdtest.Poll(httpdtest.Limit(20*time.Second), func() bool {
			life = lifeOf(srv, child)
			return countPrefix(life, "shutdown first") > 0
		}); err != nil {
			t.Fatalf("the child does not end: %q", life)
		}
		if !slices.Equal(life[:3], begun) {
			t.Errorf("the child began with %q; want %q", life[:3], begun)
		}
		for _, want := range []string{"reload first", "reload second", "background of first ends", "background of second ends"} {
			if n := countPrefix(life[3:], want); n != 1 {
				t.Errorf("%q comes %d times in %q", want, n, life)
			}
		}
		if mpm != "prefork" && !slices.Contains(life, "reload first, 1 running") {
			t.Errorf("the functions of OnReload did not run beside the request: %q", life)
		}
		end := life[len(life)-2:]
		if !strings.HasPrefix(end[0], "shutdown second, 0 running, limited true to ") || !strings.HasPrefix(end[1], "shutdown first, 0 running, limited true to ") {
			t.Errorf("the child ended with %q", end)
		}
	})
}

func countPrefix(lines []string, prefix string) (n int) {
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// TestLifecycleAtOnce: a server that is stopped at once still calls the functions of the end, where its children can.
func TestLifecycleAtOnce(t *testing.T) {
	for _, mpm := range []string{"event", "worker"} {
		t.Run(mpm, func(t *testing.T) {
			srv := startLife(t, lifecycleConfig(mpm, "nowhere"))
			child := srv.AwaitChildren(1)[0]
			srv.Get("/")
			srv.Stop()
			life := lifeOf(srv, child)
			if countPrefix(life, "reload") != 0 || countPrefix(life, "shutdown") != 2 {
				t.Errorf("the child's life was %q", life)
			}
		})
	}
}

// TestLifecycleFailures: functions that fail, panic or do not return are logged, and nothing else suffers.
func TestLifecycleFailures(t *testing.T) {
	for fails, line := range map[string]string{
		"start":    `MODGO0040: .*: no connection`,
		"panic":    `MODGO0040: .*: a function registered with modgo.OnStart panicked: in OnStart`,
		"shutdown": `MODGO0041: .*: a function registered with modgo.OnShutdown has not returned in time: context deadline exceeded`,
	} {
		t.Run(fails, func(t *testing.T) {
			cfg := lifecycleConfig("event", fails)
			cfg.Conf += "GoShutdownTimeout 0\n"
			srv := startLife(t, cfg)
			srv.Expect(line).Times(1)
			if text := srv.Get("/").Text; text != "served" {
				t.Errorf("the server answers %q", text)
			}
			srv.Stop()
		})
	}
}

package tests

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const leakApp = appsPath + "leak"

// leakConfig serves the application leak.
func leakConfig(mpm string, lines ...string) httpdtest.Config {
	cfg := httpdtest.Config{
		MPM: mpm, Packages: []string{"./tests/testdata/apps/leak"}, Files: map[string]string{"release/.keep": ""},
		Conf: "GoAlias / " + leakApp + "\nGoSetEnv RELEASE ${DIR}/release\n" + strings.Join(lines, "\n") + "\n",
	}
	if mpm == "worker" {
		cfg.Conf += httpdtest.RoomForOldChildren
	}
	return cfg
}

// usualMemory is how many MB a child of the application leak has that has answered one request.
func usualMemory(t *testing.T, mpm string) int {
	t.Helper()
	srv := httpdtest.Start(t, leakConfig(mpm))
	defer srv.Stop()
	return int(srv.PrivateMemory(childOf(t, srv.Get("/pid").Text)) >> 20)
}

// childOf reads the answer of the application.
func childOf(t *testing.T, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("the application answers %q, which is no process", text)
	}
	return pid
}

// hardLimit is a GoMemoryLimit.
func hardLimit(megabytes int) string {
	return fmt.Sprintf("GoMemoryLimit %dM %dM", megabytes-1, megabytes)
}

// TestMemoryLimitReplacesChildren: children beyond the hard limit are replaced one after the other, and no request fails,
// whether Go's memory or C's leaks.
func TestMemoryLimitReplacesChildren(t *testing.T) {
	const (
		room     = 48 // MB that a child may grow by
		step     = 4  // MB that one request leaks
		replaced = 3
	)
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		usual := usualMemory(t, mpm)
		for _, kind := range []string{"go", "c"} {
			t.Run(kind, func(t *testing.T) {
				cfg := leakConfig(mpm, hardLimit(usual+room))
				cfg.Processes, cfg.AllProtocols = 2, true
				srv := httpdtest.Start(t, cfg)
				srv.Expect(`MODGO0035: child \d+ takes no more connections .* more than the hard limit of GoMemoryLimit, ` + fmt.Sprint(usual+room) + `.0 MB\. The Go runtime has .* MB of it`).AtLeast(replaced)
				senders := []httpdtest.Sender{
					{Client: httpdtest.NewConnections(), URL: srv.URL("/pid"), Every: 10 * time.Millisecond},
					{Client: httpdtest.NewConnections(), URL: srv.URL(fmt.Sprint("/", kind, "/", step)), Every: 100 * time.Millisecond},
				}
				for _, protocol := range httpdtest.Protocols(mpm) { // on connections that are kept
					over := srv.Over(protocol)
					senders = append(senders, httpdtest.Sender{Client: over.Client(), URL: over.URL("/pid"), Every: 20 * time.Millisecond})
				}
				load := httpdtest.StartLoad(t, senders...)
				leaving := srv.AwaitLogs("MODGO0035", replaced)
				for _, line := range leaving {
					if err := httpdtest.Poll(20*time.Second, func() bool { return gone(t, line.PID) }); err != nil {
						t.Errorf("child %d goes on: %v", line.PID, err)
					}
				}
				load.Stop()
				checkShares(t, leaving[0].Message, kind, room)
			})
		}
	})
}

var sharesPattern = regexp.MustCompile(`because it has ([\d.]+) MB of memory.* The Go runtime has ([\d.]+) MB of it, ([\d.]+) MB in objects`)

// checkShares tells whether a message lays the blame on the right side.
func checkShares(t *testing.T, message, kind string, leaked float64) {
	t.Helper()
	var figures [3]float64
	for i, text := range sharesPattern.FindStringSubmatch(message)[1:] {
		figures[i], _ = strconv.ParseFloat(text, 64) // as the pattern has it
	}
	all, runtime, objects := figures[0], figures[1], figures[2]
	if all < runtime || runtime < objects || kind == "go" && objects < leaked/2 || kind == "c" && all-runtime < leaked/2 {
		t.Errorf("of %.1f MB the runtime has %.1f, and objects %.1f, where %s leaks", all, runtime, objects, kind)
	}
}

// TestMemoryLimitSparesChildren: a child below the limit goes on, and what C has freed is no leak.
func TestMemoryLimitSparesChildren(t *testing.T) {
	const size, room = 48, 80 // MB: what is freed and what is kept are never both in use
	start := func(t *testing.T, mpm string, lines ...string) (srv *httpdtest.Server, child int) {
		srv = httpdtest.Start(t, leakConfig(mpm, lines...))
		child = childOf(t, srv.Get(fmt.Sprint("/free/", size)).Text)
		if got := childOf(t, srv.Get(fmt.Sprint("/go/", size)).Text); got != child {
			t.Fatalf("child %d answers, after %d", got, child)
		}
		return srv, child
	}
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		usual := usualMemory(t, mpm)
		srv, child := start(t, mpm)
		if grown := srv.PrivateMemory(child)>>20 - int64(usual); grown < room {
			t.Errorf("without a limit the child has grown by %d MB only: there is nothing to be given back", grown)
		}
		srv, child = start(t, mpm, hardLimit(usual+room))
		err := httpdtest.Poll(20*time.Second, func() bool { return srv.PrivateMemory(child) < int64(usual+room)<<20 })
		if err != nil {
			t.Errorf("child %d has %d MB and gives none back: %v", child, srv.PrivateMemory(child)>>20, err)
		}
		if gone(t, child) {
			t.Errorf("child %d has ended", child)
		}
	})
}

// TestMemoryLimitOnlyChild: the one child of a server is replaced, again and again, and the server goes on, though for a while
// no child is ready, and httpd may never have seen one that was.
func TestMemoryLimitOnlyChild(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		usual := usualMemory(t, mpm)
		srv := httpdtest.Start(t, leakConfig(mpm, hardLimit(usual+48), "GoSetEnv SLOW_START 2500ms"))
		client := httpdtest.NewConnections()
		for n := 1; n <= 2; n++ {
			resp, err := client.Get(srv.URL("/c/56"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			leaving := srv.AwaitLogs("MODGO0035", n)[n-1].PID
			if err := httpdtest.Poll(20*time.Second, func() bool { return gone(t, leaving) }); err != nil {
				t.Errorf("child %d goes on: %v", leaving, err)
			}
		}
		if resp := srv.Get("/pid"); resp.StatusCode != 200 {
			t.Errorf("afterwards: %s", resp.Status)
		}
		srv.Expect("MODGO0035").Times(2)
	})
}

// TestMemoryLimitTakesTurns: of several children beyond the limit only one ends at a time, the others go on.
func TestMemoryLimitTakesTurns(t *testing.T) {
	const children, room = 3, 48
	for _, mpm := range httpdtest.MPMs() {
		if mpm == "prefork" {
			continue // where a child that has to end serves one request only
		}
		t.Run(mpm, func(t *testing.T) {
			usual := usualMemory(t, mpm)
			cfg := leakConfig(mpm, hardLimit(usual+room))
			cfg.Processes = children
			srv := httpdtest.Start(t, cfg)
			srv.Expect("MODGO0035").AtLeast(2)
			held, ends := holdChildren(t, srv)
			for _, child := range held {
				growTo(t, srv, child, usual+room+room/8)
			}
			first := srv.AwaitLog("MODGO0035").PID
			load := httpdtest.StartLoad(t, httpdtest.Sender{Client: httpdtest.NewConnections(), URL: srv.URL("/pid"), Every: 10 * time.Millisecond})
			load.Await(200) // for seconds
			if lines := srv.AwaitLogs("MODGO0035", 1); len(lines) != 1 {
				t.Errorf("%d children take no more connections at the same time", len(lines))
			}
			letGo(t, srv, "all")
			second := srv.AwaitLogs("MODGO0035", 2)[1].PID
			if second == first || !gone(t, first) {
				t.Errorf("child %d takes no more connections; child %d, before it, has ended: %t", second, first, gone(t, first))
			}
			load.Stop()
			if err := <-ends; err != nil {
				t.Errorf("a request that was held: %v", err)
			}
		})
	}
}

// holdChildren has each child serve a request until letGo, and returns the children, and how these requests end.
func holdChildren(t *testing.T, srv *httpdtest.Server) ([]int, <-chan error) {
	t.Helper()
	children := srv.ChildPIDs()
	holds := make(map[int]bool)
	var bodies []io.ReadCloser
	if err := httpdtest.Poll(time.Minute, func() bool {
		resp, err := httpdtest.NewConnections().Get(srv.URL("/hold/all"))
		if err != nil {
			t.Fatal(err)
		}
		var text [20]byte
		n, err := resp.Body.Read(text[:])
		if err != nil && err != io.EOF { // which comes at once from a child that holds a request already
			t.Fatal(err)
		}
		holds[childOf(t, string(text[:n]))] = true
		bodies = append(bodies, resp.Body)
		return len(holds) == len(children)
	}); err != nil {
		t.Fatalf("only %d of %d children serve requests: %v", len(holds), len(children), err)
	}
	ends := make(chan error, 1)
	go func() {
		defer close(ends)
		for _, body := range bodies {
			_, err := io.Copy(io.Discard, body)
			body.Close()
			if err != nil {
				ends <- err
				return
			}
		}
	}()
	return children, ends
}

// growTo has a child leak until it has so much memory, by requests that any child may get.
func growTo(t *testing.T, srv *httpdtest.Server, child, megabytes int) {
	t.Helper()
	client := httpdtest.NewConnections()
	err := httpdtest.Poll(time.Minute, func() bool {
		missing := int64(megabytes) - srv.PrivateMemory(child)>>20
		if missing > 0 {
			resp, err := client.Get(srv.URL(fmt.Sprint("/grow/", child, "/", missing)))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		return missing <= 0
	})
	if err != nil {
		t.Fatalf("child %d does not grow to %d MB: %v", child, megabytes, err)
	}
}

// TestMemoryLimitEndsChild: a child that goes on growing ends with its requests: beyond twice the limit at once, beyond half
// again when GoShutdownTimeout has passed.
func TestMemoryLimitEndsChild(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		usual := usualMemory(t, mpm)
		limit := usual + 48
		for _, test := range []struct {
			name, timeout string
			grow          int
		}{
			{"twice", "10min", 2*limit - usual + 16},
			{"half again", milliseconds(time.Second), limit*7/4 - usual},
		} {
			t.Run(test.name, func(t *testing.T) {
				srv := httpdtest.Start(t, leakConfig(mpm, hardLimit(limit), "GoShutdownTimeout "+test.timeout))
				srv.Expect(`MODGO0035: .*requests in flight: ` + leakApp + ` \(1\)`).Times(1)
				srv.Expect(`MODGO0036: .*requests in flight: ` + leakApp + ` \(1\)`).Times(1)
				begun := time.Now()
				resp, err := httpdtest.NewConnections().Get(srv.URL(fmt.Sprint("/growing/", test.grow)))
				if err == nil {
					resp.Body.Close()
					t.Errorf("the request that grows is answered: %s", resp.Status)
				}
				if took := time.Since(begun); took > httpdtest.Limit(30*time.Second) {
					t.Errorf("it took %s", took)
				}
				ended := srv.AwaitLog("MODGO0036").PID
				if err := httpdtest.Poll(20*time.Second, func() bool { return gone(t, ended) }); err != nil {
					t.Errorf("child %d goes on: %v", ended, err)
				}
				if line := srv.AwaitLog("OnShutdown is called"); line.PID != ended {
					t.Errorf("the functions for the end are called in child %d; want %d", line.PID, ended)
				}
				if next := childOf(t, srv.Get("/pid").Text); next == ended {
					t.Errorf("child %d answers still", next)
				}
			})
		}
	})
}

// TestMemoryLimitTooLow: a limit that no child can keep is told, and does not have children end one after the other.
func TestMemoryLimitTooLow(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, leakConfig(mpm, "GoMemoryLimit 10K 20K"))
		srv.Expect(`MODGO0038: this child has .* before its first request, more than the hard limit of GoMemoryLimit, 0\.0 MB`)
		children := srv.ChildPIDs()
		if child := childOf(t, srv.Get("/c/64").Text); !slices.Contains(children, child) {
			t.Errorf("child %d answers; want one of %d", child, children)
		}
	})
}

// TestMemoryLimitSoft: without a hard limit no child ends for its memory.
func TestMemoryLimitSoft(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, leakConfig(mpm, "GoMemoryLimit 16M"))
		children := srv.ChildPIDs()
		child := childOf(t, srv.Get("/c/128").Text)
		load := httpdtest.StartLoad(t, httpdtest.Sender{Client: httpdtest.NewConnections(), URL: srv.URL("/pid"), Every: 20 * time.Millisecond})
		load.Await(50) // for a second, in which a limit is looked at
		load.Stop()
		if after := srv.ChildPIDs(); !slices.Equal(after, children) || !slices.Contains(children, child) {
			t.Errorf("the children were %d, of which %d has grown, and are %d", children, child, after)
		}
	})
}

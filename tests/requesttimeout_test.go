package tests

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const overtimeApp = appsPath + "overtime"

// overtimeConfig has the application overtime at /app as a handler, and at /wsgi in the WSGI style.
func overtimeConfig(lines ...string) httpdtest.Config {
	conf := "GoAlias /app " + overtimeApp + "\nGoAlias /wsgi " + overtimeApp + " callable=WSGI\nGoSetEnv RELEASE ${DIR}/release\n"
	return httpdtest.Config{
		Packages: []string{"./tests/testdata/apps/overtime"}, Files: map[string]string{"release/.keep": ""},
		Conf: conf + strings.Join(lines, "\n") + "\n",
	}
}

// milliseconds is a time for a directive, as much longer as the tests are slower.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%dms", httpdtest.Limit(d).Milliseconds())
}

// letGo lets the handlers return that go on until then.
func letGo(t *testing.T, srv *httpdtest.Server, name string) {
	t.Helper()
	if err := os.WriteFile(srv.Path("release/"+name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRequestTimeoutEndsContext: with its cause, for derived contexts too, and a handler that returns then answers as it
// likes.
func TestRequestTimeoutEndsContext(t *testing.T) {
	cfg := overtimeConfig("GoRequestTimeout "+milliseconds(200*time.Millisecond)+" grace=1min", "<Location /app/deadline>", "GoRequestTimeout off", "</Location>")
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {}, func(t *testing.T, srv *httpdtest.Server) {
		for _, path := range []string{"/app/context", "/wsgi/context"} {
			if resp := srv.Get(path); resp.StatusCode != 200 || resp.Text != "true true true true true" {
				t.Errorf("%s: status %d, %q", path, resp.StatusCode, resp.Text)
			}
		}
		if resp := srv.Get("/app/deadline"); resp.Text != "false" {
			t.Errorf("switched off, the context has a deadline: %s", resp.Text)
		}
	})
}

// TestRequestTimeoutFails: an application that fails with the context's error is answered for with 504, by httpd's own
// document.
func TestRequestTimeoutFails(t *testing.T) {
	cfg := overtimeConfig("GoRequestTimeout "+milliseconds(100*time.Millisecond), "ErrorDocument 504 \"no time left\"")
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect(`MODGO0012: the application .*overtime.WSGI failed: context deadline exceeded`)
	}, func(t *testing.T, srv *httpdtest.Server) {
		if resp := srv.Get("/wsgi/failed"); resp.StatusCode != 504 || resp.Text != "no time left" {
			t.Errorf("status %d, %q", resp.StatusCode, resp.Text)
		}
	})
}

// TestRequestTimeoutAnswers: a handler that does not return is answered for, and where it stands is logged. One that returns
// then is not missed: its child goes on.
func TestRequestTimeoutAnswers(t *testing.T) {
	cfg := overtimeConfig("GoRequestTimeout "+milliseconds(100*time.Millisecond)+" grace="+milliseconds(100*time.Millisecond), "<Location /app/pid>", "GoRequestTimeout off", "</Location>")
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect(`MODGO0016: the handler still runs: .*(GET|POST) /(app|wsgi)/`)
	}, func(t *testing.T, srv *httpdtest.Server) {
		name := strings.ReplaceAll(t.Name(), "/", ".")
		for i, test := range []struct{ method, path, function string }{
			{"GET", "/app/block/", "overtime.blockUntilReleased("},
			{"POST", "/app/block/", "overtime.blockUntilReleased("},
			{"GET", "/app/write/", "overtime.blockUntilReleased("},
			{"GET", "/app/headed/", "overtime.blockUntilReleased("},
			{"GET", "/wsgi/block/", "overtime.blockUntilReleased("},
			{"GET", "/wsgi/headed/", "overtime.blockUntilReleased("},
		} {
			name := fmt.Sprint(name, i)
			var body io.Reader
			if test.method == "POST" {
				body = strings.NewReader("a body that nobody reads")
			}
			request, err := http.NewRequestWithContext(t.Context(), test.method, srv.URL(test.path+name), body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Client().Do(request)
			if err != nil {
				t.Fatalf("%s: %v", test.path, err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			letGo(t, srv, name)
			if strings.Contains(test.path, "headed") {
				if resp.StatusCode != 200 || string(text) != "begun" || err == nil {
					t.Errorf("%s: status %d, %q (%v); want what was sent, and that the client can tell that it is not all", test.path, resp.StatusCode, text, err)
				}
			} else if resp.StatusCode != 504 || !strings.Contains(string(text), "Gateway Timeout") || err != nil {
				t.Errorf("%s: status %d, %q (%v)", test.path, resp.StatusCode, text, err)
			}
			if !dumped(srv, name, test.function) {
				t.Errorf("%s: the first goroutine of the dump is not in %s\n", test.path, test.function)
			}
			if strings.Contains(test.path, "write") {
				srv.AwaitLog(regexp.QuoteMeta(name) + " wrote: .*, true")
			}
			if resp := srv.Get("/app/pid"); resp.StatusCode != 200 {
				t.Errorf("the next request has status %d", resp.StatusCode)
			}
		}
	})
}

// dumped tells whether the log has the stacks for a request, whose path contains name, the one with this function first.
func dumped(srv *httpdtest.Server, name, function string) bool {
	head := srv.AwaitLog("MODGO0016: .*" + regexp.QuoteMeta(name))
	found := false
	goroutines := 0
	_ = httpdtest.Poll(5*time.Second, func() bool {
		seen := false
		goroutines = 0
		for _, line := range srv.Log() {
			switch {
			case line.Text == head.Text:
				seen = true
			case seen && line.PID == head.PID && strings.HasPrefix(line.Message, "| goroutine "):
				goroutines++
			case seen && line.PID == head.PID && goroutines == 1 && strings.Contains(line.Message, function):
				found = true
				return true
			}
		}
		return false
	})
	return found
}

// TestRequestTimeoutReplacesChild: the child of a handler that never returns ends, after its other requests, and no request
// fails meanwhile.
func TestRequestTimeoutReplacesChild(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		for _, test := range []struct {
			name, path string
			protocol   httpdtest.Protocol
		}{
			{"block", "/app/block/never", httpdtest.HTTP1},
			{"spin", "/app/spin/never", httpdtest.HTTP1},
			{"headed", "/wsgi/headed/never", httpdtest.TLS},
			{"stream", "/app/block/never", httpdtest.H2},
		} {
			if !slices.Contains(httpdtest.Protocols(mpm), test.protocol) {
				continue
			}
			t.Run(test.name, func(t *testing.T) {
				path := test.path
				cfg := overtimeConfig("GoShutdownTimeout "+milliseconds(2500*time.Millisecond), "<Location "+path+">",
					"GoRequestTimeout "+milliseconds(100*time.Millisecond)+" grace="+milliseconds(100*time.Millisecond), "</Location>")
				cfg.MPM, cfg.AllProtocols = mpm, true
				if mpm == "worker" {
					cfg.Conf += httpdtest.RoomForOldChildren
				}
				srv := httpdtest.Start(t, cfg)
				srv.Expect(`MODGO0016: .*` + path).Times(1)
				srv.Expect(`MODGO0028: child \d+ takes no more connections`).Times(1)
				srv.Expect(`MODGO0029: child \d+ ends, and 1 handlers`).Times(1)
				first := srv.Get("/app/pid").Text
				var others sync.WaitGroup
				defer others.Wait()
				others.Go(func() { // in the same child, but for prefork
					resp, err := srv.Client().Get(srv.URL("/app/nap/" + strings.TrimSuffix(milliseconds(2*time.Second), "ms")))
					if err != nil {
						t.Errorf("a request that runs while its child ends: %v", err)
						return
					}
					defer resp.Body.Close()
					if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || mpm != "prefork" && string(text) != first {
						t.Errorf("a request that runs while its child ends: %s, %q (%v)", resp.Status, text, err)
					}
				})
				over := srv.Over(test.protocol)
				resp, err := over.Client().Get(over.URL(path))
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if test.name == "headed" && err == nil || test.name != "headed" && (resp.StatusCode != 504 || err != nil) {
					t.Fatalf("%s (%v)", resp.Status, err)
				}
				leaving := srv.AwaitLog("MODGO0028").PID
				err = httpdtest.Poll(20*time.Second, func() bool {
					c := converse(t, srv)
					c.send("GET /app/pid HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
					if answer := c.answer("GET"); answer.StatusCode != 200 {
						t.Errorf("meanwhile a request has status %d", answer.StatusCode)
					}
					c.ends()
					c.Close()
					return gone(t, leaving)
				})
				if err != nil {
					t.Errorf("child %d goes on: %v", leaving, err)
				}
				if line := srv.AwaitLog("OnShutdown is called"); line.PID != leaving {
					t.Errorf("the functions for the end are called in child %d; want %d", line.PID, leaving)
				}
				if after := srv.Get("/app/pid").Text; mpm != "prefork" && after == first {
					t.Errorf("child %s serves requests still", first)
				}
			})
		}
	})
}

// gone tells whether a process has ended.
func gone(t *testing.T, pid int) bool {
	t.Helper()
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err != nil
}

// TestRequestTimeoutEndsWaits: a handler that waits for its client goes on when that has been answered, and its child does.
func TestRequestTimeoutEndsWaits(t *testing.T) {
	cfg := overtimeConfig("GoRequestTimeout " + milliseconds(200*time.Millisecond) + " grace=" + milliseconds(100*time.Millisecond))
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect(`MODGO0016: .*/app/(read|flood)/`)
	}, func(t *testing.T, srv *httpdtest.Server) {
		name := strings.ReplaceAll(t.Name(), "/", ".")
		body, feed := io.Pipe()
		defer feed.Close()
		request, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL("/app/read/"+name), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 504 {
			t.Errorf("a body that does not come: %s", resp.Status)
		}
		srv.AwaitLog(regexp.QuoteMeta(name) + " read: .*, true")

		if resp, err = srv.Client().Get(srv.URL("/app/flood/" + name)); err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		srv.AwaitLog(regexp.QuoteMeta(name) + " wrote: .*, true")
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("a response that was cut looks whole")
		}
	})
}

// TestRequestTimeoutCutsUnsized: a response that only the end of the connection ends is cut so that it does not look whole.
func TestRequestTimeoutCutsUnsized(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := overtimeConfig("GoRequestTimeout " + milliseconds(100*time.Millisecond) + " grace=" + milliseconds(100*time.Millisecond))
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`MODGO0016: .*/app/headed/unsized`).Times(1)
		c := converse(t, srv)
		c.send("GET /app/headed/unsized HTTP/1.0\r\n\r\n")
		answer := c.head("GET")
		c.expect(answer.Body, "begun")
		if rest, err := io.ReadAll(answer.Body); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the beginning come %q (%v); want a reset", rest, err)
		}
		letGo(t, srv, "unsized")
	})
}

// TestRequestTimeoutReturnsLate: a child that ends for a handler's sake ends as soon as that returns.
func TestRequestTimeoutReturnsLate(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := overtimeConfig("<Location /app/block>", "GoRequestTimeout "+milliseconds(100*time.Millisecond)+" grace="+milliseconds(100*time.Millisecond), "</Location>")
		cfg.MPM = mpm
		if mpm == "prefork" {
			return // its child ends at once: there is nothing else that it would wait for
		}
		if mpm == "worker" {
			cfg.Conf += httpdtest.RoomForOldChildren
		}
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`MODGO0016`).Times(3)
		srv.Expect(`MODGO0028`).Times(1)
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() {
				resp, err := srv.Client().Get(srv.URL("/app/block/late"))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != 504 {
					t.Errorf("status %d", resp.StatusCode)
				}
			})
		}
		clients.Wait()
		leaving := srv.AwaitLog("MODGO0028").PID
		letGo(t, srv, "late")
		if err := httpdtest.Poll(20*time.Second, func() bool { return gone(t, leaving) }); err != nil {
			t.Errorf("child %d goes on: %v", leaving, err)
		}
	})
}

// TestRequestTimeoutSparesTakenConnections: what was taken over has no limit, nor has its context.
func TestRequestTimeoutSparesTakenConnections(t *testing.T) {
	limit := 300 * time.Millisecond
	cfg := overtimeConfig("GoRequestTimeout "+milliseconds(limit)+" grace="+milliseconds(100*time.Millisecond), "GoSlowRequestLog "+milliseconds(200*time.Millisecond),
		"<Location /app/context>", "GoSlowRequestLog off", "GoRequestTimeout "+milliseconds(2*limit), "</Location>")
	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() {
			return // whose streams cannot be taken over
		}
		for _, upgrade := range []string{"Connection: Upgrade\r\nUpgrade: other\r\n", ""} {
			c := converse(t, srv)
			c.send("GET /app/socket HTTP/1.1\r\nHost: localhost\r\n" + upgrade + "\r\n")
			c.head("GET")
			c.expect(c.reader, "limited: false, ended: false\n")
			if resp := srv.Get("/app/context"); resp.StatusCode != 200 { // twice as long as the limit
				t.Errorf("another request: %s", resp.Status)
			}
			c.send("hello\n")
			c.expect(c.reader, "false hello\n")
			c.Close()
		}
	})
}

// TestUpgradeRunsOvertime: a handler that runs apart from Apache's thread, and does not return, holds none.
func TestUpgradeRunsOvertime(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := overtimeConfig("GoRequestTimeout " + milliseconds(100*time.Millisecond) + " grace=" + milliseconds(100*time.Millisecond))
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`MODGO0016: .*/app/block/apart`).Times(1)
		c := converse(t, srv)
		c.send("GET /app/block/apart HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		if answer := c.answer("GET"); answer.StatusCode != 504 {
			t.Errorf("status %d", answer.StatusCode)
		}
		c.ends()
		if !dumped(srv, "apart", "overtime.blockUntilReleased(") {
			t.Error("the first goroutine of the dump is not the handler's")
		}
		letGo(t, srv, "apart")
		if resp := srv.Get("/app/pid"); resp.StatusCode != 200 {
			t.Errorf("the next request has status %d", resp.StatusCode)
		}
	})
}

package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/status"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// statusConf opens the status to this machine, and has both of mod_go's pages.
const statusConf = `
<Location "/go-status">
SetHandler go-status
Require local
</Location>
<Location "/go-pprof">
SetHandler go-pprof
Require local
</Location>
`

// statusReport asks for the status in JSON.
func statusReport(t *testing.T, srv *httpdtest.Server) status.Report {
	t.Helper()
	resp := srv.Get("/go-status/json")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("the status is %s, %s:\n%s", resp.Status, resp.Header, resp.Text)
	}
	var r status.Report
	if err := json.Unmarshal([]byte(resp.Text), &r); err != nil {
		t.Fatalf("the status is no JSON: %v\n%s", err, resp.Text)
	}
	return r
}

// application is one of a report's.
func application(t *testing.T, r status.Report, name string) status.Application {
	t.Helper()
	i := slices.IndexFunc(r.Applications, func(a status.Application) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("the status has no application %s, but %v", name, r.Applications)
	}
	return r.Applications[i]
}

// statusesOf counts an application's responses by their status.
func statusesOf(a status.Application) string {
	var text []string
	for _, s := range a.Statuses {
		text = append(text, fmt.Sprintf("%d:%d", s.Status, s.Requests))
	}
	return strings.Join(text, " ")
}

// awaitStatus asks until the status is as the condition wants it.
func awaitStatus(t *testing.T, srv *httpdtest.Server, what string, condition func(status.Report) bool) (r status.Report) {
	t.Helper()
	if err := httpdtest.Poll(20*time.Second, func() bool { r = statusReport(t, srv); return condition(r) }); err != nil {
		t.Fatalf("the status never shows %s (%v): %+v", what, err, r)
	}
	return r
}

// TestStatusCounts: requests are counted by application and status over all children, and the counts outlive the children.
func TestStatusCounts(t *testing.T) {
	const handler, wsgi = appsPath + "respond.application", appsPath + "respond.adapted"
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := httpdtest.Config{MPM: mpm, Processes: 2, Packages: []string{"./tests/testdata/apps/respond"}}
		cfg.Conf = "GoAlias /app " + appsPath + "respond\nGoAlias /wsgi " + appsPath + "respond callable=adapted\n" + statusConf
		srv := httpdtest.Start(t, cfg)
		fresh := awaitStatus(t, srv, "that all children serve", allServe)
		if a := application(t, fresh, handler); a.Requests != 0 || a.Latency.P99 != 0 || a.Rate != 0 {
			t.Errorf("before the first request the status is %+v", a)
		}
		for range 20 {
			srv.Get("/app/bytes/5")
		}
		for range 3 {
			srv.Get("/app/none")
		}
		for range 2 {
			srv.Get("/wsgi/status/500")
		}
		check := func(when string, more int) {
			t.Helper()
			r := statusReport(t, srv)
			a, w := application(t, r, handler), application(t, r, wsgi)
			if got, want := statusesOf(a), fmt.Sprintf("200:%d 404:3", 20+more); got != want || a.Requests != uint64(23+more) {
				t.Errorf("%s: statuses %s of %d requests; want %s", when, got, a.Requests, want)
			}
			if got := statusesOf(w); got != "500:2" {
				t.Errorf("%s: statuses %s; want 500:2", when, got)
			}
		}
		check("after 25 requests", 0)
		r := statusReport(t, srv)
		if a := application(t, r, handler); !(a.Latency.P50 > 0 && a.Latency.P50 <= a.Latency.P90 && a.Latency.P90 <= a.Latency.P99 && a.Latency.P99 < 60) {
			t.Errorf("the latency is %+v", a.Latency)
		}
		r = awaitStatus(t, srv, "a rate", func(r status.Report) bool { return application(t, r, handler).Rate > 0 })
		if len(r.Children) < 2 || r.Server.ChildrenDied != 0 || r.Server.MPM != mpm || r.Server.PID != srv.ParentPID() || r.Server.Restarts != 0 {
			t.Errorf("the server is %+v with children %+v", r.Server, r.Children)
		}
		for _, c := range r.Children {
			if p := c.Process; c.State != status.Serving || p == nil || p.Goroutines < 1 || p.Heap == 0 || p.Resident < p.Heap || p.MaxProcs < 1 || c.Threads.Total < 1 {
				t.Errorf("a child is %+v, %+v", c, p)
			}
		}

		srv.Expect(`MODGO0023.*died while it served no request`)
		srv.Expect(`AH00052: child pid \d+ exit signal Killed`).Maybe() // not every MPM says so
		victim := otherChild(t, r)                                      // the one that has made the last report may still be at its end
		srv.Signal(victim, syscall.SIGKILL)
		await(t, "its end", func() bool { return gone(t, victim) }) // or a new connection might become its last request
		awaitStatus(t, srv, "another child", func(r status.Report) bool {
			return r.Server.ChildrenDied == 1 && len(r.Children) >= 2 && !slices.ContainsFunc(r.Children, func(c status.Child) bool { return c.PID == victim })
		})
		check("after a child's death", 0)
		srv.Get("/app/bytes/5")
		check("after another request", 1)
		srv.Graceful()
		check("after a graceful restart", 1)
		if r := statusReport(t, srv); r.Server.Restarts != 1 {
			t.Errorf("after a restart there were %d", r.Server.Restarts)
		}
		srv.Restart()
		check("after a restart", 1)
	})
}

// TestStatusInFlight: what is being served is shown with its age and its URL, without its query.
func TestStatusInFlight(t *testing.T) {
	cfg := overtimeConfig(statusConf)
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {}, func(t *testing.T, srv *httpdtest.Server) {
		srv.Expect(`AH(00484|00161): server reached MaxRequestWorkers`).Maybe() // as it does when a process serves one connection
		name := "inflight-" + string(srv.Protocol())
		done := make(chan struct{})
		go func() {
			defer close(done)
			resp, err := srv.Client().Get(srv.URL("/app/block/" + name + "?token=secret"))
			if err == nil {
				resp.Body.Close()
			}
		}()
		blocked := func(r status.Report) *status.Request {
			for i, q := range r.InFlight {
				if strings.HasPrefix(q.URL, "/app/block/"+name) {
					return &r.InFlight[i]
				}
			}
			return nil
		}
		r := awaitStatus(t, srv, "a request that is at least half a second old", func(r status.Report) bool {
			q := blocked(r)
			return q != nil && q.Seconds >= 0.5
		})
		q := blocked(r)
		if q.Application != overtimeApp+".Application" || q.Method != "GET" || q.URL != "/app/block/"+name+"?…" || q.Client != "127.0.0.1" || q.ID == "" || q.Seconds > 60 {
			t.Errorf("the request in flight is %+v", q)
		}
		if a := application(t, r, overtimeApp+".Application"); a.InFlight < 1 {
			t.Errorf("the application has %d in flight", a.InFlight)
		}
		child := r.Children[slices.IndexFunc(r.Children, func(c status.Child) bool { return c.PID == q.PID })]
		if child.Threads.Busy < 1 || child.Child != q.Child {
			t.Errorf("the child that serves it is %+v", child)
		}
		if page := srv.Get("/go-status"); strings.Contains(page.Text, "secret") || !strings.Contains(page.Text, "/app/block/"+name+"?…") {
			t.Errorf("the page is\n%s", page.Text)
		}
		letGo(t, srv, name)
		<-done
		awaitStatus(t, srv, "that it has ended", func(r status.Report) bool { return blocked(r) == nil })
	})
}

// TestStatusOfHangingChild: a child that does not answer is shown as silent, soon.
func TestStatusOfHangingChild(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := overtimeConfig(statusConf)
		cfg.MPM, cfg.Processes = mpm, 2
		srv := httpdtest.Start(t, cfg)
		// The requests go over a connection that is there: a new one might be the stopped child's.
		victim := otherChild(t, awaitStatus(t, srv, "that all children serve", allServe))
		srv.Signal(victim, syscall.SIGSTOP)
		defer srv.Signal(victim, syscall.SIGCONT)
		awaitStopped(t, victim)
		begun := time.Now()
		r := statusReport(t, srv)
		if took := time.Since(begun); took > httpdtest.Limit(5*time.Second) {
			t.Errorf("the status took %v", took)
		}
		for _, c := range r.Children {
			if silent := c.State == status.Silent; silent != (c.PID == victim) || silent != (c.Process == nil) {
				t.Errorf("child %d, while %d hangs, is %s, %+v", c.PID, victim, c.State, c.Process)
			}
		}
		if page := srv.Get("/go-status"); page.StatusCode != http.StatusOK || !strings.Contains(page.Text, "does not answer") {
			t.Errorf("the page is %s\n%s", page.Status, page.Text)
		}
		// Neither does it keep a scrape from the others' metrics.
		families := parseMetrics(t, srv.Get("/go-status/metrics").Text)
		up := 0.0
		for _, m := range families["modgo_child_up"].GetMetric() {
			up += m.GetGauge().GetValue()
		}
		if children, told := len(r.Children), len(families["go_goroutines"].GetMetric()); up != float64(children-1) || told != children-1 {
			t.Errorf("of %d children, one of which hangs, %v are up, and %d tell their metrics", children, up, told)
		}
		srv.Signal(victim, syscall.SIGCONT)
		awaitStatus(t, srv, "that it goes on", func(r status.Report) bool {
			return !slices.ContainsFunc(r.Children, func(c status.Child) bool { return c.State == status.Silent })
		})
	})
}

// allServe is the condition that no child begins or ends.
func allServe(r status.Report) bool {
	return len(r.Children) >= 2 && !slices.ContainsFunc(r.Children, func(c status.Child) bool { return c.State != status.Serving })
}

// otherChild is one of the children that does not serve the connection that the server's client has kept alive.
func otherChild(t *testing.T, r status.Report) int {
	t.Helper()
	i := slices.IndexFunc(r.Children, func(c status.Child) bool { return c.PID != r.AnsweredBy })
	if i < 0 {
		t.Fatalf("there is no child but the one that answers: %+v", r.Children)
	}
	return r.Children[i].PID
}

// awaitStopped waits until a process has been stopped.
func awaitStopped(t *testing.T, pid int) {
	t.Helper()
	if err := httpdtest.Poll(5*time.Second, func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(text), ") T ")
	}); err != nil {
		t.Fatalf("process %d does not stop: %v", pid, err)
	}
}

// TestStatusPage: the page needs nothing from elsewhere, is not kept, and can only be read.
func TestStatusPage(t *testing.T) {
	cfg := overtimeConfig(statusConf)
	srv := httpdtest.Start(t, cfg)
	srv.Get("/app/pid")
	page := srv.Get("/go-status")
	if page.StatusCode != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(page.Header.Get("Content-Security-Policy"), "default-src 'none'; ") {
		t.Errorf("the page is %s, %v", page.Status, page.Header)
	}
	for _, want := range []string{overtimeApp + ".Application", fmt.Sprint(srv.ChildPIDs()[0]), `href="/go-status/json"`, `href="/go-status/metrics"`} {
		if !strings.Contains(page.Text, want) {
			t.Errorf("the page has no %s:\n%s", want, page.Text)
		}
	}
	for _, path := range []string{"/go-status", "/go-pprof"} {
		if resp := srv.Send("POST", path, strings.NewReader("x")); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("a POST to %s is answered %s", path, resp.Status)
		}
		if resp := srv.Send("HEAD", path, nil); resp.StatusCode != 200 || resp.Text != "" {
			t.Errorf("a HEAD of %s is answered %s, %q", path, resp.Status, resp.Text)
		}
	}
}

// TestStatusOfCrowd: an application that there is no room for is served, and the log says that it is not counted.
func TestStatusOfCrowd(t *testing.T) {
	cfg := httpdtest.Config{Packages: []string{"./tests/testdata/apps/crowd"}, Conf: statusConf}
	for i := range 130 {
		cfg.Conf += fmt.Sprintf("GoAlias /%d %scrowd callable=A%03d\n", i, appsPath, i)
	}
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect(`MODGO0045: .* has room for 128 applications: the requests of 2 more are served, but not counted; the first is .*crowd\.A128\.`).Times(1)
	}, func(t *testing.T, srv *httpdtest.Server) {
		for _, path := range []string{"/0", "/129"} {
			if resp := srv.Get(path); resp.Text != "hello" {
				t.Errorf("%s answers %s, %q", path, resp.Status, resp.Text)
			}
		}
		r := statusReport(t, srv)
		if a := application(t, r, appsPath+"crowd.A000"); a.Requests == 0 {
			t.Errorf("the first application is %+v", a)
		}
		for _, a := range r.Applications {
			if strings.HasSuffix(a.Name, ".A129") {
				t.Errorf("one more application than there is room for is shown: %+v", a)
			}
		}
	})
}

// TestStatusOfWaitingChild: a child whose start has failed is shown as one that waits, by one that works.
func TestStatusOfWaitingChild(t *testing.T) {
	cfg := fragileConfig("event")
	cfg.Conf += statusConf
	srv := startFragile(t, cfg)
	victim := otherChild(t, awaitStatus(t, srv, "that all children serve", allServe))
	breakStart(t, srv, "init panics")
	srv.Expect(`MODGO0023`).Times(1)
	srv.Expect(`MODGO0030`).Times(1)
	srv.Expect(`MODGO003[12]`).Maybe()
	srv.Expect(`AH00052: child pid \d+ exit signal Killed`).Maybe()
	srv.Signal(victim, syscall.SIGKILL)
	await(t, "its end", func() bool { return gone(t, victim) })
	// One that waits cannot answer either.
	var r status.Report
	awaitAnswer := func(what string, condition func(status.Report) bool) {
		t.Helper()
		await(t, what, func() bool {
			resp := srv.Get("/go-status/json")
			r = status.Report{}
			return resp.StatusCode == 200 && json.Unmarshal([]byte(resp.Text), &r) == nil && condition(r)
		})
	}
	awaitAnswer("a child that waits", func(r status.Report) bool {
		return slices.ContainsFunc(r.Children, func(c status.Child) bool { return c.State == status.Waiting })
	})
	for _, c := range r.Children {
		switch {
		case c.PID == r.AnsweredBy && (c.State != status.Serving || c.Process.BuildID != r.Build.ID || !strings.Contains(r.Build.ID, "/")):
			t.Errorf("the child that works is %+v, %+v, of the build %+v", c, c.Process, r.Build)
		case c.State == status.Silent:
			t.Errorf("a child is silent: %+v", c)
		}
	}
	await(t, "the page", func() bool {
		return strings.Contains(srv.Get("/go-status").Text, "the start of the applications has failed")
	})
	mendStart(t, srv)
	awaitAnswer("that all serve again", allServe)
}

package tests

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const intakeApp = appsPath + "intake"

// intakeConf has the application intake at /app as a handler, and at /wsgi in the WSGI style.
const intakeConf = "GoAlias /app " + intakeApp + " callable=Application\nGoAlias /wsgi " + intakeApp + " callable=WSGI\n"

// TestBodyLimitEverywhere: LimitRequestBody of the server, a virtual host and a section holds for a body whose length is known
// and for one that is not; the application sees an *http.MaxBytesError, and the client 413.
func TestBodyLimitEverywhere(t *testing.T) {
	cfg := httpdtest.Config{
		Packages:     []string{"./tests/testdata/apps/intake"},
		VirtualHosts: []httpdconf.VirtualHost{{Name: "localhost"}, {Name: "other.example", Site: httpdconf.Site{Conf: "LimitRequestBody 2000\n"}}},
		Conf: intakeConf + "LimitRequestBody 1000\n<Location /app/section>\nLimitRequestBody 3000\n</Location>\n" +
			"<Location /app/unlimited>\nLimitRequestBody 0\n</Location>\n",
	}
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect(`AH01587|AH01588|AH10461|AH00588`).Maybe() // that the body is too large
	}, func(t *testing.T, srv *httpdtest.Server) {
		name := strings.ReplaceAll(t.Name(), "/", ".")
		for i, test := range []struct {
			host, path string
			limit      int
		}{
			{"localhost", "/app", 1000}, {"localhost", "/app/left", 1000}, {"localhost", "/wsgi", 1000},
			{"other.example", "/app", 2000}, {"localhost", "/app/section", 3000},
		} {
			if srv.Protocol().Secure() && test.host != "localhost" {
				continue // the TLS virtual host is another one
			}
			for _, chunked := range []bool{false, true} {
				send := func(size int, query string) *httpdtest.Response {
					var body io.Reader = strings.NewReader(strings.Repeat("x", size))
					if chunked {
						body = io.MultiReader(body)
					}
					return srv.Send("POST", test.path+"?name="+query, body, "Host", test.host)
				}
				query := fmt.Sprintf("%s.%d.%t", name, i, chunked)
				if resp := send(test.limit, query+"whole"); resp.StatusCode != 200 || resp.Text != fmt.Sprintf("%d bytes, whole", test.limit) {
					t.Errorf("%s%s, chunked: %t: a body of the limit's size: %s, %q", test.host, test.path, chunked, resp.Status, resp.Text)
				}
				if resp := send(test.limit+1, query); resp.StatusCode != 413 {
					t.Errorf("%s%s, chunked: %t: a body over the limit: %s, %q", test.host, test.path, chunked, resp.Status, resp.Text)
				}
				if test.path != "/wsgi" {
					srv.AwaitLog(regexp.QuoteMeta(query) + `: \d+ bytes, larger than ` + fmt.Sprint(test.limit))
				}
			}
		}
		if resp := srv.Send("POST", "/app/unlimited", strings.NewReader(strings.Repeat("x", 100_000))); resp.Text != "100000 bytes, whole" {
			t.Errorf("without a limit: %s, %q", resp.Status, resp.Text)
		}
	})
}

// TestSlowBody: a body that comes too slowly for RequestReadTimeout, which is for HTTP/1.1 only, or for Timeout, ends with an
// error that the application can tell. The client of one that fails with it gets 408, and the thread serves others.
func TestSlowBody(t *testing.T) {
	// No longer than it takes to send a few bytes on a slow machine.
	limit := fmt.Sprint(int(min(httpdtest.Limit(time.Second), 3*time.Second).Seconds()))
	for _, test := range []struct {
		name, conf string
		http2      bool
	}{
		{"RequestReadTimeout", "RequestReadTimeout header=20 body=" + limit + "\nTimeout 600\n", false},
		{"Timeout", "RequestReadTimeout header=0 body=0\nTimeout " + limit + "\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := httpdtest.Config{
				Packages: []string{"./tests/testdata/apps/intake"}, Modules: []string{"mod_reqtimeout"},
				Conf: intakeConf + test.conf, TLSConf: test.conf,
			}
			httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
				srv.Expect(`AH(00484|00161): server reached MaxRequestWorkers`).Maybe() // as it does when a process serves one connection
			}, func(t *testing.T, srv *httpdtest.Server) {
				if srv.Protocol().HTTP2() && !test.http2 {
					return
				}
				name := strings.ReplaceAll(t.Name(), "/", ".")
				var clients sync.WaitGroup
				for _, length := range []int64{1000, -1} {
					query := fmt.Sprintf("%s.%d", name, length)
					clients.Go(func() {
						if status, text := sendSlowly(t, srv, "/app?name="+query, length); status != 422 || text != "4 bytes, too slow\n" {
							t.Errorf("a handler, length %d: status %d, %q", length, status, text)
						}
					})
					clients.Go(func() {
						if status, text := sendSlowly(t, srv, "/wsgi", length); status != 408 || !strings.Contains(text, "Request Timeout") {
							t.Errorf("an application, length %d: status %d, %q", length, status, text)
						}
					})
					srv.AwaitLog(regexp.QuoteMeta(query) + ": 4 bytes, too slow")
				}
				clients.Wait()
				if resp := srv.Send("POST", "/app", strings.NewReader("whole")); resp.Text != "5 bytes, whole" {
					t.Errorf("afterwards: %s, %q", resp.Status, resp.Text)
				}
			})
		})
	}
}

// sendSlowly sends the beginning of a body, 4 bytes, and no more, and returns the answer.
func sendSlowly(t *testing.T, srv *httpdtest.Server, target string, length int64) (status int, text string) {
	t.Helper()
	body, feed := io.Pipe()
	defer feed.Close()
	request, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL(target), body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	request.ContentLength = length
	go func() { _, _ = io.WriteString(feed, "slow") }() // ends when the client has taken it
	resp, err := srv.Client().Do(request)
	if err != nil {
		t.Errorf("%s: %v", target, err)
		return 0, ""
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("%s: %s, %q: %v", target, resp.Status, content, err)
	}
	return resp.StatusCode, string(content)
}

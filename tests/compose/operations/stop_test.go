package operations

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// A browser keeps cookies: the session's, and that of the route to one of the servers.
type browser struct {
	t    *testing.T
	site *url.URL
	http.Client
}

func newBrowser(t *testing.T, site string) *browser {
	t.Helper()
	u, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, u, http.Client{Jar: jar, Timeout: time.Minute}}
}

var visitsPattern = regexp.MustCompile(`<b id="visits">(\d+)</b>`)

// visit fetches the page of composed, and returns what it says about the number of visits in this session.
func (b *browser) visit() string {
	b.t.Helper()
	response, err := b.Get(b.site.JoinPath("composed/").String())
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	visits := visitsPattern.FindSubmatch(content)
	if response.StatusCode != http.StatusOK || visits == nil {
		b.t.Fatalf("composed answers %s without a number of visits:\n%s", response.Status, content)
	}
	return string(visits[1])
}

// route is the server that the balancer has chosen for this browser, "a" or "b".
func (b *browser) route() string {
	for _, cookie := range b.Jar.Cookies(b.site) {
		if cookie.Name == "ROUTEID" {
			return strings.TrimPrefix(cookie.Value, ".")
		}
	}
	return ""
}

// TestStopBehindBalancer: docker stop ends one of the two servers while clients send without a pause. No request fails, what
// had begun is finished, sessions go on with the other server, and when the one is back it serves again.
func TestStopBehindBalancer(t *testing.T) {
	const lines = 30
	balancer := container(t, "balancer")
	awaitHealthy(t, balancer)
	checkLogs(t, container(t, "backend-a"))
	checkLogs(t, container(t, "backend-b"))
	checkLogs(t, balancer)
	site := "http://" + published(t, balancer, "80") + "/"

	ada := newBrowser(t, site)
	for _, want := range []string{"1", "2", "3"} {
		if got := ada.visit(); got != want {
			t.Fatalf("the page counts %s visits, want %s", got, want)
		}
	}
	route := ada.route()
	if route != "a" && route != "b" {
		t.Fatalf("the balancer has given the route %q, want a or b", route)
	}
	stopped := container(t, "backend-"+route)

	keep := httpdtest.KeptConnections
	l := startLoad(t, site+"hello", keep(), keep(), keep(), httpdtest.NewConnections())
	l.Await(500)

	// A response that has begun on the server that is about to end.
	stream, err := ada.Get(fmt.Sprintf("%sstream/chunks?n=%d&interval=100ms", site, lines))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if got := ada.route(); stream.StatusCode != http.StatusOK || got != route {
		t.Fatalf("the stream begins with %s, on route %q, want %q", stream.Status, got, route)
	}

	docker(t, "stop", "-t", "60", stopped)
	if code := docker(t, "inspect", "--format", "{{.State.ExitCode}}", stopped); code != "0" {
		t.Errorf("the server ended with the exit code %s, want 0", code)
	}
	text, err := io.ReadAll(stream.Body)
	if got := strings.Count(string(text), "\n"); err != nil || got != lines {
		t.Errorf("of the stream %d lines came, want %d: %v", got, lines, err)
	}
	if got := ada.visit(); got != "4" || ada.route() == route {
		t.Errorf("after the stop the page counts %s visits on route %s, want 4 on the other than %s", got, ada.route(), route)
	}
	l.Await(500)

	docker(t, "start", stopped)
	awaitHealthy(t, stopped)
	err = httpdtest.Poll(time.Minute, func() bool {
		grace := newBrowser(t, site)
		grace.visit()
		return grace.route() == route
	})
	if err != nil {
		t.Errorf("the server is back, and the balancer sends nobody to it: %v", err)
	}
	l.Await(500)
	l.Stop()
}

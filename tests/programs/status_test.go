package programs

import (
	"context"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// screenshot is where a picture of the status page goes: go test -run TestStatusPage . -args -screenshot FILE.png
var screenshot = flag.String("screenshot", "", "write a picture of the status page to this `file`")

// TestStatusPage: the page shows what happens without being loaded anew, says when the server is gone, breaks no rule of its own
// content security policy, and fits on a phone.
func TestStatusPage(t *testing.T) {
	srv := httpdtest.Start(t, httpdtest.Config{
		Packages: []string{"github.com/mod-go/mod-go/apps/hello", "github.com/mod-go/mod-go/apps/stream"}, Processes: 2,
		Conf: `
GoAlias /hello github.com/mod-go/mod-go/apps/hello
GoAlias /stream github.com/mod-go/mod-go/apps/stream
<Location "/go-status">
SetHandler go-status
Require local
</Location>
`,
	})
	page := newTab(t, startBrowser(t))
	page.do(chromedp.Navigate(srv.URL("/go-status")))
	// Marks the document, to tell that it is not loaded anew.
	evaluate[bool](page, "window.mark = true")
	const requests = `Number([...document.querySelectorAll("#applications tr")].find(r => r.textContent.includes("apps/hello")).querySelector("[data-name=requests]").textContent)`
	const inFlight = `(document.getElementById("in-flight") || {innerText: ""}).innerText`
	if n := evaluate[int](page, requests); n != 0 {
		t.Errorf("before the first request the page shows %d", n)
	}
	for range 12 {
		srv.Get("/hello")
	}
	stream, err := http.Get(srv.URL("/stream/events?n=1000&interval=50ms&token=secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	page.await(requests + ` === 12 && ` + inFlight + `.includes("/stream/events?…")`)
	if text := evaluate[string](page, inFlight); strings.Contains(text, "secret") || !strings.Contains(text, "apps/stream.") {
		t.Errorf("the request in flight is shown as %q", text)
	}
	if rows := evaluate[int](page, `document.querySelectorAll("#children tbody tr").length`); rows < 2 {
		t.Errorf("%d children are shown", rows)
	}
	if !evaluate[bool](page, "window.mark === true") {
		t.Error("the page was loaded anew")
	}
	if title := evaluate[string](page, "document.title"); !strings.HasPrefix(title, "1 in flight") {
		t.Errorf("the title is %q", title)
	}
	page.await(`document.querySelector("#applications svg path").getAttribute("d").length > 0`) // the requests of the last minute
	if refused := evaluate[string](page, `getComputedStyle(document.querySelector("table")).borderCollapse`); refused != "separate" {
		t.Errorf("the page's style does not apply: border-collapse is %q", refused)
	}

	if *screenshot != "" {
		page.size(1280, 800)
		picture := page.picture()
		if err := os.WriteFile(*screenshot, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, width := range []int64{320, 390, 768} {
		page.size(width, 700)
		if wide := evaluate[int64](page, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("on a screen %d wide the page is %d wide", width, wide)
		}
	}
	stream.Body.Close()
	page.await(inFlight + ` === ""`)
	srv.Stop()
	page.await(`document.getElementById("live").textContent.includes("the server does not answer")`)
}

// size makes the screen so large.
func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// picture is one of the whole page, in PNG.
func (p *tab) picture() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, httpdtest.Limit(time.Minute))
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("the browser: no picture: %v", err)
	}
	return png
}

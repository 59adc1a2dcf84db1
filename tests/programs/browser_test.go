package programs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// startBrowser starts a headless Chromium, for the whole of a test. It takes every certificate, and talks to nobody but who
// it is told to.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.NoSandbox, // which Chromium cannot have where it runs as root
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(httpdtest.Limit(time.Minute)),
	}
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(name, true))
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	browser, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("Chromium does not start: %v; `make deps` installs it", err)
	}
	return browser
}

// A tab is one of a browser, open until the test ends.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	// A window of its own: Chromium suspends what is behind another tab.
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewWindow(true))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser opens no tab: %v", err)
	}
	return &tab{t, ctx}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, httpdtest.Limit(time.Minute))
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// press types keys into an element, as a person does who is there by the keyboard: it gets them wherever the page has it by
// then, while a click meets what is where the element was a moment ago.
func (p *tab) press(selector, keys string) {
	p.t.Helper()
	// Raw, so that a page that acts on a key going down can keep its character from being typed.
	raw := func(event *input.DispatchKeyEventParams) {
		if event.Type == kb.KeyDown {
			event.Type = kb.KeyRawDown
		}
	}
	p.do(chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(keys, raw))
}

// evaluate is the value of a JavaScript expression.
func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, httpdtest.Limit(time.Minute))
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("the browser: %s: %v", expression, err)
	}
	return value
}

// await waits until a JavaScript expression is true, and shows the page where it does not become so.
func (p *tab) await(expression string) {
	p.t.Helper()
	if err := httpdtest.Poll(30*time.Second, func() bool { return evaluate[bool](p, expression) }); err != nil {
		p.t.Fatalf("waiting for %s: %v; the page:\n%s", expression, err, strings.TrimSpace(evaluate[string](p, "document.body.innerText")))
	}
}

package programs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	_ "github.com/mod-go/mod-go/apps/chat" // so that go.mod has what it needs
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const chatPackage = "github.com/mod-go/mod-go/apps/chat"

// TestChat: two tabs of a browser talk to each other through two child processes, by ws and wss; restarts in the midst of it
// lose no message.
func TestChat(t *testing.T) {
	for _, mpm := range []string{"event", "prefork"} {
		if !slices.Contains(httpdtest.MPMs(), mpm) {
			continue
		}
		t.Run(mpm, func(t *testing.T) {
			srv := httpdtest.Start(t, httpdtest.Config{
				MPM: mpm, Packages: []string{chatPackage}, Processes: 3, AllProtocols: true,
				Conf: "GoAlias /chat " + chatPackage + "\nGoSetEnv CHAT_DB ${DIR}/chat.db\n",
			})
			// It ends before httpd: connections that it holds in reserve would keep children that are told to stop, for as long
			// as mod_http2 waits for the first bytes of a connection.
			browser := startBrowser(t)
			for _, protocol := range []httpdtest.Protocol{httpdtest.HTTP1, httpdtest.TLS} {
				t.Run(string(protocol), func(t *testing.T) {
					srv := srv.In(t).Over(protocol)
					room := string(protocol)
					ada, bob := enterChat(t, newTab(t, browser), srv, room, "Ada"), enterChat(t, newTab(t, browser), srv, room, "Bob")
					testConversation(t, srv, ada, bob)
				})
			}
		})
	}
}

// A chatter is a tab in a room.
type chatter struct {
	*tab
	room, name string
}

func enterChat(t *testing.T, p *tab, srv *httpdtest.Server, room, name string) *chatter {
	t.Helper()
	c := &chatter{p, room, name}
	p.do(chromedp.Navigate(srv.URL("/chat/")),
		chromedp.SetValue(chromedp.CSS("#room"), room),
		chromedp.SetValue(chromedp.CSS("#name"), name))
	c.enter()
	return c
}

// enter submits the form, which is filled in.
func (c *chatter) enter() {
	c.t.Helper()
	c.press("#name", kb.Enter)
	c.awaitConnected()
}

func (c *chatter) leave() {
	c.t.Helper()
	c.press("#leave", kb.Enter)
	c.await(`document.getElementById("inside").hidden`)
}

func (c *chatter) awaitConnected() {
	c.t.Helper()
	c.await(`document.getElementById("state").textContent.startsWith("connected to process ")`)
}

// process is that which the tab is connected to, 0 where it is not.
func (c *chatter) process() int {
	c.t.Helper()
	state := evaluate[string](c.tab, `document.getElementById("state").textContent`)
	pid, err := strconv.Atoi(strings.TrimPrefix(state, "connected to process "))
	if err != nil {
		return 0
	}
	return pid
}

func (c *chatter) say(text string) {
	c.t.Helper()
	c.press("#text", text+kb.Enter)
	c.await(`document.getElementById("text").value === ""`)
}

// sayByButton is say with the mouse.
func (c *chatter) sayByButton(text string) {
	c.t.Helper()
	c.do(chromedp.SetValue(chromedp.CSS("#text"), text), chromedp.Click(chromedp.CSS("#say button")))
	c.await(`document.getElementById("text").value === ""`)
}

// places are where the page has what one clicks on and types into, whichever part of it is in sight.
func (c *chatter) places() string {
	c.t.Helper()
	return evaluate[string](c.tab, `JSON.stringify([...document.querySelectorAll("#leave, #text, #say button")].map(e => {
		const { x, y, width, height } = e.getBoundingClientRect();
		return [e.id || e.textContent, x + scrollX, y + scrollY, width, height];
	}))`)
}

// kept are the messages that the page shows as kept, in order, with the names of who said them.
func (c *chatter) kept() []string {
	c.t.Helper()
	return evaluate[[]string](c.tab, `[...document.querySelectorAll("#said article:not(.waiting)")].map(a => a.querySelector("strong").textContent + ": " + a.querySelector(".written").textContent)`)
}

func (c *chatter) awaitKept(n int) []string {
	c.t.Helper()
	c.await(fmt.Sprintf(`document.querySelectorAll("#said article:not(.waiting)").length >= %d && !document.querySelector("#said .waiting")`, n))
	return c.kept()
}

func (c *chatter) awaitPresent(names string) {
	c.t.Helper()
	c.await(fmt.Sprintf(`document.getElementById("present").textContent === %q`, names))
}

func testConversation(t *testing.T, srv *httpdtest.Server, ada, bob *chatter) {
	const restarts, betweenRestarts = 3, 6
	separate(t, ada, bob)
	ada.awaitPresent("Ada, Bob")
	bob.awaitPresent("Ada, Bob")
	places := ada.places()
	var want []string
	say := func(c *chatter, text string) {
		c.say(text)
		want = append(want, c.name+": "+text)
	}
	ada.sayByButton("Hello <b>Bob</b> & all")
	want = append(want, "Ada: Hello <b>Bob</b> & all")
	bob.awaitKept(1)
	say(bob, "Hello Ada, schön")
	ada.awaitKept(2)
	for restart := range restarts {
		before := srv.ChildPIDs()
		for i := range betweenRestarts {
			if i == betweenRestarts/2 {
				srv.Graceful()
			}
			say(ada, fmt.Sprintf("%d.%d from Ada", restart, i))
			say(bob, fmt.Sprintf("%d.%d from Bob", restart, i))
		}
		// Both are connected to new processes; the old ones have nothing to wait for.
		for _, c := range []*chatter{ada, bob} {
			if err := httpdtest.Poll(30*time.Second, func() bool { pid := c.process(); return pid != 0 && !slices.Contains(before, pid) }); err != nil {
				t.Fatalf("%s is still connected to process %d after a restart, of %v: %v", c.name, c.process(), before, err)
			}
		}
	}
	seenByAda, seenByBob := ada.awaitKept(len(want)), bob.awaitKept(len(want))
	if !slices.Equal(seenByAda, seenByBob) {
		t.Errorf("the two see different conversations:\n%q\n%q", seenByAda, seenByBob)
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(seenByAda)); !slices.Equal(got, want) {
		t.Errorf("what was said is shown as\n%q\nwant\n%q", got, want)
	}
	if now := ada.places(); now != places {
		t.Errorf("what one clicks on has moved while messages came: it was at %s and is at %s", places, now)
	}
	bob.leave()
	ada.awaitPresent("Ada")
	bob.enter()
	if history := bob.awaitKept(len(want)); !slices.Equal(history, seenByAda) {
		t.Errorf("who comes later is shown\n%q\nwant\n%q", history, seenByAda)
	}
	bob.leave()
	ada.leave()
}

// separate has two tabs connected to two processes.
func separate(t *testing.T, a, b *chatter) {
	t.Helper()
	for range 100 {
		if a.process() != b.process() {
			return
		}
		b.leave()
		b.enter()
	}
	t.Fatalf("100 connections were all served by process %d", a.process())
}

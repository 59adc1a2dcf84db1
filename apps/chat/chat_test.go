package chat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

func TestMessagesTravelBetweenProcesses(t *testing.T) {
	processes := startProcesses(t, 3)
	var clients []*client
	for i, p := range processes {
		clients = append(clients, p.enter(t, "lobby", fmt.Sprintf("visitor %d", i)))
	}
	elsewhere := processes[0].enter(t, "garden", "Eve")
	var want []string
	for round := range 5 {
		for i, c := range clients {
			text := fmt.Sprintf("round %d from %d", round, i)
			c.say(text, text)
			want = append(want, text)
			for _, c := range clients { // so that the order is known
				c.hears(want...)
			}
		}
	}
	elsewhere.say("only", "nobody else is here")
	elsewhere.hears("nobody else is here")
}

func TestManySpeakAtOnce(t *testing.T) {
	const speakers, each = 4, 50
	processes := startProcesses(t, 2)
	var clients []*client
	for i := range speakers {
		clients = append(clients, processes[i%2].enter(t, "lobby", fmt.Sprint(i)))
	}
	for i, c := range clients {
		go func() {
			for n := range each {
				text := fmt.Sprintf("%d-%d", i, n)
				if wsjson.Write(t.Context(), c.conn, utterance{text, text}) != nil {
					return // the reader below sees it too
				}
			}
		}()
	}
	for _, c := range clients {
		c.await("all messages", func() bool { return len(c.texts) >= speakers*each })
		if !slices.Equal(c.texts, clients[0].texts) {
			t.Errorf("two visitors hear different things:\n%q\n%q", c.texts, clients[0].texts)
		}
	}
	all := slices.Clone(clients[0].texts)
	slices.Sort(all)
	if len(slices.Compact(all)) != speakers*each {
		t.Errorf("%d messages, want %d", len(all), speakers*each)
	}
}

func TestWhoComesBackIsToldWhatItMissed(t *testing.T) {
	const missed = 2*batch + 17 // more than is read at a time
	processes := startProcesses(t, 2)
	before := processes[0].enter(t, "lobby", "Ada")
	before.say("first", "first")
	before.hears("first")
	before.conn.CloseNow()
	want := []string{}
	for i := range missed {
		text := fmt.Sprint("missed ", i)
		want = append(want, text)
		if err := processes[0].hub.log.add(t.Context(), "lobby", "Bob", text, text); err != nil {
			t.Fatal(err)
		}
	}
	back := processes[1].enter(t, "lobby", "Ada", "after", fmt.Sprint(before.last))
	back.hears(want...)
	back.say("last", "last")
	back.hears(append(want, "last")...)

	fresh := processes[1].enter(t, "lobby", "Eve")
	fresh.hears(append(want, "last")[missed+1-history:]...)
	lost := processes[1].enter(t, "lobby", "Eve", "after", "99999") // of a file that is no more
	lost.hears(append(want, "last")[missed+1-history:]...)
}

// A busy room keeps only its end in memory; a visitor that reads slowly is served from the file.
func TestSlowReadersMissNothing(t *testing.T) {
	p := startProcesses(t, 1)[0]
	slow := p.enter(t, "lobby", "Ada")
	slow.sees("Ada")
	var want []string
	for i := range 3*recent + 1 {
		text := fmt.Sprint(i)
		want = append(want, text)
		if err := p.hub.log.add(t.Context(), "lobby", "Bob", text, text); err != nil {
			t.Fatal(err)
		}
	}
	slow.hears(want...)
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	if r := p.hub.rooms["lobby"]; len(r.recent) > recent || r.from == 0 {
		t.Errorf("%d messages are in memory, want %d at the most", len(r.recent), recent)
	}
}

func TestAMessageThatIsSentAgainIsKeptOnce(t *testing.T) {
	processes := startProcesses(t, 2)
	ada := processes[0].enter(t, "lobby", "Ada")
	ada.say("key", "once")
	ada.say("key", "once")
	again := processes[1].enter(t, "lobby", "Ada")
	again.say("key", "once")
	again.say("other", "twice")
	again.hears("once", "twice")
	ada.hears("once", "twice")
	elsewhere := processes[0].enter(t, "garden", "Ada")
	elsewhere.say("key", "a key is that of one room")
	elsewhere.hears("a key is that of one room")
}

func TestWhoIsPresent(t *testing.T) {
	processes := startProcesses(t, 2)
	ada := processes[0].enter(t, "lobby", "Ada")
	bob := processes[1].enter(t, "lobby", "Bob")
	processes[1].enter(t, "garden", "Eve")
	second := processes[1].enter(t, "lobby", "Ada") // another tab
	ada.sees("Ada", "Bob")
	bob.sees("Ada", "Bob")
	second.sees("Ada", "Bob")
	second.conn.Close(websocket.StatusNormalClosure, "")
	bob.conn.CloseNow()
	ada.sees("Ada")
}

// A process that has died cannot say that its visitors have left.
func TestVisitorsOfTheDeadGo(t *testing.T) {
	p := startProcesses(t, 1)[0]
	ghost := &visitor{id: "1", room: "lobby", name: "ghost"}
	if err := p.hub.log.present(t.Context(), "dead", ghost); err != nil {
		t.Fatal(err)
	}
	ada := p.enter(t, "lobby", "Ada")
	ada.sees("Ada", "ghost")
	if _, err := p.hub.log.Write.Exec("UPDATE visitors SET seen = seen - ? WHERE process = 'dead'", 2*believed.Milliseconds()); err != nil {
		t.Fatal(err)
	}
	ada.sees("Ada")
	if err := p.hub.log.present(t.Context(), p.hub.process); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := p.hub.log.Read.QueryRow("SELECT count(*) FROM visitors").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d visitors are in the database (%v), want 1", rows, err)
	}
}

// A server that is shut down ends the connections in order; who comes back to another has missed nothing.
func TestShutdown(t *testing.T) {
	processes := startProcesses(t, 2)
	old, next := processes[0], processes[1]
	ada := old.enter(t, "lobby", "Ada")
	bob := next.enter(t, "lobby", "Bob")
	bob.sees("Ada", "Bob")
	ada.say("1", "before")
	ada.hears("before")
	if err := old.server.Config.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada.closedWith(websocket.StatusServiceRestart)
	old.awaitNobody(t)
	bob.sees("Bob")
	bob.say("2", "meanwhile")
	bob.hears("before", "meanwhile")
	back := next.enter(t, "lobby", "Ada", "after", fmt.Sprint(ada.last))
	back.hears("meanwhile")

	late := httptest.NewServer(old.handler) // a request that a connection still brings
	defer late.Close()
	(&process{old.handler, late}).enter(t, "lobby", "Eve").closedWith(websocket.StatusServiceRestart)
}

func TestWhatIsRefused(t *testing.T) {
	p := startProcesses(t, 1)[0]
	for _, test := range []struct {
		name, query, origin string
		upgrade             bool
		status              int
		want                string
	}{
		{"no name", "room=lobby", "", true, 400, "The name is"},
		{"a name of many characters", "room=lobby&name=" + strings.Repeat("x", maxName+1), "", true, 400, "1 to 40 characters"},
		{"no room", "name=Ada", "", true, 400, "The room is"},
		{"an ID that is none", "room=lobby&name=Ada&after=-1", "", true, 400, "The parameter after"},
		{"a page of another site", "room=lobby&name=Ada", "https://evil.example", true, 403, "not authorized"},
		{"no WebSocket", "room=lobby&name=Ada", "", false, 426, "Upgrade"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), "GET", p.server.URL+"/connection?"+test.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.upgrade {
				for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="} {
					request.Header.Set(name, value)
				}
			}
			if test.origin != "" {
				request.Header.Set("Origin", test.origin)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var body strings.Builder
			if err := response.Write(&body); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || !strings.Contains(body.String(), test.want) {
				t.Errorf("%d, want %d with %q:\n%s", response.StatusCode, test.status, test.want, &body)
			}
		})
	}
	ada := p.enter(t, "lobby", "Ada")
	ada.say("long", strings.Repeat("ä", maxText+1))
	ada.await("a refusal", func() bool { return ada.refused != "" })
	if want := "long: The message has 2001 characters"; !strings.HasPrefix(ada.refused, want) {
		t.Errorf("refused %q, want %q", ada.refused, want)
	}
	ada.say("", "no key")
	ada.closedWith(websocket.StatusInvalidFramePayloadData)
	bob := p.enter(t, "lobby", "Bob")
	bob.say("huge", strings.Repeat("x", maxFrame))
	bob.closedWith(websocket.StatusMessageTooBig)
}

// A database that fails is the administrator's to know, and the page tries again.
func TestDatabaseFailure(t *testing.T) {
	p := startProcesses(t, 1)[0]
	ada := p.enter(t, "lobby", "Ada")
	ada.sees("Ada")
	if _, err := p.hub.log.Write.Exec("ALTER TABLE messages RENAME TO lost"); err != nil {
		t.Fatal(err)
	}
	ada.say("1", "hello")
	ada.closedWith(websocket.StatusTryAgainLater)
	response := get(p, "/messages?room=lobby")
	if response.Code != 500 || !strings.Contains(response.Body.String(), "log tells why") {
		t.Errorf("%d %s", response.Code, response.Body)
	}
}

func get(p *process, target string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	p.ServeHTTP(recorder, httptest.NewRequest("GET", target, nil))
	return recorder
}

func TestHistory(t *testing.T) {
	p := startProcesses(t, 1)[0]
	for i := range 3 {
		if err := p.hub.log.add(t.Context(), "lobby", "Ada", fmt.Sprint("message ", i), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string][]string{
		"/messages?room=lobby":         {"message 0", "message 1", "message 2"},
		"/messages?room=lobby&after=2": {"message 2"},
		"/messages?room=garden":        {},
	} {
		response := get(p, target)
		var history struct{ Messages []message }
		if err := json.Unmarshal(response.Body.Bytes(), &history); err != nil || response.Code != 200 || history.Messages == nil {
			t.Fatalf("%s: %d %s (%v)", target, response.Code, response.Body, err)
		}
		got := []string{}
		for _, m := range history.Messages {
			got = append(got, m.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	if response := get(p, "/messages"); response.Code != 400 {
		t.Errorf("without a room: %d %s", response.Code, response.Body)
	}
}

func TestOldMessagesGo(t *testing.T) {
	l := startProcesses(t, 1)[0].hub.log
	if _, err := l.Write.Exec("INSERT INTO messages (id, room, name, text, key, created) VALUES (1, 'a', '', 'first', '1', 0), (2, 'a', '', 'second', '2', 0), (?, 'a', '', 'last', '3', 0)", keptMessages); err != nil {
		t.Fatal(err)
	}
	if err := l.add(t.Context(), "b", "Ada", "newest", "4"); err != nil {
		t.Fatal(err)
	}
	if left, err := l.after(t.Context(), "a", 0); err != nil || len(left) != 2 || left[0].Text != "second" {
		t.Errorf("left are %v (%v), want second and last", left, err)
	}
}

func TestPage(t *testing.T) {
	response := get(startProcesses(t, 1)[0], "/")
	page := response.Body.String()
	if response.Code != 200 || !strings.Contains(page, `<base href="/">`) || !strings.Contains(page, "new WebSocket") || !strings.Contains(page, fmt.Sprintf(`maxlength="%d"`, maxText)) {
		t.Errorf("%d\n%s", response.Code, page)
	}
	if response.Header().Get("Content-Security-Policy") == "" {
		t.Error("the page has no Content-Security-Policy")
	}
}

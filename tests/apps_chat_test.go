package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// testChat: what one visitor says reaches the others, until several child processes have one; the page is there, and those
// of other sites are refused. The tests of apps/chat in a browser are in tests/programs.
func testChat(t *testing.T, srv *httpdtest.Server) {
	type update struct {
		Process  int
		Messages []struct{ Name, Text string }
	}
	enter := func(name string) (*websocket.Conn, int) {
		conn, _, err := websocket.Dial(t.Context(), srv.URL("/chat/connection?room=lobby&name="+name), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.CloseNow() })
		var greeting update
		if err := wsjson.Read(t.Context(), conn, &greeting); err != nil {
			t.Fatal(err)
		}
		return conn, greeting.Process
	}
	hear := func(conn *websocket.Conn, text string) {
		for end := time.Now().Add(httpdtest.Limit(20 * time.Second)); time.Now().Before(end); {
			var u update
			if err := wsjson.Read(t.Context(), conn, &u); err != nil {
				t.Fatalf("waiting for %q: %v", text, err)
			}
			for _, m := range u.Messages {
				if m.Text == text {
					return
				}
			}
		}
		t.Fatalf("%q does not come", text)
	}

	var visitors []*websocket.Conn
	var processes []int
	for i := 0; len(processes) < 2; i++ {
		if i == 100 {
			t.Fatalf("100 visitors are all connected to process %v", processes)
		}
		conn, process := enter(fmt.Sprintf("visitor%d", i))
		visitors = append(visitors, conn)
		if !slices.Contains(processes, process) {
			processes = append(processes, process)
		}
	}
	for i, speaker := range visitors {
		text := fmt.Sprintf("visitor %d speaks", i)
		if err := wsjson.Write(t.Context(), speaker, map[string]string{"key": text, "text": text}); err != nil {
			t.Fatal(err)
		}
		for _, visitor := range visitors {
			hear(visitor, text)
		}
	}
	for _, visitor := range visitors {
		if err := visitor.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}

	if resp := srv.Get("/chat/"); resp.StatusCode != 200 || !strings.Contains(resp.Text, "new WebSocket") {
		t.Errorf("the page is %s:\n%s", resp.Status, resp.Text)
	}
	history := decode[struct{ Messages []struct{ Text string } }](t, srv.Get("/chat/messages?room=lobby&after=0"))
	if len(history.Messages) != len(visitors) {
		t.Errorf("%d messages are kept; want %d", len(history.Messages), len(visitors))
	}
	resp := srv.Get("/chat/connection?room=lobby&name=Eve", "Connection", "Upgrade", "Upgrade", "websocket",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==", "Origin", "https://evil.example")
	if resp.StatusCode != 403 {
		t.Errorf("a page of another site is answered %s", resp.Status)
	}
}

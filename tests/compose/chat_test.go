package compose

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// A visitor is one connection to a room of the chat.
type visitor struct {
	t    *testing.T
	conn *websocket.Conn
}

func enter(t *testing.T, room, name string) visitor {
	t.Helper()
	client := newClient(false)
	client.Timeout = 0 // it would end the connection too
	target := "wss://" + www + "/chat/connection?" + url.Values{"room": {room}, "name": {name}}.Encode()
	conn, _, err := websocket.Dial(t.Context(), target, &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: http.Header{"Origin": {"https://" + www}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return visitor{t, conn}
}

func (v visitor) say(text string) {
	v.t.Helper()
	if err := wsjson.Write(v.t.Context(), v.conn, map[string]string{"key": text, "text": text}); err != nil {
		v.t.Fatal(err)
	}
}

// hear waits for a message.
func (v visitor) hear(name, text string) {
	v.t.Helper()
	type message struct{ Name, Text string }
	ctx, cancel := context.WithTimeout(v.t.Context(), requestLimit)
	defer cancel()
	for {
		var update struct{ Messages []message }
		if err := wsjson.Read(ctx, v.conn, &update); err != nil {
			v.t.Fatalf("waiting for %q by %s: %v", text, name, err)
		}
		if slices.Contains(update.Messages, message{name, text}) {
			return
		}
	}
}

// TestWebSocket: who is in a room of the chat hears what is said in it, over TLS, in both directions.
func TestWebSocket(t *testing.T) {
	room := "compose " + time.Now().UTC().Format(time.RFC3339Nano) // one that nobody has been in
	ada, grace := enter(t, room, "Ada"), enter(t, room, "Grace")
	for _, talk := range []struct {
		speaker visitor
		name    string
		text    string
	}{
		{ada, "Ada", "Is anybody there?"},
		{grace, "Grace", "Yes, in another connection."},
	} {
		talk.speaker.say(talk.text)
		ada.hear(talk.name, talk.text)
		grace.hear(talk.name, talk.text)
	}
	for _, v := range []visitor{ada, grace} {
		if err := v.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("the server does not close the connection in order: %v", err)
		}
	}
}

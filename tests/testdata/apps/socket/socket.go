// Package socket sends back what comes by WebSocket, as an ordinary program with github.com/coder/websocket does.
package socket

import (
	"net/http"

	"github.com/coder/websocket"
)

func application(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return // the client has gone
		}
		if conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

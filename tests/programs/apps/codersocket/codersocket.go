// Package codersocket is a server of WebSockets by github.com/coder/websocket.
package codersocket

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"sync"

	"github.com/coder/websocket"
)

// Application answers below /echo and /crowd.
var Application http.Handler = routes()

func routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Greeting", "hello")
		if conn, err := accept(w, r); err == nil {
			echoOn(r.Context(), conn)
		}
	})
	mux.HandleFunc("/background", func(w http.ResponseWriter, r *http.Request) {
		if conn, err := accept(w, r); err == nil {
			go echoOn(context.WithoutCancel(r.Context()), conn)
		}
	})
	mux.HandleFunc("/crowd", crowd)
	return mux
}

func accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    []string{"echo.v2", "echo.v1"},
		CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		return nil, err // Accept has answered
	}
	conn.SetReadLimit(4 << 20)
	return conn, nil
}

// echoOn sends each message back.
func echoOn(ctx context.Context, conn *websocket.Conn) {
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(ctx)
		if err != nil {
			return // the client has gone, with or without a word
		}
		if string(message) == "close me" {
			conn.Close(4000, "as you wish")
			return
		}
		if err := conn.Write(ctx, kind, message); err != nil {
			log.Println("codersocket:", err)
			return
		}
	}
}

// crowd has so many goroutines as the client asks for send as many messages each.
func crowd(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		http.Error(w, "n is no number", http.StatusBadRequest)
		return
	}
	conn, err := accept(w, r)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(r.Context())
	var writers sync.WaitGroup
	for i := range n {
		writers.Go(func() {
			for j := range n {
				if err := conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, "%d of writer %d", j, i)); err != nil {
					log.Println("codersocket:", err)
					return
				}
			}
		})
	}
	writers.Wait()
	conn.Close(websocket.StatusNormalClosure, "")
}

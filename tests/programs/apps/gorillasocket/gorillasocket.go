// Package gorillasocket is a server of WebSockets by github.com/gorilla/websocket.
package gorillasocket

import (
	"fmt"
	"log"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{
	Subprotocols:      []string{"echo.v2", "echo.v1"},
	EnableCompression: true,
}

// Application answers below /echo and /crowd.
var Application http.Handler = routes()

func routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/background", func(w http.ResponseWriter, r *http.Request) {
		if conn, err := upgrader.Upgrade(w, r, nil); err == nil {
			go echoOn(conn)
		}
	})
	mux.HandleFunc("/crowd", crowd)
	return mux
}

// echo sends each message back, while the handler runs.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, http.Header{"X-Greeting": {"hello"}})
	if err != nil {
		return // Upgrade has answered
	}
	echoOn(conn)
}

func echoOn(conn *websocket.Conn) {
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return // the client has gone, with or without a word
		}
		if string(message) == "close me" {
			closing := websocket.FormatCloseMessage(4000, "as you wish")
			conn.WriteControl(websocket.CloseMessage, closing, time.Now().Add(time.Second))
			continue // until the client has answered
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			log.Println("gorillasocket:", err)
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
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	var (
		writing sync.Mutex // the package allows one writer at a time
		writers sync.WaitGroup
	)
	for i := range n {
		writers.Go(func() {
			for j := range n {
				writing.Lock()
				err := conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, "%d of writer %d", j, i))
				writing.Unlock()
				if err != nil {
					log.Println("gorillasocket:", err)
					return
				}
			}
		})
	}
	writers.Wait()
	closing := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	conn.WriteControl(websocket.CloseMessage, closing, time.Now().Add(time.Second))
	conn.ReadMessage() // the client's close, so that nothing is cut off
}

package chat

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/coder/websocket"

	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/modgo"
)

var (
	//go:embed chat.html
	content string
	//go:embed chat.js
	script string

	chatPage = page.New("Chat", content, script)
)

// handler answers requests, and hands connections to the hub.
type handler struct {
	*http.ServeMux
	hub     *hub
	ordered sync.Once // the server has been asked to tell when it shuts down
}

func newHandler(log *chatLog) *handler {
	h := &handler{ServeMux: http.NewServeMux(), hub: newHub(log)}
	h.HandleFunc("GET /{$}", h.show)
	h.HandleFunc("GET /connection", h.connect)
	h.HandleFunc("GET /messages", h.messages)
	return h
}

func (h *handler) show(w http.ResponseWriter, r *http.Request) {
	scriptName := "" // served by net/http itself
	if env := modgo.FromContext(r.Context()); env != nil {
		scriptName = env.Get("SCRIPT_NAME")
	}
	document, err := chatPage.Render(page.Base(scriptName), map[string]int{"MaxName": maxName, "MaxText": maxText})
	if err != nil {
		http.Error(w, "The page could not be made: "+err.Error()+".", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", chatPage.Policy())
	w.Write(document)
}

// connect lets a visitor in, by WebSocket: room and name, and after for the ID of the message that it saw last, if it has
// been there before.
func (h *handler) connect(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name := clean(query.Get("name"))
	room, after, problem := place(query)
	if problem == "" {
		problem = checkName("name", name)
	}
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		h.ordered.Do(func() { server.RegisterOnShutdown(h.hub.end) })
	}
	// Pages of other sites are refused, by the header Origin.
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxFrame)
	v := &visitor{id: rand.Text(), room: room, name: name, last: after, hub: h.hub, conn: conn}
	go guard("a visitor", v.visit)
}

// place reads from a query which room is meant, and the ID of the message seen last, -1 where it is not given.
func place(query url.Values) (room string, after int64, problem string) {
	room = clean(query.Get("room"))
	if problem := checkName("room", room); problem != "" {
		return "", 0, problem
	}
	given := query.Get("after")
	if given == "" {
		return room, -1, ""
	}
	after, err := strconv.ParseInt(given, 10, 64)
	if err != nil || after < 0 {
		return "", 0, fmt.Sprintf("The parameter after is %q: it is the number of a message.", given)
	}
	return room, after, ""
}

// messages answers what was said in a room after a message, or lately.
func (h *handler) messages(w http.ResponseWriter, r *http.Request) {
	room, after, problem := place(r.URL.Query())
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	after, err := h.hub.log.begin(r.Context(), room, after)
	var messages []message
	if err == nil {
		messages, err = h.hub.log.after(r.Context(), room, after)
	}
	if err != nil {
		if r.Context().Err() == nil { // else the client has gone, which is why the database gave up
			h.hub.report("reading messages", err)
		}
		http.Error(w, "The messages cannot be read at the moment; the server's log tells why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(map[string]any{"messages": messages}) // a client that has gone is no concern
}

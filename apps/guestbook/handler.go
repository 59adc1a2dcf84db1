package guestbook

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mod-go/mod-go/apps/internal/accept"
	"github.com/mod-go/mod-go/apps/internal/page"
	"github.com/mod-go/mod-go/modgo"
)

const (
	maxName    = 60       // characters
	maxMessage = 1000     // characters
	maxForm    = 16 << 10 // bytes, enough for both when every character is escaped
	pageSize   = 10       // entries
)

//go:embed guestbook.html
var content string

var guestbookPage = page.New("Guestbook", content, "")

// handler answers requests from a book.
type handler struct {
	*book
	routes http.Handler
}

func newHandler(b *book) *handler {
	h := &handler{book: b}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.show)
	mux.HandleFunc("POST /{$}", h.sign)
	h.routes = http.NewCrossOriginProtection().Handler(mux) // no other site's page may sign in its visitor's name
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.routes.ServeHTTP(w, r) }

// view is what the page shows.
type view struct {
	Entries       []entry
	Older         int64 // the parameter before of the next page; 0 where this is the last
	Later         bool  // this is not the first page
	Name, Message string
	Problem       string
	MaxName       int
	MaxMessage    int
}

// show answers a page of entries, newest first: those before the ID of the parameter before, or the newest.
func (h *handler) show(w http.ResponseWriter, r *http.Request) {
	before := int64(math.MaxInt64)
	if given := r.URL.Query().Get("before"); given != "" {
		var err error
		if before, err = strconv.ParseInt(given, 10, 64); err != nil || before < 1 {
			refuse(w, r, http.StatusBadRequest, fmt.Sprintf("The parameter before is %q: it is the number of an entry.", given))
			return
		}
	}
	v := view{Later: before != math.MaxInt64}
	if !wantsJSON(r) {
		h.render(w, r, http.StatusOK, before, v)
		return
	}
	entries, more, err := h.list(r.Context(), before, pageSize)
	if err != nil {
		h.fail(w, r, "reading the entries", err)
		return
	}
	list := struct {
		Entries []entry `json:"entries"`
		Older   string  `json:"older,omitempty"` // the path of the next page
	}{Entries: append([]entry{}, entries...)}
	if more {
		list.Older = base(r) + "?before=" + strconv.FormatInt(entries[len(entries)-1].ID, 10)
	}
	writeJSON(w, http.StatusOK, list)
}

// sign adds the entry that a form holds.
func (h *handler) sign(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			refuse(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("The form is larger than %d bytes: write less.", tooLarge.Limit))
			return
		}
		refuse(w, r, http.StatusBadRequest, "The form cannot be read: "+err.Error()+".")
		return
	}
	name, message := clean(r.PostForm.Get("name")), clean(r.PostForm.Get("message"))
	if problem := check(name, message); problem != "" {
		if wantsJSON(r) {
			refuse(w, r, http.StatusUnprocessableEntity, problem)
			return
		}
		h.render(w, r, http.StatusUnprocessableEntity, math.MaxInt64, view{Name: name, Message: message, Problem: problem})
		return
	}
	e, err := h.add(r.Context(), name, message)
	if err != nil {
		h.fail(w, r, "keeping the entry", err)
		return
	}
	if wantsJSON(r) {
		writeJSON(w, http.StatusCreated, e)
		return
	}
	http.Redirect(w, r, base(r), http.StatusSeeOther) // reloading the page then does not sign again
}

func (h *handler) render(w http.ResponseWriter, r *http.Request, status int, before int64, v view) {
	entries, more, err := h.list(r.Context(), before, pageSize)
	if err != nil {
		h.fail(w, r, "reading the entries", err)
		return
	}
	v.Entries, v.MaxName, v.MaxMessage = entries, maxName, maxMessage
	if more {
		v.Older = entries[len(entries)-1].ID
	}
	document, err := guestbookPage.Render(base(r), v)
	if err != nil {
		h.fail(w, r, "making the page", err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", guestbookPage.Policy())
	w.Header().Set("Vary", "Accept")
	w.WriteHeader(status)
	w.Write(document)
}

// clean drops what would not show: space at the ends, control characters but line feeds, and bytes that are no text.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n") // forms send CR LF
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// check returns what is wrong with an entry, "" where nothing is.
func check(name, message string) string {
	switch {
	case name == "":
		return "The name is missing: who are you?"
	case utf8.RuneCountInString(name) > maxName || strings.Contains(name, "\n"):
		return fmt.Sprintf("The name is too long: it is one line of at most %d characters.", maxName)
	case message == "":
		return "The message is missing: what would you like to say?"
	case utf8.RuneCountInString(message) > maxMessage:
		return fmt.Sprintf("The message has %d characters, and at most %d are kept: write less.", utf8.RuneCountInString(message), maxMessage)
	}
	return ""
}

// base is the URL path of the guestbook, with its slash at the end.
func base(r *http.Request) string {
	if env := modgo.FromContext(r.Context()); env != nil {
		return page.Base(env.Get("SCRIPT_NAME"))
	}
	return "/" // served by net/http itself
}

func wantsJSON(r *http.Request) bool {
	return accept.Choose(strings.Join(r.Header.Values("Accept"), ","), accept.HTML, accept.JSON) == accept.JSON
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(value) // a client that has gone is no concern
}

// refuse answers what the client got wrong.
func refuse(w http.ResponseWriter, r *http.Request, status int, problem string) {
	if wantsJSON(r) {
		writeJSON(w, status, map[string]string{"error": problem})
		return
	}
	http.Error(w, problem, status)
}

// fail answers that the server cannot, and leaves why in its log.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if r.Context().Err() != nil {
		return // the client has gone, which is why the database gave up
	}
	log.Printf("guestbook: %s failed: %v; %s", doing, err, h.Remedy(err))
	refuse(w, r, http.StatusInternalServerError, "The guestbook cannot be used at the moment; its server's log tells why.")
}

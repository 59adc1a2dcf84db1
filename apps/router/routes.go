package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

const (
	maxTitle   = 200              // characters
	maxBody    = 4 << 10          // bytes of a JSON request
	timeout    = 10 * time.Second // of a request
	compressed = 5                // gzip's level
)

//go:embed index.html
var index []byte

// newRouter returns the whole program's handler, with an empty list.
func newRouter() http.Handler {
	a := &api{todos: newStore()}
	r := chi.NewRouter()
	r.Use(
		middleware.RequestID,
		middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.Default(), NoColor: true}),
		middleware.Recoverer,
		middleware.Timeout(timeout),
		middleware.Compress(compressed),
		middleware.GetHead,
		http.NewCrossOriginProtection().Handler,
	)
	r.Get("/", showIndex)
	r.Route("/api/todos", func(r chi.Router) {
		r.Use(middleware.AllowContentType("application/json"))
		r.Get("/", a.list)
		r.Post("/", a.create)
		r.Route("/{id:[0-9]+}", func(r chi.Router) {
			r.Get("/", a.get)
			r.Patch("/", a.update)
			r.Delete("/", a.delete)
		})
	})
	return r
}

func showIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(index)
}

// api answers under /api/todos.
type api struct {
	todos *store
}

func (a *api) list(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string]any{"process": os.Getpid(), "todos": a.todos.all()})
}

func (a *api) create(w http.ResponseWriter, r *http.Request) {
	var c change
	if !decode(w, r, &c) {
		return
	}
	if c.Title == nil {
		refuse(w, http.StatusUnprocessableEntity, `the title is missing: send {"title": "Buy milk"}`)
		return
	}
	t, err := a.todos.add(c)
	if err != nil {
		refuse(w, http.StatusInsufficientStorage, err.Error())
		return
	}
	respond(w, http.StatusCreated, t)
}

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	t, err := a.todos.get(id(r))
	answer(w, t, err)
}

func (a *api) update(w http.ResponseWriter, r *http.Request) {
	var c change
	if !decode(w, r, &c) {
		return
	}
	t, err := a.todos.update(id(r), c)
	answer(w, t, err)
}

func (a *api) delete(w http.ResponseWriter, r *http.Request) {
	if err := a.todos.delete(id(r)); err != nil {
		answer(w, todo{}, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// id is the URL parameter of the route; one that no int64 can hold is 0, which no to-do has.
func id(r *http.Request) int64 {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// decode reads the request's JSON, and answers what is wrong with it if it returns false.
func decode(w http.ResponseWriter, r *http.Request, c *change) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(c)
	if err == nil && decoder.Decode(&struct{}{}) != io.EOF {
		err = errors.New("something follows the object")
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
		return false
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, `the body is not an object like {"title": "Buy milk", "done": false}: `+err.Error())
		return false
	}
	if c.Title != nil {
		*c.Title = strings.TrimSpace(*c.Title)
		if n := utf8.RuneCountInString(*c.Title); n == 0 || n > maxTitle {
			refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("the title has %d characters: it may have 1 to %d", n, maxTitle))
			return false
		}
	}
	return true
}

// answer sends a to-do, or that there is none.
func answer(w http.ResponseWriter, t todo, err error) {
	if err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	respond(w, http.StatusOK, t)
}

func refuse(w http.ResponseWriter, status int, problem string) {
	respond(w, status, map[string]string{"error": problem})
}

func respond(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // a client that has gone is no concern
}

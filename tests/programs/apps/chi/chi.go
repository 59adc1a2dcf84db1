// Package chi is a web application on github.com/go-chi/chi.
package chi

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is the router with its middleware.
var Application http.Handler = routes()

func routes() *chi.Mux {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Use(middleware.SetHeader("X-Application", "chi"))
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "home") })
	r.Route("/users", func(r chi.Router) {
		r.Get("/{id:[a-z0-9]+}", user)
	})
	r.Get("/files/*", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, chi.URLParam(r, "*")) })
	r.With(middleware.AllowContentType("application/json")).Post("/orders", order)
	r.Post("/form", form)
	r.Post("/upload", upload)
	r.Get("/ticks", ticks)
	r.Get("/cookies", cookies)
	r.Get("/old", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/users/7", http.StatusFound) })
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("the application's own") })
	r.With(middleware.Compress(5)).Get("/compressed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := range 1000 {
			fmt.Fprintln(w, "line", i)
		}
	})
	r.Mount("/admin", admin())
	return r
}

// admin is a router of its own, with a middleware of its own.
func admin() http.Handler {
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Token") != catalog.Token {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	r.Get("/stock", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plenty") })
	return r
}

func user(w http.ResponseWriter, r *http.Request) {
	found, err := catalog.FindUser(chi.URLParam(r, "id"))
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, found)
}

func order(w http.ResponseWriter, r *http.Request) {
	var order catalog.Order
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": "no JSON"})
		return
	}
	answer(w, http.StatusCreated, order)
}

func form(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	count, err := strconv.Atoi(r.PostForm.Get("count"))
	if err != nil {
		http.Error(w, "count: no number", http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, catalog.Order{Article: r.PostForm.Get("article"), Count: count, Tags: r.PostForm["tag"]})
}

// upload reads the parts as they come.
func upload(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			http.Error(w, "no file", http.StatusBadRequest)
			return
		}
		if part.FormName() != "file" {
			continue
		}
		receipt, err := catalog.Receive("", part.FileName(), part)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, http.StatusOK, receipt)
		return
	}
}

func ticks(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "no streaming here", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	for line := range catalog.Ticks(n) {
		if _, err := fmt.Fprint(w, line); err != nil {
			return
		}
		flusher.Flush()
	}
}

func cookies(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "one", Value: "1", Path: "/", HttpOnly: true})
	http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
	fmt.Fprint(w, r.CookiesNamed("seen"))
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Printf("the answer: %v", err)
	}
}

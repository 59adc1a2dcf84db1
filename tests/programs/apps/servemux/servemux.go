// Package servemux is a web application on net/http alone: http.ServeMux with patterns and PathValue.
package servemux

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is the router with its middleware.
var Application http.Handler = recovered(named(routes()))

func routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /users/{id}", user)
	mux.HandleFunc("GET /files/{path...}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("path")) })
	mux.HandleFunc("POST /orders", order)
	mux.HandleFunc("POST /form", form)
	mux.HandleFunc("POST /upload", upload)
	mux.HandleFunc("GET /ticks", ticks)
	mux.HandleFunc("GET /cookies", cookies)
	mux.HandleFunc("GET /old", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/users/7", http.StatusFound) })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("the application's own") })
	mux.Handle("GET /admin/stock", authorized(http.HandlerFunc(stock)))
	return mux
}

func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Application", "servemux")
		next.ServeHTTP(w, r)
	})
}

func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				log.Printf("panic: %v", cause)
				http.Error(w, "something went wrong", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") != catalog.Token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func home(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "home of %s", r.Pattern) }

func stock(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plenty") }

func user(w http.ResponseWriter, r *http.Request) {
	found, err := catalog.FindUser(r.PathValue("id"))
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

func upload(w http.ResponseWriter, r *http.Request) {
	file, head, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer file.Close()
	receipt, err := catalog.Receive(r.FormValue("note"), head.Filename, file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, receipt)
}

func ticks(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	controller := http.NewResponseController(w)
	n, _ := strconv.Atoi(r.FormValue("n"))
	for line := range catalog.Ticks(n) {
		if _, err := fmt.Fprint(w, line); err != nil {
			return
		}
		if err := controller.Flush(); err != nil {
			log.Print(err)
			return
		}
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

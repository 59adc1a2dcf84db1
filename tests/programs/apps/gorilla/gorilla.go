// Package gorilla is a web application on github.com/gorilla/mux.
package gorilla

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

// Application is the router with its middleware.
var Application http.Handler = routes()

func routes() *mux.Router {
	r := mux.NewRouter()
	r.Use(recovered, named)
	r.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "home") }).Methods(http.MethodGet)
	r.HandleFunc("/users/{id:[a-z0-9]+}", user).Methods(http.MethodGet).Name("user")
	r.HandleFunc("/files/{path:.*}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, mux.Vars(r)["path"]) }).Methods(http.MethodGet)
	r.HandleFunc("/orders", order).Methods(http.MethodPost).Headers("Content-Type", "application/json")
	r.HandleFunc("/form", form).Methods(http.MethodPost)
	r.HandleFunc("/upload", upload).Methods(http.MethodPost)
	r.HandleFunc("/ticks", ticks).Queries("n", "{n:[0-9]+}")
	r.HandleFunc("/cookies", cookies)
	r.HandleFunc("/old", func(w http.ResponseWriter, req *http.Request) {
		target, err := r.Get("user").URL("id", "7")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, req, target.String(), http.StatusFound)
	})
	r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("the application's own") })
	admin := r.PathPrefix("/admin").Subrouter()
	admin.Use(authorized)
	admin.HandleFunc("/stock", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plenty") })
	return r
}

func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Application", "gorilla")
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

func user(w http.ResponseWriter, r *http.Request) {
	found, err := catalog.FindUser(mux.Vars(r)["id"])
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
	count, err := strconv.Atoi(r.PostFormValue("count"))
	if err != nil {
		http.Error(w, "count: no number", http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, catalog.Order{Article: r.PostFormValue("article"), Count: count, Tags: r.PostForm["tag"]})
}

func upload(w http.ResponseWriter, r *http.Request) {
	// What does not fit into 32 KiB of memory goes to a file.
	if err := r.ParseMultipartForm(32 << 10); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer r.MultipartForm.RemoveAll()
	file, head, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer file.Close()
	receipt, err := catalog.Receive(r.PostFormValue("note"), head.Filename, file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, receipt)
}

func ticks(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	n, _ := strconv.Atoi(mux.Vars(r)["n"])
	for line := range catalog.Ticks(n) {
		if _, err := fmt.Fprint(w, line); err != nil {
			return
		}
		w.(http.Flusher).Flush()
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

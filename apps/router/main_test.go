package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

func do(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func todos(t *testing.T, h http.Handler) []todo {
	t.Helper()
	var list struct {
		Process int
		Todos   []todo
	}
	recorder := do(h, "GET", "/api/todos", "")
	if err := json.Unmarshal(recorder.Body.Bytes(), &list); err != nil || list.Todos == nil {
		t.Fatalf("the list is %d %s (%v)", recorder.Code, recorder.Body, err)
	}
	if list.Process != os.Getpid() {
		t.Errorf("the list is of process %d, this is %d", list.Process, os.Getpid())
	}
	return list.Todos
}

func TestLifeOfATodo(t *testing.T) {
	h := newRouter()
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/todos", "", 200, fmt.Sprintf(`{"process":%d,"todos":[]}`, os.Getpid())},
		{"POST", "/api/todos", `{"title":" Buy milk "}`, 201, `{"id":1,"title":"Buy milk","done":false}`},
		{"POST", "/api/todos", `{"title":"Sleep","done":true}`, 201, `{"id":2,"title":"Sleep","done":true}`},
		{"GET", "/api/todos/1", "", 200, `{"id":1,"title":"Buy milk","done":false}`},
		{"PATCH", "/api/todos/1", `{"done":true}`, 200, `{"id":1,"title":"Buy milk","done":true}`},
		{"PATCH", "/api/todos/1", `{"title":"Buy oats"}`, 200, `{"id":1,"title":"Buy oats","done":true}`},
		{"DELETE", "/api/todos/1", "", 204, ""},
		{"GET", "/api/todos/1", "", 404, fmt.Sprintf(`{"error":"the process %d has no to-do with this number; another child process may"}`, os.Getpid())},
		{"POST", "/api/todos", `{"title":"Rise"}`, 201, `{"id":3,"title":"Rise","done":false}`}, // a number is never used again
	} {
		recorder := do(h, step.method, step.path, step.body)
		if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != step.status || got != step.want {
			t.Fatalf("%s %s %s: %d %s, want %d %s", step.method, step.path, step.body, recorder.Code, got, step.status, step.want)
		}
	}
}

func TestRefuses(t *testing.T) {
	h := newRouter()
	do(h, "POST", "/api/todos", `{"title":"stays"}`)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"no title", "POST", "/api/todos", `{"done":true}`, 422, "title is missing"},
		{"an empty title", "POST", "/api/todos", `{"title":"  "}`, 422, "1 to 200"},
		{"a long title", "PATCH", "/api/todos/1", `{"title":"` + strings.Repeat("ü", maxTitle+1) + `"}`, 422, "201 characters"},
		{"no JSON", "POST", "/api/todos", `title=x`, 400, "not an object like"},
		{"an unknown field", "PATCH", "/api/todos/1", `{"titel":"x"}`, 400, "titel"},
		{"two objects", "POST", "/api/todos", `{"title":"x"}{"title":"y"}`, 400, "something follows"},
		{"an enormous body", "POST", "/api/todos", `{"title":"` + strings.Repeat("x", maxBody) + `"}`, 413, "larger than 4096"},
		{"an unknown number", "DELETE", "/api/todos/7", "", 404, "no to-do with this number"},
		{"an update of an unknown number", "PATCH", "/api/todos/7", `{}`, 404, "no to-do with this number"},
		{"a number beyond all", "GET", "/api/todos/99999999999999999999", "", 404, "no to-do with this number"},
		{"no number", "GET", "/api/todos/first", "", 404, "not found"},
		{"another method", "PUT", "/api/todos/1", `{}`, 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorder := do(h, test.method, test.path, test.body)
			if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.want) {
				t.Errorf("%d %s, want %d with %q", recorder.Code, recorder.Body, test.status, test.want)
			}
		})
	}
	if list := todos(t, h); len(list) != 1 || list[0].Title != "stays" {
		t.Errorf("the list has become %v", list)
	}
}

func TestOtherContentTypesAreRefused(t *testing.T) {
	request := httptest.NewRequest("POST", "/api/todos", strings.NewReader(`{"title":"x"}`))
	request.Header.Set("Content-Type", "text/plain")
	recorder := httptest.NewRecorder()
	newRouter().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusUnsupportedMediaType {
		t.Errorf("%d, want 415", recorder.Code)
	}
}

func TestOtherSitesCannotChangeTheList(t *testing.T) {
	request := httptest.NewRequest("POST", "/api/todos", strings.NewReader(`{"title":"x"}`))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	recorder := httptest.NewRecorder()
	newRouter().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusForbidden {
		t.Errorf("%d, want 403", recorder.Code)
	}
}

func TestFullListRefusesMore(t *testing.T) {
	s := newStore()
	title := "x"
	for range maxTodos {
		if _, err := s.add(change{Title: &title}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.add(change{Title: &title}); err == nil || !strings.Contains(err.Error(), "full with 1000") {
		t.Errorf("error %v", err)
	}
	if err := s.delete(500); err != nil {
		t.Fatal(err)
	}
	if added, err := s.add(change{Title: &title}); err != nil || added.ID != maxTodos+1 {
		t.Errorf("added %v (%v)", added, err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	h := newRouter()
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			var made todo
			if err := json.Unmarshal(do(h, "POST", "/api/todos", `{"title":"x"}`).Body.Bytes(), &made); err != nil {
				t.Error(err)
				return
			}
			do(h, "PATCH", fmt.Sprintf("/api/todos/%d", made.ID), `{"done":true}`)
			do(h, "GET", "/api/todos", "")
		})
	}
	clients.Wait()
	list := todos(t, h)
	if len(list) != 20 {
		t.Errorf("%d to-dos, want 20", len(list))
	}
	for _, item := range list {
		if !item.Done {
			t.Errorf("to-do %d is not done", item.ID)
		}
	}
}

func TestPage(t *testing.T) {
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Accept-Encoding", "gzip")
	recorder := httptest.NewRecorder()
	newRouter().ServeHTTP(recorder, request)
	if recorder.Code != 200 || recorder.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%d %v", recorder.Code, recorder.Header())
	}
	unzipped, err := gzip.NewReader(recorder.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(unzipped)
	if err != nil || !bytes.Equal(page, index) {
		t.Errorf("the page differs from index.html (%v)", err)
	}
}

func TestRequestsAreLogged(t *testing.T) {
	var lines bytes.Buffer
	log.SetOutput(&lines)
	defer log.SetOutput(os.Stderr)
	do(newRouter(), "GET", "/api/todos/7", "")
	if got := lines.String(); !strings.Contains(got, `"GET http://example.com/api/todos/7 HTTP/1.1"`) || !strings.Contains(got, "404") {
		t.Errorf("logged %q", got)
	}
}

// Command router is an ordinary Go web program: chi with middleware, URL parameters and a to-do list over JSON. It runs by
// itself with go run, and inside Apache unchanged, because the builder finds the variable application; main is not called
// there.
//
//	curl http://127.0.0.1:8000/router/api/todos
//	curl --json '{"title": "Buy milk"}' http://127.0.0.1:8000/router/api/todos
//	curl -X PATCH --json '{"done": true}' http://127.0.0.1:8000/router/api/todos/1
//	curl -X DELETE http://127.0.0.1:8000/router/api/todos/1
//
// The list lives in the memory of the process, and each child process of the server has its own.
package main

import (
	"log"
	"net/http"
)

var application http.Handler = newRouter()

func main() {
	const address = "127.0.0.1:8080"
	log.Printf("listening on http://%s", address)
	log.Fatal(http.ListenAndServe(address, application))
}

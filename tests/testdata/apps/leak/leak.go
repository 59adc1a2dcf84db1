// Package leak keeps memory, Go's and C's.
package leak

/*
#include <stdlib.h>
#include <string.h>

// Keeps so many bytes, in blocks small enough to come from malloc's own heap.
static void keep(size_t bytes)
{
	for (size_t block = 64 << 10; bytes >= block; bytes -= block) {
		memset(malloc(block), 1, block);
	}
}

// Frees so many bytes, which malloc does not give back to the kernel: some blocks between them are kept.
static void leave(size_t bytes)
{
	size_t block = 64 << 10, n = bytes / block;
	void **blocks = malloc(n * sizeof(void *));

	for (size_t i = 0; i < n; i++) {
		blocks[i] = memset(malloc(block), 1, block);
	}
	for (size_t i = 0; i < n; i++) {
		if (i % 32) {
			free(blocks[i]);
		}
	}
	free(blocks);
}
*/
import "C"

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// Application answers with the process. Before, it keeps as many MB as the path says: /go/MB of Go's heap, /c/MB of C's;
// /free/MB frees nearly all of them again, but C's heap stays as large. /grow/PID/MB is /c/MB in one process only. /growing/MB is /c/MB
// without an answer. /hold/NAME answers, and goes on until the file NAME is in the folder that the environment variable
// RELEASE names, unless another request of the process does so: one alone leaves a child threads for others. A child starts as slowly as the variable SLOW_START says.
var Application = newMux()

func init() {
	modgo.OnStart(func(context.Context) error {
		if delay, err := time.ParseDuration(os.Getenv("SLOW_START")); err == nil {
			time.Sleep(delay)
		}
		return nil
	})
	modgo.OnShutdown(func(context.Context) { log.Print("OnShutdown is called") })
}

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter) { fmt.Fprint(w, os.Getpid()) }
	mux.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	for path, take := range map[string]func(bytes int){
		"/go/{mb}":   keep,
		"/c/{mb}":    func(bytes int) { C.keep(C.size_t(bytes)) },
		"/free/{mb}": func(bytes int) { C.leave(C.size_t(bytes)) },
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			take(number(r, "mb") << 20)
			answer(w)
		})
	}
	mux.HandleFunc("/grow/{pid}/{mb}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("pid") == strconv.Itoa(os.Getpid()) {
			C.keep(C.size_t(number(r, "mb")) << 20)
		}
		answer(w)
	})
	mux.HandleFunc("/growing/{mb}", func(_ http.ResponseWriter, r *http.Request) {
		C.keep(C.size_t(number(r, "mb")) << 20)
		hold("nothing")
	})
	mux.HandleFunc("/hold/{name}", func(w http.ResponseWriter, r *http.Request) {
		answer(w)
		_ = http.NewResponseController(w).Flush()
		if !holding.Swap(true) {
			hold(r.PathValue("name"))
		}
	})
	return mux
}

// number is what a path says.
func number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.PathValue(name))
	if err != nil {
		panic(err)
	}
	return n
}

var (
	mu   sync.Mutex
	kept [][]byte
)

func keep(bytes int) {
	block := make([]byte, bytes)
	for i := range block {
		block[i] = 1
	}
	mu.Lock()
	defer mu.Unlock()
	kept = append(kept, block)
}

var holding atomic.Bool

// longest is how long a request is held that nobody releases.
const longest = time.Minute

func hold(name string) {
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(os.Getenv("RELEASE") + "/" + name); err == nil {
			return
		}
	}
}

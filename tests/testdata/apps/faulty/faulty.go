// Package faulty does what an application should not; the path selects what.
package faulty

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/mod-go/mod-go/modgo"
)

var kept struct {
	body   io.Reader
	writer http.ResponseWriter
	result chan string
	spun   atomic.Uint64
}

var application = func() *http.ServeMux {
	mux := http.NewServeMux()
	kept.result = make(chan string, 1)
	handle := func(path string, f func(w http.ResponseWriter, r *http.Request)) { mux.HandleFunc(path, f) }

	handle("/ok", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "pid %d", os.Getpid()) })
	handle("/panic", func(w http.ResponseWriter, r *http.Request) { panic("early\nwith two lines") })
	handle("/panic-late", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		panic("late")
	})
	handle("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	handle("/abort-late", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	handle("/nil", func(w http.ResponseWriter, r *http.Request) { var m map[string]int; m["a"] = 1 })
	handle("/goroutine", func(w http.ResponseWriter, r *http.Request) {
		go func() { panic("in a goroutine of its own") }()
		select {}
	})
	handle("/mapwrites", func(w http.ResponseWriter, r *http.Request) {
		m := make(map[int]int)
		for range 8 {
			go func() {
				for i := 0; ; i++ {
					m[i%3] = i
				}
			}()
		}
		select {}
	})
	handle("/stackoverflow", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, deeper(1)) })
	handle("/goexit", func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() })
	handle("/exit", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the last words on standard output")
		fmt.Fprintln(os.Stderr, "the last words on standard error")
		os.Exit(3)
	})
	handle("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	handle("/header", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Split", "a\r\nX-Injected: yes")
		w.Header().Set("X-Control", "a\x00b\x07c")
		w.Header()["X Bad Name"] = []string{"v"}
		w.Header()["X-Colon: evil"] = []string{"v"}
		_, _ = io.WriteString(w, "ok")
	})
	handle("/short", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "only this")
	})
	handle("/long", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "four")
		_, err := io.WriteString(w, "and more")
		fmt.Println("the long write got:", err)
	})
	handle("/nobody", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		_, err := io.WriteString(w, "body")
		fmt.Println("the write got:", err)
	})
	handle("/keep", func(w http.ResponseWriter, r *http.Request) {
		kept.body, kept.writer = r.Body, w
		env := modgo.FromContext(r.Context())
		ctx := r.Context()
		go func() {
			<-ctx.Done()
			_, err1 := kept.body.Read(make([]byte, 10))
			_, err2 := kept.writer.Write(make([]byte, 1<<20))
			_, ok := env.Lookup("SERVER_NAME")
			kept.result <- fmt.Sprintf("read: %v; write: %v; environ: %v", err1, err2, ok)
		}()
	})
	handle("/kept", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, <-kept.result) })
	handle("/sip", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("sip begins")
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Printf("sip ended after %d bytes: %v\n", n, err)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%d", n)
	})
	handle("/pour", func(w http.ResponseWriter, r *http.Request) {
		block := []byte(strings.Repeat("x", 64<<10))
		for {
			if _, err := w.Write(block); err != nil {
				fmt.Println("pour ended:", err)
				return
			}
		}
	})
	handle("/spin", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("spinning")
		for n := uint64(0); r.Context().Err() == nil; n++ {
			kept.spun.Store(n)
		}
	})
	handle("/print", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "to standard error")
		_, _ = io.WriteString(w, "printed")
	})
	return mux
}()

func deeper(n int) int {
	var pad [1 << 10]int
	pad[n%len(pad)] = n
	return deeper(n+1) + pad[(n+1)%len(pad)]
}

func broken(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	h := modgo.Headers{{"Content-Type", "text/plain"}}
	switch env.Get("PATH_INFO") {
	case "/nostart":
		return modgo.Text("body")
	case "/twice":
		startResponse("200 OK", h)
		startResponse("200 OK", h)
	case "/status":
		startResponse("OK 200", h)
	case "/split":
		startResponse("200 OK", modgo.Headers{{"X-Split", "a\r\nX-Injected: yes"}})
	case "/hop":
		startResponse("200 OK", modgo.Headers{{"Connection", "close"}})
	case "/short":
		startResponse("200 OK", modgo.Headers{{"Content-Length", "100"}})
		return modgo.Text("only this")
	case "/long":
		startResponse("200 OK", modgo.Headers{{"Content-Length", "4"}})
		return modgo.Text("four and more")
	case "/panic":
		panic("in the application")
	case "/panic-late":
		startResponse("200 OK", h)
		return func(yield func([]byte, error) bool) {
			yield([]byte("begun"), nil)
			panic("in the body")
		}
	case "/error":
		startResponse("200 OK", h)
		return func(yield func([]byte, error) bool) { yield(nil, io.ErrClosedPipe) }
	}
	return nil
}

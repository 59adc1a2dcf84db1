// Package overtime runs for longer than it may, as the path says, in a handler and in an application of the WSGI style.
package overtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/modgo"
)

// Application answers /pid with the process; /context with how its context ended, when it has; /nap/MILLISECONDS when that
// has passed. /block/NAME goes on until the file NAME is in the folder that the environment variable RELEASE names, and
// /headed/NAME too, after it has sent the beginning of a response. /write/NAME then writes, and logs why that failed. /spin/NAME is /block without ever waiting. /read/NAME reads the body and /flood/NAME writes
// without end; both log how that ends. /deadline tells whether the context has one.
// /failed returns with the context's error, /socket takes the connection over and echoes what comes. /blocked tells how many
// requests to /block there are in the process.
var Application = newMux()

func init() {
	modgo.OnShutdown(func(context.Context) { log.Print("OnShutdown is called") })
}

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/context", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ending(r.Context()))
	})
	mux.HandleFunc("/deadline", func(w http.ResponseWriter, r *http.Request) {
		_, limited := r.Context().Deadline()
		fmt.Fprint(w, limited)
	})
	mux.HandleFunc("/nap/{ms}", func(w http.ResponseWriter, r *http.Request) {
		nap(r.PathValue("ms"))
		fmt.Fprint(w, os.Getpid())
	})
	mux.HandleFunc("/read/{name}", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
		log.Printf("%s read: %v, %t", r.PathValue("name"), err, errors.Is(err, http.ErrHandlerTimeout))
	})
	mux.HandleFunc("/flood/{name}", func(w http.ResponseWriter, r *http.Request) {
		var err error
		for block := make([]byte, 100_000); err == nil; _, err = w.Write(block) {
		}
		log.Printf("%s wrote: %v, %t", r.PathValue("name"), err, errors.Is(err, http.ErrHandlerTimeout))
	})
	var blocked atomic.Int32
	mux.HandleFunc("/block/{name}", func(_ http.ResponseWriter, r *http.Request) {
		blocked.Add(1)
		defer blocked.Add(-1)
		blockUntilReleased(r.PathValue("name"))
	})
	mux.HandleFunc("/blocked", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, blocked.Load()) })
	mux.HandleFunc("/headed/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		blockUntilReleased(r.PathValue("name"))
	})
	mux.HandleFunc("/write/{name}", func(w http.ResponseWriter, r *http.Request) {
		blockUntilReleased(r.PathValue("name"))
		_, err := w.Write(make([]byte, 100_000))
		log.Printf("%s wrote: %v, %t", r.PathValue("name"), err, errors.Is(err, http.ErrHandlerTimeout))
	})
	mux.HandleFunc("/spin/{name}", func(_ http.ResponseWriter, r *http.Request) { spinUntilReleased(r.PathValue("name")) })
	mux.HandleFunc("/socket", echo)
	return mux
}

// WSGI answers some of these paths as Application does.
func WSGI(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	action, argument, _ := strings.Cut(strings.TrimPrefix(env.Get("PATH_INFO"), "/"), "/")
	switch action {
	case "context":
		text := ending(env.Context())
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text(text)
	case "failed":
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return func(yield func([]byte, error) bool) {
			<-env.Context().Done()
			yield(nil, env.Context().Err())
		}
	case "headed":
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return func(yield func([]byte, error) bool) {
			if yield([]byte("begun"), nil) {
				blockUntilReleased(argument)
			}
		}
	}
	blockUntilReleased(argument)
	startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text("too late")
}

// ending waits for the end of a context, and of one that is derived from it, and tells how they ended.
func ending(ctx context.Context) string {
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	deadline, limited := ctx.Deadline()
	<-ctx.Done()
	<-derived.Done()
	late := time.Since(deadline)
	after, cancelAfter := context.WithTimeout(ctx, time.Hour)
	defer cancelAfter()
	<-after.Done()
	for _, c := range []context.Context{ctx, derived, after} {
		if !errors.Is(context.Cause(c), apache.ErrRequestTimeout) {
			return fmt.Sprintf("the cause of %v is %v", c, context.Cause(c))
		}
	}
	return fmt.Sprintf("%v %v %v %v %v", ctx.Err() == context.DeadlineExceeded, derived.Err() == context.DeadlineExceeded,
		errors.Is(context.Cause(ctx), context.DeadlineExceeded), limited, late >= 0)
}

func nap(milliseconds string) {
	n, err := strconv.Atoi(milliseconds)
	if err != nil {
		panic(err)
	}
	time.Sleep(time.Duration(n) * time.Millisecond)
}

// longest is how long a handler goes on that nobody releases.
const longest = 2 * time.Minute

func released(name string) bool {
	_, err := os.Stat(os.Getenv("RELEASE") + "/" + name)
	return err == nil
}

// blockUntilReleased is what a dump has to name.
func blockUntilReleased(name string) {
	for end := time.Now().Add(longest); !released(name) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
}

// spinUntilReleased computes.
func spinUntilReleased(name string) {
	for end := time.Now().Add(longest); time.Now().Before(end); {
		sum := 0
		for i := range 100_000_000 {
			sum += i * i
		}
		if sum == 1 || released(name) {
			return
		}
	}
}

// echo takes the connection over.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, limited := r.Context().Deadline()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nlimited: %t, ended: %t\n", limited, r.Context().Err() != nil)
	for {
		line, err := buffered.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(conn, "%t %s", r.Context().Err() != nil, line); err != nil {
			return
		}
	}
}

// Package lifecycle logs what happens to it in the life of its process, and fails where its environment tells it to.
package lifecycle

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

var running, started atomic.Int32 // requests; functions

func application() (http.Handler, error) {
	log.Print("life: constructed")
	for _, name := range []string{"first", "second"} {
		modgo.OnStart(func(ctx context.Context) error { return start(ctx, name) })
		modgo.OnReload(func() { log.Printf("life: reload %s, %d running", name, running.Load()) })
		modgo.OnShutdown(func(ctx context.Context) { shutDown(ctx, name) })
	}
	return http.HandlerFunc(serve), nil
}

func start(ctx context.Context, name string) error {
	started.Add(1)
	log.Printf("life: start %s", name)
	backgrounds.Add(1)
	context.AfterFunc(ctx, func() {
		log.Printf("life: background of %s ends", name)
		backgrounds.Done()
	})
	switch name + " " + os.Getenv("LIFE_FAILS") {
	case "first start":
		return errors.New("no\nconnection")
	case "second panic":
		panic("in OnStart")
	}
	return nil
}

// backgrounds are what runs beside the requests; a process waits for it before it ends.
var backgrounds sync.WaitGroup

func shutDown(ctx context.Context, name string) {
	backgrounds.Wait()
	deadline, limited := ctx.Deadline()
	log.Printf("life: shutdown %s, %d running, limited %t to %.0f s", name, running.Load(), limited, time.Until(deadline).Seconds())
	if os.Getenv("LIFE_FAILS") == "shutdown" && name == "first" {
		select {}
	}
}

// serve answers when the request's body has ended.
func serve(w http.ResponseWriter, r *http.Request) {
	running.Add(1)
	defer running.Add(-1)
	log.Printf("life: request after %d functions", started.Load())
	_, _ = io.Copy(io.Discard, r.Body) // an error is the client's going
	_, _ = io.WriteString(w, "served")
}

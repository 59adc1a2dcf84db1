// Package fragile dies as it starts, in the way that a file names which the variable FRAGILE of the environment points to, for
// as long as there is that file.
package fragile

/*
static int *nothing;
static int look(void) { return *nothing; }
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

func way() string {
	text, _ := os.ReadFile(os.Getenv("FRAGILE")) // there is none: it lives
	return strings.TrimSpace(string(text))
}

func init() {
	switch way() {
	case "init panics":
		panic("no licence file")
	case "init exits":
		os.Exit(6)
	case "init segfaults":
		fmt.Println(C.look())
	case "goroutine panics":
		time.AfterFunc(200*time.Millisecond, func() { panic("the licence has run out") })
	}
	modgo.OnStart(func(context.Context) error {
		if way() == "start exits" {
			os.Exit(8)
		}
		fmt.Println("fragile has started")
		return nil
	})
}

func application() (http.Handler, error) {
	switch way() {
	case "constructor dies":
		go panic("in a goroutine of the constructor")
		select {}
	case "constructor fails":
		return nil, errors.New("the database at 192.0.2.1 does not answer")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "alive in %d", os.Getpid()) })
	mux.HandleFunc("/segfault", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, C.look()) })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("fragile waits")
		<-r.Context().Done()
	})
	mux.HandleFunc("/panics", func(w http.ResponseWriter, r *http.Request) {
		go panic("in the background of a request")
		select {}
	})
	mux.HandleFunc("/exits", func(w http.ResponseWriter, r *http.Request) {
		go os.Exit(9)
		select {}
	})
	return mux, nil
}

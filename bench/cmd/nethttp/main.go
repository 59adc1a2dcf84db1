// Command nethttp serves the benchmark's site by net/http's own server: nethttp tcp 127.0.0.1:8080, or nethttp unix PATH.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/mod-go/mod-go/bench/internal/listen"
	"github.com/mod-go/mod-go/bench/internal/site"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nethttp:", err)
		os.Exit(1)
	}
}

func run() error {
	l, err := listen.Arguments(os.Args[1:])
	if err != nil {
		return err
	}
	return http.Serve(l, site.Handler)
}

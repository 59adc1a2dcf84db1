// Command fastcgi serves the benchmark's site by net/http/fcgi: on a socket of its own, fastcgi unix PATH, or without
// arguments on the one that mod_fcgid hands it as standard input.
package main

import (
	"fmt"
	"net"
	"net/http/fcgi"
	"os"

	"github.com/mod-go/mod-go/bench/internal/listen"
	"github.com/mod-go/mod-go/bench/internal/site"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fastcgi:", err)
		os.Exit(1)
	}
}

func run() error {
	var l net.Listener // nil is standard input
	if len(os.Args) > 1 {
		var err error
		if l, err = listen.Arguments(os.Args[1:]); err != nil {
			return err
		}
	}
	return fcgi.Serve(l, site.Handler)
}

// Command cgi serves one request of the benchmark's site by net/http/cgi.
package main

import (
	"fmt"
	"net/http/cgi"
	"os"

	"github.com/mod-go/mod-go/bench/internal/site"
)

func main() {
	if err := cgi.Serve(site.Handler); err != nil {
		fmt.Fprintln(os.Stderr, "cgi:", err)
		os.Exit(1)
	}
}

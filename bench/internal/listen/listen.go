// Package listen opens the socket that a backend of the benchmark is told of.
package listen

import (
	"fmt"
	"net"
	"os"
)

// Arguments opens the socket of "tcp ADDRESS" or "unix PATH". That of a path is open to every user: httpd's children run as
// another than the benchmark.
func Arguments(args []string) (net.Listener, error) {
	if len(args) != 2 || (args[0] != "tcp" && args[0] != "unix") {
		return nil, fmt.Errorf("arguments %q: want tcp ADDRESS or unix PATH", args)
	}
	l, err := net.Listen(args[0], args[1])
	if err != nil {
		return nil, err
	}
	if args[0] == "unix" {
		if err := os.Chmod(args[1], 0o666); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Package nettest runs golang.org/x/net/nettest's tests of a net.Conn on connections that were taken over.
package nettest

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/net/nettest"
)

// Application runs the tests at /run and answers with "PASS", or with what failed. The two ends of each connection are the
// one that it dials to its own server, and the one that /end takes over there.
var Application = newMux()

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/run", run)
	mux.HandleFunc("/end", end)
	return mux
}

// ends are those that were taken over, by the address of the other end.
var ends sync.Map // of chan net.Conn

func end(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if rw.Reader.Buffered() > 0 {
		panic("bytes have come before the answer")
	}
	if _, err := conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nettest\r\n\r\n")); err != nil {
		panic(err)
	}
	waiting, found := ends.LoadAndDelete(r.RemoteAddr)
	if !found {
		panic("nobody waits for " + r.RemoteAddr)
	}
	waiting.(chan net.Conn) <- conn
}

// prepare gives package testing its flags, which go test would.
var prepare = sync.OnceFunc(func() {
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil {
		panic(err)
	}
})

func run(w http.ResponseWriter, r *http.Request) {
	prepare()
	local := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
	tests := []testing.InternalTest{{Name: "TestConn", F: func(t *testing.T) {
		nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) { return pipe(local, r.TLS != nil) })
	}}}
	if testing.RunTests(func(string, string) (bool, error) { return true, nil }, tests) {
		fmt.Fprint(w, "PASS")
		return
	}
	http.Error(w, "FAIL: see the error log", http.StatusInternalServerError)
}

// pipe makes a connection of two ends.
func pipe(address string, secure bool) (client, server net.Conn, stop func(), err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, nil, nil, err
	}
	waiting := make(chan net.Conn, 1)
	ends.Store(conn.LocalAddr().String(), waiting)
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // its own server
	}
	if _, err := fmt.Fprint(conn, "GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: nettest\r\n\r\n"); err != nil {
		return nil, nil, nil, err
	}
	answer := bufio.NewReaderSize(conn, 16) // http.ReadResponse reads the head and, of 101, no more
	response, err := http.ReadResponse(answer, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols || answer.Buffered() > 0 {
		return nil, nil, nil, fmt.Errorf("status %s, and %d bytes more", response.Status, answer.Buffered())
	}
	server = <-waiting
	return conn, server, func() { conn.Close(); server.Close() }, nil
}

// Package sibling lets the children of one server ask each other, over HTTP on abstract Unix sockets.
//
// A child answers only who shows the key that the children share, and runs as the same user. The names of abstract sockets can
// be seen by every process of the machine; the key cannot.
package sibling

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

// keyHeader is the name of the header that shows the key.
const keyHeader = "Sibling-Key"

// Serve answers siblings with handler, from now until the process ends, and returns the address under which they reach it.
func Serve(key []byte, handler http.Handler) (address string, err error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix"}) // without a name, the kernel chooses one
	if err != nil {
		return "", err
	}
	server := &http.Server{
		Handler:           guard(key, handler),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // who connects hears of it
	}
	go func() { _ = server.Serve(sameUser{l}) }()
	return l.Addr().String(), nil
}

// guard refuses requests without the key.
func guard(key []byte, handler http.Handler) http.Handler {
	want := []byte(hex.EncodeToString(key))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(keyHeader)), want) != 1 {
			http.Error(w, "The key is missing or wrong.", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// sameUser accepts connections of this process's user alone, and closes others.
type sameUser struct{ *net.UnixListener }

func (l sameUser) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if userOf(conn) == os.Geteuid() {
			return conn, nil
		}
		conn.Close()
	}
}

// userOf is the id of the user whose process has connected; -1 if the kernel does not tell.
func userOf(conn *net.UnixConn) int {
	user := -1
	raw, err := conn.SyscallConn()
	if err != nil {
		return user
	}
	_ = raw.Control(func(fd uintptr) {
		if peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			user = int(peer.Uid)
		}
	})
	return user
}

// ErrNone is the error of asking a child that is not there, or cannot be asked.
var ErrNone = errors.New("there is no such child, or it has just begun or ended")

// Transport asks siblings: the host of a request's URL is the child's number, see URL. AddressOf tells a child's address, "" for
// none.
func Transport(key []byte, addressOf func(child int) string) http.RoundTripper {
	return &transport{hex.EncodeToString(key), http.Transport{
		DisableKeepAlives: true, // the next child in this place is another one
		DialContext: func(ctx context.Context, _, host string) (net.Conn, error) {
			name, _, err := net.SplitHostPort(host)
			if err != nil {
				return nil, err
			}
			child, err := strconv.Atoi(name)
			if err != nil {
				return nil, err
			}
			address := addressOf(child)
			if address == "" {
				return nil, ErrNone
			}
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		},
	}}
}

type transport struct {
	key string
	http.Transport
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(keyHeader, t.key)
	return t.Transport.RoundTrip(r)
}

// URL is that of a path of a child, for a request over Transport.
func URL(child int, path string) string { return "http://" + strconv.Itoa(child) + path }

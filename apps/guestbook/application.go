// Package guestbook keeps what its visitors write in an SQLite file that all child processes of the server share.
//
//	curl http://127.0.0.1:8000/guestbook/
//	curl -H 'Accept: application/json' http://127.0.0.1:8000/guestbook/
//	curl --data-urlencode name=Ada --data-urlencode message='Hello!' http://127.0.0.1:8000/guestbook/
//
// It shows an application that has to be constructed: application runs once in each child process and opens the database,
// and where that fails the configuration test reports its error. The file is what the environment variable GUESTBOOK_DB
// names, which the configuration sets with
//
//	GoSetEnv GUESTBOOK_DB /var/lib/guestbook/guestbook.db
//
// or, without it, one in a private directory of the server's user under the system's temporary directory.
package guestbook

import (
	"fmt"
	"net/http"
)

func application() (http.Handler, error) {
	book, err := openBook()
	if err != nil {
		return nil, fmt.Errorf("guestbook: %w", err)
	}
	return newHandler(book), nil
}

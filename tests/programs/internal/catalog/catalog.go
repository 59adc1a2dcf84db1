// Package catalog is what the applications of the web frameworks have in common: all that is not routing, middleware,
// reading requests and writing responses. It knows of no server.
package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
)

// User is what GET /users/ID answers.
type User struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// FindUser returns the user of an ID, which is written as a number. Every number has one.
func FindUser(id string) (User, error) {
	number, err := strconv.Atoi(id)
	if err != nil {
		return User{}, fmt.Errorf("user %q: an ID is a number", id)
	}
	return User{ID: number, Name: "user " + id}, nil
}

// Order is what POST /orders takes, as JSON or from a form.
type Order struct {
	Article string   `json:"article" form:"article" xml:"article"`
	Count   int      `json:"count" form:"count" xml:"count"`
	Tags    []string `json:"tags" form:"tag" xml:"tag"`
}

// String is an order in words.
func (o Order) String() string { return fmt.Sprintf("%d of %s %q", o.Count, o.Article, o.Tags) }

// Receipt is what POST /upload answers.
type Receipt struct {
	Note   string `json:"note"`
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Receive reads an uploaded file to its end.
func Receive(note, name string, file io.Reader) (Receipt, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return Receipt{}, fmt.Errorf("reading %s: %w", name, err)
	}
	return Receipt{Note: note, Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Token is what the requests below /admin bear in the header X-Token.
const Token = "secret"

// TickEvery is the time between two lines of Ticks.
const TickEvery = 150 * time.Millisecond

// Ticks are lines that come one after the other, each with the moment that it was made at, in nanoseconds since 1970.
func Ticks(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if i > 0 {
				time.Sleep(TickEvery)
			}
			if !yield(strconv.FormatInt(time.Now().UnixNano(), 10) + "\n") {
				return
			}
		}
	}
}

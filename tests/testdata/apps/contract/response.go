package contract

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"runtime"
	"strings"
	"time"
	"weak"

	"github.com/mod-go/mod-go/modgo"
)

type cause struct{ text string }

func (c *cause) Error() string { return c.text }

// forgets gives startResponse a cause, and answers whether it is still held afterwards (C37).
func forgets(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", modgo.Headers{plain})
	given := replace(start)
	for range 3 {
		runtime.GC()
	}
	return modgo.Text(fmt.Sprintf("held: %t", given.Value() != nil))
}

// replace has a frame of its own, so that nothing here keeps the cause.
//
//go:noinline
func replace(start modgo.StartResponse) weak.Pointer[cause] {
	c := &cause{strings.Repeat("c", 100)}
	start("200 Replaced", modgo.Headers{plain}, c)
	return weak.Make(c)
}

// reuse overwrites what it has given as soon as it may: after a write has returned, and when the next block is wanted (C41).
func reuse(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	write := start("200 OK", modgo.Headers{plain})
	buffer := make([]byte, 100_000)
	for _, b := range []byte("ab") {
		fill(buffer, b)
		if _, err := write.Write(buffer); err != nil {
			panic(err)
		}
		fill(buffer, '#')
	}
	return func(yield func([]byte, error) bool) {
		for _, b := range []byte("cd") {
			fill(buffer, b)
			if !yield(buffer, nil) {
				return
			}
			fill(buffer, '#')
		}
	}
}

func fill(buffer []byte, b byte) {
	for i := range buffer {
		buffer[i] = b
	}
}

// endings returns a body of the kind that the query names, which ends as the query says; its clean-up is noted (C42).
func endings(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	noteEnd(env)
	q := query(env)
	cleanUp := func() { note(env, "clean-up") }
	content := &ending{how: q.Get("ending")}
	start("200 OK", modgo.Headers{plain})
	switch q.Get("body") {
	case "iterator":
		return func(yield func([]byte, error) bool) {
			defer cleanUp()
			modgo.Reader(content)(yield)
		}
	case "onclose":
		return modgo.OnClose(modgo.Reader(content), cleanUp)
	case "reader":
		return modgo.Reader(readCloser{content, cleanUp})
	case "file":
		return modgo.File(endingFile{readCloser{content, cleanUp}})
	}
	panic("no such body")
}

// ending is content that begins, and then ends in one of several ways.
type ending struct {
	how   string
	begun bool
}

func (e *ending) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, "begun"), nil
	}
	switch e.how {
	case "error":
		return 0, errors.New("contract: the body's error")
	case "panic":
		panic("contract: the body's panic")
	case "never":
		fill(p, 'x')
		return len(p), nil
	}
	return 0, io.EOF
}

type readCloser struct {
	io.Reader
	close func()
}

func (c readCloser) Close() error {
	c.close()
	return nil
}

// endingFile is a file that is none of the operating system's, and whose size nobody knows.
type endingFile struct{ readCloser }

func (endingFile) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

// extensions tries what a Controller offers, in the circumstances of the query, and answers with what came of each (C50).
func extensions(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	switch query(env).Get("with") {
	case "none":
		env.SetExtension(nil)
	case "another input":
		env.SetInput(strings.NewReader("another"))
		_, _, err := modgo.NewController(env).Hijack()
		return answer(start, "200 OK", classOf(err))
	case "the response begun":
		write := start("200 OK", modgo.Headers{plain})
		_, _ = io.WriteString(write, "begun ")
		c := modgo.NewController(env)
		_, _, err := c.Hijack()
		return modgo.Text(fmt.Sprintf("inform:%s announce:%s hijack:%s", classOf(c.Inform("103 Early Hints", nil)), classOf(c.AnnounceTrailers("X-Sum")), classOf(err)))
	}
	c := modgo.NewController(env)
	var outcomes []string
	try := func(name string, err error) { outcomes = append(outcomes, name+":"+classOf(err)) }
	try("inform", c.Inform("103 Early Hints", modgo.Headers{{"Link", "</style.css>; rel=preload"}}))
	try("announce", c.AnnounceTrailers("X-Sum"))
	try("trailers", c.SetTrailers(modgo.Headers{{"X-Sum", "42"}}))
	try("read deadline", c.SetReadDeadline(time.Now().Add(time.Hour)))
	try("write deadline", c.SetWriteDeadline(time.Now().Add(time.Hour)))
	try("full duplex", c.EnableFullDuplex())
	start("200 OK", modgo.Headers{plain})
	try("flush", c.Flush())
	return func(yield func([]byte, error) bool) { yield([]byte(strings.Join(outcomes, " ")), nil) }
}

// classOf is how an extension ended.
func classOf(err error) string {
	var broken *modgo.ContractError
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, http.ErrNotSupported):
		return "unsupported"
	case errors.As(err, &broken):
		return broken.Clause
	}
	return "refused"
}

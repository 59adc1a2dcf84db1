package contract

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/mod-go/mod-go/modgo"
)

// file answers with a file of Pattern(size), of the kind, from the offset and with the Content-Length that the query names
// (C51, C52, C53). At the end of the request it notes whether the file was closed.
func file(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	noteEnd(env)
	q := query(env)
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(q.Get(name), 10, 64)
		return n
	}
	f := openFile(env, q.Get("kind"), Pattern(int(number("size"))))
	if offset := number("offset"); offset > 0 {
		if _, err := io.CopyN(io.Discard, f, offset); err != nil {
			panic(err)
		}
	}
	headers := modgo.Headers{plain}
	if q.Has("length") {
		headers = append(headers, [2]string{"Content-Length", q.Get("length")})
	}
	body := modgo.File(f)
	writer := start("200 OK", headers)
	if q.Has("write") {
		_, _ = io.WriteString(writer, q.Get("write"))
	}
	if q.Has("append") { // what has been sent by now would be too little
		appendTo(f, q.Get("append"))
	}
	if q.Has("instead") {
		_ = f.Close()
		return modgo.Text(q.Get("instead"))
	}
	return modgo.OnClose(body, func() { noteClosed(env, f) })
}

func openFile(env *modgo.Environ, kind string, content []byte) fs.File {
	switch kind {
	case "os":
		return temporary(content)
	case "pipe":
		r, w, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		go func() {
			_, _ = w.Write(content) // fails where the reader has gone
			_ = w.Close()
		}()
		return r
	case "seekable":
		return &countedFile{inMemory(content), env, 0}
	case "stream":
		return struct{ fs.File }{&countedFile{inMemory(content), env, 0}} // whose Seek is hidden
	}
	panic("no such file")
}

func temporary(content []byte) *os.File {
	f, err := os.CreateTemp("", "contract-")
	if err != nil {
		panic(err)
	}
	_ = os.Remove(f.Name())
	if _, err := f.Write(content); err != nil {
		panic(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		panic(err)
	}
	return f
}

func appendTo(f fs.File, text string) {
	if _, err := f.(*os.File).WriteAt([]byte(text), sizeOf(f)); err != nil {
		panic(err)
	}
}

func sizeOf(f fs.File) int64 {
	info, err := f.Stat()
	if err != nil {
		panic(err)
	}
	return info.Size()
}

func inMemory(content []byte) fs.File {
	f, err := fstest.MapFS{"file": {Data: content}}.Open("file")
	if err != nil {
		panic(err)
	}
	return f
}

// countedFile notes its Close.
type countedFile struct {
	fs.File
	env    *modgo.Environ
	closed int
}

func (f *countedFile) Close() error {
	f.closed++
	return f.File.Close()
}

func (f *countedFile) Seek(offset int64, whence int) (int64, error) {
	return f.File.(io.Seeker).Seek(offset, whence)
}

// noteClosed notes how often the file was closed; of one of the operating system's it can be told only whether it is.
func noteClosed(env *modgo.Environ, f fs.File) {
	if hidden, ok := f.(struct{ fs.File }); ok {
		f = hidden.File
	}
	if counted, ok := f.(*countedFile); ok {
		note(env, "closed "+strings.Repeat("once ", counted.closed))
		return
	}
	if _, err := f.Stat(); errors.Is(err, os.ErrClosed) {
		note(env, "closed once ")
		return
	}
	note(env, "not closed")
}

package modgo_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mod-go/mod-go/modgo"
)

// fileRecorder is a recorder that takes files.
type fileRecorder struct{ recorder }

func (r *fileRecorder) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	return r.record("%s: file "+fmt.Sprintf("%d+%d", offset, length)+"%s", head, nil)
}

// counted is a file that counts how often it is closed.
type counted struct {
	fs.File
	closed int
}

func (c *counted) Close() error {
	c.closed++
	return c.File.Close()
}

// seekable is a counted file that seeks.
type seekable struct{ counted }

func (s *seekable) Seek(offset int64, whence int) (int64, error) {
	return s.File.(io.Seeker).Seek(offset, whence)
}

// onDisk is a file of this content, read up to an offset.
func onDisk(t *testing.T, content string, offset int64) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func inMemory(t *testing.T, content string) fs.File {
	t.Helper()
	f, err := fstest.MapFS{"file": {Data: []byte(content)}}.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func isClosed(f *os.File) bool {
	_, err := f.Stat()
	return errors.Is(err, os.ErrClosed)
}

// TestFile: an *os.File is the server's to send, from its offset to its end or as much as Content-Length says (C53).
func TestFile(t *testing.T) {
	for _, test := range []struct {
		name    string
		method  string
		offset  int64
		headers modgo.Headers
		want    []string
		length  string // the Content-Length that goes out
		err     string
	}{
		{"whole", "GET", 0, nil, []string{"200 OK: file 0+10", "-:  end"}, "10", ""},
		{"from its offset", "GET", 4, nil, []string{"200 OK: file 4+6", "-:  end"}, "6", ""},
		{"a part by Content-Length", "GET", 2, length("3"), []string{"200 OK: file 2+3", "-:  end"}, "3", ""},
		{"nothing left", "GET", 10, nil, []string{"200 OK:  end"}, "0", ""},
		{"HEAD", "HEAD", 4, nil, []string{"200 OK:  end"}, "6", ""},
		{"shorter than Content-Length (C45)", "GET", 0, length("11"), []string{"200 OK: file 0+10"}, "11", "C45"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := onDisk(t, "0123456789", test.offset)
			host := new(fileRecorder)
			err := modgo.Serve(starting("200 OK", test.headers, modgo.File(f)), request(test.method), host)
			if !slices.Equal(host.calls, test.want) {
				t.Errorf("the host was told %q; want %q", host.calls, test.want)
			}
			if got := fmt.Sprint(host.headers); got != "[[Content-Length "+test.length+"]]" {
				t.Errorf("headers %s; want a Content-Length of %s", got, test.length)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v; want %q", err, test.err)
			}
			if !isClosed(f) {
				t.Error("the file is not closed (C52)")
			}
		})
	}
}

// TestFileInBlocks: a file that the server cannot send by its own means is read.
func TestFileInBlocks(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.WriteString("from a pipe"); err != nil {
		t.Fatal(err)
	}
	write.Close()
	for _, test := range []struct {
		name    string
		file    fs.File
		host    modgo.Host
		headers modgo.Headers
		want    []string
		length  string // "": none
	}{
		{"a host without files", onDisk(t, "0123456789", 7), new(recorder), nil, []string{"200 OK: 789", "-:  end"}, "3"},
		{"a file that seeks", &seekable{counted{File: inMemory(t, "abc")}}, new(fileRecorder), nil, []string{"200 OK: abc", "-:  end"}, "3"},
		{"a file that does not seek", &counted{File: inMemory(t, "abc")}, new(fileRecorder), nil, []string{"200 OK: abc", "-:  end"}, ""},
		{"as much as Content-Length says", &counted{File: inMemory(t, "abcdef")}, new(fileRecorder), length("2"), []string{"200 OK: ab", "-:  end"}, "2"},
		{"a pipe", read, new(fileRecorder), nil, []string{"200 OK: from a pipe", "-:  end"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := modgo.Serve(starting("200 OK", test.headers, modgo.File(test.file)), request("GET"), test.host); err != nil {
				t.Fatal(err)
			}
			var r *recorder
			switch host := test.host.(type) {
			case *recorder:
				r = host
			case *fileRecorder:
				r = &host.recorder
			}
			if !slices.Equal(r.calls, test.want) {
				t.Errorf("the host was told %q; want %q", r.calls, test.want)
			}
			got := ""
			for _, h := range r.headers {
				got = h[1]
			}
			if got != test.length {
				t.Errorf("Content-Length %q; want %q", got, test.length)
			}
			switch f := test.file.(type) {
			case *counted:
				if f.closed != 1 {
					t.Errorf("closed %d times", f.closed)
				}
			case *seekable:
				if f.closed != 1 {
					t.Errorf("closed %d times", f.closed)
				}
			case *os.File:
				if !isClosed(f) {
					t.Error("not closed")
				}
			}
		})
	}
}

// TestFileThroughMiddleware: a middleware that iterates the body gets its blocks.
func TestFileThroughMiddleware(t *testing.T) {
	f := onDisk(t, "0123456789", 5)
	var got []byte
	for block, err := range modgo.File(f) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, block...)
	}
	if string(got) != "56789" || !isClosed(f) {
		t.Errorf("%q, closed %v; want 56789, closed", got, isClosed(f))
	}
}

// TestFileIsClosed: once, in every ending (C42, C52).
func TestFileIsClosed(t *testing.T) {
	for _, test := range []struct {
		name string
		app  func(modgo.Body) modgo.Application
		host *recorder
	}{
		{"startResponse was not called", func(b modgo.Body) modgo.Application {
			return func(*modgo.Environ, modgo.StartResponse) modgo.Body { return b }
		}, new(recorder)},
		{"the client goes", func(b modgo.Body) modgo.Application { return starting("200 OK", nil, b) }, &recorder{broken: 1}},
		{"the client has gone before", func(b modgo.Body) modgo.Application {
			return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
				io.WriteString(start("200 OK", nil), "written")
				return b
			}
		}, &recorder{broken: 1}},
	} {
		f := &counted{File: inMemory(t, strings.Repeat("x", 100_000))}
		if err := modgo.Serve(test.app(modgo.File(f)), request("GET"), test.host); err == nil {
			t.Errorf("%s: no error", test.name)
		}
		if f.closed != 1 {
			t.Errorf("%s: closed %d times", test.name, f.closed)
		}
	}
}

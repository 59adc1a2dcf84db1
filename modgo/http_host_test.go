package modgo_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// TestFileKeepsItsOffset: net/http copies a file from its offset, which is put back.
func TestFileKeepsItsOffset(t *testing.T) {
	f := onDisk(t, "0123456789", 4)
	descriptor, err := syscall.Dup(int(f.Fd())) // shares the offset, and outlives the body
	if err != nil {
		t.Fatal(err)
	}
	same := os.NewFile(uintptr(descriptor), "same")
	defer same.Close()
	_, body := get(t, "http://"+serve(t, modgo.ToHandler(starting("200 OK", length("3"), modgo.File(f)))))
	if offset, err := same.Seek(0, io.SeekCurrent); body != "456" || offset != 4 || err != nil {
		t.Errorf("%q was sent; the offset is %d, %v; want 4", body, offset, err)
	}
}

// shortening makes a file shorter when the head of its response is out.
type shortening struct {
	http.ResponseWriter
	file *os.File
	t    *testing.T
}

func (w *shortening) WriteHeader(status int) {
	w.ResponseWriter.WriteHeader(status)
	if err := os.Truncate(w.file.Name(), 50_000); err != nil {
		w.t.Error(err)
	}
}

// ReadFrom lets net/http use sendfile.
func (w *shortening) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }

// TestFileThatShrinks: the client sees the end of the connection, and the log says why.
func TestFileThatShrinks(t *testing.T) {
	f := onDisk(t, strings.Repeat("x", 100_000), 0)
	var logged syncBuffer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		modgo.ToHandler(starting("200 OK", nil, modgo.File(f))).ServeHTTP(&shortening{w, f, t}, r)
	}))
	server.Config.ErrorLog = log.New(&logged, "", 0)
	server.Start()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || len(body) > 50_000 {
		t.Errorf("the client got %d bytes of %d, %v", len(body), response.ContentLength, err)
	}
	server.Close() // what is logged has been by then
	if want := f.Name() + " ended after 50000 of the 100000 bytes"; strings.Count(logged.String(), want) != 1 {
		t.Errorf("the log has %q; want %q", logged.String(), want)
	}
}

package modgo_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/modgo"
)

// TestContent: Content answers what http.ServeContent does, headers and body.
func TestContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	modified := time.Unix(1_700_000_000, 0)
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	headers := modgo.Headers{{"ETag", `"v1"`}, {"Cache-Control", "no-cache"}}
	var opened *counted
	content := modgo.ToHandler(func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		opened = &counted{File: f}
		return modgo.Content(env, start, struct {
			fs.File
			seeker
		}{opened, f}, headers)
	})
	standard := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, h := range headers {
			w.Header().Set(h[0], h[1])
		}
		http.ServeContent(w, r, "page.html", modified, f)
	})
	for _, test := range []struct{ method, name, value string }{
		{"GET", "Accept", "*/*"},
		{"HEAD", "Accept", "*/*"},
		{"GET", "Range", "bytes=100-199"},
		{"GET", "Range", "bytes=-5"},
		{"GET", "Range", "bytes=9990-"},
		{"GET", "Range", "bytes=0-0"},
		{"GET", "Range", "bytes=20000-"},
		{"GET", "Range", "nonsense"},
		{"HEAD", "Range", "bytes=1-2"},
		{"GET", "If-None-Match", `"v1"`},
		{"GET", "If-None-Match", `"v2"`},
		{"GET", "If-Match", `"v2"`},
		{"GET", "If-Modified-Since", modified.UTC().Format(http.TimeFormat)},
		{"GET", "If-Unmodified-Since", modified.Add(-time.Hour).UTC().Format(http.TimeFormat)},
		{"HEAD", "If-None-Match", `"v1"`},
	} {
		r := httptest.NewRequest(test.method, "/", nil)
		r.Header.Set(test.name, test.value)
		want, got := httptest.NewRecorder(), httptest.NewRecorder()
		standard.ServeHTTP(want, r)
		content.ServeHTTP(got, r)
		if got.Code != want.Code || got.Body.String() != want.Body.String() {
			t.Errorf("%v: %d with %d bytes; want %d with %d", test, got.Code, got.Body.Len(), want.Code, want.Body.Len())
		}
		// The length of an error's text, which net/http's server adds at last; no type, as which net/http takes an empty list.
		if want.Header().Get("Content-Length") == "" {
			got.Header().Del("Content-Length")
		}
		if len(got.Header()["Content-Type"]) == 0 {
			got.Header().Del("Content-Type")
		}
		if g, w := fmt.Sprint(got.Header()), fmt.Sprint(want.Header()); g != w {
			t.Errorf("%v:\n got %s\nwant %s", test, g, w)
		}
		if opened.closed != 1 {
			t.Errorf("%v: closed %d times", test, opened.closed)
		}
	}
	// Several ranges: the boundary varies.
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Range", "bytes=0-1,5-6")
	got := httptest.NewRecorder()
	content.ServeHTTP(got, r)
	if got.Code != 206 || !strings.HasPrefix(got.Header().Get("Content-Type"), "multipart/byteranges") ||
		!strings.Contains(got.Body.String(), "bytes 5-6/10000\r\n") || opened.closed != 1 {
		t.Errorf("two ranges: %d %v %q, closed %d times", got.Code, got.Header(), got.Body, opened.closed)
	}
}

type seeker interface {
	Seek(offset int64, whence int) (int64, error)
}

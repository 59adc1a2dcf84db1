package tests

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// testFilters: httpd's filters work on what applications send and read, as they do on files and proxies.
func testFilters(t *testing.T, srv *httpdtest.Server) {
	t.Run("mod_deflate", func(t *testing.T) {
		for path, size := range map[string]int{"/deflate/bytes/5000": 5000, "/deflate/length/100000": 100000, "/deflate/bytes/100000": 100000} {
			resp := srv.Get(path, "Accept-Encoding", "gzip")
			if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("GET %s: %v; want it compressed", path, resp.Header)
				continue
			}
			reader, err := gzip.NewReader(strings.NewReader(resp.Text))
			if err != nil {
				t.Errorf("GET %s: %v", path, err)
				continue
			}
			plain, err := io.ReadAll(reader)
			if want := srv.Get(path).Text; err != nil || string(plain) != want || len(plain) != size || len(resp.Text) >= size {
				t.Errorf("GET %s: %d bytes from %d (%v); want the %d that come uncompressed", path, len(plain), len(resp.Text), err, size)
			}
		}
	})
	t.Run("mod_deflate while streaming", func(t *testing.T) {
		c := converse(t, srv)
		c.send("POST /deflate/relay HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nContent-Length: 10\r\nConnection: close\r\n\r\n")
		reader, err := gzip.NewReader(c.head("POST").Body)
		if err != nil {
			t.Fatal(err)
		}
		c.expect(reader, "begin ")
		c.send("first")
		c.expect(reader, "first")
		c.send("other")
		c.expect(reader, "other EOF")
	})
	t.Run("mod_deflate before the application", func(t *testing.T) {
		var plain, packed bytes.Buffer
		for i := range 20000 {
			fmt.Fprintf(&plain, "line %d\n", i)
		}
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write(plain.Bytes()) // neither can fail: it is written to memory
		_ = writer.Close()
		report := probed(t, srv.Send("POST", "/probe/inflated", &packed, "Content-Encoding", "gzip"))
		sum := sha256.Sum256(plain.Bytes())
		if report.BodyLength != int64(plain.Len()) || report.BodySHA256 != hex.EncodeToString(sum[:]) || report.BodyError != "" {
			t.Errorf("the application reads %d bytes (%s); want the %d that were compressed", report.BodyLength, report.BodyError, plain.Len())
		}
		srv.Expect(`\[deflate:warn\].*AH01387: Zlib: Invalid header`).Times(1)
		bad := probed(t, srv.Send("POST", "/probe/inflated", strings.NewReader("this was never compressed by anything"), "Content-Encoding", "gzip"))
		if bad.BodyError == "" || strings.Contains(bad.BodyError, "chunked") {
			t.Errorf("the application is told %q of a body that cannot be inflated; want an error that is true", bad.BodyError)
		}
	})
	t.Run("mod_headers", func(t *testing.T) {
		resp := srv.Get("/headers/status/200?body=x")
		if resp.Header.Get("X-Added") != "yes" || strings.Join(resp.Header["X-Kept"], "|") != "yes, more" {
			t.Errorf("the headers are %v", resp.Header)
		}
		if resp := srv.Get("/headers/bytes/5"); resp.Header.Get("X-Seen") != "" || resp.Text != "abcde" {
			t.Errorf("X-Seen is %q; want it removed", resp.Header.Get("X-Seen"))
		}
		report := probed(t, srv.Get("/probe", "X-Dropped", "1"))
		checkVariables(t, report.Environ, map[string]string{"HTTP_X_FROM_APACHE": "yes", "HTTP_X_DROPPED": absent})
		if !slices.Equal(report.Header["X-From-Apache"], []string{"yes"}) || report.Header["X-Dropped"] != nil {
			t.Errorf("a handler sees %v", report.Header)
		}
	})
}

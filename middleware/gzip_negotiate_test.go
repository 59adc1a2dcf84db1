package middleware_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func TestGzipNegotiates(t *testing.T) {
	s := serveSite(t, "", checked(t, middleware.Gzip(middleware.GzipOptions{}))(respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") })))
	for accept, want := range map[string]bool{
		"":                           false,
		"gzip":                       true,
		"GZIP":                       true,
		"x-gzip":                     true,
		"*":                          true,
		"deflate, gzip, br":          true,
		"gzip;q=0.001":               true,
		" gzip ; q=1.000 ,br":        true,
		"gzip;Q=0.5":                 true,
		"*;q=0.5":                    true,
		"br, *;q=0":                  false,
		"gzip;q=0":                   false,
		"gzip;q=0.0, *":              false,
		"identity":                   false,
		"br":                         false,
		"gzip;q=0.5, identity":       false, // which it would rather have
		"gzip;q=0.5, identity;q=0.5": true,
		"gzip;q=0.1, *":              false,
		"identity;q=0":               false, // neither is welcome: as it is, rather than 406
		"gzip;q=2":                   false, // no weight
		"gzip;q=high":                false,
		"gzip;q=-1":                  false,
		"gzip;q=NaN":                 false,
		"gzip;q=":                    false,
		"gzip;level=9":               false,
		"gzipped":                    false,
		",;, =":                      false,
	} {
		r := s.do(t, "GET", "/", "Accept-Encoding: "+accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q", accept, r.Header.Get("Content-Encoding"))
		} else if got && r.unzipped(t) != "hello" || !got && r.Body != "hello" {
			t.Errorf("Accept-Encoding %q: body %q", accept, r.Body)
		}
		if got := r.Header["Vary"]; len(got) != 1 || got[0] != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Vary %q", accept, got)
		}
	}
}

func TestGzipChangesWhatItMust(t *testing.T) {
	long := strings.Repeat("a long text ", 200)
	type headers = modgo.Headers
	html := [2]string{"Content-Type", "text/html; charset=utf-8"}
	length := func(n int) [2]string { return [2]string{"Content-Length", strconv.Itoa(n)} }
	for _, test := range []struct {
		name, status string
		headers      headers
		want         string // Content-Encoding
		check        map[string]string
	}{
		{"a long page", "200 OK", headers{html, length(len(long)), {"ETag", `"1"`}, {"Accept-Ranges", "bytes"}}, "gzip",
			map[string]string{"Etag": `W/"1"`, "Accept-Ranges": "", "Vary": "Accept-Encoding"}},
		{"a weak ETag", "200 OK", headers{html, {"ETag", `W/"1"`}}, "gzip", map[string]string{"Etag": `W/"1"`}},
		{"an error", "404 Not Found", headers{html}, "gzip", nil},
		{"a type of data", "200 OK", headers{{"Content-Type", "application/problem+json"}}, "gzip", nil},
		{"an image of text", "200 OK", headers{{"Content-Type", "image/svg+xml"}}, "gzip", nil},
		{"Vary there already", "200 OK", headers{html, {"Vary", "Cookie, accept-encoding"}}, "gzip", map[string]string{"Vary": "Cookie, accept-encoding"}},
		{"Vary of everything", "200 OK", headers{html, {"Vary", "*"}}, "gzip", map[string]string{"Vary": "*"}},
		{"Vary of something else", "200 OK", headers{html, {"Vary", "Cookie"}}, "gzip", map[string]string{"Vary": "Cookie, Accept-Encoding"}},
		{"encoded already", "200 OK", headers{html, {"Content-Encoding", "br"}}, "br", map[string]string{"Vary": ""}},
		{"a part", "206 Partial Content", headers{html, {"Content-Range", "bytes 0-1/2"}}, "", map[string]string{"Vary": ""}},
		{"several parts", "206 Partial Content", headers{{"Content-Type", "multipart/byteranges; boundary=x"}}, "", nil},
		{"no-transform", "200 OK", headers{html, {"Cache-Control", "public, No-Transform"}, {"ETag", `"1"`}}, "", map[string]string{"Etag": `"1"`}},
		{"a digest", "200 OK", headers{html, {"Repr-Digest", "sha-256=:AA==:"}}, "", nil},
		{"an image", "200 OK", headers{{"Content-Type", "image/png"}}, "", map[string]string{"Vary": ""}},
		{"a video", "200 OK", headers{{"Content-Type", "video/mp4"}}, "", nil},
		{"an archive", "200 OK", headers{{"Content-Type", "application/zip"}}, "", nil},
		{"a stream of events", "200 OK", headers{{"Content-Type", "text/event-stream"}}, "", nil},
		{"no proper type", "200 OK", headers{{"Content-Type", "/"}}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			bothWays(t, checked(t, middleware.Gzip(middleware.GzipOptions{})), func(t *testing.T, m modgo.Middleware) {
				s := serveSite(t, "", m(respond(test.status, test.headers, func() modgo.Body { return modgo.Text(long) })))
				for _, method := range []string{"GET", "HEAD"} {
					r := s.do(t, method, "/", "Accept-Encoding: gzip")
					if got := r.Header.Get("Content-Encoding"); got != test.want {
						t.Errorf("%s: Content-Encoding %q; want %q", method, got, test.want)
					}
					for name, want := range test.check {
						if got := strings.Join(r.Header[name], ", "); got != want {
							t.Errorf("%s: %s is %q; want %q", method, name, got, want)
						}
					}
					if n := r.Header.Get("Content-Length"); test.want == "gzip" && n == strconv.Itoa(len(long)) {
						t.Errorf("%s: the Content-Length is that of the page", method)
					}
					if method == "HEAD" {
						continue
					}
					if test.want == "gzip" {
						r.Body = r.unzipped(t)
					}
					if r.Body != long {
						t.Errorf("the body is %d bytes; want %d", len(r.Body), len(long))
					}
				}
			})
		})
	}
}

func TestGzipLeavesShortBodiesAlone(t *testing.T) {
	for _, test := range []struct {
		options middleware.GzipOptions
		length  int
		want    string
	}{
		{middleware.GzipOptions{}, 1023, ""},
		{middleware.GzipOptions{}, 1024, "gzip"},
		{middleware.GzipOptions{MinLength: 10}, 9, ""},
		{middleware.GzipOptions{MinLength: 10}, 10, "gzip"},
		{middleware.GzipOptions{MinLength: -1}, 1, "gzip"},
		{middleware.GzipOptions{MinLength: -1, Level: 9, Types: func(s string) bool { return s == "text/html" }}, 5000, ""},
	} {
		body := strings.Repeat("x", test.length)
		headers := append(text, [2]string{"Content-Length", strconv.Itoa(test.length)})
		s := serveSite(t, "", checked(t, middleware.Gzip(test.options))(respond("200 OK", headers, func() modgo.Body { return modgo.Text(body) })))
		for _, method := range []string{"GET", "HEAD"} {
			if r := s.do(t, method, "/", "Accept-Encoding: gzip"); r.Header.Get("Content-Encoding") != test.want || test.want == "" && r.ContentLength != int64(test.length) {
				t.Errorf("%+v, %s of %d bytes: Content-Encoding %q, Content-Length %d", test.options, method, test.length, r.Header.Get("Content-Encoding"), r.ContentLength)
			}
		}
	}
}

func TestCompressibleType(t *testing.T) {
	for mediaType, want := range map[string]bool{
		"text/html": true, "text/event-stream": false, "application/json": true, "application/ld+json": true, "image/svg+xml": true,
		"application/wasm": true, "image/png": false, "application/octet-stream": false, "application/gzip": false, "font/woff2": false,
		"font/ttf": true, "": false, "texts/html": false, "multipart/byteranges": false,
	} {
		if got := middleware.CompressibleType(mediaType); got != want {
			t.Errorf("%q: %v", mediaType, got)
		}
	}
}

package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// A script is a handler that notes what its calls return.
type script func(w http.ResponseWriter, note func(...any))

// write notes the results of a Write.
func write(w io.Writer, note func(...any), block string) {
	n, err := w.Write([]byte(block))
	note(n, err)
}

// scripts are handlers that net/http and a ResponseWriter have to treat alike.
var scripts = map[string]script{
	"nothing at all":          func(http.ResponseWriter, func(...any)) {},
	"status alone":            func(w http.ResponseWriter, _ func(...any)) { w.WriteHeader(201) },
	"status without a name":   func(w http.ResponseWriter, _ func(...any)) { w.WriteHeader(299) },
	"highest status":          func(w http.ResponseWriter, _ func(...any)) { w.WriteHeader(999) },
	"body, implicit status":   func(w http.ResponseWriter, note func(...any)) { write(w, note, "hello") },
	"string, implicit status": func(w http.ResponseWriter, note func(...any)) { note(io.WriteString(w, "hello")) },
	"body, explicit status": func(w http.ResponseWriter, note func(...any)) {
		w.WriteHeader(404)
		write(w, note, "none")
	},
	"empty write fixes the head": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "")
		w.Header().Set("X-Late", "yes")
		w.WriteHeader(404)
	},
	"headers after WriteHeader": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("X-Kept", "early")
		w.WriteHeader(202)
		w.Header().Set("X-Kept", "late")
		w.Header().Set("X-Late", "yes")
		write(w, note, "hello")
	},
	"headers after Write": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "hello")
		w.Header().Set("X-Late", "yes")
		w.Header().Set("Content-Type", "application/late")
	},
	"headers changed in place after WriteHeader": func(w http.ResponseWriter, _ func(...any)) {
		w.Header()["X-A"] = []string{"early"}
		w.WriteHeader(200)
		w.Header()["X-A"][0] = "late"
	},
	"superfluous WriteHeader": func(w http.ResponseWriter, note func(...any)) {
		w.WriteHeader(202)
		w.WriteHeader(500)
		write(w, note, "hello")
		w.WriteHeader(0) // invalid, and too late to matter
	},
	"repeated headers": func(w http.ResponseWriter, _ func(...any)) {
		for _, value := range []string{"z=1", "a=2", "m=3"} {
			w.Header().Add("Set-Cookie", value)
		}
	},
	"header without values":    func(w http.ResponseWriter, _ func(...any)) { w.Header()["X-None"] = nil },
	"header with empty value":  func(w http.ResponseWriter, _ func(...any)) { w.Header().Set("X-Empty", "") },
	"header name as it is set": func(w http.ResponseWriter, _ func(...any)) { w.Header()["x-lower"] = []string{"1"} },
	"invalid header names": func(w http.ResponseWriter, _ func(...any)) {
		w.Header()["X Space"] = []string{"1"}
		w.Header()["X:Colon"] = []string{"1"}
		w.Header()["X\r\nInjected"] = []string{"1"}
		w.Header()[""] = []string{"1"}
		w.Header().Set("X-Fine", "1")
	},
	"line breaks in a value": func(w http.ResponseWriter, _ func(...any)) {
		w.Header().Set("X-Split", "a\r\nX-Injected: yes")
		w.Header().Set("X-Trimmed", " \ta\r\n ")
		w.Header().Set("X-Bytes", "\u00a0\xe9\n\u00a0")
	},

	"sniffed: HTML": func(w http.ResponseWriter, note func(...any)) { write(w, note, "<!DOCTYPE html><title>t</title>") },
	"sniffed: PNG":  func(w http.ResponseWriter, note func(...any)) { write(w, note, "\x89PNG\r\n\x1a\n") },
	"sniffed in pieces": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "<!DOC")
		write(w, note, "TYPE html>")
	},
	"sniffed in a small piece and a big one": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "<!DOC")
		write(w, note, "TYPE html>"+strings.Repeat("a", 20_000))
	},
	"sniffed in a small piece and a big string": func(w http.ResponseWriter, note func(...any)) {
		note(io.WriteString(w, "<!DOC"))
		note(io.WriteString(w, "TYPE html>"+strings.Repeat("a", 20_000)))
	},
	"sniffed after an early flush": func(w http.ResponseWriter, note func(...any)) {
		note(http.NewResponseController(w).Flush())
		write(w, note, "<!DOCTYPE html>")
	},
	"sniffed up to a flush": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "<!DOC")
		note(http.NewResponseController(w).Flush())
		write(w, note, "TYPE html>")
	},
	"not sniffed: Content-Type": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Type", "application/vnd.tests")
		write(w, note, "<!DOCTYPE html>")
	},
	"not sniffed: Content-Type suppressed": func(w http.ResponseWriter, note func(...any)) {
		w.Header()["Content-Type"] = nil
		write(w, note, "<!DOCTYPE html>")
	},
	"not sniffed: Content-Encoding": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Encoding", "x-tests")
		write(w, note, "<!DOCTYPE html>")
	},
	"sniffed: Content-Encoding is empty": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Encoding", "")
		write(w, note, "<!DOCTYPE html>")
	},

	"Content-Length kept": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "5")
		write(w, note, "he")
		write(w, note, "llo")
	},
	"write beyond Content-Length": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "5")
		write(w, note, "hello")
		write(w, note, "!")
		note(io.WriteString(w, "!"))
		write(w, note, "")
	},
	"write that does not fit, then one that would": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "5")
		write(w, note, "hello!")
		write(w, note, "hell")
		note(io.WriteString(w, "o"))
	},
	"less than Content-Length": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "5")
		write(w, note, "hell")
	},
	"nothing of Content-Length": func(w http.ResponseWriter, _ func(...any)) { w.Header().Set("Content-Length", "5") },
	"Content-Length 0": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "0")
		write(w, note, "a")
	},
	"invalid Content-Length": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "five")
		write(w, note, "hello")
	},
	"negative Content-Length": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Content-Length", "-5")
		write(w, note, "hello")
	},

	"204 with a body": func(w http.ResponseWriter, note func(...any)) {
		w.WriteHeader(204)
		write(w, note, "hello")
		note(io.WriteString(w, "hello"))
		write(w, note, "")
	},
	"304 with a body": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("ETag", `"v1"`)
		w.WriteHeader(304)
		write(w, note, "hello")
	},

	"flushed in between": func(w http.ResponseWriter, note func(...any)) {
		write(w, note, "one")
		note(http.NewResponseController(w).Flush())
		w.Header().Set("X-Late", "yes")
		write(w, note, "two")
	},
	"flushed before everything": func(w http.ResponseWriter, note func(...any)) {
		note(http.NewResponseController(w).Flush())
		w.WriteHeader(404) // too late
		write(w, note, "hello")
	},
	"error status flushed": func(w http.ResponseWriter, note func(...any)) {
		w.WriteHeader(503)
		w.(http.Flusher).Flush()
		write(w, note, "sorry")
	},
	"interim responses": func(w http.ResponseWriter, note func(...any)) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(103)
		w.WriteHeader(102)
		w.Header().Del("Link")
		write(w, note, "hello")
		w.WriteHeader(103) // too late
	},
	"many small writes": func(w http.ResponseWriter, note func(...any)) {
		for i := range 5000 {
			write(w, note, strconv.Itoa(i)+" ")
		}
	},
	"writes of all sizes": func(w http.ResponseWriter, note func(...any)) {
		for _, n := range []int{1, 511, 512, 513, 2047, 2049, 8191, 1, 8192, 8193, 3, 100_000, 5} {
			write(w, note, strings.Repeat(string(rune('a'+n%26)), n))
			note(io.WriteString(w, strings.Repeat(string(rune('A'+n%26)), n)))
		}
	},
	"copied": func(w http.ResponseWriter, note func(...any)) {
		note(io.Copy(w, strings.NewReader(strings.Repeat("0123456789", 10_000))))
	},
	"http.Error": func(w http.ResponseWriter, _ func(...any)) { http.Error(w, "refused", http.StatusForbidden) },
	"http.Redirect": func(w http.ResponseWriter, _ func(...any)) {
		http.Redirect(w, httptest.NewRequest("GET", "/a/b", nil), "../c?d", http.StatusFound)
	},
	"http.ServeContent": func(w http.ResponseWriter, _ func(...any)) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", "bytes=2-4")
		http.ServeContent(w, r, "x.txt", testTime, strings.NewReader("0123456789"))
	},
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

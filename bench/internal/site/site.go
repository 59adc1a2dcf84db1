// Package site is the web site that every Go peer of the benchmark serves, as an http.Handler: the same code in mod_go, behind
// the proxies and in net/http's own server.
package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// FilesVariable is the environment variable that names the folder of the files that File serves.
const FilesVariable = "BENCH_FILES"

// The constants of the workloads, which peers in other languages repeat.
const (
	HelloBody     = "Hello, World!\n"
	EchoedHeader  = "X-Request-07" // whose value is the body of Headers' response
	LargestMemory = 10 << 20
	FlushCount    = 1000
	FlushBlock    = "0123456789abcde\n"
)

// memory is made when it is first asked for: a CGI program would make it for each request, and no other workload's
// memory should count it.
var memory = sync.OnceValue(func() []byte { return bytes.Repeat([]byte("m"), LargestMemory) })

// Handler is the whole site, without a router.
var Handler http.Handler = http.HandlerFunc(serve)

func serve(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/hello":
		Hello(w, r)
	case path == "/headers":
		Headers(w, r)
	case path == "/echo":
		Echo(w, r)
	case path == "/upload":
		Upload(w, r)
	case path == "/flushes":
		Flushes(w, r)
	case strings.HasPrefix(path, "/memory/"):
		Memory(w, r)
	case strings.HasPrefix(path, "/file/"):
		File(w, r)
	case path == CountersPath:
		Counters(w, r)
	default:
		http.NotFound(w, r)
	}
}

func head(w http.ResponseWriter, contentType string, length int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(length))
}

// Hello answers with 14 bytes.
func Hello(w http.ResponseWriter, _ *http.Request) {
	head(w, "text/plain", len(HelloBody))
	_, _ = io.WriteString(w, HelloBody)
}

// Headers answers with 12 headers of its own, and the value of one of the request's.
func Headers(w http.ResponseWriter, r *http.Request) {
	value := r.Header.Get(EchoedHeader)
	header := w.Header()
	for _, h := range ResponseHeaders {
		header.Set(h[0], h[1])
	}
	head(w, "text/plain", len(value))
	_, _ = io.WriteString(w, value)
}

// Echo decodes a Document and encodes it again.
func Echo(w http.ResponseWriter, r *http.Request) {
	var document Document
	if err := json.NewDecoder(r.Body).Decode(&document); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text, err := json.Marshal(&document)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	head(w, "application/json", len(text))
	_, _ = w.Write(text)
}

// Upload reads the body, drops it and answers with its length.
func Upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text := strconv.FormatInt(n, 10)
	head(w, "text/plain", len(text))
	_, _ = io.WriteString(w, text)
}

// Flushes sends many small blocks, each at once.
func Flushes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	flusher := w.(http.Flusher)
	for range FlushCount {
		if _, err := io.WriteString(w, FlushBlock); err != nil {
			return
		}
		flusher.Flush()
	}
}

// Memory answers with so many bytes as the path's last element says.
func Memory(w http.ResponseWriter, r *http.Request) {
	block, err := MemoryBlock(r.URL.Path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	head(w, "text/plain", len(block))
	_, _ = w.Write(block)
}

// MemoryBlock is what a path of Memory asks for.
func MemoryBlock(path string) ([]byte, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(path, "/memory/"))
	if err != nil || n < 0 || n > LargestMemory {
		return nil, fmt.Errorf("%s: the last element has to be a number of bytes up to %d", path, LargestMemory)
	}
	return memory()[:n], nil
}

var files = os.Getenv(FilesVariable)

// FilePath is the file that a path of File asks for.
func FilePath(path string) string { return filepath.Join(files, filepath.Base(path)) }

// File answers with a file.
func File(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	http.ServeFile(w, r, FilePath(r.URL.Path))
}

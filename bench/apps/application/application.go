// Package application is the benchmark's site in the WSGI style.
package application

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/bench/internal/site"
	"github.com/mod-go/mod-go/modgo"
)

// Application answers each workload.
func Application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	switch path := env.Get("PATH_INFO"); {
	case path == "/hello":
		startResponse("200 OK", head("text/plain", len(site.HelloBody)))
		return modgo.Text(site.HelloBody)
	case path == "/headers":
		value := env.Get(echoedVariable)
		headers := make(modgo.Headers, 0, len(site.ResponseHeaders)+2)
		headers = append(headers, site.ResponseHeaders...)
		startResponse("200 OK", append(headers, head("text/plain", len(value))...))
		return modgo.Text(value)
	case path == "/echo":
		return echo(env, startResponse)
	case path == "/upload":
		n, err := io.Copy(io.Discard, env.Input())
		if err != nil {
			return failure(startResponse, "400 Bad Request", err)
		}
		text := strconv.FormatInt(n, 10)
		startResponse("200 OK", head("text/plain", len(text)))
		return modgo.Text(text)
	case path == "/flushes":
		startResponse("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return flushes
	case strings.HasPrefix(path, "/memory/"):
		block, err := site.MemoryBlock(path)
		if err != nil {
			return failure(startResponse, "400 Bad Request", err)
		}
		startResponse("200 OK", head("text/plain", len(block)))
		return modgo.Bytes(block)
	case strings.HasPrefix(path, "/file/"):
		return file(path, startResponse)
	case path == site.CountersPath:
		text, err := site.CountersText()
		if err != nil {
			return failure(startResponse, "500 Internal Server Error", err)
		}
		startResponse("200 OK", head("application/json", len(text)))
		return modgo.Bytes(text)
	}
	startResponse("404 Not Found", modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text("no such workload\n")
}

// echoedVariable is the variable of site.EchoedHeader.
var echoedVariable = "HTTP_" + strings.ReplaceAll(strings.ToUpper(site.EchoedHeader), "-", "_")

func head(contentType string, length int) modgo.Headers {
	return modgo.Headers{{"Content-Type", contentType}, {"Content-Length", strconv.Itoa(length)}}
}

func failure(startResponse modgo.StartResponse, status string, err error) modgo.Body {
	startResponse(status, modgo.Headers{{"Content-Type", "text/plain"}})
	return modgo.Text(err.Error())
}

func echo(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	var document site.Document
	if err := json.NewDecoder(env.Input()).Decode(&document); err != nil {
		return failure(startResponse, "400 Bad Request", err)
	}
	text, err := json.Marshal(&document)
	if err != nil {
		return failure(startResponse, "500 Internal Server Error", err)
	}
	startResponse("200 OK", head("application/json", len(text)))
	return modgo.Bytes(text)
}

// flushes yields many small blocks, each of which is sent at once.
func flushes(yield func([]byte, error) bool) {
	for range site.FlushCount {
		if !yield([]byte(site.FlushBlock), nil) {
			return
		}
	}
}

func file(path string, startResponse modgo.StartResponse) modgo.Body {
	f, err := os.Open(site.FilePath(path))
	if err != nil {
		return failure(startResponse, "404 Not Found", err)
	}
	info, err := f.Stat()
	if err != nil {
		return failure(startResponse, "500 Internal Server Error", err)
	}
	startResponse("200 OK", head("text/plain", int(info.Size())))
	return modgo.File(f)
}

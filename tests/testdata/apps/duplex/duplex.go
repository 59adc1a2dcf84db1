// Package duplex answers while it reads the request.
package duplex

import (
	"io"
	"net/http"
)

// Application echoes the body of a request as it comes: /echo in one goroutine, /piped with one that reads and one that writes.
// /early answers without reading the body at all; /early/close says that this ends the connection, /early/refused does so with
// an error that has no body of its own.
var Application = newMux()

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", fullDuplex(echo))
	mux.HandleFunc("/piped", fullDuplex(piped))
	mux.HandleFunc("/early", fullDuplex(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "early") }))
	mux.HandleFunc("/early/close", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "early")
	})
	mux.HandleFunc("/early/refused", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusHTTPVersionNotSupported)
	})
	return mux
}

// fullDuplex lets a handler write before it has read all, as HTTP/1.1 does not without being asked.
func fullDuplex(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusNotImplemented)
			return
		}
		handle(w, r)
	}
}

// blockSize is how much is read at most before it is written.
const blockSize = 32 << 10

func echo(w http.ResponseWriter, r *http.Request) {
	if err := copyFlushing(w, r.Body); err != nil {
		panic(http.ErrAbortHandler) // the client must not take what it got for all
	}
}

func piped(w http.ResponseWriter, r *http.Request) {
	reader, writer := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{writer}, struct{ io.Reader }{r.Body}, make([]byte, blockSize))
		writer.CloseWithError(err)
	}()
	defer reader.Close() // ends the goroutine, should the client no longer read
	if err := copyFlushing(w, reader); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// copyFlushing sends each block as it comes.
func copyFlushing(w http.ResponseWriter, from io.Reader) error {
	response := http.NewResponseController(w)
	block := make([]byte, blockSize)
	for {
		n, err := from.Read(block)
		if n > 0 {
			if _, err := w.Write(block[:n]); err != nil {
				return err
			}
			if err := response.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

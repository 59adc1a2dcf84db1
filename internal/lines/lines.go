// Package lines makes lines of what is written in pieces.
package lines

import (
	"bytes"
	"sync"
)

// A Sink takes lines.
type Sink interface {
	// Line gets a line without its end. The bytes are good until it returns.
	Line(line []byte)
}

// Writer hands what is written to it to a Sink, line by line (PEP 3333 wsgi.errors; C24). Any goroutine may write.
type Writer struct {
	To Sink

	mu      sync.Mutex
	partial []byte
}

// Write hands on the lines that end in p, and keeps the rest for the next call. It takes all of p.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, p...)
	rest := w.partial
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.partial = append(w.partial[:0], rest...)
			return len(p), nil
		}
		w.To.Line(bytes.TrimSuffix(rest[:end], []byte("\r")))
		rest = rest[end+1:]
	}
}

// Flush hands on a last line that has no end.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial) > 0 {
		w.To.Line(w.partial)
		w.partial = nil
	}
}

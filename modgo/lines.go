package modgo

import (
	"bytes"
	"sync"
)

// lineWriter hands what is written to it on line by line (PEP 3333 wsgi.errors; C24). Any goroutine may write.
type lineWriter struct {
	line func(line []byte) // without its end; gets each line alone

	mu      sync.Mutex
	partial []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, p...)
	for {
		end := bytes.IndexByte(w.partial, '\n')
		if end < 0 {
			return len(p), nil
		}
		w.line(bytes.TrimSuffix(w.partial[:end:end], []byte("\r")))
		w.partial = w.partial[end+1:]
	}
}

// flush hands on a last line that has no end.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial) > 0 {
		w.line(w.partial)
		w.partial = nil
	}
}

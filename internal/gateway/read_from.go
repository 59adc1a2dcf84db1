package gateway

import (
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// copyBuffers are what ReadFrom and CopyFile copy through.
var copyBuffers = sync.Pool{New: func() any { return new([copyBufferSize]byte) }}

const copyBufferSize = 32 << 10 // bytes

// ReadFrom writes what r has, as io.Copy wants it. An *os.File, or an *io.LimitedReader over one, is sent by the server's
// own means, where the Transport has some.
func (w *ResponseWriter) ReadFrom(r io.Reader) (int64, error) {
	sent, done, err := w.sendFile(r)
	if done || err != nil {
		return sent, err
	}
	buffer := copyBuffers.Get().(*[copyBufferSize]byte)
	defer copyBuffers.Put(buffer)
	n, err := io.CopyBuffer(onlyWriter{w}, onlyReader{r}, buffer[:])
	return sent + n, err
}

// onlyWriter and onlyReader hide the methods that would lead io.CopyBuffer back here, or past its buffer.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// sendFile hands a file to the Transport. Done tells that nothing is left to copy.
func (w *ResponseWriter) sendFile(r io.Reader) (n int64, done bool, err error) {
	transport, able := w.Transport.(FileTransport)
	f, offset, length := fileOf(r)
	if !able || length < bufferSize {
		return 0, false, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 && w.err == nil {
		w.writeHeader(w.defaultStatus())
	}
	if w.err != nil || w.left || w.Head || !httpfield.BodyAllowed(w.status) || w.excess || w.length >= 0 && length > w.length-w.written {
		return 0, false, nil // Write knows what to do, and what to say
	}
	if !w.sent && !w.typed {
		if err := w.sniffFile(f, offset); err != nil {
			return 0, false, err
		}
	}
	if len(w.scratch.buffer) > 0 {
		w.push(w.scratch.buffer, 0)
		w.scratch.buffer = w.scratch.buffer[:0]
	}
	head := w.scratch.packed
	if w.sent {
		head = nil
	}
	w.sent = true
	if w.err == nil {
		w.fail(transport.SendFile(head, f, offset, length, 0))
	}
	if w.err != nil {
		return 0, false, w.err
	}
	w.written += length
	if limited, ok := r.(*io.LimitedReader); ok {
		limited.N -= length
	}
	_, err = f.Seek(offset+length, io.SeekStart)
	return length, err == nil, err
}

// sniffFile sets the Content-Type that the first bytes of the body suggest.
func (w *ResponseWriter) sniffFile(f *os.File, offset int64) error {
	var first [sniffLength]byte
	n := copy(first[:], w.scratch.buffer)
	read, err := f.ReadAt(first[n:], offset)
	if err != nil && err != io.EOF {
		return err
	}
	w.scratch.packed = AppendHeader(w.scratch.packed, "Content-Type", http.DetectContentType(first[:n+read]))
	w.typed = true
	return nil
}

// fileOf is the part of a regular file that r reads, in bytes; of length 0 if it is none.
func fileOf(r io.Reader) (f *os.File, offset, length int64) {
	limit := int64(-1)
	if limited, ok := r.(*io.LimitedReader); ok {
		r, limit = limited.R, max(limited.N, 0)
	}
	f, ok := r.(*os.File)
	if !ok {
		return nil, 0, 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, 0
	}
	offset, err = f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, 0
	}
	length = info.Size() - offset
	if limit >= 0 {
		length = min(length, limit)
	}
	return f, offset, max(length, 0)
}

package modgo

import (
	"io"
	"io/fs"
	"os"
	"sync"
)

// File is a body that sends f from its current offset to its end, or as much of it as Content-Length says, and closes f
// when the request ends, once. Where the response has no Content-Length and f is a regular file, the server adds it
// (PEP 3333, "Optional Platform-Specific File Handling").
//
// An *os.File is sent by the server's own means, without being read into memory: under Apache as a file bucket, for
// which httpd uses sendfile or mmap. Its offset is then left as it is. Content answers range and conditional requests.
//
//go:noinline
func File(f fs.File) Body {
	file := &fileBody{file: f}
	return func(yield func([]byte, error) bool) {
		if describing(yield) {
			yield(nil, &description{file: file})
			return
		}
		defer file.close()
		file.blocks(-1)(yield)
	}
}

// fileBody is the file of a body that File made.
type fileBody struct {
	file fs.File
	once sync.Once
}

func (b *fileBody) close() {
	b.once.Do(func() { _ = b.file.Close() }) // it was only read
}

// rest is where the file's rest begins and how long it is, in bytes; ok is false where that cannot be told.
func (b *fileBody) rest() (offset, length int64, ok bool) {
	info, err := b.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, 0, false
	}
	seeker, ok := b.file.(io.Seeker)
	if !ok {
		return 0, 0, false // it may have been read from
	}
	if offset, err = seeker.Seek(0, io.SeekCurrent); err != nil {
		return 0, 0, false
	}
	return offset, max(0, info.Size()-offset), true
}

// blocks reads up to limit bytes of the file, all if it is negative.
func (b *fileBody) blocks(limit int64) Body {
	if limit >= 0 {
		return readerBody(io.LimitReader(b.file, limit))
	}
	return readerBody(b.file)
}

// sendFile sends a body that File made.
func (r *response) sendFile(b *fileBody) error {
	defer b.close()
	left, err := r.beginFile(b)
	if err != nil || left == 0 {
		return err
	}
	for block, err := range b.blocks(left) {
		if err != nil {
			return err
		}
		if err := r.iterated(block); err != nil {
			return err
		}
	}
	return nil
}

// beginFile derives the length of the response (C53), and has the host send the file if it can. Left is how many bytes are
// still to be read and sent, -1 for all.
func (r *response) beginFile(b *fileBody) (left int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.head == nil {
		return 0, &ContractError{"C38", "the body is a file, and startResponse was not called"}
	}
	offset, rest, known := b.rest()
	if known && r.length < 0 && !r.sent {
		r.length = rest
		r.head.Headers = append(r.head.Headers, contentLength(rest))
	}
	if r.bodiless {
		return 0, nil
	}
	wanted := int64(-1)
	if r.length >= 0 {
		wanted = r.length - r.written
	}
	host, able := r.host.(FileHost)
	f, native := b.file.(*os.File)
	if !able || !native || !known || r.err != nil {
		return wanted, r.err
	}
	if wanted < 0 || wanted > rest {
		wanted = rest
	}
	if wanted == 0 {
		return 0, nil
	}
	head := r.unsent()
	r.written += wanted
	r.err = host.SendFile(head, f, offset, wanted)
	return 0, r.err
}

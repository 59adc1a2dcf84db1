package middleware

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/mod-go/mod-go/modgo"
)

// GzipOptions are the settings of Gzip; the zero value suits most.
type GzipOptions struct {
	// Level is from 1, the fastest, to 9, the smallest; 0 means 5.
	Level int
	// MinLength is the Content-Length, in bytes, from which on it is worth it; 0 means 1024, negative any. A response
	// whose length is not known is compressed.
	MinLength int64
	// Types tells of a media type, without parameters and in lower case, whether it is worth it; nil means
	// CompressibleType.
	Types func(mediaType string) bool
}

// Gzip compresses what the application sends, for clients that ask for it (RFC 9110 section 12.5.3).
//
// It leaves alone what has a Content-Encoding or Content-Range, a digest, or Cache-Control: no-transform, what is short, and
// what is of no type that it is for, such as images and streams of events. All other responses get Vary: Accept-Encoding,
// and, compressed, lose Content-Length and Accept-Ranges; a strong ETag becomes weak. The answer to HEAD has the
// headers of that to GET.
//
// Nothing is gathered: each block is compressed, flushed and sent before the next is asked for (C39). The many small blocks of
// a stream compress less well for it.
//
// Where a page holds a secret beside something that the client may choose, leave it out with Types or no-transform: the
// length tells of the secret (BREACH).
//
// It panics where the level is none.
func Gzip(options GzipOptions) modgo.Middleware {
	g := &gzipper{minLength: options.MinLength, types: options.Types}
	if g.minLength == 0 {
		g.minLength = 1024
	}
	if g.types == nil {
		g.types = CompressibleType
	}
	level := options.Level
	if level == 0 {
		level = 5
	}
	if level < gzip.BestSpeed || level > gzip.BestCompression {
		panic(fmt.Sprintf("middleware.Gzip: there is no Level %d: give 1, the fastest, to 9, the smallest, or 0 for the default", level))
	}
	g.pool.New = func() any {
		w, _ := gzip.NewWriterLevel(io.Discard, level) // the level has been checked
		return &gzipEncoder{writer: w}
	}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			r := &gzipResponse{
				gzipper:     g,
				start:       startResponse,
				accepted:    acceptsGzip(env.Get("HTTP_ACCEPT_ENCODING")),
				head:        env.Get("REQUEST_METHOD") == http.MethodHead,
				ifNoneMatch: env.Get("HTTP_IF_NONE_MATCH"),
			}
			if !r.accepted {
				return app(env, r.startResponse)
			}
			returned := false
			defer func() {
				if !returned {
					r.release()
				}
			}()
			body := r.compress(app(env, r.startResponse))
			returned = true
			return body
		}
	}
}

type gzipper struct {
	minLength int64
	types     func(string) bool
	pool      sync.Pool // of *gzipEncoder
}

// gzipEncoder is a writer and what it wrote last.
type gzipEncoder struct {
	writer *gzip.Writer
	output bytes.Buffer
}

// gzipResponse is one response on its way through.
type gzipResponse struct {
	*gzipper
	start       modgo.StartResponse
	accepted    bool // the client wants gzip
	head        bool
	ifNoneMatch string

	started bool
	plain   bool         // the body has been handed on as it is
	on      bool         // the response is compressed
	encoder *gzipEncoder // nil before the first block and after the last
	out     io.Writer    // that of the server
}

func (r *gzipResponse) startResponse(status string, headers modgo.Headers, cause ...error) io.Writer {
	on := false
	switch n := statusOf(status); {
	case n == http.StatusNotModified:
		headers = revalidated(headers, r.ifNoneMatch)
	case r.worthGzip(n, headers):
		if on = r.accepted && !r.plain; on {
			headers = gzipHeaders(headers)
		}
		headers = varying(headers, "Accept-Encoding")
	}
	r.out = r.start(status, headers, cause...)
	r.release() // of a response that this one replaces
	r.started, r.on = true, on
	if !r.accepted {
		return r.out
	}
	return (*gzipWriter)(r)
}

// gzipWriter is what startResponse returns.
type gzipWriter gzipResponse

// Write sends the block compressed where the response is, and has taken all of it or nothing.
func (w *gzipWriter) Write(block []byte) (int, error) {
	r := (*gzipResponse)(w)
	if !r.on || r.head || len(block) == 0 {
		return r.out.Write(block)
	}
	compressed, err := r.encode(block, (*gzip.Writer).Flush)
	if err != nil {
		return 0, err
	}
	if _, err := r.out.Write(compressed); err != nil {
		return 0, err
	}
	return len(block), nil
}

// compress is the body as the client gets it.
func (r *gzipResponse) compress(body modgo.Body) modgo.Body {
	if r.started && !r.on {
		r.plain = true
		return body
	}
	if r.started && modgo.KindOf(body) == modgo.SingleBlock {
		return modgo.Observe(body, r.compressSingle)
	}
	return func(yield func([]byte, error) bool) {
		defer r.release()
		if body != nil {
			for block, err := range body {
				if err == nil && r.on && !r.head && len(block) > 0 {
					block, err = r.encode(block, (*gzip.Writer).Flush)
				}
				if !yield(block, err) || err != nil {
					return
				}
			}
		}
		if r.on && !r.head {
			yield(r.encode(nil, (*gzip.Writer).Close))
		}
	}
}

// compressSingle is a body of one block, compressed to one block, so that the server can tell its length.
func (r *gzipResponse) compressSingle(body modgo.Body) modgo.Body {
	return func(yield func([]byte, error) bool) {
		defer r.release()
		for block, err := range body {
			// Of a HEAD there may be no more to see than that it has no body.
			if err == nil && r.on && !(r.head && len(block) == 0) {
				block, err = r.encode(block, (*gzip.Writer).Close)
				block = bytes.Clone(block) // it is sent at the end of the response, when the buffer serves another
			}
			if !yield(block, err) || err != nil {
				return
			}
		}
	}
}

// encode compresses the block and returns what is to be sent, which is good until the next call.
func (r *gzipResponse) encode(block []byte, end func(*gzip.Writer) error) ([]byte, error) {
	if r.encoder == nil {
		r.encoder = r.pool.Get().(*gzipEncoder)
		r.encoder.writer.Reset(&r.encoder.output)
	}
	e := r.encoder
	e.output.Reset()
	if _, err := e.writer.Write(block); err != nil {
		return nil, fmt.Errorf("middleware.Gzip: %w", err)
	}
	if err := end(e.writer); err != nil {
		return nil, fmt.Errorf("middleware.Gzip: %w", err)
	}
	return e.output.Bytes(), nil
}

// release gives the encoder back, once.
func (r *gzipResponse) release() {
	if r.encoder == nil {
		return
	}
	e := r.encoder
	r.encoder = nil
	if e.output.Cap() > maxPooledOutput {
		e.output = bytes.Buffer{}
	}
	r.pool.Put(e)
}

// maxPooledOutput is how large, in bytes, a buffer may have grown that is kept for other responses.
const maxPooledOutput = 1 << 20

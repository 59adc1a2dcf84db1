package modgo

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sync"
	"unsafe"
)

// Text is a body of one block.
//
//go:noinline
func Text(text string) Body {
	return func(yield func([]byte, error) bool) {
		if collecting(yield) {
			yield(unsafe.Slice(unsafe.StringData(text), len(text)), nil) // for the server, which does not write to it
			return
		}
		yield([]byte(text), nil)
	}
}

// Bytes is a body of one block.
//
//go:noinline
func Bytes(block []byte) Body {
	return func(yield func([]byte, error) bool) {
		yield(block, nil)
	}
}

// The code of the bodies that Bytes and Text return is one and the same as long as these are not inlined.
var (
	bytesCode = reflect.ValueOf(Bytes(nil)).Pointer()
	textCode  = reflect.ValueOf(Text("")).Pointer()
)

// isSingle tells whether a body is known to be of one block. Of any other the end is not known before it has come: its
// blocks are sent as they are made, and the server cannot tell their length.
func isSingle(body Body) bool {
	code := reflect.ValueOf(body).Pointer()
	return code == bytesCode || code == textCode
}

// A collector takes the block of a body that is known to be of one. Such bodies are the package's own and keep nothing of
// it, so that it can be used again.
type collector struct {
	block []byte
	yield func([]byte, error) bool
}

var collectors = sync.Pool{New: func() any { return newCollector() }}

//go:noinline
func newCollector() *collector {
	c := new(collector)
	c.yield = func(block []byte, _ error) bool {
		c.block = block
		return false
	}
	return c
}

// collectorCode is the code of every collector's yield.
var collectorCode = reflect.ValueOf(newCollector().yield).Pointer()

// collecting tells whether the server asks for the block, which it will not write to.
func collecting(yield func([]byte, error) bool) bool {
	return reflect.ValueOf(yield).Pointer() == collectorCode
}

// singleBlock is the block of a body for which isSingle holds.
func singleBlock(body Body) []byte {
	c := collectors.Get().(*collector)
	body(c.yield)
	block := c.block
	c.block = nil
	collectors.Put(c)
	return block
}

// readerBlock is the size, in bytes, of the blocks in which Reader sends.
const readerBlock = 32 << 10

// Reader is a body that sends what r gives, as it gives it, and closes r when the request ends if r is an io.Closer.
func Reader(r io.Reader) Body {
	return func(yield func([]byte, error) bool) {
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		readerBody(r)(yield)
	}
}

// readerBody is what r gives, as it gives it.
func readerBody(r io.Reader) Body {
	return func(yield func([]byte, error) bool) {
		block := make([]byte, readerBlock)
		for {
			n, err := r.Read(block)
			if n > 0 && !yield(block[:n], nil) {
				return
			}
			if err == io.EOF { // wrapped, it is the failure of something below
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// JSON is a body of one block: v as encoding/json writes it, and a newline. A value that cannot be encoded ends the
// response with encoding/json's error.
func JSON(v any) Body {
	text, err := json.Marshal(v)
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, fmt.Errorf("modgo.JSON: %w", err)) }
	}
	return Bytes(append(text, '\n'))
}

// OnClose is body with a clean-up of its own: f runs once, when the server has stopped iterating for whatever reason, after
// the body's own clean-up. As long as nothing else is done to it, the server treats the result as it treats body: a file
// is sent as a file, a single block with its Content-Length.
//
//go:noinline
func OnClose(body Body, f func()) Body {
	var once sync.Once
	return func(yield func([]byte, error) bool) {
		if describing(yield) {
			yield(nil, &description{body: body, cleanup: func() { once.Do(f) }})
			return
		}
		defer once.Do(f)
		if body == nil {
			return
		}
		for block, err := range body {
			if !yield(block, err) {
				return
			}
		}
	}
}

// Observe is watch(body), a body that does something while it passes on the blocks of body: as many, each as it comes. The
// server treats the result as it treats body: a single block goes out with its Content-Length; a file goes out by
// the server's own means, and watch is not called.
//
//go:noinline
func Observe(body Body, watch func(Body) Body) Body {
	return func(yield func([]byte, error) bool) {
		if describing(yield) {
			yield(nil, &description{body: body, watch: watch})
			return
		}
		if body != nil {
			watch(body)(yield)
		}
	}
}

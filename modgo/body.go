package modgo

import (
	"io"
	"reflect"
)

// Text is a body of one block.
func Text(text string) Body { return Bytes([]byte(text)) }

// Bytes is a body of one block.
//
//go:noinline
func Bytes(block []byte) Body {
	return func(yield func([]byte, error) bool) {
		yield(block, nil)
	}
}

// singleBody is the code of the bodies that Bytes returns, which is one and the same as long as Bytes is not inlined.
var singleBody = reflect.ValueOf(Bytes(nil)).Pointer()

// isSingle tells whether a body is known to be of one block. Of any other the end is not known before it has come: its
// blocks are sent as they are made, and the server cannot tell their length.
func isSingle(body Body) bool { return reflect.ValueOf(body).Pointer() == singleBody }

// readerBlock is the size, in bytes, of the blocks in which Reader sends.
const readerBlock = 32 << 10

// Reader is a body that sends what r gives, as it gives it, and closes r when the request ends if r is an io.Closer.
func Reader(r io.Reader) Body {
	return func(yield func([]byte, error) bool) {
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
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
